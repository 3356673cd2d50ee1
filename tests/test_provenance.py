"""Digests of code, provenance in every format, and errors that name the file."""

import ast
import gzip
import io
import json
import re
import subprocess
import sys
import tokenize
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from poles.corpus.tables import CORE, WORKS
from poles.errors import StudyError
from poles.figures import style
from poles.networks.tables import LINKS
from poles.study import audit, digest, embedding, extraction, run_record, seals, tables

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
records = st.dictionaries(st.text(), values, min_size=1)


MODULES = {
    "script": "from package import used\nfrom package.used import deep\n",
    "package/__init__": "",
    "package/used": "from package import deep\n",
    "package/deep": "def f():\n    try:\n        import package.late\n    finally:\n        pass\n",
    "package/late": "import json\n",
    "package/other": "",
}


def forget() -> None:
    """Let the digest read every file anew, as in a new process."""
    for function in (
        digest._file, digest._data_files, digest._module, digest.code_files, digest.code_digest
    ):  # fmt: skip
        function.cache_clear()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project of a script and a package; the script does not need package/other.py."""
    (tmp_path / "package").mkdir()
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "package/late.csv").write_text("a,b\n")
    (tmp_path / "package/used.html.j2").write_text("<p>\n")
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path)
    forget()
    yield tmp_path
    forget()


def digest_with(path: Path, source: str) -> str:
    """Digest of the script where one file has another text."""
    path.write_text(source)
    forget()
    return digest.code_digest("script")


def test_the_code_of_a_script_is_all_that_it_imports(module: Path):
    files = [path.as_posix() for path in digest.code_files("script")]
    package = ["__init__", "deep", "late", "used"]
    data = ["package/late.csv", "package/used.html.j2"]
    assert files == sorted([*(f"package/{name}.py" for name in package), *data, "script.py"])


@pytest.mark.parametrize(
    "changed",
    ["script.py", "package/late.py", "package/late.csv", "package/used.html.j2", "package/__init__.py"],
)
def test_a_change_of_used_code_changes_the_digest(module: Path, changed: str):
    before = digest.code_digest("script")
    assert digest_with(module / changed, (module / changed).read_text() + "added = 1\n") != before


def test_a_change_elsewhere_or_of_time_stamps_does_not(module: Path):
    before = digest.code_digest("script")
    (module / "package/used.py").touch()
    assert digest_with(module / "package/other.py", "changed = 1\n") == before


DOCUMENTED = r'''"""A module."""

import json  # for f

TEXT = "# no comment"  # a comment
"""A description."""


class Nothing:
    """A class of a docstring."""


def f(x):
    r"""A function: \"""."""

    # A comment.
    return f"{x}" '#' """
# no comment either
"""
'''
BARE = r'''import json
TEXT = "# no comment"
class Nothing:
def f(x):
    return f"{x}" '#' """
# no comment either
"""
'''


def bare(source: bytes) -> bytes:
    """Source without words about the code."""
    return digest._code(source, list(digest._statements(ast.parse(source))))


def test_words_about_the_code_are_not_in_its_digest(module: Path):
    assert bare(DOCUMENTED.encode()).decode() == BARE
    before = digest_with(module / "package/late.py", DOCUMENTED)
    reworded = DOCUMENTED.replace("A ", "Another ").replace("for f", "for g").replace("\n\n", "\n\n\n")
    assert digest_with(module / "package/late.py", reworded) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# no comment", "# a comment"),
        ("either", "neither"),
        ("{x}", "{x}# "),
        ("    r", " r"),
    ],
)
def test_a_string_that_is_no_docstring_is_in_the_digest(module: Path, old: str, new: str):
    before = digest_with(module / "package/late.py", DOCUMENTED)
    assert digest_with(module / "package/late.py", DOCUMENTED.replace(old, new)) != before


def tokens(source: bytes) -> list[tuple[int, str, int]]:
    """Kind, text and column of every token but comments, blank lines and strings that are statements."""
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    kept: list[tuple[int, str, int]] = []
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type not in layout:
            column = 0 if token.type == tokenize.NEWLINE else token.start[1]
            kept.append((token.type, token.string, column))
        if [kind for kind, *_ in kept[-3:]] in (
            [tokenize.NEWLINE, tokenize.STRING, tokenize.NEWLINE],
            [tokenize.ENCODING, tokenize.STRING, tokenize.NEWLINE],
        ):
            del kept[-2:]
    return kept


def test_nothing_but_words_is_cut_from_the_project():
    for path in sorted(digest.SCRIPTS.rglob("*.py")):
        source = path.read_bytes()
        assert b"__doc__" not in source, f"{path.name} reads a docstring, which no digest covers"
        assert tokens(bare(source)) == tokens(source), path.name


def test_an_unknown_root_is_refused(module: Path):
    with pytest.raises(StudyError, match="no module 'scirpt'"):
        digest.code_digest("scirpt")


def write_texts(folder: Path, record: dict) -> list[Path]:
    """Write a file of each format that holds its record, but for figures."""
    embedding.write_text("# Title", folder / "a.md", record)
    embedding.write_text("<p>text</p>", folder / "a.html", record)
    embedding.write_json({"x": 1}, folder / "a.json", record)
    embedding.write_gzip(b"content", folder / "a.gz", record)
    tables.write(pl.DataFrame(schema=CORE.columns), CORE, folder / "a.parquet", record)
    return sorted(folder.iterdir())


JOB = {"rule": "r", "wildcards": {}, "params": {"code": "0 r"}, "log": "r.log", "inputs": {}}


@given(records)
def test_every_text_format_returns_its_record(tmp_path_factory, params):
    folder = tmp_path_factory.mktemp("formats")
    record = JOB | {"params": params}
    for path in write_texts(folder, record):
        assert extraction.read(path) == record | {"file": path.as_posix()}, path.name
        assert extraction.is_intact(path), path.name
    assert "-->" not in (folder / "a.md").read_text().rstrip().removesuffix("-->")


@pytest.fixture(scope="module")
def formats(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("formats")
    figure = Figure(figsize=(0.5, 0.5), layout="constrained")
    figure.subplots().plot([1, 2])
    style.save(figure, [folder / "a.svg", folder / "a.png"], JOB)
    return {path.suffix: path for path in write_texts(folder, JOB)}


SUFFIXES = (".md", ".html", ".json", ".gz", ".parquet", ".svg", ".png")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_seal_is_the_digest_of_the_file_with_zeros_in_its_place(formats, suffix: str):
    content = formats[suffix].read_bytes()
    [seal] = re.findall(rb'"sha256": ?"([0-9a-f]{64})"', content)
    zeros = content.replace(seal, b"0" * 64)
    if suffix == ".png":  # the checksum of the chunk is that of the record with its seal
        chunk = content.index(b"iTXtDescription\0")
        end = chunk + 4 + int.from_bytes(content[chunk - 4 : chunk], "big")
        assert content[end : end + 4] == zlib.crc32(content[chunk:end]).to_bytes(4, "big")
        zeros = zeros[:end] + bytes(4) + zeros[end + 4 :]
    assert embedding.digest_of(zeros) == seal.decode()
    if suffix == ".png":
        with Image.open(formats[suffix]) as image:
            image.verify()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_byte_of_a_file_can_change_or_be_added(formats, tmp_path: Path, suffix: str):
    content = formats[suffix].read_bytes()
    path = tmp_path / f"a{suffix}"
    changed = [content + b"\n", content + b"\0" * 8, content[:-1], content.replace(b'"r"', b'"q"')]
    changed += [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for place in range(0, len(content), max(1, len(content) // 300))
    ]
    if suffix == ".parquet":  # before the footer, whose length stands at the end, there is room
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        changed.append(content[:footer] + b"more" + content[footer:])
        path.write_bytes(changed[-1])
        assert pl.read_parquet(path).equals(pl.read_parquet(formats[suffix]))
    for other in changed:
        assert other != content
        path.write_bytes(other)
        try:
            assert not extraction.is_intact(path)
        except StudyError as error:
            assert "not readable as" in str(error)
    path.write_bytes(content)
    assert extraction.is_intact(path), "the name does not matter"


def test_a_file_without_a_place_for_its_seal_is_not_sealed():
    with pytest.raises(ValueError, match="must hold a record with a place for its digest"):
        seals.sealed(b'{"x": 1}')


@pytest.mark.parametrize(
    "record", ['"text"', "[1]", "{}", '{"rule": "r"}', json.dumps(JOB | {"inputs": {"a": 1}})]
)
def test_what_others_call_provenance_is_no_record(tmp_path: Path, record: str):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path, metadata={"provenance": record})
    assert extraction.read(path) is None


@given(st.lists(st.binary(max_size=2000), max_size=5), st.booleans())
def test_a_gzip_file_with_provenance_is_a_usual_gzip_file(tmp_path_factory, parts, fast):
    path = tmp_path_factory.mktemp("gzip") / "a.gz"
    content = b"".join(parts)
    embedding.write_gzip(content, path, {"rule": "é"}, fast=fast)
    assert gzip.decompress(path.read_bytes()) == content
    first = path.read_bytes()
    embedding.write_gzip(map(memoryview, parts), path, {"rule": "é"}, fast=fast)
    assert path.read_bytes() == first


def test_fast_gzip_files_are_others_with_the_same_content(tmp_path: Path):
    content = b"".join(b'{"number": %d, "square": %d}\n' % (number, number**2) for number in range(5000))
    slow, fast = (tmp_path / name for name in ("slow.gz", "fast.gz"))
    embedding.write_gzip(content, slow, {"rule": "r"})
    embedding.write_gzip(content, fast, {"rule": "r"}, fast=True)
    assert gzip.decompress(slow.read_bytes()) == gzip.decompress(fast.read_bytes()) == content
    assert slow.read_bytes() != fast.read_bytes()


def test_the_gzip_command_reads_a_file_with_provenance(tmp_path: Path):
    embedding.write_gzip(b"content\n" * 999, tmp_path / "a.gz", {"rule": "r"})
    process = subprocess.run(["gzip", "-dc", tmp_path / "a.gz"], capture_output=True, check=True)
    assert process.stdout == b"content\n" * 999


def test_a_source_from_outside_has_no_record(tmp_path: Path):
    (tmp_path / "a.csv").write_text("year\n")
    with gzip.open(tmp_path / "a.gz", "wb") as stream:
        stream.write(b"{}")
    (tmp_path / "a.json").write_text("[1]")
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    for path in tmp_path.iterdir():
        assert extraction.read(path) is None, path.name


@pytest.mark.parametrize("suffix", ["parquet", "json", "svg", "png"])
def test_an_unreadable_file_is_named(tmp_path: Path, suffix: str):
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(b"\x00not what it says")
    with pytest.raises(StudyError, match=rf"broken\.{suffix}: not readable as {suffix}"):
        extraction.read(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"source": ["CN"], "target": ["US"], "weight": [3]})
    tables.write(frame, LINKS, path, {"rule": "r"})
    with pytest.raises(StudyError, match="key occurs twice: source=CN, target=US"):
        tables.write(pl.concat([frame, frame]), LINKS, path, {"rule": "r"})
    with pytest.raises(StudyError, match="lacks column weight"):
        tables.write(frame.drop("weight"), LINKS, path, {"rule": "r"})
    assert tables.read(path, LINKS).equals(frame)


def test_equal_content_gives_equal_bytes_in_any_order_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    frame = pl.DataFrame({"source": ["US", "CN"], "target": ["ZA", "US"], "weight": [1, 2]})
    for name, rows in (("a", frame), ("b", frame.reverse())):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)  # the file has its path in it
        tables.write(rows, LINKS, "links.parquet", {"rule": "r"})
    assert (tmp_path / "a/links.parquet").read_bytes() == (tmp_path / "b/links.parquet").read_bytes()


def test_ascending_columns_are_stored_as_differences_and_change_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = [
        (9, 2000, "article", True, ["CN", "NA"], 2, [3, 5, 2**62]),
        (2**62, 2000, None, False, [], None, []),
        (3, 2000, "review", True, ["US"], 1, [2]),
    ]
    frame = pl.DataFrame(rows, schema=dict(WORKS.columns), orient="row")
    for name, works in (("a", frame), ("b", frame.reverse()), ("none", frame.clear())):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)  # the file has its path in it
        tables.write(works, WORKS, "works.parquet", JOB)
        assert tables.read("works.parquet", WORKS).equals(works.sort("work_id"))
        assert extraction.read("works.parquet") == JOB | {"file": "works.parquet"}
        assert extraction.is_intact("works.parquet")
    path = tmp_path / "a/works.parquet"
    assert path.read_bytes() == (tmp_path / "b/works.parquet").read_bytes()
    file = pq.ParquetFile(path)
    assert file.read().to_pylist() == frame.sort("work_id").to_dicts()
    group = file.metadata.row_group(0)
    encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
    differences = {name for name, used in encodings.items() if "DELTA_BINARY_PACKED" in used}
    assert differences == {"work_id", "references.list.element"}


def test_another_kind_of_table_is_refused(tmp_path: Path):
    tables.write(pl.DataFrame({"work_id": [1]}), CORE, tmp_path / "a.parquet", {})
    with pytest.raises(StudyError, match=r"a\.parquet: columns .* expected"):
        tables.read(tmp_path / "a.parquet", LINKS)
    with pytest.raises(StudyError, match=r"b\.parquet: no such file"):
        tables.read(tmp_path / "b.parquet", LINKS)


def test_polars_uses_the_threads_of_the_rule():
    program = "import poles, polars; print(polars.thread_pool_size())"
    environment = {"PYTHONPATH": str(digest.SCRIPTS), "OMP_NUM_THREADS": "1", "PATH": ""}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "1"


def test_a_run_is_described_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from conftest import ROOT

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENALEX_API_KEY", "not-for-any-file")
    config = {"poles": ["US"], "run": {"variants": ["full"], "nulls": ["multi_edge"], "skip": []}}
    run_record.write_run(ROOT, config, {"kind": "works"})
    text = (tmp_path / "results/run.json").read_text()
    assert json.loads(text)["config"] == config
    assert "not-for-any-file" not in text


FIELD = {"works": 90, "first": "2026-01-02T03:04:05", "last": "2026-01-02T03:04:06"}
SOURCES = {
    "demo": ({"works": 8000, "seed": 3}, "a made-up world of 8000 works, seed 3"),
    "snapshot": (
        {
            "date": "2026-09-01",
            "digest": "2026-09-01 ab12",
            "records": 7,
            "files": 2,
            "path": "s3://openalex",
        },
        "OpenAlex snapshot, release 2026-09-01 (2026-09-01 ab12), 7 records in 2 files, read from s3://openalex",
    ),
    "api": (
        {
            "url": "http://x",
            "field": FIELD,
            "citing": {"works": 10},
            "ledger": {"last": "2026-01-03T00:00:00"},
        },
        "OpenAlex REST API (http://x), 100 works, fetched from 2026-01-02T03:04:05 to 2026-01-03T00:00:00",
    ),
    "works": ({}, "works: a.jsonl with SHA-256 12ab"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_first_page_says_from_which_release_or_when_the_data_are(tmp_path, monkeypatch, kind: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "recorded_digest", {"a.jsonl": "12ab"}.get)
    config = {"run": {"variants": ["full"], "nulls": ["multi_edge", "max_entropy"], "skip": []}}
    assert run_record.first_page() == {}, "nothing has run"
    facts, sentence = SOURCES[kind]
    files = ["a.jsonl"] if kind == "works" else []
    run_record.write_run(tmp_path_with_pins(tmp_path), config, {"kind": kind, **facts}, files)
    page = dict(run_record.first_page()["facts"])
    assert page["Source"] == sentence
    assert page["Branches"] == "full/multi_edge, full/max_entropy"
    assert page["Code"] == "commit unknown, as there is no git repository"
    assert f"polars {pl.__version__}" in page["Software"]
    assert page["Pinned packages"].endswith(embedding.digest_of(b"polars==1\n"))


def tmp_path_with_pins(root: Path) -> Path:
    """Root of a project without a git repository."""
    (root / "envs").mkdir()
    (root / "envs/requirements.txt").write_text("polars==1\n")
    return root


def test_a_reader_sees_whole_files_while_several_threads_write(tmp_path: Path):
    path, contents = tmp_path / "query.json", [bytes([letter]) * 10_000 for letter in b"abcdefgh"]

    def write(content: bytes) -> set[bytes]:
        contents_read = set()
        for _ in range(100):
            embedding.replace_file(path, content)
            contents_read.add(path.read_bytes())
        return contents_read

    with ThreadPoolExecutor(len(contents)) as pool:
        contents_read = set().union(*pool.map(write, contents))
    assert contents_read <= set(contents)
    assert [file.name for file in tmp_path.iterdir()] == ["query.json"]
