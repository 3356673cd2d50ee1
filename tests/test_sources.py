"""The files of a source: their order, and the refusal of wrong ones."""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poles.corpus import sources
from poles.errors import StudyError

PARTS = {
    "updated_date=2026-01-05/part_0000": 40,
    "updated_date=2026-09-01/part_0000": 7,
    "updated_date=2026-09-01/part_0001": 0,
}


def make_snapshot(folder: Path, kind: str = "jsonl", works: str | None = None) -> Path:
    """Write a snapshot of arbitrary files and its manifest; return its folder of works."""
    suffix = {"jsonl": ".gz", "parquet": ".parquet"}[kind]
    folder = folder / (works or f"data/{kind}/works")
    entries = []
    for name, size in PARTS.items():
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        meta = {"content_length": size, "record_count": size // 4}
        entries.append({"url": f"s3://openalex/data/{kind}/works/{name}{suffix}", "meta": meta})
    document = {"date": "2026-09-01", "format": kind, "entity": "works", "record_count": 11, "files": entries}
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def change_manifest(works: Path, **keys) -> None:
    document = json.loads((works / "manifest.json").read_text())
    (works / "manifest.json").write_text(json.dumps(document | keys))


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """Work in the folder of a study."""
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def test_imports_nothing_beyond_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import poles.corpus.sources;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - {'poles'};"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    scripts = Path(sources.__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


def test_works_are_found_by_glob_in_order(tmp_path):
    for name in ("b.jsonl", "a.parquet", "deep/c.jsonl.gz", "deep/er/d.json", "e.zip", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = sources.works_files(f"{tmp_path}/**/[abcde]*.*")
    assert names == [
        f"{tmp_path}/{name}"
        for name in ("a.parquet", "b.jsonl", "deep/c.jsonl.gz", "deep/er/d.json", "e.zip")
    ]


@pytest.mark.parametrize(
    "name", ["my works.jsonl", "it's.json", "works [2020].jsonl", '"a" {b}.gz', "a$(b).zip"]
)
def test_one_file_may_have_any_name(tmp_path, name):
    (tmp_path / name).touch()
    assert sources.works_files(f"{tmp_path}/{name}") == [f"{tmp_path}/{name}"]


@pytest.mark.parametrize(
    ("find", "path", "message"),
    [
        (sources.works_files, None, "source.path: not given; for kind works give a glob"),
        (sources.works_files, "", "source.path: not given"),
        (sources.works_files, "{}/*.jsonl", "no file matches"),
        (sources.works_files, "{}", "is a folder; give a glob"),
        (sources.works_files, "{}/*", "notes.txt, which does not end in one of"),
        (sources.works_files, "s3://openalex", "is an address"),
        (sources.read_release, None, "source.path: not given; for kind snapshot give the folder"),
        (sources.read_release, "{}/nowhere", "nowhere is not a folder"),
        (sources.read_release, "{}", "holds no snapshot"),
        (sources.read_release, "https://openalex.s3.amazonaws.com", "is not an address of S3"),
        (sources.read_release, "s3://", "is not an address of S3"),
    ],
)
def test_what_cannot_be_a_source_is_refused_in_one_line(tmp_path, find, path, message):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        find(path and path.format(tmp_path))
    assert message in str(error.value)


@pytest.mark.parametrize("root", ["", "data", "data/jsonl", "data/jsonl/works"])
def test_snapshot_is_found_from_every_folder_on_the_way(tmp_path, root):
    works = make_snapshot(tmp_path)
    release = sources.read_release(f"{tmp_path / root}/")
    assert (release.works, release.date) == (str(works), "2026-09-01")
    assert release.parts == tuple((f"{name}.gz", size, size // 4) for name, size in PARTS.items())
    assert release.digest == sources.read_release(str(works)).digest
    assert {key: release.summary[key] for key in ("files", "bytes", "records")} == {
        "files": 3, "bytes": 47, "records": 11,
    }  # fmt: skip


def test_works_folder_may_have_any_name(tmp_path):
    works = make_snapshot(tmp_path, works="my-copy")
    assert len(sources.read_release(str(works)).parts) == 3


def test_parquet_goes_before_json_lines(tmp_path):
    make_snapshot(tmp_path, "jsonl")
    make_snapshot(tmp_path, "parquet")
    for root in ("", "data"):
        parts = sources.read_release(str(tmp_path / root)).parts
        assert {Path(part.name).suffix for part in parts} == {".parquet"}


def remove_manifest(works: Path) -> None:
    (works / "manifest.json").unlink()


def break_manifest(works: Path) -> None:
    (works / "manifest.json").write_text('{"files": [{"url": "s3://openalex/x"}]}')


def cut_manifest(works: Path) -> None:
    (works / "manifest.json").write_text('{"files": [')


def list_for_manifest(works: Path) -> None:
    (works / "manifest.json").write_text("[]")


def empty_manifest(works: Path) -> None:
    (works / "manifest.json").write_text('{"files": []}')
    for path in works.glob("updated_date=*/*"):
        path.unlink()


def miscount_manifest(works: Path) -> None:
    change_manifest(works, record_count=12)


def cut_part(works: Path) -> None:
    (works / "updated_date=2026-01-05/part_0000.gz").write_bytes(b"x" * 39)


def lengthen_part(works: Path) -> None:
    (works / "updated_date=2026-01-05/part_0000.gz").write_bytes(b"x" * 41)


def remove_part(works: Path) -> None:
    (works / "updated_date=2026-09-01/part_0001.gz").unlink()


def add_part(works: Path) -> None:
    (works / "updated_date=2026-09-01/part_0002.gz").touch()


def mix_manifests(works: Path) -> None:
    (works.parent / "manifest.json").write_text('{"date": "2026-06-25", "entities": []}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_manifest, "has no manifest.json"),
        (break_manifest, "not a manifest of OpenAlex"),
        (cut_manifest, "not a manifest of OpenAlex"),
        (list_for_manifest, "not a manifest of OpenAlex"),
        (empty_manifest, "lists no files"),
        (miscount_manifest, "manifest.json: states 12 records, but 11 in its list of files"),
        (cut_part, "updated_date=2026-01-05/part_0000.gz: has 39 bytes, but the manifest says 40"),
        (lengthen_part, "updated_date=2026-01-05/part_0000.gz: has 41 bytes, but the manifest says 40"),
        (
            remove_part,
            "1 files of the manifest are missing, the first is updated_date=2026-09-01/part_0001.gz",
        ),
        (add_part, "1 files are not listed in the manifest"),
        (mix_manifests, "two releases are mixed"),
    ],
)
def test_snapshot_must_agree_with_its_manifest(tmp_path, damage, message):
    works = make_snapshot(tmp_path)
    damage(works)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        sources.read_release(str(tmp_path))
    assert message in str(error.value)
    assert str(works) in str(error.value)


def test_old_layout_and_its_manifest_are_understood(shared_data, tmp_path):
    sample = shared_data("openalex-snapshot-samples") / "go-openalex/sample/openalex"
    with pytest.raises(StudyError, match=r"46\d files of the manifest are missing"):
        sources.read_release(str(sample))
    works = tmp_path / "data/works"
    part = "updated_date=2023-05-16/part_000.gz"
    (works / part).parent.mkdir(parents=True)
    (works / part).write_bytes((sample / "works" / part).read_bytes())
    manifest = json.loads((sample / "works/manifest").read_text())
    manifest["entries"] = [entry for entry in manifest["entries"] if entry["url"].endswith(part)]
    (works / "manifest").write_text(json.dumps(manifest))
    with pytest.raises(StudyError, match=r"manifest: states 244371844 records, but 27 in its list of files"):
        sources.read_release(str(tmp_path))
    manifest["meta"]["record_count"] = 27
    (works / "manifest").write_text(json.dumps(manifest))
    release = sources.read_release(str(tmp_path))
    assert [(names.name, names.records) for names in release.parts] == [(part, 27)]
    assert release.date is None
    assert release.digest.startswith("undated ")


@pytest.mark.parametrize("stated", [11, 18, None])
def test_the_total_of_an_old_manifest_is_that_of_its_files(tmp_path, stated):
    works = make_snapshot(tmp_path)
    new = json.loads((works / "manifest.json").read_text())
    (works / "manifest.json").unlink()
    meta = {"content_length": 47} | ({"record_count": stated} if stated else {})
    (works / "manifest").write_text(json.dumps({"entries": new["files"], "meta": meta}))
    if stated == 18:
        with pytest.raises(
            StudyError, match=r"works/manifest: states 18 records, but 11 in its list of files"
        ):
            sources.read_release(str(tmp_path))
    else:
        assert sources.read_release(str(tmp_path)).summary["records"] == 11


# The pinned release -----------------------------------------------------------------------------------------


def test_a_release_is_pinned_when_first_read(tmp_path, study):
    make_snapshot(tmp_path)
    release = sources.pin_release(str(tmp_path))
    assert (study / "results/harvest/release.json").exists()
    assert sources.pinned() == sources.pin_release(str(tmp_path)) == sources.check_release() == release


def test_another_copy_of_a_release_has_its_digest_and_another_release_has_not(tmp_path, study):
    works = make_snapshot(tmp_path / "one")
    make_snapshot(tmp_path / "two")
    first = sources.pin_release(str(tmp_path / "one"))
    second = sources.pin_release(str(tmp_path / "two"))
    assert sources.pinned() == second
    assert first.digest == second.digest
    change_manifest(works, date="2026-12-20")
    assert sources.read_release(str(tmp_path / "one")).digest != first.digest


@pytest.mark.parametrize("again", [lambda path: sources.check_release(), sources.pin_release])
def test_a_release_that_has_changed_is_refused(tmp_path, study, again):
    works = make_snapshot(tmp_path)
    sources.pin_release(str(tmp_path))
    change_manifest(works, date="2026-12-20")
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        again(str(tmp_path))
    assert str(works) in str(error.value)
    assert "was 2026-09-01 " in str(error.value)
    assert "now 2026-12-20 " in str(error.value)
    assert "remove results/harvest" in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"path": "x"}', '{"parts": [["a"]]}'])
def test_a_pin_that_is_none_is_named(study, text):
    sources.PIN.parent.mkdir(parents=True)
    sources.PIN.write_text(text)
    with pytest.raises(StudyError, match=r"^results/harvest/release\.json: [^\n]*$"):
        sources.pin_release("anything")


# Groups of files --------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(1, 3))
def test_shards_are_a_balanced_partition(sizes, count):
    files = [f"part_{number}" for number in range(len(sizes))]
    groups = sources.shards(files, count, sizes)
    assert sorted(file for group in groups for file in group) == files
    assert len(groups) == min(count, len(files))
    assert all(groups) and all(group == sorted(group) for group in groups)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    size = dict(zip(files, sizes, strict=True))
    heaviest = max(sum(size[file] for file in group) for group in groups)
    best = min(
        max(
            sum(s for s, owner in zip(sizes, owners, strict=True) if owner == group) for group in range(count)
        )
        for owners in product(range(count), repeat=len(sizes))
    )
    assert heaviest <= (4 / 3 - 1 / (3 * count)) * best  # Graham 1969


def test_shards_weigh_files_by_their_bytes(tmp_path):
    for name, size in (("a", 5), ("b", 1), ("c", 2), ("d", 3)):
        (tmp_path / name).write_bytes(b"x" * size)
    files = [f"{tmp_path}/{name}" for name in "abcd"]
    assert sources.shards(files, 2) == [files[:2], files[2:]]  # 5 + 1, 2 + 3
    assert sources.shards(files, 9) == [[file] for file in files]


@pytest.mark.parametrize(
    ("gigabytes", "files", "count"),
    [(0.1, 9, 2), (0.1, 1, 1), (2.4, 9, 2), (7.1, 9, 7), (7.1, 4, 4), (640, 900, 128)],
)
def test_shards_follow_from_bytes(gigabytes, files, count):
    names = [f"part_{number:03}" for number in range(files)]
    groups = sources.shards(names, None, [round(gigabytes * 1e9 / files)] * files)
    assert len(groups) == count
    assert sorted(name for group in groups for name in group) == names


def test_shards_refuse_no_group_and_no_file(tmp_path):
    with pytest.raises(StudyError, match=r"source\.shards: 0"):
        sources.shards(["a"], 0, [1])
    with pytest.raises(StudyError, match="nothing: no such file"):
        sources.shards([f"{tmp_path}/nothing"], 1)
