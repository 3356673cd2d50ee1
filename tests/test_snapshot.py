"""A snapshot in a folder and on S3, in both formats, intact and damaged, alone and through the workflow."""

import gzip
import json
import shutil
from pathlib import Path

import boto3
import polars as pl
import pytest
from moto.server import ThreadedMotoServer
from polars.testing import assert_frame_equal

from poles.corpus import passes, sources, storage
from poles.corpus.demo.snapshot import write_snapshot
from poles.errors import StudyError
from poles.study import embedding
from workflow import Project

AI = {"subfields": [1702], "match": "primary"}
SNAPSHOT = {"kind": "snapshot"}
NOWHERE = "http://127.0.0.1:9"


class Service:
    """An S3 service on this machine, and its client."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        access = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        self.client = boto3.client("s3", endpoint_url=self.endpoint, **access)

    def put(self, folder: Path, bucket: str, open_to_all: bool = True) -> str:
        """Copy a folder into a new bucket; return its address."""
        self.client.create_bucket(Bucket=bucket)
        for path in folder.rglob("*"):
            if path.is_file():
                self.put_file(path, f"s3://{bucket}/{path.relative_to(folder)}", open_to_all)
        return f"s3://{bucket}"

    def put_file(self, path: Path, address: str, open_to_all: bool = True) -> None:
        """Write an object, readable without credentials or not."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        acl = "public-read" if open_to_all else "private"
        self.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ACL=acl)


@pytest.fixture(scope="module")
def service():
    service = Service()
    yield service
    service.server.stop()


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory) -> dict[str, Path]:
    """Write the same small world in both formats."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("jsonl", "parquet")}
    for kind, folder in folders.items():
        write_snapshot(folder, 1000, 5, 1990, 2023, kind, {})
    return folders


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """Work in the folder of a study."""
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def copy(snapshots, tmp_path) -> Path:
    """Copy the snapshot of JSON lines, so that it can be damaged."""
    return Path(shutil.copytree(snapshots["jsonl"], tmp_path / "copy"))


def harvest(path: str, endpoint: str | None = None) -> tuple[pl.DataFrame, ...]:
    """Run both passes over a snapshot, as the jobs do."""
    release = sources.pin_release(path, endpoint)
    files = storage.located([part.name for part in release.parts], SNAPSHOT)
    counts = [part.records for part in release.parts]
    core, by_year = passes.find_core(files, AI, counts)
    kept = pl.concat(passes.read_works(files, range(len(files)), core["work_id"], AI, counts))
    sources.check_release()
    return core, by_year, kept


def refused(step, *arguments) -> str:
    """Return the one line in which a step refuses its input."""
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        step(*arguments)
    return str(error.value)


def test_a_folder_and_an_address_and_both_formats_give_the_same(snapshots, service, study):
    answers = [harvest(str(folder)) for folder in snapshots.values()]
    for kind, folder in snapshots.items():
        answers.append(harvest(service.put(folder, f"openalex-{kind}"), service.endpoint))
    assert len(answers[0][2]) > 300
    assert answers[0][1]["read"].sum() == 1000
    for answer in answers[1:]:
        for frame, expected in zip(answer, answers[0], strict=True):
            assert_frame_equal(frame, expected)


def test_the_digest_of_a_release_does_not_tell_where_it_stands(snapshots, service, study):
    address = service.put(snapshots["jsonl"], "elsewhere")
    here = sources.pin_release(str(snapshots["jsonl"]))
    there = sources.pin_release(f"{address}/data/jsonl/", service.endpoint)
    assert here.digest == there.digest
    assert here.summary == there.summary


def test_a_pinned_release_is_read_without_its_manifest(snapshots, service, study):
    address = service.put(snapshots["parquet"], "pinned")
    release = sources.pin_release(address, service.endpoint)
    service.client.delete_object(Bucket="pinned", Key="data/parquet/works/manifest.json")
    assert sources.pin_release(address, service.endpoint) == release
    assert "holds no snapshot" in refused(sources.check_release)


def test_long_lines_and_large_objects_are_read_across_requests(snapshots, service, study, monkeypatch):
    address = service.put(snapshots["jsonl"], "large")
    expected = harvest(address, service.endpoint)
    monkeypatch.setattr(storage, "AHEAD", 20_000)
    for frame, other in zip(harvest(address, service.endpoint), expected, strict=True):
        assert_frame_equal(frame, other)


# Damaged files ----------------------------------------------------------------------------------------------


def test_addresses_that_lead_nowhere_are_named(snapshots, service, study):
    address = service.put(snapshots["jsonl"], "closed", open_to_all=False)
    read, end = sources.read_release, service.endpoint
    host = end.removeprefix("http://")
    assert f"{host} has no bucket named missing" in refused(read, "s3://missing", end)
    assert "s3://closed/nothing holds no snapshot" in refused(read, f"{address}/nothing", end)
    assert "access denied: s3://closed/data/jsonl/works/manifest.json" in refused(read, address, end)
    assert "s3://openalex/data/parquet/works/manifest.json: 127.0.0.1:9 cannot be reached" in refused(
        read, "s3://openalex", NOWHERE
    )


def test_objects_that_cannot_be_read_are_named(snapshots, service, study, monkeypatch):
    monkeypatch.setattr(storage, "ATTEMPTS", 1)
    address = service.put(snapshots["jsonl"], "objects")
    part = sources.read_release(address, service.endpoint).parts[0]
    name = f"{address}/data/jsonl/works/{part.name}"

    def find(*arguments) -> str:
        return refused(passes.find_core, [storage.RemoteFile(*arguments)], AI)

    assert f"{name}x: cannot be read (" in find(f"{name}x", service.endpoint)
    assert "s3://missing/a.gz: cannot be read (" in find("s3://missing/a.gz", service.endpoint)
    assert "s3://openalex/a.gz: cannot be read (" in find("s3://openalex/a.gz", NOWHERE)
    answer = find(name, service.endpoint, part.size + 1)
    assert answer.startswith(f"{name}: has {part.size} bytes, but the manifest says {part.size + 1}")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_broken_objects_are_named(snapshots, service, study, kind):
    address = service.put(snapshots[kind], f"broken-{kind}")
    release = sources.read_release(address, service.endpoint)
    name = f"{release.works}/{release.parts[1].name}"
    path = study / "part"
    file = storage.RemoteFile(name, service.endpoint)
    whole = (snapshots[kind] / f"data/{kind}/works/{release.parts[1].name}").read_bytes()
    for content, message in (
        (b"", f"{name}: the file is empty"),
        (b"nothing of the kind", f"{name}: not "),
        (whole[: len(whole) // 2], f"{name}: "),
    ):
        path.write_bytes(content)
        service.put_file(path, name)
        assert refused(passes.find_core, [file], AI).startswith(message)


def part_of(copy: Path) -> Path:
    return copy / "data/jsonl/works/updated_date=2026-09-01/part_0000.gz"


def cut(copy: Path) -> None:
    part_of(copy).write_bytes(part_of(copy).read_bytes()[:-100])


def remove(copy: Path) -> None:
    part_of(copy).unlink()


def empty(copy: Path) -> None:
    part_of(copy).write_bytes(b"")


def rewrite(copy: Path, change) -> None:
    """Change the lines of a part, and its length in the manifest."""
    lines = gzip.decompress(part_of(copy).read_bytes()).splitlines(keepends=True)
    part_of(copy).write_bytes(gzip.compress(b"".join(change(lines))))
    place = copy / "data/jsonl/works/manifest.json"
    document = json.loads(place.read_text())
    for entry in document["files"]:
        if entry["url"].endswith("2026-09-01/part_0000.gz"):
            entry["meta"]["content_length"] = part_of(copy).stat().st_size
    place.write_text(json.dumps(document))


def drop_a_line(copy: Path) -> None:
    rewrite(copy, lambda lines: lines[:-1])


def break_a_line(copy: Path) -> None:
    rewrite(copy, lambda lines: [*lines[:7], lines[7][:300] + b"\n", *lines[8:]])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "part_0000.gz: has 2"),
        (remove, "1 files of the manifest are missing"),
        (empty, "part_0000.gz: has 0 bytes, but the manifest says"),
        (drop_a_line, "part_0000.gz: has 699 records, but the manifest says 700"),
        (break_a_line, "part_0000.gz, line 8: not valid JSON"),
    ],
)
def test_broken_folders_are_refused(copy, study, damage, message):
    damage(copy)
    assert message in refused(harvest, str(copy))


@pytest.mark.parametrize("damage", [cut, remove, empty])
def test_parts_that_break_after_the_study_began_are_refused(copy, study, damage):
    release = sources.pin_release(str(copy))
    damage(copy)
    answer = refused(storage.located, [part.name for part in release.parts], SNAPSHOT)
    assert str(part_of(copy)) in answer


def test_parts_of_two_releases_are_refused(copy, snapshots, study):
    harvest(str(copy))
    part = part_of(copy)
    shutil.copy(part, part.with_name("part_0009.gz"))
    assert "left from another release" in refused(harvest, str(copy))


# Through the workflow ---------------------------------------------------------------------------------------


def reading(path: str | Path, endpoint: str | None = None) -> list[str]:
    """Return options with which the workflow reads a snapshot in one shard."""
    source = f"source={{kind: snapshot, path: '{path}', endpoint: {endpoint or 'null'}, shards: 1}}"
    return ["--until", "select_works", "--config", source]


@pytest.mark.slow
def test_the_workflow_reads_a_folder_and_an_address_to_the_same_bytes(snapshots, service, tmp_path):
    address = service.put(snapshots["parquet"], "workflow")
    here, options = Project.copy(tmp_path / "here"), reading(address, service.endpoint)
    here.run(*reading(snapshots["parquet"]))
    there = here.twin(tmp_path / "there")
    for made in ("results", ".snakemake"):
        shutil.rmtree(there.folder / made)
    there.run(*options)
    files = sorted(path.relative_to(here.folder) for path in (here.folder / "results").rglob("*.parquet"))
    assert len([path for path in files if path.parent.name == "works"]) == 34
    for path in files:
        assert embedding.file_digest(here.folder / path) == embedding.file_digest(there.folder / path), path
    assert there.plan(*options) == {}

    # If a release changes while it is read, the records that were read stay, but no works are made.
    shutil.rmtree(there.folder / "results/works")
    (there.folder / "results/harvest/release_checked.json").unlink()
    manifest = snapshots["parquet"] / "data/parquet/works/manifest.json"
    changed = tmp_path / "manifest.json"
    changed.write_text(json.dumps(json.loads(manifest.read_text()) | {"date": "2026-12-20"}))
    service.client.delete_object(Bucket="workflow", Key="data/parquet/manifest.json")
    service.put_file(changed, f"{address}/data/parquet/works/manifest.json")
    kept = there.folder / "results/harvest/records/0.parquet"
    before = kept.stat().st_mtime_ns
    answer = there.snakemake(*options)
    assert answer.returncode != 0
    assert "check_release: s3://workflow/data/parquet/works: the release was 2026-09-01" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((there.folder / "results").glob("works/*"))
    assert kept.stat().st_mtime_ns == before
