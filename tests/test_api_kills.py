"""Despite failures, ten kills and spent budgets, a harvest loses nothing and pays for nothing twice."""

import gzip
from collections import Counter
from pathlib import Path

import orjson
import pytest

import harvester
import kills
from api_works import SECRET
from openalex_server import KINDS
from poles.corpus.api.harvest import number_of

pytestmark = pytest.mark.slow
WORKS = 3000


@pytest.fixture(scope="module")
def harvests(tmp_path_factory) -> tuple[Path, kills.Outcome, kills.Outcome]:
    folder = tmp_path_factory.mktemp("kills")
    calm, failing = kills.compare(
        kills.direct, folder, WORKS, 10, 3, "harvest/api/*.jsonl.gz", 100, 0.05,
        lambda process: process.returncode == harvester.SPENT,
    )  # fmt: skip
    return folder, calm, failing


def test_everything_did_go_wrong(harvests):
    _, calm, failing = harvests
    assert not calm.report["failures"]
    assert set(failing.report["failures"]) >= {*KINDS, "drifting_count"}
    assert failing.kills == 10
    assert failing.days >= 1
    assert failing.starts >= 12


def test_the_files_are_those_of_a_calm_harvest(harvests):
    _, calm, failing = harvests
    assert len(calm.files) == kills.LAST - kills.FIRST + 1 + 2
    assert failing.files == calm.files


def test_every_credit_is_accounted_for(harvests):
    _, calm, failing = harvests
    for harvest in (calm, failing):
        assert (harvest.reported["credits"], harvest.reported["open"]) == (harvest.credits, 0)
    assert failing.reported["settled"] > 0
    assert failing.credits < 1.6 * calm.credits


def test_no_page_is_fetched_again_after_it_was_stored(harvests):
    _, calm, failing = harvests
    assert calm.fetched_again == failing.fetched_again == []
    requests = [{"query": "q", "cursor": cursor} for cursor in ("*", "*", "a", "b", "a")]
    assert kills.fetched_again(requests) == [("q", "a")], "the check itself finds one"
    paid = Counter(page["delivered"] for page in calm.report["pages"] if page["cursor"])
    assert set(paid) == {1}


def test_nothing_but_the_store_is_needed_to_make_the_files_anew(harvests):
    folder, calm, _ = harvests
    for path in (folder / "failing/results/harvest/api").iterdir():
        path.unlink()
    url = next(
        orjson.loads(path.read_bytes())["url"]
        for path in (folder / "failing/harvest").glob("*/*/complete.json")
    )
    process = kills.direct(folder / "failing")(url)  # no server listens there any more
    assert process.wait(60) == 0
    assert kills.digests(folder / "failing", "harvest/api/*.jsonl.gz") == calm.files


def test_the_files_hold_every_work_of_the_field_and_those_that_cite_it(harvests):
    folder, calm, _ = harvests
    source = {}
    for path in (folder / "corpus").glob("data/jsonl/works/*/*.gz"):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            record = orjson.loads(line)
            if not record["is_xpac"]:
                source[number_of(record)] = record
    core = {
        number
        for number, record in source.items()
        if (record["primary_topic"] or {}).get("subfield", {}).get("id", "").endswith("/1702")
        and record["publication_year"] is not None
    }
    found: dict[str, dict[int, dict]] = {"core": {}, "citing": {}}
    for name in calm.files:
        lines = gzip.decompress((folder / "calm" / name).read_bytes()).splitlines()
        kind = "citing" if "citing" in name else "core"
        found[kind].update((number_of(work), work) for work in map(orjson.loads, lines))
    assert set(found["core"]) == core
    cites = {f"https://openalex.org/W{number}" for number in core}
    assert set(found["citing"]) == {
        number
        for number, record in source.items()
        if number not in core
        and record["publication_year"] is not None
        and not cites.isdisjoint(record["referenced_works"] or [])
    }
    many = [number for number, record in source.items() if len(record["authorships"]) == kills.AUTHORS]
    lengths = Counter(
        len(found[kind][number]["authorships"]) for number in many for kind in found if number in found[kind]
    )
    assert set(lengths) == {100, kills.AUTHORS}, "merged works keep what the list gave, all others have all"


def test_the_key_is_nowhere(harvests):
    folder, _, _ = harvests
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 200
    for path in files:
        content = path.read_bytes()
        content += gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""
        assert SECRET.encode() not in content, path
