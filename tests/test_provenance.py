"""Digests of code, provenance inside every format, and errors that name the file."""

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poles.corpus.tables import CORE
from poles.errors import StudyError
from poles.networks.tables import LINKS
from poles.study import digest, embedding, run_record, tables

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
records = st.dictionaries(st.text(), values, min_size=1)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three modules, one of which the others do not import, a table and a template."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/used.py").write_text("from package import deep\n")
    (tmp_path / "package/deep.py").write_text("def f():\n    import package.late\n")
    (tmp_path / "package/late.py").write_text("import json\n")
    (tmp_path / "package/late.csv").write_text("a,b\n")
    (tmp_path / "package/used.html.j2").write_text("<p>\n")
    (tmp_path / "package/other.py").write_text("")
    (tmp_path / "script.py").write_text("from package import used\nfrom package.used import deep\n")
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path)
    digest.code_files.cache_clear()
    digest.code_digest.cache_clear()
    yield tmp_path
    digest.code_files.cache_clear()
    digest.code_digest.cache_clear()


def test_the_code_of_a_script_is_all_that_it_imports(module: Path):
    found = [path.as_posix() for path in digest.code_files("script")]
    package = ["__init__", "deep", "late", "used"]
    data = ["package/late.csv", "package/used.html.j2"]
    assert found == sorted([*(f"package/{name}.py" for name in package), *data, "script.py"])


@pytest.mark.parametrize(
    "changed",
    ["script.py", "package/late.py", "package/late.csv", "package/used.html.j2", "package/__init__.py"],
)
def test_a_change_of_used_code_changes_the_digest(module: Path, changed: str):
    before = digest.code_digest("script")
    digest.code_digest.cache_clear()
    (module / changed).write_text((module / changed).read_text() + "# more\n")
    assert digest.code_digest("script") != before


def test_a_change_elsewhere_or_of_time_stamps_does_not(module: Path):
    before = digest.code_digest("script")
    digest.code_digest.cache_clear()
    (module / "package/other.py").write_text("changed = 1\n")
    (module / "package/used.py").touch()
    assert digest.code_digest("script") == before


def test_an_unknown_root_is_refused(module: Path):
    with pytest.raises(StudyError, match="no module 'scirpt'"):
        digest.code_digest("scirpt")


@given(records)
def test_every_text_format_gives_its_record_back(tmp_path_factory, record):
    folder = tmp_path_factory.mktemp("formats")
    embedding.write_text("# Title", folder / "a.md", record)
    embedding.write_text("<p>text</p>", folder / "a.html", record)
    embedding.write_json({"x": 1}, folder / "a.json", record)
    embedding.write_gzip(b"content", folder / "a.gz", record)
    tables.write(pl.DataFrame(schema=CORE.columns), CORE, folder / "a.parquet", record)
    for path in folder.iterdir():
        assert embedding.read(path) == record, path.name
    assert "-->" not in (folder / "a.md").read_text().rstrip().removesuffix("-->")


@given(st.binary(max_size=2000))
def test_a_gzip_file_with_provenance_is_one_to_every_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("gzip") / "a.gz"
    embedding.write_gzip(content, path, {"rule": "é"})
    assert gzip.decompress(path.read_bytes()) == content
    first = path.read_bytes()
    embedding.write_gzip(content, path, {"rule": "é"})
    assert path.read_bytes() == first


def test_the_gzip_command_accepts_it(tmp_path: Path):
    embedding.write_gzip(b"content\n" * 999, tmp_path / "a.gz", {"rule": "r"})
    assert (
        subprocess.run(["gzip", "-dc", tmp_path / "a.gz"], capture_output=True, check=True).stdout
        == b"content\n" * 999
    )


def test_a_source_from_outside_carries_nothing(tmp_path: Path):
    (tmp_path / "a.csv").write_text("year\n")
    with gzip.open(tmp_path / "a.gz", "wb") as stream:
        stream.write(b"{}")
    (tmp_path / "a.json").write_text("[1]")
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    for path in tmp_path.iterdir():
        assert embedding.read(path) is None, path.name


@pytest.mark.parametrize("suffix", ["parquet", "json", "svg", "png"])
def test_an_unreadable_file_is_named(tmp_path: Path, suffix: str):
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(b"\x00not what it says")
    with pytest.raises(StudyError, match=rf"broken\.{suffix}: not readable as {suffix}"):
        embedding.read(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"source": ["CN"], "target": ["US"], "weight": [3]})
    tables.write(frame, LINKS, path, {"rule": "r"})
    with pytest.raises(StudyError, match="key occurs twice: source=CN, target=US"):
        tables.write(pl.concat([frame, frame]), LINKS, path, {"rule": "r"})
    with pytest.raises(StudyError, match="lacks column weight"):
        tables.write(frame.drop("weight"), LINKS, path, {"rule": "r"})
    assert tables.read(path, LINKS).equals(frame)


def test_equal_content_is_equal_bytes_whatever_the_order(tmp_path: Path):
    frame = pl.DataFrame({"source": ["US", "CN"], "target": ["ZA", "US"], "weight": [1, 2]})
    for name, rows in (("a", frame), ("b", frame.reverse())):
        tables.write(rows, LINKS, tmp_path / f"{name}.parquet", {"rule": "r"})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_another_kind_of_table_is_refused(tmp_path: Path):
    tables.write(pl.DataFrame({"work_id": [1]}), CORE, tmp_path / "a.parquet", {})
    with pytest.raises(StudyError, match=r"a\.parquet: columns .* expected"):
        tables.read(tmp_path / "a.parquet", LINKS)
    with pytest.raises(StudyError, match=r"b\.parquet: no such file"):
        tables.read(tmp_path / "b.parquet", LINKS)


def test_the_thread_grant_is_handed_on():
    program = "import poles, polars; print(polars.thread_pool_size())"
    environment = {"PYTHONPATH": str(digest.SCRIPTS), "OMP_NUM_THREADS": "1", "PATH": ""}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "1"


def test_a_run_is_described_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from conftest import ROOT

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENALEX_API_KEY", "not-for-any-file")
    run_record.write_run(ROOT, {"poles": ["US"]})
    text = (tmp_path / "results/run.json").read_text()
    assert json.loads(text)["config"] == {"poles": ["US"]}
    assert "not-for-any-file" not in text


def test_a_file_that_several_write_at_once_is_whole(tmp_path: Path):
    path, contents = tmp_path / "query.json", [bytes([letter]) * 10_000 for letter in b"abcdefgh"]

    def write(content: bytes) -> set[bytes]:
        found = set()
        for _ in range(100):
            embedding.replace_file(path, content)
            found.add(path.read_bytes())
        return found

    with ThreadPoolExecutor(len(contents)) as pool:
        seen = set().union(*pool.map(write, contents))
    assert seen <= set(contents)
    assert [each.name for each in tmp_path.iterdir()] == ["query.json"]
