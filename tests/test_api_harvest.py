"""The harvest gets every work once and completely, despite all failures, and requests nothing twice."""

import calendar
import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hypothesis
import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_works import FIELD, SECRET, scope, settings, small_corpus, work
from openalex_server import Failures, OpenAlexServer
from poles.corpus.api import citing, client, date_ranges, estimate, groups, harvest, live_checks, query
from poles.corpus.api.account import Answer
from poles.corpus.api.ledger import BudgetSpent, Ledger
from poles.corpus.api.store import Unit
from poles.errors import StudyError
from poles.networks import check
from poles.study import extraction

CORPUS = small_corpus()
MERGED = frozenset({1199})


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Set a key, and do not wait between attempts."""
    monkeypatch.setenv(client.KEY, SECRET)
    monkeypatch.setattr(client, "FIRST_WAIT", 0.0)


def serve(works: list[dict] = CORPUS, **options: Any) -> OpenAlexServer:
    """Make a stand-in in which one work is merged into another."""
    failures = options.pop("failures", Failures(merged=MERGED))
    return OpenAlexServer(works, key=SECRET, per_second=10_000, failures=failures, **options)


def ids(content: bytes) -> list[int]:
    """Return the numbers of the works in harvested lines."""
    return [harvest.number_of(orjson.loads(line)) for line in content.splitlines()]


def truth(year: int) -> list[int]:
    """Return the numbers of the works of the field in a year."""
    return sorted(
        harvest.number_of(record)
        for record in CORPUS
        if record["publication_year"] == year and record["primary_topic"]["subfield"]["id"].endswith("1702")
    )


def take(server: OpenAlexServer, store: Path, dates: str, **changes: Any) -> bytes:
    """Harvest one date range."""
    return harvest.harvest_shard(str(store), scope(server.url), dates, settings(server.url, **changes))[0]


@given(st.integers(1900, 2100), st.integers(0, 3), st.sampled_from(list(date_ranges.MONTHS)))
def test_date_ranges_hold_every_day_once(first: int, more: int, by: str):
    names = date_ranges.list_ranges(first, first + more, by)
    day = date(first, 1, 1)
    for name in names:
        begin, end = date_ranges.bounds(name)
        assert begin == day
        day = end + timedelta(days=1)
    assert day == date(first + more + 1, 1, 1)
    assert len(names) == (more + 1) * 12 / date_ranges.MONTHS[by]


@pytest.mark.parametrize(
    "name", ["", "20", "2020-13", "2020-00", "2020-q5", "2020-1", "citing_0", "2020-01-01"]
)
def test_what_is_no_date_range(name: str):
    with pytest.raises(StudyError, match="not a year, quarter or month such as"):
        date_ranges.bounds(name)


def test_every_work_comes_once_with_all_its_authors(tmp_path: Path):
    with serve() as server:
        for year in (2018, 2019, 2020, 2021):
            content = take(server, tmp_path, str(year))
            assert ids(content) == truth(year)
            if year == 2020:
                records = {harvest.number_of(w): w for w in map(orjson.loads, content.splitlines())}
        names = date_ranges.list_ranges(2020, 2020, "month")
        months = b"".join(take(server, tmp_path, name) for name in names)
        # 2018 has one page; the 200 works of 2020 fill two pages before an empty third; most months have one.
        pages = 1 + 2 + 3 + 1 + sum(
            max(1, -(-len([n for n in truth(2020) if n % 12 == month]) // 100)) for month in range(12)
        )  # fmt: skip
        assert server.credits_used == pages
    assert sorted(ids(months)) == truth(2020)
    source = {harvest.number_of(record): record for record in CORPUS}
    assert len(records[1198]["authorships"]) == 130
    # Does not exist by itself, so its authorships stay truncated, and the record says so.
    assert len(records[1199]["authorships"]) == 100
    assert records[1199].pop("is_authors_truncated") is True
    for number, record in records.items():
        assert set(record) == set(query.SELECT)
        if number != 1199:
            assert record == {key: source[number][key] for key in query.SELECT}


def test_a_complete_shard_is_read_from_the_store_without_network(tmp_path: Path):
    with serve() as server:
        content = take(server, tmp_path, "2020")
        url = server.url
    again, records = harvest.harvest_shard(str(tmp_path), scope(url), "2020", settings(url))
    assert again == content
    summary = json.loads(Path(records[0]).read_bytes())
    assert (summary["works"], summary["count"], summary["rounds"]) == (200, 200, 1)
    assert (summary["cut"], summary["gone"]) == (2, ["W1199"])
    assert extraction.is_intact(records[0])


FAILING = {
    "short_page": Failures(short_page=1.0, most=2, merged=MERGED),
    "repeated_rows": Failures(repeated_rows=1.0, merged=MERGED),
    "drifting_count": Failures(drifting_count=1.0, merged=MERGED),
    "all": Failures.all(0.06, hang_seconds=0.7, merged=MERGED),
}


@pytest.mark.parametrize("kind", list(FAILING))
def test_what_a_page_hides_is_found(tmp_path: Path, kind: str):
    with serve() as server:
        calm = {year: take(server, tmp_path / "calm", str(year)) for year in (2019, 2020, 2021)}
    with serve(failures=FAILING[kind]) as server:
        for year, content in calm.items():
            assert take(server, tmp_path / "failing", str(year)) == content
        assert server.report()["failures"] or kind == "repeated_rows"
        summary = Ledger(tmp_path / "failing").summary()
        assert (summary["credits"], summary["open"]) == (server.credits_used, 0)
    for record in (tmp_path / "failing").glob("*/*/complete.json"):
        assert json.loads(record.read_bytes())["rounds"] == 1, record


def test_a_list_that_never_comes_out_right_is_no_result(tmp_path: Path):
    with (
        serve(failures=Failures(short_page=1.0, most=99)) as server,
        pytest.raises(
            StudyError, match=r"/2020: \d+ works found in 3 rounds, but OpenAlex counts 200; choose smaller"
        ),
    ):
        take(server, tmp_path, "2020")
    assert not list(tmp_path.glob("*/*/complete.json"))


class Service:
    """A list of works that loses rows, as OpenAlex does when their order changes between pages.

    Parameters
    ----------
    works : int
        Number of works.
    lost : list of set
        Places in the order that each walk through the list leaves out.
    off : int
        What meta.count is beyond the truth.
    """

    url, left, leave = "http://service", None, None

    def __init__(self, works: int, lost: list[set[int]], off: int = 0):
        self.works, self.lost, self.off = works, lost, off
        self.round, self.requests = -1, Counter()

    def get(self, path: str, price: int = 0, what: str = "", may_be_gone: bool = False) -> Answer:
        """Answer with a page or with one work."""
        cursor = parse_qs(urlsplit(path).query)["cursor"][0]
        if self.leave is not None and len(self.requests) > self.leave:
            raise BudgetSpent("the budget is spent")
        start = 0 if cursor == "*" else int(cursor)
        self.round += cursor == "*"
        self.requests[self.round, start] += 1
        lost = self.lost[self.round] if self.round < len(self.lost) else set()
        rows = [n for n in range(start, min(start + 100, self.works)) if n not in lost]
        after = str(start + 100) if start + 100 < self.works else None
        if after:  # later rows take the place of the lost ones
            behind = range(start + 100, min(start + 200, self.works))
            rows += [n for n in behind if n not in lost][: 100 - len(rows)]
        meta = {"count": self.works + self.off, "next_cursor": after, "per_page": 100}
        works = [{"id": f"https://openalex.org/W{n + 1}"} for n in rows]
        body = orjson.dumps({"meta": meta, "results": works})
        return Answer.of(200, {"content-type": "application/json"}, body)


def fetched(folder: Path, service: Service, drift: float = 0.0) -> dict[str, Any]:
    """Fetch a unit from a service, and return its summary."""
    unit = Unit(folder / "unit")
    harvest.fetch(unit, {"type": "article"}, service, drift)
    return unit.summary()


@hypothesis.settings(max_examples=40)
@given(st.integers(1, 350), st.lists(st.sets(st.integers(0, 349), max_size=3), max_size=2))
def test_works_that_one_round_lost_another_brings(tmp_path_factory, works: int, lost: list[set[int]]):
    folder = tmp_path_factory.mktemp("lost")
    service = Service(works, lost)
    if len(lost) == 2 and set.intersection(*lost, set(range(works))):
        service.lost.append(set())  # the third round is complete
    summary = fetched(folder, service)
    assert summary["works"] == summary["count"] == works
    assert sorted(ids(harvest.lines([Unit(folder / "unit")]))) == list(range(1, works + 1))
    assert summary["rounds"] <= 3
    assert summary["rounds"] == 1 or any(missing & set(range(works)) for missing in lost)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_count_that_stays_off_is_tolerated_within_the_drift_and_said(tmp_path: Path, off: int):
    summary = fetched(tmp_path / "near", Service(2000, [], off), drift=0.001)
    assert (summary["works"], summary["count"], summary["rounds"]) == (2000, 2000 + off, 2)
    with pytest.raises(StudyError, match=rf"2000 works found in 3 rounds, but OpenAlex counts {2000 + off}"):
        fetched(tmp_path / "far", Service(2000, [], off), drift=0.0001)


@hypothesis.settings(max_examples=40)
@given(st.integers(0, 6), st.integers(101, 700))
def test_a_walk_goes_on_behind_the_last_stored_page(tmp_path_factory, pages: int, works: int):
    folder, service = tmp_path_factory.mktemp("resume"), Service(works, [])
    service.leave = pages
    try:
        fetched(folder, service)
        interrupted = False
    except BudgetSpent as error:
        interrupted = True
        stored = min(pages * 100 + 100, works)
        assert f"{stored} of {works} works are stored; the budget is spent" in str(error) or not pages
    service.leave, service.round = None, 0
    if interrupted:
        fetched(folder, service)
    assert set(service.requests.values()) == {1}
    assert len(service.requests) == -(-works // 100)


def test_the_budget_ends_the_day_and_the_same_call_goes_on(tmp_path: Path):
    with serve(daily_credits=2) as server:
        with pytest.raises(
            BudgetSpent, match=r"/2020: 200 of 200 works are stored; the OpenAlex budget of today is"
        ):
            take(server, tmp_path, "2020")
        with pytest.raises(BudgetSpent):
            take(server, tmp_path, "2020")
        server.next_day()
        assert ids(take(server, tmp_path, "2020")) == truth(2020)
        assert server.credits_used == 3
        assert Ledger(tmp_path).summary()["credits"] == 3


def test_the_own_budget_ends_the_day_too(tmp_path: Path):
    with serve() as server:
        with pytest.raises(
            BudgetSpent, match=r"100 of 200 works are stored; source\.api\.budget: 1 of the 1 credits"
        ):
            take(server, tmp_path, "2020", budget=1)
        assert server.credits_used == 1
        server.next_day()
        with pytest.raises(BudgetSpent, match=r"200 of 200 works are stored"):
            take(server, tmp_path, "2020", budget=1)


def test_the_progress_is_said_every_ten_seconds(monkeypatch, capsys, caplog):
    now = [1000.0]
    monkeypatch.setattr("poles.corpus.api.harvest.time.monotonic", lambda: now[0])
    caplog.set_level("INFO", "poles")
    progress = harvest.Progress("2020-01")
    for done in range(200, 5001, 200):  # 100 a second, after 200 at the start
        progress.show(done, 5000, "works", 9876)
        now[0] += 2
    output = capsys.readouterr().err.splitlines()
    assert output[0] == "2020-01: 1200 of 5000 works, 100 a second, 38 s left; 9876 credits left today"
    assert len(output) == 4
    assert [record.message for record in caplog.records] == output


def test_a_damaged_answer_is_named_and_not_passed_over(tmp_path: Path):
    with serve() as server:
        take(server, tmp_path, "2021")
        url = server.url
    (page,) = tmp_path.glob("*/2021/p1-00000.json.gz")
    page.write_bytes(page.read_bytes()[:-20])
    with pytest.raises(
        StudyError, match=r"p1-00000\.json\.gz: a stored answer that cannot be read .*; delete it"
    ):
        harvest.harvest_shard(str(tmp_path), scope(url), "2021", settings(url))


def test_of_two_records_of_a_work_the_one_updated_last_stands(tmp_path: Path):
    unit = Unit(tmp_path / "unit")
    for place, day in enumerate(("2026-09-01", "2026-09-03", "2026-09-02")):
        works = [work(1, type=f"type-{place}", updated_date=day), work(2 + place)]
        meta = {"count": 4, "next_cursor": "x"}
        unit.save_page(1, place, orjson.dumps({"meta": meta, "results": works}))
    lines = [orjson.loads(line) for line in harvest.lines([unit]).splitlines()]
    assert [harvest.number_of(line) for line in lines] == [1, 2, 3, 4]
    assert lines[0]["type"] == "type-1"


def test_another_question_has_another_folder():
    base = query.identity("https://api.openalex.org", query.in_field(FIELD))
    assert base == query.identity("https://api.openalex.org/", query.in_field(FIELD))
    others = [
        query.identity("http://127.0.0.1:1", query.in_field(FIELD)),
        query.identity("https://api.openalex.org", query.in_field({"subfields": [1702], "match": "any"})),
        query.identity(
            "https://api.openalex.org", query.in_field({"subfields": [1702, 1707], "match": "primary"})
        ),
        query.identity("https://api.openalex.org", query.in_field(FIELD) | query.of_types(["article"])),
    ]
    assert len({base, *others}) == 5


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Iterator[tuple[OpenAlexServer, Path, Path]]:
    """Yield a server, a store with the works of its field, and the harvested files."""
    folder = tmp_path_factory.mktemp("core")
    with pytest.MonkeyPatch.context() as patch, serve() as server:
        patch.setenv(client.KEY, SECRET)
        for year in (2019, 2020, 2021):
            (folder / f"{year}.jsonl.gz").write_bytes(
                gzip.compress(take(server, folder / "store", str(year)))
            )
        yield server, folder / "store", folder


def test_cited_works_are_listed_so_that_those_cited_together_stand_together(core):
    table = citing.list_cited(sorted(core[2].glob("*.jsonl.gz")))
    expected = {
        harvest.number_of(record): record["cited_by_count"] for record in CORPUS if record["cited_by_count"]
    }
    assert dict(table.select("work_id", "cited_by_count").iter_rows()) == expected
    assert table["topic"].to_list() == [number % 5 + 1 for number in table["work_id"]]
    assert table.equals(table.sort("year", "topic", "work_id"))


@pytest.mark.parametrize("parts", [1, 3])
def test_works_that_cite_the_field_are_found_from_outside_and_in_the_years(core, parts: int):
    server, store, folder = core
    cited = citing.list_cited(sorted(folder.glob("*.jsonl.gz")))
    numbers = set()
    for part in range(parts):
        content, records = citing.harvest_citing(
            str(store), scope(server.url), cited, (part, parts), settings(server.url)
        )
        numbers |= set(ids(content))
        assert all(Path(record).is_file() for record in records)
    assert numbers == {
        harvest.number_of(record)
        for record in CORPUS
        if record["referenced_works"] and record["publication_year"] <= 2021
    }


def test_the_number_of_parts_changes_no_batch(core):
    server, store, folder = core
    cited = citing.list_cited(sorted(folder.glob("*.jsonl.gz")))
    citing.harvest_citing(str(store), scope(server.url), cited, (0, 1), settings(server.url))
    before = len(server.requests)
    for part in range(2):
        citing.harvest_citing(str(store), scope(server.url), cited, (part, 2), settings(server.url))
    assert len(server.requests) == before
    assert [len(batch) for batch in citing.batches(list(range(250)))] == [100, 100, 50]


def test_the_estimate_is_what_the_harvest_costs(tmp_path: Path):
    names = date_ranges.list_ranges(2019, 2021, "quarter")
    with serve() as server:

        def say(cited: str | None) -> list[str]:
            return estimate.estimate_harvest(
                str(tmp_path / "store"), scope(server.url), names, cited, settings(server.url)
            )

        first, *_, last = say(None)
        assert first.startswith(
            "344 works of the field in 12 shards, 0 of them in the store: about 12 credits"
        )
        assert last.startswith(
            "this harvest costs about 12 credits; you have 9999 credits today (the budget is renewed at "
        )
        used = server.credits_used
        for name in names:
            (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(take(server, tmp_path / "store", name)))
        assert server.credits_used - used == 12
        assert "12 of them in the store: about 0 credits" in say(None)[0]
        guess = say(str(tmp_path / "cited.parquet"))[1]
        assert "in 2 batches" in guess and "a guess until" in guess
        cited = citing.list_cited(sorted(tmp_path.glob("*.jsonl.gz")))
        cited.write_parquet(tmp_path / "cited.parquet")
        counted = say(str(tmp_path / "cited.parquet"))[1]
        used = server.credits_used
        citing.harvest_citing(str(tmp_path / "store"), scope(server.url), cited, (0, 1), settings(server.url))
        assert f"about {server.credits_used - used} credits (from 2 batches)" in counted


def test_the_estimate_says_what_each_variant_adds(tmp_path: Path):
    both = {"subfields": [1702, 1707], "match": "primary"}
    fields = {"full": FIELD, "articles": FIELD, "vision": both, "recent": both}
    names = date_ranges.list_ranges(2019, 2021, "year")
    with serve() as server:
        of_both = scope(server.url, field=both)

        def say(cited: str | None, fields: dict | None) -> list[str]:
            return estimate.estimate_harvest(
                str(tmp_path), of_both, names, cited, settings(server.url), fields
            )

        first, *variants, _ = say(None, fields)
        assert server.credits_used == 3, "one for the harvest, one for each of the two fields"
        plain = say(None, None)
        # 344 works of 1702 in lists of 137, 200 and 7; and 225 of 1707, which are 75 in each year.
        assert first.startswith("569 works of the field in 3 shards, 0 of them in the store: about 7 credits")
        assert variants == [
            "variant full takes 344 works, about 5 credits",
            "variant articles adds nothing",
            "variant vision adds 225 works, about 2 credits",
            "variant recent adds nothing",
        ]
        assert plain[0] == first and len(plain) == 2
        assert say(None, {"full": both, "recent": both})[0] == first
        lines = say(str(tmp_path / "cited.parquet"), fields)
        citing_credits = int(re.search(r"about (\d+) credits \(a guess", lines[1])[1])
        parts = [int(part) for line in lines for part in re.findall(r"and about (\d+) for the works", line)]
        assert citing_credits <= sum(parts) <= citing_credits + 1


def test_the_estimate_says_how_many_days_it_takes(tmp_path: Path):
    with serve(daily_credits=5) as server:
        names = date_ranges.list_ranges(2019, 2021, "quarter")
        *_, days = estimate.estimate_harvest(
            str(tmp_path), scope(server.url), names, None, settings(server.url)
        )
        assert days == "that is 3 days of 5 credits: run the same command again each day"


def links() -> pl.DataFrame:
    """Count the works of the field in 2020 by pair of countries, work by work."""
    pairs: Counter[tuple[str, str]] = Counter()
    for record in CORPUS:
        if harvest.number_of(record) in truth(2020):
            countries = sorted(
                {code for authorship in record["authorships"][:100] for code in authorship["countries"]}
            )
            pairs.update((a, b) for a in countries for b in countries if a <= b)
    rows = [(a, b, count) for (a, b), count in pairs.items()]
    return pl.DataFrame(rows, {"source": pl.String, "target": pl.String, "weight": pl.Int64}, orient="row")


SELECTION = {
    "types": ["article"], "countries": "listed", "retracted": False, "paratext": False, "xpac": False,
    "merge": {}, "authors": "all", "institution_types": None, "max_countries": None,
    "min_topic_score": None, "most_cited": None,
}  # fmt: skip


def test_openalex_counts_the_collaboration_that_we_count(tmp_path: Path):
    with serve() as server:
        arguments = str(tmp_path), scope(server.url), SELECTION, 2020
        table, records = check.check_collaboration(*arguments, links(), settings(server.url))
        assert len(table) == 6
        assert table["difference"].to_list() == [0] * 6
        assert Path(records[0]).is_file()
        wrong = links().with_columns(
            pl.when(pl.col("source") == "CN").then(pl.col("weight") + 3).otherwise("weight")
        )
        wrong = wrong.filter((pl.col("source") != "US") | (pl.col("target") != "US"))
        wrong = pl.concat(
            [wrong, wrong.head(1).with_columns(pl.lit("AQ").alias("source"), pl.lit("CN").alias("target"))]
        )
        table, _ = check.check_collaboration(*arguments, wrong, settings(server.url))
        assert server.credits_used == 1, "the answer is kept"
    off = {(a, b): (ours, theirs) for a, b, ours, theirs, difference in table.iter_rows() if difference}
    true = {(a, b): weight for a, b, weight in links().iter_rows()}
    assert off.pop(("US", "US")) == (0, true["US", "US"])
    assert off.pop(("AQ", "CN"))[1] == 0
    assert set(off) == {("CN", "CN"), ("CN", "FR"), ("CN", "US")}
    assert all(ours == theirs + 3 for ours, theirs in off.values())


def test_where_groups_do_not_nest_countries_alone_are_compared(tmp_path: Path, monkeypatch):
    nested = query.groups
    monkeypatch.setattr(
        query, "groups", lambda conditions, *keys: nested(conditions, *(keys * 4 if keys[1:] else keys))
    )
    with serve() as server:  # four dimensions are refused
        table, _ = check.check_collaboration(
            str(tmp_path), scope(server.url), SELECTION, 2020, links(), settings(server.url)
        )
    assert table.filter(pl.col("openalex").is_not_null()).select("source", "target").rows() == [
        ("CN", "CN"), ("FR", "FR"), ("US", "US"),
    ]  # fmt: skip
    assert table["difference"].drop_nulls().to_list() == [0, 0, 0]


def test_groups_that_contradict_themselves_and_selections_beyond_openalex_are_refused():
    group = {"key": "https://openalex.org/countries/US", "count": 5}
    other = {"key": "https://openalex.org/countries/CN", "count": 4}
    both = [
        {**group, "groups": [group, {**other, "count": 2}]},
        {**other, "groups": [other, {**group, "count": 3}]},
    ]
    with pytest.raises(StudyError, match="CN-US has 2 works in one group and 3 in the other"):
        list(groups.pairs(both))
    for change in (
        {"merge": {"HK": "CN"}},
        {"max_countries": 10},
        {"authors": "first"},
        {"countries": "union"},
        {"min_topic_score": 0.5},
    ):
        with pytest.raises(StudyError, match=f"selection.{next(iter(change))}: .* has no such filter"):
            check.conditions_of(scope(""), {**SELECTION, **change}, 2020)
    conditions = check.conditions_of(
        scope("", types=["article", "book"]), {**SELECTION, "types": ["book", "x"]}, 2020
    )
    assert conditions["type"] == "book"
    assert check.conditions_of(scope(""), {**SELECTION, "types": None}, 2020)["type"] == "!paratext"


def test_the_assumptions_hold_for_the_stand_in_and_are_found_where_they_do_not(tmp_path: Path, monkeypatch):
    years = [work(10_000 + year, year=year) for year in range(1990, 2024)]
    with serve([*CORPUS, *years]) as server:
        findings = list(live_checks.verify(server.url, SECRET, tmp_path / "one"))
        assert [finding.assumption for finding in findings if not finding.holds] == []
        assert len(findings) >= 12
        assert server.credits_used <= 15
        monkeypatch.setattr(query, "CUT", 50)
        monkeypatch.setattr(query, "SELECT", (*query.SELECT[:-1], "fwci"))
        wrong = [
            finding.assumption
            for finding in live_checks.verify(server.url, SECRET, tmp_path / "two")
            if not finding.holds
        ]
    assert len(wrong) == 2
    assert wrong[0].startswith("a page has ")
    assert wrong[1].startswith("lists cut off authorships")


def test_verify_live_prints_what_holds(monkeypatch, capsys):
    with serve() as server:
        monkeypatch.setattr("sys.argv", ["verify_live.py", "--url", server.url])
        assert live_checks.main() == "1 assumptions do not hold"  # the corpus covers only three years
        output = capsys.readouterr().out.splitlines()
        assert output[0] == "holds: OPENALEX_API_KEY is known, and /rate-limit states the account"
        assert [line for line in output if line.startswith("DOES NOT HOLD")] == [
            "DOES NOT HOLD: a count of works by year costs one credit"
        ]
        monkeypatch.setenv(client.KEY, "another")
        assert live_checks.main().startswith("OPENALEX_API_KEY: OpenAlex does not know this key (401 ")


def test_the_store_is_words_for_a_reader(tmp_path: Path):
    with serve() as server:
        take(server, tmp_path, "2020-02")
        assert calendar.isleap(2020)
        (page,) = tmp_path.glob("*/2020-02/p*.gz")
        answer = orjson.loads(gzip.decompress(page.read_bytes()))
        assert answer["meta"]["count"] == len(answer["results"])
        (question,) = tmp_path.glob("*/query.json")
        assert json.loads(question.read_bytes())["field"] == FIELD
        (record,) = tmp_path.glob("*/2020-02/complete.json")
        assert json.loads(record.read_bytes())["filter"]["to_publication_date"] == "2020-02-29"
        shutil.rmtree(tmp_path / question.parent.name / "2020-02")
        before = server.credits_used
        take(server, tmp_path, "2020-02")
        assert server.credits_used == before + 1
