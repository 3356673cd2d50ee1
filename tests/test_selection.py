"""The selection beside plain loops over the same records, and beside independent counts."""

from collections import Counter
from itertools import combinations, pairwise, product
from pathlib import Path

import orjson
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from poles.corpus import passes, selection, sources
from poles.corpus.field import in_field
from poles.corpus.passes import find_core, read_works
from poles.corpus.tables import CORE, COUNTS, KEPT, LOSSES, RECORDS, WORKS
from poles.errors import StudyError
from poles.networks.construction import build
from poles.study import runs, tables

EVERYTHING = {
    "types": None,
    "retracted": True,
    "paratext": True,
    "xpac": True,
    "countries": "listed",
    "merge": {},
    "authors": "all",
    "institution_types": None,
    "most_cited": None,
    "max_countries": None,
    "min_topic_score": None,
}
SHORT = (Phase.explicit, Phase.reuse, Phase.generate)  # examples are small; shrinking takes minutes
STRICT = EVERYTHING | {
    "types": ["article", "review"],
    "retracted": False,
    "paratext": False,
    "xpac": False,
}
STRICTEST = STRICT | {"merge": {"HK": "CN", "NA": "US"}, "max_countries": 2, "min_topic_score": 0.5}
TOP = STRICT | {"most_cited": 0.3, "max_countries": 3}
AI = {"subfields": [1702], "match": "primary"}


def read(folder: Path, files, field, shards: int = 2) -> tuple[list[Path], list[Path]]:
    """Run both passes through files, as the workflow does; return records and counts of every shard."""
    folder.mkdir(parents=True, exist_ok=True)
    groups = sources.shards(files, shards)
    names = {
        kind: [folder / f"{kind}{n}.parquet" for n in range(len(groups))]
        for kind in ("core", "counts", "kept")
    }
    for n, group in enumerate(groups):
        core, counts = find_core(group, field)
        tables.write(core, CORE, names["core"][n], {})
        tables.write(counts, COUNTS, names["counts"][n], {})
    ids = passes.core_ids(names["core"])
    for n, group in enumerate(groups):
        places = [files.index(file) for file in group]
        runs.write(read_works(group, places, ids, field), KEPT, names["kept"][n], {})
    return names["kept"], names["counts"]


def select(folder: Path, files, field, years, choices, shards: int = 2):
    """Run all steps from files to works by year and losses."""
    works: dict[int, pl.DataFrame] = {}
    losses = selection.select_works(*read(folder, files, field, shards), years, choices, works.__setitem__)
    return works, losses


def write_files(folder: Path, parts) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for number, works in enumerate(parts):
        (folder / f"{number}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, works)))
    return [str(folder / f"{number}.jsonl") for number in range(len(parts))]


def record(
    number: int | None,
    year: int | None = 2000,
    references=(),
    countries=("US",),
    subfield=1702,
    score=1,
    **more,
):
    """Make a work in the shape of OpenAlex, with one author for each country."""
    return {
        "id": number and f"https://openalex.org/W{number}",
        "publication_year": year,
        "type": "article",
        "updated_date": "2026-01-01",
        "primary_topic": {"score": score, "subfield": {"id": f"https://openalex.org/subfields/{subfield}"}},
        "topics": [{"subfield": {"id": subfield}}],
        "authorships": [{"countries": [country]} for country in countries],
        "referenced_works": [f"https://openalex.org/W{n}" for n in references],
    } | more


codes = st.lists(st.sampled_from(["US", "CN", "NA", "HK"]), max_size=4)
anything = st.builds(
    record,
    st.sampled_from([*range(1, 9), None]),
    st.sampled_from([1999, 2000, 2001, None]),
    st.lists(st.integers(1, 10), max_size=4),
    codes,
    st.sampled_from([1702, 2718]),
    st.sampled_from([0.9, 1, 0.5, 0.4999, 0, None]),
    type=st.sampled_from(["article", "article", "review", "paratext", "dataset", None]),
    updated_date=st.sampled_from(["2026-01-01", "2026-02-01T01:00:00", None]),
    is_retracted=st.sampled_from([False, False, True, None]),
    is_xpac=st.sampled_from([False, False, True]),
    authors_count=st.sampled_from([None, 0, 2]),
)


def number_of(work) -> int:
    return int(work["id"].rpartition("W")[2])


def references_of(work) -> list[int]:
    return [int(text.rpartition("W")[2]) for text in work["referenced_works"]]


def by_hand(parts, field, years, choices):
    """Compute works by year, and {(year, step): (left, left in the field)}, by loops over plain records."""
    steps: dict[str, list] = {}
    whole = field is None

    def is_core(work) -> bool:
        return whole or work["primary_topic"]["subfield"]["id"].endswith("/1702")

    steps["read"] = [work for part in parts for work in part]
    steps["with an id"] = [work for work in steps["read"] if work["id"]]
    core_ids = {number_of(work) for work in steps["with an id"] if is_core(work)}
    steps["in the field or citing it"] = [
        work
        for work in steps["with an id"]
        if whole or number_of(work) in core_ids or core_ids & set(references_of(work))
    ]
    best: dict[int, dict] = {}
    for work in steps["in the field or citing it"]:
        held = best.get(number_of(work))
        if held is None or (work["updated_date"] or "") > (held["updated_date"] or ""):
            best[number_of(work)] = work
    steps["distinct"] = list(best.values())

    def is_sure(work) -> bool:
        score, least = work["primary_topic"]["score"], choices["min_topic_score"]
        return is_core(work) and (least is None or score is None or score >= least)

    def countries(work) -> list[str]:
        merge = choices["merge"]
        return sorted({merge.get(code, code) for a in work["authorships"] for code in a["countries"]})

    steps["topic score"] = steps["distinct"]
    field_ids = {number_of(work) for work in steps["distinct"] if is_sure(work)}
    cap = choices["max_countries"]
    types = choices["types"]
    filters = {
        "year in the study": lambda work: work["publication_year"] in years,
        "document type": lambda work: types is None or work["type"] in types,
        "not retracted": lambda work: choices["retracted"] or not work.get("is_retracted"),
        "not paratext": lambda work: choices["paratext"] or work["type"] != "paratext",
        "not in the expansion corpus": lambda work: choices["xpac"] or not work.get("is_xpac"),
        "not above the cap on countries": lambda work: cap is None or len(countries(work)) <= cap,
    }
    left = steps["distinct"]
    for step, keeps in filters.items():
        left = steps[step] = [work for work in left if keeps(work)]
    steps["most cited"] = left
    citing: dict[int, set[int]] = {}
    for work in left:
        for cited in set(references_of(work)) - {number_of(work)}:
            citing.setdefault(cited, set()).add(number_of(work))

    def citations(work) -> int:
        return len(citing.get(number_of(work), ()))

    def is_top(work) -> bool:
        if choices["most_cited"] is None or not is_sure(work):
            return is_sure(work)
        rivals = [w for w in left if is_sure(w) and w["publication_year"] == work["publication_year"]]
        more = sum(citations(rival) > citations(work) for rival in rivals)
        return citations(work) > 0 and more < choices["most_cited"] * len(rivals)

    selected = {number_of(work) for work in left if is_top(work)}
    located = {number_of(work) for work in left if is_top(work) and countries(work)}
    left = [work for work in left if is_top(work) or selected & set(references_of(work)) - {number_of(work)}]
    steps["in the field or citing a selected work"] = left
    steps["with a country"] = [work for work in left if countries(work)]
    steps["with a country and references"] = [
        work for work in steps["with a country"] if set(references_of(work)) - {number_of(work)}
    ]
    steps["with complete lists"] = [
        work
        for work in steps["with a country and references"]
        if (work.get("authors_count") or 0) <= len(work["authorships"])
    ]
    losses = {}
    exits = {"in the field or citing it": is_core, "topic score": is_sure, "most cited": is_top}
    whole_field = is_core
    all_years = {work["publication_year"] for work in steps["read"]} | set(years)
    for step, works in steps.items():
        whole_field = exits.get(step, whole_field)
        for year in all_years:
            of_year = [work for work in works if work["publication_year"] == year]
            core = sum(map(whole_field, of_year)) if step not in ("read", "with an id") else None
            losses[year, step] = (len(of_year), core)
    for year in all_years:
        counts = {step: [0, 0] for step, unit in selection.STEPS.items() if unit == "references"}
        for work in left:
            if work["publication_year"] == year:
                identity = number_of(work)
                once = set(references_of(work))
                others = once - {identity}
                numbers = (
                    len(references_of(work)), len(once), len(others), len(others & field_ids),
                    len(others & selected), len(others & located) if countries(work) else 0,
                )  # fmt: skip
                for step, number in zip(counts, numbers, strict=True):
                    counts[step][0] += number
                    counts[step][1] += number * is_top(work)
        losses |= {(year, step): tuple(pair) for step, pair in counts.items()}
    works = {
        year: sorted(
            (
                number_of(work), year, work["type"], is_top(work), countries(work),
                len(work["authorships"]),
                sorted(set(references_of(work)) - {number_of(work)}),
            )
            for work in left
            if work["publication_year"] == year
        )
        for year in years
    }  # fmt: skip
    return works, losses


def nowhere_increasing(losses: pl.DataFrame) -> bool:
    """Whether no count exceeds that of the step before, for each year and unit, and for the field."""
    outside = pl.when(pl.col("order") >= list(selection.STEPS).index("most cited"))
    losses = losses.with_columns(outside.then(pl.col("left") - pl.col("left_core")).alias("outside"))
    for unit in ("works", "references"):
        steps = losses.filter(pl.col("unit") == unit).sort("year", "order")
        for column in ("left", "left_core", "outside"):
            change = steps.select(pl.col(column).diff().over("year")).to_series().drop_nulls()
            if (change > 0).any():
                return False
    return True


several_topics = st.builds(
    lambda work, others: work | {"topics": work["topics"] + [{"subfield": {"id": n}} for n in others]},
    anything,
    st.lists(st.sampled_from([1702, 1707, 2718]), max_size=2),
)
FIELDS = [AI, AI | {"subfields": [2718]}, AI | {"match": "any"}, {"subfields": [2718, 1707], "match": "any"}]


@settings(max_examples=15, deadline=None, phases=SHORT)
@given(
    st.lists(several_topics, min_size=1, max_size=12),
    st.sampled_from(FIELDS),
    st.sampled_from([None, {"subfields": [1702, 1707, 2718], "match": "any"}]),
)
def test_a_field_within_the_one_that_was_read_is_selected_as_if_it_alone_had_been_read(
    tmp_path_factory, works, field, read_field
):
    folder, years = tmp_path_factory.mktemp("fields"), range(1999, 2002)
    # One valid work is in each of the fields, because empty studies are refused.
    sure = record(99, 2000) | {"topics": [{"subfield": {"id": n}} for n in (1702, 2718)]}
    also = record(98, 2000, [99], subfield=2718)
    files = write_files(folder, [[*works, sure, also]])
    alone, losses = select(folder / "alone", files, field, years, EVERYTHING, 1)
    within: dict[int, pl.DataFrame] = {}
    kept = read(folder / "all", files, read_field, 1)
    assert selection.select_works(*kept, years, EVERYTHING, within.__setitem__, field).equals(losses)
    assert all(within[year].equals(alone[year]) for year in years)


@pytest.mark.parametrize(
    ("authors", "expected"),
    [("all", {"CN", "DE", "US"}), ("first", {"US"}), ("last", {"CN", "DE"})],
)
def test_countries_of_the_first_or_last_author_alone(tmp_path, authors, expected):
    work = record(1) | {"authorships": [{"countries": codes} for codes in (["US"], ["CN"], ["DE", "CN"])]}
    single, none = record(2, countries=["FR"]), record(3, countries=[])
    files = write_files(tmp_path, [[work, single, none]])
    works, _ = select(tmp_path / "out", files, AI, range(2000, 2001), EVERYTHING | {"authors": authors})
    countries = dict(works[2000].select("work_id", "countries").iter_rows())
    assert set(countries[1]) == expected
    assert (countries[2], countries[3]) == (["FR"], [])


@settings(max_examples=30, deadline=None, phases=SHORT)
@given(
    st.lists(st.lists(anything, min_size=1, max_size=8), min_size=1, max_size=3),
    st.sampled_from([AI, None]),
    st.sampled_from([EVERYTHING, STRICT, STRICTEST, TOP]),
    st.integers(1, 3),
)
def test_selection_is_that_of_loops_by_hand(tmp_path_factory, parts, field, choices, shards):
    # Each file has valid works with ids, because empty studies and files without ids are refused.
    parts = [[record(20 + number), record(30, references=[20]), *part] for number, part in enumerate(parts)]
    folder = tmp_path_factory.mktemp("selection")
    years = range(2000, 2002)
    expected_works, expected = by_hand(parts, field, years, choices)
    works, losses = select(folder, write_files(folder / "files", parts), field, years, choices, shards)
    assert {year: frame.rows() for year, frame in works.items()} == expected_works
    assert all(frame.schema == pl.Schema(WORKS.columns) for frame in works.values())
    result = {(year, step): (left, core) for year, _, step, _, left, core in losses.iter_rows()}
    assert result == expected
    assert losses.schema == pl.Schema(LOSSES.columns)
    assert nowhere_increasing(losses)


def relabelled(work, merge):
    """Return the work as if its source had merged the countries itself."""
    authorships = [{"countries": [merge.get(c, c) for c in a["countries"]]} for a in work["authorships"]]
    return work | {"authorships": authorships}


@settings(max_examples=15, deadline=None, phases=SHORT)
@given(
    st.lists(anything, min_size=1, max_size=8),
    st.dictionaries(st.sampled_from(["HK", "NA"]), st.sampled_from(["CN", "US", "FR"])),
    st.sampled_from([None, 2]),
)
def test_merging_countries_is_relabelling_them_before(tmp_path_factory, works, merge, cap):
    works = [record(20, countries=["HK", "CN", "US"]), record(21), *works]
    folder = tmp_path_factory.mktemp("merged")
    files = write_files(folder / "files", [works])
    other = write_files(folder / "other", [[relabelled(work, merge) for work in works]])
    choices = EVERYTHING | {"max_countries": cap}
    merged = select(folder / "a", files, AI, range(2000, 2001), choices | {"merge": merge})
    before = select(folder / "b", other, AI, range(2000, 2001), choices)
    assert merged[0][2000].equals(before[0][2000])
    assert merged[1].equals(before[1])


def test_every_year_is_saved_once_in_order(tmp_path):
    files = write_files(tmp_path / "files", [[record(1, 2003)]])
    works, losses = select(tmp_path, files, AI, range(2001, 2006), STRICT)
    assert list(works) == [2001, 2002, 2003, 2004, 2005]
    assert [len(frame) for frame in works.values()] == [0, 0, 1, 0, 0]
    assert losses["year"].unique().to_list() == [2001, 2002, 2003, 2004, 2005]


def test_the_record_updated_last_decides_even_where_it_leaves_the_field(tmp_path):
    older, newer = {"updated_date": "2026-01-01"}, {"updated_date": "2026-01-01T00:00:00.5"}
    parts = [
        [record(1, subfield=1702, **older), record(2, countries=["FR"], **newer)],
        [record(1, subfield=2718, **newer), record(2, countries=["DE"], **newer)],
    ]
    works, losses = select(tmp_path, write_files(tmp_path / "files", parts), AI, range(2000, 2001), STRICT)
    assert works[2000].select("work_id", "countries").rows() == [(2, ["FR"])]
    left = dict(losses.select("step", "left").iter_rows())
    assert (left["in the field or citing it"], left["distinct"]) == (4, 2)


def test_a_work_outside_falls_with_the_last_work_it_cites(tmp_path):
    works = [record(1), record(2, is_retracted=True), record(3, subfield=2718, references=[2])]
    files = write_files(tmp_path / "files", [works])
    kept = select(tmp_path / "strict", files, AI, range(2000, 2001), STRICT)[0][2000]
    assert kept["work_id"].to_list() == [1]
    kept = select(tmp_path / "all", files, AI, range(2000, 2001), EVERYTHING)[0][2000]
    assert kept.select("work_id", "is_core").rows() == [(1, True), (2, True), (3, False)]


def left_of(losses: pl.DataFrame, *steps: str) -> list[tuple[int, int]]:
    """Return the works that each step leaves, and those of the field among them, over all years."""
    sums = losses.group_by("step").agg(pl.col("left", "left_core").sum())
    by_step = {step: (left, core) for step, left, core in sums.iter_rows()}
    return [by_step[step] for step in steps]


def test_a_work_above_the_cap_counts_nowhere(tmp_path):
    works = [
        record(1, countries=["US", "CN", "FR"], references=[2]),
        record(2, countries=["US", "CN"], references=[1]),
        record(3, subfield=2718, references=[1]),
        record(4, subfield=2718, references=[1, 2], countries=["US", "DE", "CN"]),
        record(5, subfield=2718, references=[1, 2]),
    ]
    files = write_files(tmp_path / "files", [works])
    kept, losses = select(tmp_path, files, AI, range(2000, 2001), EVERYTHING | {"max_countries": 2})
    assert kept[2000].select("work_id", "references").rows() == [(2, [1]), (5, [1, 2])]
    steps = (
        "not in the expansion corpus", "not above the cap on countries",
        "in the field or citing a selected work", "to a work of the field", "to a selected work",
    )  # fmt: skip
    assert left_of(losses, *steps) == [(5, 2), (3, 1), (2, 1), (3, 1), (1, 0)]
    with pytest.raises(StudyError, match=r"selection\.max_countries: every work .* more than 1 countries"):
        select(tmp_path / "none", files, AI, range(2000, 2001), EVERYTHING | {"max_countries": 1})


def test_a_doubtful_topic_takes_a_work_out_of_the_field_but_lets_it_cite(tmp_path, caplog):
    works = [
        record(1, score=0.7),
        record(2, score=0.6999, references=[1]),
        record(3, score=0.2),
        record(4, score=None, references=[3]),
        record(5, subfield=2718, references=[2, 3]),
        record(6, subfield=2718, references=[1], score=0.1),
    ]
    files = write_files(tmp_path / "files", [works])
    choices = EVERYTHING | {"min_topic_score": 0.7}
    kept, losses = select(tmp_path, files, AI, range(2000, 2001), choices)
    expected = [(1, True), (2, False), (4, True), (6, False)]
    assert kept[2000].select("work_id", "is_core").rows() == expected
    steps = ("distinct", "topic score", "in the field or citing a selected work", "to a work of the field")
    assert left_of(losses, *steps) == [(6, 4), (6, 2), (4, 2), (2, 0)]
    assert "1 works of the field have no score; they stay in the field" in caplog.text
    with pytest.raises(StudyError, match=r"min_topic_score: .* the highest score is 0\.7"):
        files = write_files(tmp_path / "other", [works[:3]])
        select(tmp_path / "none", files, AI, range(2000, 2001), EVERYTHING | {"min_topic_score": 0.8})


def test_proceedings_papers_that_a_list_of_types_loses_are_named_by_year(tmp_path, caplog):
    moved = {"type": "conference-paper"}
    works = [record(1), record(2, 2001, **moved), record(3, 2001, **moved), record(4, 2003, **moved)]
    works += [record(5, 2001, [1], subfield=2718, **moved), record(6, 1990, **moved)]
    files = write_files(tmp_path / "files", [works])
    types = ["article", "reveiw", "book"]
    select(tmp_path / "without", files, AI, range(2000, 2004), EVERYTHING | {"types": types})
    assert "not conference-paper" in caplog.text
    assert "works of the field that this drops, by year: 2001 2, 2003 1" in caplog.text
    assert (
        "no record has the type reveiw, book; the types of the records are: article, conference-paper"
        in caplog.text
    )
    assert "the step 'document type' drops 3 of 4 works of the field" in caplog.text
    caplog.clear()
    types = ["article", "conference-paper"]
    select(tmp_path / "with", files, AI, range(2000, 2004), EVERYTHING | {"types": types})
    select(tmp_path / "all", files, AI, range(2000, 2004), EVERYTHING)
    assert "selection.types" not in caplog.text


def test_codes_that_iso_does_not_have_are_counted_unless_they_are_merged(tmp_path, caplog):
    works = [
        record(1, countries=["UK", "US"]),
        record(2, 2001, countries=["UK"]),
        record(3, countries=["EU"]),
    ]
    works += [record(4, countries=["ZZ", "NA", "XK"]), record(5, countries=["GB", "UK"])]
    files = write_files(tmp_path / "files", [works])
    select(tmp_path / "plain", files, AI, range(2000, 2002), EVERYTHING)
    warned = "UK in 3 (did you mean GB?), ZZ in 1, EU in 1 (EU is the European Union)"
    [message] = [text for text in caplog.messages if "ISO 3166-1" in text]
    assert message.endswith(f"works by code: {warned}")
    caplog.clear()
    merge = {"UK": "GB", "EU": "BE", "ZZ": "US"}
    kept, _ = select(tmp_path / "merged", files, AI, range(2000, 2002), EVERYTHING | {"merge": merge})
    assert "ISO 3166-1" not in caplog.text
    assert kept[2000].filter(work_id=5)["countries"].to_list() == [["GB"]], "one country, so no link"


def test_works_that_state_more_than_their_records_hold_are_counted_and_named(tmp_path, caplog):
    works = [
        record(1),
        record(2, references=[1], authors_count=2),
        record(3, references=[1], authors_count=1),
    ]
    works += [
        record(4, subfield=2718, references=[1], countries_distinct_count=2),
        record(5, 1990, authors_count=2),
    ]
    works += [record(6, subfield=2718, authors_count=2)]
    files = write_files(tmp_path / "files", [works])
    kept, losses = select(tmp_path, files, AI, range(2000, 2001), EVERYTHING)
    assert kept[2000]["work_id"].to_list() == [1, 2, 3, 4], "they stay"
    assert left_of(losses, "with a country and references", "with complete lists") == [(3, 2), (1, 1)]
    assert "2 works, 1 of them of the field, state more authors, countries or references" in caplog.text
    assert "the first are W2, W4" in caplog.text


@pytest.mark.parametrize(("without", "warned"), [(2, False), (3, True)])
def test_a_step_that_drops_more_than_half_of_the_field_is_named(tmp_path, caplog, without, warned):
    works = [record(n, countries=[] if n <= without else ["US"], references=[9]) for n in range(1, 5)]
    works += [record(n, subfield=2718, references=[1], countries=[]) for n in range(5, 9)]
    select(tmp_path, write_files(tmp_path / "files", [works]), AI, range(2000, 2001), STRICT)
    assert ("the step 'with a country' drops 3 of 4 works" in caplog.text) == warned


@pytest.mark.parametrize(
    ("field", "inside"),
    [
        (None, "abcde"),
        ({"subfields": None, "match": "primary"}, "abcde"),
        ({"subfields": [1702], "match": "primary"}, "a"),
        ({"subfields": [1702], "match": "any"}, "abd"),
        ({"subfields": [1702, 1707], "match": "primary"}, "ab"),
        ({"subfields": [1707], "match": "any"}, "b"),
    ],
)
def test_field_by_primary_or_any_topic(field, inside):
    works = pl.DataFrame(
        {
            "name": list("abcde"),
            "primary_subfield": [1702, 1707, None, 2718, 3600],
            "topic_subfields": [[1702], [1707, 1702], [], [2718, 1702], [3600]],
        },
        schema_overrides={"primary_subfield": pl.Int32, "topic_subfields": pl.List(pl.Int32)},
    )
    assert "".join(works.filter(in_field(field))["name"]) == inside


def institution(code, kind):
    return {"country_code": code, "type": kind}


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (None, ["CN", "DE", "US"]),
        (["company"], ["DE", "FR"]),
        (["education"], ["CN", "US"]),
        (["company", "education"], ["CN", "DE", "FR", "US"]),
        (["funder"], []),
    ],
)
@pytest.mark.parametrize("countries", ["listed", "institutions"])
def test_only_institutions_of_some_types_give_a_work_its_countries(tmp_path, types, expected, countries):
    works = [institution("US", "education"), institution("DE", "company")]
    # The listed countries of the second author are not those of its institutions.
    authors = [
        works,
        [institution("CN", "education"), institution("", "company"), institution("FR", "company")],
    ]
    listed = [["US", "DE"], ["CN"]]
    work = record(1) | {
        "authorships": [
            {"countries": codes, "institutions": of_author}
            for codes, of_author in zip(listed, authors, strict=True)
        ]
    }
    other = record(2) | {
        "authorships": [{"countries": ["IT"], "institutions": [institution("IT", "funder")]}]
    }
    choices = EVERYTHING | {"institution_types": types, "countries": countries}
    kept, _ = select(
        tmp_path, write_files(tmp_path / "files", [[work, other]]), AI, range(2000, 2001), choices
    )
    codes = dict(kept[2000].select("work_id", "countries").iter_rows())
    if types is None and countries == "institutions":
        expected = ["CN", "DE", "FR", "US"]
    assert codes == {1: expected, 2: ["IT"] if types in (None, ["funder"]) else []}


def test_types_that_no_institution_has_are_named(tmp_path, caplog):
    authorships = [{"countries": ["US"], "institutions": [institution("US", "education")]}]
    files = write_files(tmp_path / "files", [[record(1) | {"authorships": authorships}]])

    def choose(*types):
        return select(tmp_path, files, AI, range(2000, 2001), EVERYTHING | {"institution_types": list(types)})

    choose("education")
    assert "institution_types" not in caplog.text
    choose("education", "firm")
    assert (
        "no institution has the type firm; the types of institutions of the field are: education"
        in caplog.text
    )
    with pytest.raises(StudyError, match=r"institution_types: firm leaves no work .* are: education"):
        choose("firm")


def cited(*citations: int, year: int = 2000) -> list[dict]:
    """Make works of the field, with ids from 1, that are cited as often as said by works of other years."""
    works = [record(number, year) for number in range(1, len(citations) + 1)]
    for place in range(max(citations)):
        references = [number for number, times in enumerate(citations, 1) if times > place]
        works.append(record(100 + place, year + 1, references, subfield=2718))
    return works


@pytest.mark.parametrize(
    ("citations", "share", "expected"),
    [
        ((5, 4, 3, 2, 1, 1, 1, 0, 0, 0), 0.1, [1]),
        ((5, 4, 3, 2, 1, 1, 1, 0, 0, 0), 0.3, [1, 2, 3]),
        ((5, 4, 3, 3, 3, 0, 0, 0, 0, 0), 0.3, [1, 2, 3, 4, 5]),  # as many citations as the third: all count
        ((5, 5, 5, 5, 5, 0, 0, 0, 0, 0), 0.1, [1, 2, 3, 4, 5]),
        ((1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0.5, [1]),  # never one without citations
        ((2, 1), 0.1, [1]),
        ((2, 1, 0), 1, [1, 2]),
    ],
)
def test_the_most_cited_share_of_a_year_and_all_that_tie_with_its_last_work(
    tmp_path, citations, share, expected
):
    files = write_files(tmp_path / "files", [cited(*citations)[::-1]])
    choices = EVERYTHING | {"most_cited": share}
    kept, losses = select(tmp_path, files, AI, range(2000, 2002), choices)
    assert kept[2000].filter("is_core")["work_id"].to_list() == expected
    left = left_of(losses, "not above the cap on countries", "most cited")
    assert [core for _, core in left] == [len(citations), len(expected)]
    assert left[0][0] == left[1][0], "works leave the field, not the study"


def test_citations_are_compared_within_a_year_and_count_once_for_each_citing_work(tmp_path):
    works = [record(1), record(2), record(3, 2001), record(4, 2001)]
    works += [record(10 + n, 2002, [3, 4], subfield=2718) for n in range(3)]
    # Five references of one work are one citation; works do not cite themselves; two works do not count.
    works += [record(20, 2002, [1] * 5, subfield=2718), record(21, 2002, [2, 1], subfield=2718)]
    works += [record(22, 2002, [2, 2, 2], subfield=2718), record(23, 1990, [1], subfield=2718)]
    works += [record(24, 2002, [1], subfield=2718, is_retracted=True)]
    works[0] |= {"referenced_works": ["W1", "W2"]}
    files = write_files(tmp_path / "files", [works])
    kept, _ = select(tmp_path, files, AI, range(2000, 2003), STRICT | {"most_cited": 0.5})
    assert [kept[year].filter("is_core")["work_id"].to_list() for year in kept] == [[2], [3, 4], []]
    with pytest.raises(StudyError, match=r"most_cited: no work of the field is cited"):
        files = write_files(tmp_path / "other", [[record(1, references=[1]), record(2)]])
        select(tmp_path / "none", files, AI, range(2000, 2001), STRICT | {"most_cited": 0.5})


def test_unknown_choices_are_refused():
    with pytest.raises(StudyError, match=r"field\.match: 'all' is unknown; use primary or any"):
        in_field({"subfields": [1702], "match": "all"})
    with pytest.raises(
        StudyError, match=r"selection\.countries: 'all' is unknown; use one of listed, institutions, union"
    ):
        selection.countries_of("all")


@pytest.mark.parametrize(
    ("choice", "countries"),
    [
        ("listed", [["DE", "FR", "GB", "US"], ["GB"], [], []]),
        ("institutions", [["FR", "GB"], ["GB"], [], []]),
        ("union", [["DE", "FR", "GB", "US"], ["GB"], [], []]),
    ],
)
def test_countries_of_a_work(choice, countries):
    authorships = [
        [
            {"countries": ["US", "DE"], "institutions": []},
            {"countries": [], "institutions": ["GB", "GB"]},
            {"countries": ["US", "FR"], "institutions": ["FR"]},
        ],
        [{"countries": [], "institutions": ["GB"]}],
        [{"countries": [], "institutions": []}],
        [],
    ]
    frame = pl.DataFrame({"authorships": authorships}, schema={"authorships": RECORDS.columns["authorships"]})
    assert frame.select(selection.countries_of(choice)).to_series().to_list() == countries


def test_listed_countries_hide_those_of_the_institutions_and_union_shows_them():
    authorships = [[{"countries": ["CN"], "institutions": ["US"]}]]
    frame = pl.DataFrame({"authorships": authorships}, schema={"authorships": RECORDS.columns["authorships"]})
    result = {
        c: frame.select(selection.countries_of(c)).item().to_list()
        for c in ("listed", "institutions", "union")
    }
    assert result == {"listed": ["CN"], "institutions": ["US"], "union": ["CN", "US"]}


@pytest.mark.parametrize(
    ("works", "message"),
    [
        (
            [record(1, subfield=2718)],
            r"field\.subfields: no work is in the field; .* or null for every work",
        ),
        ([record(1, 1980), record(2, None)], r"years: .* the years were 1980-1980"),
        ([record(1, type="journal-article")], r"selection\.types: .* the types journal-article"),
        ([record(1, is_retracted=True)], r"selection\.retracted: "),
        ([record(1, is_xpac=True)], r"selection\.xpac: "),
    ],
)
def test_a_study_without_works_names_the_step_that_took_the_last(tmp_path, works, message):
    with pytest.raises(StudyError, match=message):
        select(tmp_path, write_files(tmp_path / "files", [works]), AI, range(2000, 2001), STRICT)


def test_number_of_records_must_be_that_of_the_manifest(tmp_path):
    files = write_files(tmp_path, [[record(1), record(2)], [record(3)]])
    find_core(files, AI, [2, 1])
    with pytest.raises(StudyError, match=r"1\.jsonl: has 1 records, but the manifest says 2"):
        find_core(files, AI, [2, 2])


def test_what_is_dropped_is_warned_of_once_for_all_files(tmp_path, caplog):
    parts = [[record(n, countries=["USA", "US"], references=[]), record(None)] for n in range(1, 6)]
    parts += [[record(7) | {"referenced_works": ["W1", "x"]}], []]
    (tmp_path / "6.json").write_text('{"results": []}')
    files = [*write_files(tmp_path, parts[:-1]), str(tmp_path / "6.json")]
    core, _ = find_core(files, AI)
    list(read_works(files, range(7), core["work_id"], AI))
    first, sixth = tmp_path / "0.jsonl", tmp_path / "5.jsonl"
    assert caplog.messages == [
        f"5 records without an id are dropped, in 5 of 7 files; the first is {first}",
        f"1 files hold no works, in 1 of 7 files; the first is {tmp_path / '6.json'}",
        f"5 country codes that are not two letters are dropped, in 5 of 7 files; the first is {first}",
        f"1 references that are no ids of works are dropped, in 1 of 7 files; the first is {sixth}",
    ]


def pages(folder, stated, parts):
    """Pages of the API, each of which says how many works their list has."""
    folder.mkdir()
    files = [folder / f"{number}.json" for number in range(len(parts))]
    for file, part in zip(files, parts, strict=True):
        file.write_bytes(orjson.dumps({"meta": {"count": stated, "per_page": 2}, "results": part}))
    return [str(file) for file in files]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("prefilter", [AI, None])
def test_pages_of_the_api_that_are_missing_are_warned_of(tmp_path, caplog, shards, prefilter):
    parts = [[record(1), record(2)], [record(3)]]
    for stated, warned in ((3, False), (4, True), (None, False), (2, False)):
        caplog.clear()
        files = pages(tmp_path / f"{stated}", stated, parts)
        select(tmp_path, files, prefilter, range(2000, 2001), STRICT, shards)
        sentences = [text for text in caplog.messages if "page of the API" in text]
        assert sentences == warned * [
            "a page of the API states that its list has 4 works, but all files together have 3 records; "
            "fetch the other pages, too"
        ]


@pytest.mark.parametrize("ending", ["jsonl", "gz", "parquet", "zip"])
def test_a_part_without_bytes_is_read_where_the_manifest_states_no_records(tmp_path, ending):
    files = write_files(tmp_path, [[record(1), record(2)]])
    (tmp_path / f"empty.{ending}").touch()
    files.append(str(tmp_path / f"empty.{ending}"))
    core, counts = find_core(files, AI, [2, 0])
    assert (core["work_id"].to_list(), counts["read"].sum()) == ([1, 2], 2)
    kept = pl.concat(read_works(files, [0, 1], core["work_id"], AI, [2, 0]))
    assert kept["work_id"].to_list() == [1, 2]
    for expected in ([2, 1], None):
        with pytest.raises(StudyError, match=rf"empty\.{ending}: the file is empty"):
            find_core(files, AI, expected)
    with pytest.raises(StudyError, match=r"0\.jsonl: has 2 records, but the manifest says 0"):
        find_core(files, AI, [0, 0])


def test_kept_records_stand_by_year_so_that_a_year_can_be_read_alone(tmp_path):
    kept = pl.select(
        pl.int_range(20_000).alias("position"), (1990 + pl.int_range(20_000) % 20).alias("year")
    ).with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in KEPT.columns.items()
        if name not in ("position", "year")
    )
    tables.write(kept, KEPT, tmp_path / "kept.parquet", {})
    file = pq.ParquetFile(tmp_path / "kept.parquet")
    place = file.schema_arrow.names.index("year")
    groups = [file.metadata.row_group(n).column(place).statistics for n in range(file.num_row_groups)]
    assert len(groups) == 3
    assert all(before.max <= after.min for before, after in pairwise(groups))


# Real records ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def medicine_files(shared_data, tmp_path_factory):
    file = shared_data("openalex-works") / "works_reduced.jsonl.gz"
    return read(tmp_path_factory.mktemp("medicine"), [str(file)], None)


@pytest.fixture(scope="module")
def medicine(medicine_files):
    works: dict[int, pl.DataFrame] = {}
    losses = selection.select_works(*medicine_files, range(1951, 2023), EVERYTHING, works.__setitem__)
    return works, losses


def totals(losses: pl.DataFrame) -> dict[str, int]:
    return dict(losses.group_by("step").agg(pl.col("left").sum()).iter_rows())


def test_medicine_loses_what_was_counted_elsewhere(medicine):
    works, losses = medicine
    left = totals(losses)
    assert sum(map(len, works.values())) == left["in the field or citing a selected work"] == 7518
    # 21,423 references lead to works of the set; 20 of them are references of a work to itself.
    assert left["listed once"] - left["not to the work itself"] == 20
    assert left["to a selected work"] == 21_423 - 20
    assert nowhere_increasing(losses)


def test_medicine_has_the_links_that_were_counted_elsewhere(medicine):
    works = pl.concat(medicine[0].values())
    countries = dict(works.select("work_id", "countries").iter_rows())
    pairs = Counter(pair for codes in countries.values() for pair in combinations(codes, 2))
    assert (len(pairs), pairs.total()) == (1113, 4401)
    citations = Counter(
        pair
        for citing, references in works.select("work_id", "references").iter_rows()
        for cited in references
        for pair in product(countries[citing], countries.get(cited, ()))
    )
    assert (len(citations), citations.total()) == (2607, 47_986)
    assert sum(n for (source, target), n in citations.items() if source != target) == 41_317


def test_medicine_has_as_many_citations_as_its_losses_say(medicine, tmp_path):
    # Under fractional counting each citation between works with a country sums to one.
    works, losses = medicine
    for year, frame in works.items():
        frame.write_parquet(tmp_path / f"{year}.parquet")
    built = build(tmp_path.glob("*.parquet"), "fractional")
    weights = [links["citation"]["weight"].sum() for _, links, _ in built]
    assert sum(weights) == pytest.approx(totals(losses)["between works with a country"], abs=1e-6)


def test_medicine_without_its_retracted_works(medicine_files):
    choices = EVERYTHING | {"types": ["journal-article"], "retracted": False}
    losses = selection.select_works(*medicine_files, range(1951, 2023), choices, lambda year, works: None)
    left = totals(losses)
    assert left["distinct"] - left["document type"] == 7518 - 7452
    assert left["document type"] - left["not retracted"] == 3
