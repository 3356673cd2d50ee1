"""Archives of a study: the same bytes everywhere, complete, and a harvest that can be read again."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.corpus import archived
from poles.errors import StudyError
from poles.study import archive, branches, embedding, extraction, harvest_layout
from workflow import Project

FIELD = {"subfields": [1702], "match": "primary"}


@pytest.fixture(scope="module")
def deposit(tiny: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archives of the tiny study."""
    twin = tiny.twin(tmp_path_factory.mktemp("archive") / "study-here")
    answer = twin.python("scripts/archive_study.py")
    assert answer.returncode == 0, answer.stderr
    folder = twin.folder / "archive"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "SHA256SUMS",
        "harvest.tar",
        "study.tar.gz",
    ]
    for name in ("study.tar.gz", "harvest.tar"):
        size, digest = (folder / name).stat().st_size, embedding.file_digest(folder / name)
        assert f"archive/{name}  {size} bytes  SHA-256 {digest}" in answer.stdout.splitlines()
    return folder


@pytest.fixture(scope="module")
def unpacked(deposit: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The study unpacked in an empty folder, as README.md says."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run(["tar", "-xzf", deposit / "study.tar.gz"], cwd=folder, check=True)
    return Project(folder / "study")


def check_sums(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_archives_have_the_same_bytes_in_another_folder_and_at_another_time(
    deposit: Path, tiny: Project, tmp_path: Path
):
    twin = tiny.twin(tmp_path / "elsewhere")
    for path in twin.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts:
            os.utime(path)
            path.chmod(0o600)
    assert twin.python("scripts/archive_study.py").returncode == 0
    for path in deposit.iterdir():
        assert embedding.file_digest(twin.folder / "archive" / path.name) == embedding.file_digest(path), (
            path.name
        )


def test_the_unpacked_study_is_whole_and_there_is_nothing_to_do(deposit: Path, unpacked: Project):
    assert check_sums(deposit).returncode == 0
    assert check_sums(unpacked.folder).returncode == 0
    summed = {line.split("  ", 1)[1] for line in (unpacked.folder / "SHA256SUMS").read_text().splitlines()}
    files = {
        path.relative_to(unpacked.folder).as_posix() for path in unpacked.folder.rglob("*") if path.is_file()
    }
    assert files - summed == {"SHA256SUMS"}
    assert unpacked.plan() == {}
    answer = unpacked.python("scripts/audit.py", "--all")
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
    assert unpacked.python("scripts/write_crate.py", "--check").returncode == 0
    changed = unpacked.folder / "results/claims.md"
    original = changed.read_bytes()
    changed.write_bytes(original + b" ")
    assert check_sums(unpacked.folder).returncode == 1
    assert unpacked.python("scripts/audit.py", "--all").returncode == 1
    changed.write_bytes(original)


def test_the_unpacked_study_still_knows_what_a_key_changes(tiny: Project, unpacked: Project):
    key = ("--config", "clusters={seed: 2}")
    assert unpacked.plan(*key) == tiny.plan(*key) != {}


def test_the_configuration_of_the_archive_is_that_of_the_run(tiny: Project, unpacked: Project):
    config = yaml.safe_load((unpacked.folder / "config/config.yaml").read_text())
    assert config == json.loads((tiny.folder / "results/run.json").read_text())["config"]
    shipped = (unpacked.folder / "results/code/config/config.yaml").read_bytes()
    assert shipped == (tiny.folder / "config/config.yaml").read_bytes()


def test_no_member_names_the_folder_in_which_it_was_made(deposit: Path, tiny: Project):
    for name in ("study.tar.gz", "harvest.tar"):
        with tarfile.open(deposit / name) as opened:
            for member in opened:
                assert (member.uid, member.gid, member.uname, member.mode) == (0, 0, "", 0o644)
                content = opened.extractfile(member).read()
                for folder in (tiny.folder, deposit.parent):
                    assert str(folder).encode() not in content, member.name


def test_a_study_with_a_broken_link_is_not_archived(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    page = twin.folder / "results/full/collaboration/links/2010.parquet"
    shutil.copy(twin.folder / "results/full/collaboration/links/2011.parquet", page)
    answer = twin.python("scripts/archive_study.py")
    assert answer.returncode == 1
    assert re.match(r"audit: results/full/collaboration/links/2010\.parquet has changed since", answer.stderr)
    assert not (twin.folder / "archive").exists()


def test_an_archive_that_was_read_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("archive").mkdir()
    Path("archive/harvest.tar").write_bytes(b"precious")
    run = {"source": {"kind": "archive"}}
    monkeypatch.setattr(archive.crate, "write_crate", lambda root: None)
    monkeypatch.setattr(archive.run_record, "read_run", lambda: run)
    monkeypatch.setattr(archive.audit, "recorded_digests", lambda: {"archive/harvest.tar": "0" * 64})
    monkeypatch.setattr(archive.audit, "summary", lambda paths: None)
    with pytest.raises(StudyError, match=r"archive/harvest\.tar is what the study was made from"):
        list(archive.write_archives(ROOT))
    assert Path("archive/harvest.tar").read_bytes() == b"precious"


@pytest.mark.slow
def test_raw_files_stand_in_the_archive_of_the_harvest(tmp_path: Path, tiny: Project):
    project = Project.copy(tmp_path / "study")
    origin = next((tiny.folder / "results/demo/data/jsonl/works").glob("*/*.gz"))
    (project.folder / "own").mkdir()
    # Without the record that the demo writes into the header.
    (project.folder / "own/works.jsonl.gz").write_bytes(gzip.compress(gzip.decompress(origin.read_bytes())))
    years = "years={first: 2015, last: 2020}"
    source = "source={kind: works, shards: 1, path: own/*.gz}"
    project.run("--config", source, years, "run={variants: [full], nulls: [multi_edge]}")
    assert project.python("scripts/archive_study.py").returncode == 0
    folder = tmp_path / "unpacked"
    folder.mkdir()
    archives = project.folder / "archive"
    subprocess.run(["tar", "-xzf", archives / "study.tar.gz"], cwd=folder, check=True)
    unpacked = Project(folder / "study")
    answer = unpacked.python("scripts/audit.py", "results/claims.md")
    assert "own/works.jsonl.gz is missing" in answer.stderr
    subprocess.run(["tar", "-xf", archives / "harvest.tar", "-C", unpacked.folder], check=True)
    answer = unpacked.python("scripts/audit.py", "--all")
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
    assert unpacked.plan() == {}
    readme = (archives / "README.md").read_text()
    assert f"`harvest.tar` (SHA-256 {embedding.file_digest(archives / 'harvest.tar')})" in readme
    assert "puts its 1 files from outside" in readme


def source_of(deposit: Path, **changes: str) -> str:
    """Setting that reads the archived harvest of the tiny study."""
    source = {"kind": "archive", "path": str(deposit / "harvest.tar")}
    return (
        f"source={json.dumps(source | {'sha256': embedding.file_digest(deposit / 'harvest.tar')} | changes)}"
    )


def test_the_readme_says_how_to_read_the_harvest(deposit: Path):
    settings = re.search(
        r"^    source: (\{kind: archive.*\})$", (deposit / "README.md").read_text(), re.MULTILINE
    )
    digest = embedding.file_digest(deposit / "harvest.tar")
    assert yaml.safe_load(settings[1]) == {"kind": "archive", "path": "harvest.tar", "sha256": digest}


def test_an_archived_harvest_gives_the_same_works(deposit: Path, tiny: Project, tmp_path: Path):
    project = Project.copy(tmp_path / "again")
    config = ("--config", source_of(deposit))
    planned = set(project.plan(*config))
    assert "unpack_harvest" in planned and not {"find_core", "read_works", "make_demo"} & planned
    targets = ["results/losses.parquet", "results/full/collaboration/links/2015.parquet"]
    project.run(*targets, *config)
    own, first = project.folder / "results", tiny.folder / "results"
    tables = [path.relative_to(own) for path in own.rglob("*.parquet")]
    assert len(tables) > 100
    for path in tables:
        assert pl.read_parquet(own / path).equals(pl.read_parquet(first / path)), path
    record = extraction.read(own / "harvest/records/0.parquet")
    assert record["rule"] == "unpack_harvest"
    assert record["harvest"]["rule"] == "read_works"
    source = json.loads((own / "run.json").read_text())["source"]
    assert source["harvest"] == {"kind": "demo", "works": 8000, "seed": 3}
    crate = json.loads((own / "ro-crate-metadata.json").read_text())["@graph"]
    described = next(entity["description"] for entity in crate if entity["@id"] == "#source")
    assert described.endswith("the harvest of: a made-up world of 8000 works, seed 3")


def test_another_archive_is_refused(deposit: Path, tmp_path: Path):
    project = Project.copy(tmp_path / "again")
    answer = project.snakemake("results/losses.parquet", "--config", source_of(deposit, sha256="0" * 64))
    assert answer.returncode != 0
    assert re.search(
        rf"unpack_harvest: .*harvest\.tar: SHA-256 \w+, but source\.sha256 says {'0' * 64}", answer.stderr
    )
    assert "Traceback" not in answer.stderr


def write_index(path: Path, **index: object) -> str:
    with tarfile.open(path, "w") as opened:
        content = path.with_suffix(".json")
        content.write_text(json.dumps(index))
        opened.add(content, harvest_layout.INDEX)
    return str(path)


def test_wrong_archives_are_named(tmp_path: Path):
    whole = {"field": FIELD, "shards": 2, "source": {"kind": "api"}}
    path = write_index(tmp_path / "a.tar", **whole)
    assert archived.read_index(path, FIELD)["shards"] == 2
    with pytest.raises(StudyError, match=r"field: .*2208.*; the harvest in .*a\.tar holds works of .*1702"):
        archived.read_index(path, {"subfields": [1702, 2208], "match": "primary"})
    networks = write_index(tmp_path / "n.tar", **whole | {"shards": 0, "source": {"kind": "networks"}})
    with pytest.raises(StudyError, match=r"holds no records of works; unpack it for source\.kind: networks"):
        archived.read_index(networks, FIELD)
    (tmp_path / "text.tar").write_text("no archive")
    with pytest.raises(
        StudyError, match=r"text\.tar: not an archived harvest .*; name an archive that `make archive`"
    ):
        archived.read_index(str(tmp_path / "text.tar"), FIELD)
    with pytest.raises(StudyError, match=r"none\.tar: no such file"):
        archived.read_index(str(tmp_path / "none.tar"), FIELD)
    bare = write_index(tmp_path / "bare.tar", shards=1)
    with pytest.raises(StudyError, match=r"bare\.tar: not an archived harvest \('field'\)"):
        archived.read_index(bare, FIELD)


def test_a_table_that_was_changed_in_the_archive_is_refused(deposit: Path, tmp_path: Path):
    with tarfile.open(deposit / "harvest.tar") as opened:
        opened.extractall(tmp_path, filter="data")
    table = tmp_path / "archived-harvest/records/0.parquet"
    frame, kept = pl.read_parquet(table), pl.read_parquet_metadata(table)
    frame.head(-1).write_parquet(table, metadata={"provenance": kept["provenance"]})
    with tarfile.open(tmp_path / "forged.tar", "w") as opened:
        opened.add(tmp_path / "archived-harvest", "archived-harvest")
    forged = str(tmp_path / "forged.tar")
    with pytest.raises(StudyError, match=r"records/0\.parquet does not hold what was written to it"):
        archived.unpack(
            forged, embedding.file_digest(forged), [str(tmp_path / "0.parquet")], [], {"rule": "r"}
        )


@pytest.mark.parametrize(
    ("field", "other", "inside"),
    [
        ({"subfields": None, "match": "primary"}, {"subfields": None, "match": "any"}, True),
        ({"subfields": None, "match": "primary"}, {"subfields": [1], "match": "any"}, True),
        ({"subfields": [1, 2], "match": "primary"}, {"subfields": [2], "match": "primary"}, True),
        ({"subfields": [1, 2], "match": "any"}, {"subfields": [2], "match": "primary"}, True),
        ({"subfields": [1, 2], "match": "primary"}, {"subfields": [2], "match": "any"}, False),
        ({"subfields": [1], "match": "any"}, {"subfields": [1, 2], "match": "any"}, False),
        ({"subfields": [1], "match": "any"}, {"subfields": None, "match": "any"}, False),
    ],
)
def test_one_field_holds_another(field: dict, other: dict, inside: bool):
    works = [{"primary": a, "any": {a, b}} for a in (1, 2, 3) for b in (1, 2, 3)]

    def chosen(field: dict) -> list[bool]:
        listed = set(field["subfields"] or (1, 2, 3))
        by_match = {
            "primary": lambda work: work["primary"] in listed,
            "any": lambda work: bool(work["any"] & listed),
        }
        return [by_match[field["match"]](work) for work in works]

    assert branches.holds(field, other) == inside
    assert inside == all(a or not b for a, b in zip(chosen(field), chosen(other), strict=True))


def test_the_metadata_of_a_deposit_agree_with_the_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())
    for key in ("title", "version", "license"):
        assert zenodo[key] == citation[key]
    assert [creator["name"] for creator in zenodo["creators"]] == [
        author.get("name", f"{author.get('family-names')}, {author.get('given-names')}")
        for author in citation["authors"]
    ]
    paper = citation["references"][0]["identifiers"][0]["value"]
    assert [related["identifier"] for related in zenodo["related_identifiers"]] == [paper]
