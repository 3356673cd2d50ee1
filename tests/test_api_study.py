"""The study with works from the API, through Snakemake, over several days: the same works as from files."""

import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest
import yaml

import kills
from api_works import SECRET
from openalex_server import OpenAlexServer
from poles.errors import StudyError
from poles.networks.tables import CHECK
from poles.study import embedding, extraction
from poles.study.config import complete
from workflow import Project

YEARS = {"first": kills.FIRST, "last": kills.LAST}
TARGETS = ("results/losses.parquet", f"results/full/collaboration/check/{kills.LAST}.parquet")


def configure(project: Project, source: dict, more: dict | None = None) -> Project:
    """Write the configuration of a small study."""
    config = {"years": YEARS, "trajectories": YEARS, "source": source, "run": {"variants": ["full"]}}
    config |= more or {}
    (project.folder / "config/config.yaml").write_text(json.dumps(config))
    return project


DAILY = 25


class Study:
    """A study that its budget stopped and that was finished on another day."""

    def __init__(self, folder: Path):
        self.files, _ = kills.corpus(folder / "corpus", 1600, 5)
        self.server = OpenAlexServer(self.files, key=SECRET, per_second=100, daily_credits=DAILY)
        self.project = Project.copy(folder / "api")
        api = {"url": self.server.url, "shards": "year", "rate": 90, "citing": True, "citing_shards": 2}
        configure(self.project, {"kind": "api", "shards": 1, "api": api})
        self.stopped, self.estimate = [], ""
        with self.server:
            answer = self.project.snakemake("estimate_harvest")
            assert answer.returncode == 0, answer.stderr
            self.estimate = answer.stdout
            for _ in range(9):
                answer = self.project.snakemake(*TARGETS)
                if answer.returncode == 0:
                    break
                self.stopped.append(answer.stdout + answer.stderr)
                self.server.next_day()
            self.last = answer


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Iterator[Study]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALEX_API_KEY", SECRET)
        yield Study(tmp_path_factory.mktemp("study"))


def test_the_budget_stops_it_with_one_line_and_the_same_command_goes_on(study: Study):
    assert study.last.returncode == 0, study.last.stderr[-3000:]
    assert len(study.stopped) >= 1
    for output in study.stopped:
        stop = r"^harvest_\w+: \w+/\w+: \d+( of \d+)? works are stored; the OpenAlex.*$"
        line = re.search(stop, output, re.MULTILINE)
        assert line, output[-3000:]
        assert f"budget of today is spent, 0 of {DAILY} credits are left; it is renewed at 20" in line[0]
        assert line[0].endswith("hours): run the same command again then")
        assert "Traceback" not in output
    assert kills.fetched_again(study.server.requests) == []


def test_the_estimate_is_said_before(study: Study):
    line = rf"this harvest costs about \d+ credits; you have {DAILY - 2} credits today \(the budget is"
    cost = re.search(line, study.estimate)
    assert cost, study.estimate
    assert "works that cite them, in" in study.estimate
    assert f"days of {DAILY} credits: run the same command again each day" in study.estimate


def test_the_works_are_those_that_their_files_give(study: Study, tmp_path: Path):
    other = configure(
        Project.copy(tmp_path / "files"),
        {"kind": "works", "shards": 1, "path": f"{study.files[0].parents[1]}/*/*.gz"},
    )
    other.run("results/losses.parquet")
    total = 0
    for path in sorted((study.project.folder / "results/works").glob("*.parquet")):
        works, expected = pl.read_parquet(path), pl.read_parquet(other.folder / "results/works" / path.name)
        assert works.equals(expected), path.name
        total += len(works)
    assert total > 1000


def test_openalex_counts_the_collaboration_that_we_count(study: Study):
    path = study.project.folder / TARGETS[1]
    table = pl.read_parquet(path)
    assert table.columns == list(CHECK.columns)
    assert len(table) > 100
    off = table.filter(pl.col("difference") != 0)
    # Of works with more than a hundred authors, OpenAlex counts only the countries of the first hundred.
    assert set(off["source"]) | set(off["target"]) <= {"FJ", "US"}
    assert extraction.is_intact(path)


def test_run_json_says_when_and_at_what_cost(study: Study):
    run = json.loads((study.project.folder / "results/run.json").read_bytes())
    source = run["source"]
    assert source["url"] == study.server.url
    assert source["field"]["filter"] == {"primary_topic.subfield.id": "1702"}
    assert source["field"]["lists"] == 10
    assert source["field"]["works"] == source["field"]["counted"] > 800
    assert source["citing"]["works"] > 200
    assert source["field"]["first"] <= source["field"]["last"]
    assert source["ledger"]["credits"] == study.server.credits_used
    assert run["finished"] >= source["ledger"]["last"]


def test_the_audit_goes_down_to_the_answers_as_they_came(study: Study, tmp_path: Path):
    project = study.project.twin(tmp_path / "twin")
    result = f"results/works/{kills.LAST}.parquet"
    answer = project.python("scripts/audit.py", result, "--full")
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
    pages = re.findall(r"✓ (harvest/\w+/\w+/p1-0\d+\.json\.gz) .*\(source\)", answer.stdout)
    stored = [str(path.relative_to(project.folder)) for path in project.folder.glob("harvest/*/*/p1-*.gz")]
    assert set(pages) == {path for path in stored if "groups" not in path}
    page = project.folder / pages[0]
    page.write_bytes(gzip.compress(gzip.decompress(page.read_bytes()).replace(b'"article"', b'"retracted"')))
    answer = project.python("scripts/audit.py", result)
    assert answer.returncode == 1
    assert f"{pages[0]} has changed since {Path(pages[0]).parent}/complete.json was made" in answer.stderr


def test_a_link_is_followed_to_the_query_that_gave_its_works(study: Study):
    links = pl.read_parquet(study.project.folder / f"results/full/collaboration/links/{kills.LAST}.parquet")
    first, second = links.filter(pl.col("source") != pl.col("target")).select("source", "target").row(0)
    named = ("--link", first, second, str(kills.LAST))
    answer = study.project.python("scripts/audit.py", *named, "--json")
    assert answer.returncode == 0, answer.stderr
    [count] = json.loads(answer.stdout)["works"]["collaboration"]
    files = {work["file"] for work in count["sample"]}
    assert files and set(count["queries"]) == files
    for file, queries in count["queries"].items():
        for query in queries:
            assert query["url"] == study.server.url and query["first"] <= query["last"]
            if "citing" not in file:
                assert str(kills.LAST) in json.dumps(query["filter"])
    shown = study.project.python("scripts/audit.py", *named).stdout
    assert f": works of {study.server.url} with " in shown


def test_the_files_are_made_anew_without_network(study: Study, tmp_path: Path):
    project = study.project.twin(tmp_path / "twin")
    assert project.plan(*TARGETS) == {}
    module = project.folder / "scripts/harvest_shard.py"
    text = module.read_text()
    module.write_text(text + "\nADDED = 1\n")
    assert project.plan(*TARGETS)["harvest_shard"] == 10
    module.write_text(text)
    path = project.folder / f"results/harvest/api/{kills.LAST}.jsonl.gz"
    before = path.read_bytes()
    path.unlink()
    project.run(str(path.relative_to(project.folder)))  # the server has ended
    assert path.read_bytes() == before


def test_the_key_is_nowhere(study: Study):
    assert SECRET not in "".join([*study.stopped, study.last.stdout, study.last.stderr, study.estimate])
    for path in study.project.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            content += gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""
            assert SECRET.encode() not in content, path


def test_a_wrong_key_is_one_line_of_every_job(study: Study, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OPENALEX_API_KEY", "a-wrong-key")
    project = Project.copy(tmp_path / "wrong")
    with OpenAlexServer(study.files, key=SECRET) as server:
        configure(project, {"kind": "api", "api": {"url": server.url, "shards": "year"}})
        answer = project.snakemake(f"results/harvest/api/{kills.LAST}.jsonl.gz")
    output = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert re.search(
        r"^harvest_shard: OPENALEX_API_KEY: OpenAlex does not know this key \(401 ", output, re.MULTILINE
    )
    assert "Traceback" not in output
    assert "a-wrong-key" not in output


def test_the_service_is_asked_once_for_all_definitions(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OPENALEX_API_KEY", SECRET)
    files, _ = kills.corpus(tmp_path / "corpus", 1600, 5)
    definitions = yaml.safe_load((kills.ROOT / "config/definitions.yaml").read_text())
    definitions = {"variants": {"full": {}, **definitions["variants"]}, "run": definitions["run"]}
    names = definitions["run"]["variants"]
    targets = [f"results/{'' if name == 'full' else name + '/'}losses.parquet" for name in names]
    with OpenAlexServer(files, key=SECRET, per_second=100) as server:
        api = {"url": server.url, "shards": "year", "rate": 90, "citing": True, "citing_shards": 1}
        project = configure(
            Project.copy(tmp_path / "api"), {"kind": "api", "shards": 1, "api": api}, definitions
        )
        estimate = project.snakemake("estimate_harvest").stdout
        asked, credits = len(server.requests), server.credits_used
        project.run(*targets)
        requests = server.requests[asked:]
        spent = server.credits_used - credits
    lists = [unquote(request["query"]) for request in requests if request["cursor"]]
    fields = [query for query in lists if "cites:" not in query]
    assert fields
    assert all("topics.subfield.id:1702|1707," in query for query in fields)
    assert kills.fetched_again(server.requests) == []
    assert spent == len(lists), "every page once, and nothing else is paid for"
    # What the estimate says of the variants adds up to what it says of the harvest.
    costs = dict(re.findall(r"variant (\w+) (?:takes|adds) (nothing|\d+ works, about \d+ credits)", estimate))
    assert list(costs) == names
    assert {name for name, cost in costs.items() if cost != "nothing"} == {"full", "vision", "any_topic"}
    works, paid = (
        sum(int(n) for n in re.findall(rf"(\d+) {what}", " ".join(costs.values())))
        for what in ("works", "credits")
    )
    assert re.search(
        rf"^{works} works of the field in 10 shards, .*: about {paid} credits", estimate, re.MULTILINE
    )
    assert paid == len(fields)
    other = configure(
        Project.copy(tmp_path / "files"),
        {"kind": "works", "shards": 1, "path": f"{files[0].parents[1]}/*/*.gz"},
        definitions,
    )
    other.run(*targets)
    for folder in (Path(target).parent / "works" for target in targets):
        tables = [
            pl.concat(pl.read_parquet(path) for path in sorted((place.folder / folder).glob("*.parquet")))
            for place in (project, other)
        ]
        assert tables[0].equals(tables[1]), folder
        assert tables[0]["is_core"].sum() > 50


def test_nothing_is_asked_when_the_study_is_planned(tmp_path: Path):
    project = configure(
        Project.copy(tmp_path / "plan"),
        {"kind": "api", "api": {"url": "http://no-such-host.invalid", "shards": "quarter"}},
    )
    plan = project.plan()
    assert plan["harvest_shard"] == 40
    assert not {"list_cited", "harvest_citing", "check_collaboration", "estimate_harvest"} & set(plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"api": {"shards": "week"}}, "source.api.shards: 'week'; allowed: 'month', 'quarter' or 'year'"),
        ({"api": {"url": "openalex"}}, "source.api.url: 'openalex'; allowed: text that matches"),
        ({"api": {"rate": 0}}, "source.api.rate: 0; allowed: above 0"),
        (
            {"api": {"key": SECRET}},
            "source.api: unknown key key; allowed: budget, citing, ",
        ),
        ({"path": "s3://x"}, "source.path: 's3://x'; allowed where source.kind is api: a folder"),
    ],
)
def test_a_wrong_key_of_the_configuration_is_one_line(change: dict, message: str):
    with pytest.raises(StudyError, match=re.escape(f"configuration: {message}")) as error:
        complete({"source": {"kind": "api", **change}}, kills.ROOT)
    assert "\n" not in str(error.value)


def test_all_of_openalex_is_not_asked_for():
    config = {"source": {"kind": "api"}, "field": {"subfields": None}}
    with pytest.raises(StudyError, match=r"field\.subfields: null; allowed where source\.kind is api"):
        complete(config, kills.ROOT)


@pytest.mark.slow
def test_archives_hold_the_answers_and_the_harvest_can_be_read_again(study: Study, tmp_path: Path):
    twin = study.project.twin(tmp_path / "twin")
    twin.run()
    assert twin.python("scripts/archive_study.py").returncode == 0
    subprocess.run(["tar", "-xzf", twin.folder / "archive/study.tar.gz"], cwd=tmp_path, check=True)
    unpacked = Project(tmp_path / "study")
    assert not (unpacked.folder / "harvest").exists()
    subprocess.run(["tar", "-xf", twin.folder / "archive/harvest.tar", "-C", unpacked.folder], check=True)
    answer = unpacked.python("scripts/audit.py", "--all")
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr
    assert unpacked.plan() == {}
    again = Project.copy(tmp_path / "again")
    harvest = twin.folder / "archive/harvest.tar"
    source = {"kind": "archive", "path": str(harvest), "sha256": embedding.file_digest(harvest)}
    configure(again, source).run("results/losses.parquet")
    works = sorted((again.folder / "results/works").iterdir())
    assert len(works) == YEARS["last"] - YEARS["first"] + 1
    for path in works:
        assert pl.read_parquet(path).equals(pl.read_parquet(twin.folder / "results/works" / path.name))
    crate = json.loads((again.folder / "results/ro-crate-metadata.json").read_bytes())["@graph"]
    source = next(entity for entity in crate if entity["@id"] == "#source")
    assert source["dateCreated"] <= source["dateModified"]
    assert "the harvest of: OpenAlex REST API" in source["description"]
