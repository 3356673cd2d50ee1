"""The planted world: its files are laid out as OpenAlex's, and its works have the planted properties."""

import gzip
import json
import math
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import plain_records
from poles.corpus.demo import drawing, joining, layout, records, snapshot
from poles.corpus.demo import works as generation
from poles.corpus.demo.columns import Columns
from poles.corpus.demo.lines import Lines
from poles.corpus.demo.parquet_schema import SCHEMA
from poles.corpus.demo.sizes import COUNTRIES
from poles.corpus.demo.works import Works, generate
from poles.corpus.demo.world import ARCHETYPES, CHANGE, KD, KI, SC, SD, WINDOW, Plan, World, plant
from poles.corpus.tables import TRUTH
from poles.errors import StudyError
from poles.study import digest, extraction

RECORD = {"rule": "make_demo", "wildcards": {}, "params": {"code": "0"}, "log": "", "inputs": {}}
WORKS, SEED, FIRST, LAST = 4000, 7, 1990, 2023

# The 49 columns of OpenAlex's snapshot, in order.
KEYS_TEXT = """
id doi title display_name ids indexed_in publication_date publication_year language type authorships
authors_count corresponding_author_ids corresponding_institution_ids primary_topic topics keywords concepts
locations locations_count primary_location best_oa_location sustainable_development_goals awards funders
institutions countries_distinct_count institutions_distinct_count open_access is_paratext is_retracted is_xpac
biblio referenced_works referenced_works_count related_works abstract_inverted_index cited_by_count
counts_by_year apc_list apc_paid fwci citation_normalized_percentile cited_by_percentile_year mesh has_content
has_fulltext created_date updated_date
"""
KEYS = KEYS_TEXT.split()


def write(folder: Path, kind: str, works: int = WORKS, seed: int = SEED, **knobs) -> pl.DataFrame:
    return snapshot.write_snapshot(folder, works, seed, FIRST, LAST, kind, RECORD, **knobs)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory) -> dict[str, Path]:
    folders = {}
    for kind in ("jsonl", "parquet"):
        folders[kind] = tmp_path_factory.mktemp(kind)
        write(folders[kind], kind)
    return folders


@pytest.fixture(scope="module")
def made(snapshots) -> list[dict]:
    """Return the records of the JSON lines, in the order of the parts."""
    lines = []
    for part in layout.parts(WORKS, "jsonl"):
        with gzip.open(snapshots["jsonl"] / part) as stream:
            lines += [orjson.loads(line) for line in stream]
    return lines


@pytest.fixture(scope="module")
def world() -> World:
    return plant(SEED)


@pytest.fixture(scope="module")
def works(world) -> Works:
    return generate(world, 40_000, SEED)


# ---------------------------------------------------------------------------------------------- the layout


@given(st.integers(1000, 5_000_000), st.sampled_from(["jsonl", "parquet"]))
def test_parts_follow_from_the_number_of_works(works, kind):
    names, shares = layout.parts(works, kind), layout.shares(works)
    assert 2 <= len(names) == len(set(names)) == len(shares)
    assert sum(number for _, number in shares) == works
    assert all(0 < number <= layout.PART for _, number in shares)
    suffix = {"jsonl": "gz", "parquet": "parquet"}[kind]
    for name, (updated, _) in zip(names, shares, strict=True):
        assert Path(name).parent.as_posix() == f"data/{kind}/works/updated_date={updated}"
        assert Path(name).match(f"part_[0-9][0-9][0-9][0-9].{suffix}")


def test_layout_needs_the_standard_library_alone():
    code = "import sys, poles.corpus.demo.layout; print(*{name.partition('.')[0] for name in sys.modules})"
    # -S leaves out site-packages, whose startup files could import more modules.
    command = [sys.executable, "-S", "-c", code]
    path = {"PYTHONPATH": str(digest.SCRIPTS)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"poles"} <= set(sys.stdlib_module_names) | {"__main__"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_files_are_those_announced_and_in_the_manifests(snapshots, kind):
    folder = snapshots[kind]
    paths = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert paths == {*layout.parts(WORKS, kind), *layout.manifests(kind)}
    whole, entity = (json.loads((folder / name).read_bytes()) for name in layout.manifests(kind))
    assert (entity["date"], entity["format"], entity["entity"]) == (layout.RELEASE, kind, "works")
    assert entity["record_count"] == WORKS
    assert [file["url"] for file in entity["files"]] == [
        f"s3://openalex/{part}" for part in layout.parts(WORKS, kind)
    ]
    for file in entity["files"]:
        path = folder / file["url"].removeprefix("s3://openalex/")
        assert file["meta"]["content_length"] == path.stat().st_size
        if kind == "jsonl":
            rows = gzip.decompress(path.read_bytes()).count(b"\n")
        else:
            rows = pq.ParquetFile(path).metadata.num_rows
        assert file["meta"]["record_count"] == rows
    for key in ("record_count", "content_length"):
        assert entity[key] == whole["meta"][key] == sum(file["meta"][key] for file in entity["files"])
    listed = {key: entity[key] for key in ("entity", "record_count", "content_length", "files")}
    assert (whole["date"], whole["format"], whole["entities"]) == (layout.RELEASE, kind, [listed])
    for name in paths:
        assert extraction.read(folder / name) == RECORD | {"file": str(folder / name)}


def test_same_seed_gives_same_bytes(tmp_path, monkeypatch):
    for kind in ("jsonl", "parquet"):
        for name, seed in (("one", 3), ("two", 3), ("other", 4)):
            (tmp_path / name).mkdir(exist_ok=True)
            monkeypatch.chdir(tmp_path / name)  # each file has its path in it
            write(Path(), kind, works=1000, seed=seed)
        for part in layout.parts(1000, kind):
            entry, two, other = ((tmp_path / name / part).read_bytes() for name in ("one", "two", "other"))
            assert entry == two != other


def as_json(value, name=""):
    """Return a Parquet value as it is written in JSON lines."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return dict(value) if name == "ids" else [as_json(inner) for inner in value]
    return value


def test_parquet_holds_the_same_records(snapshots, made):
    rows = []
    for part in layout.parts(WORKS, "parquet"):
        rows += pq.read_table(snapshots["parquet"] / part).to_pylist()
    assert len(rows) == len(made)
    for row, record in zip(rows, made, strict=True):
        assert {name: as_json(value, name) for name, value in row.items()} == record


def test_parquet_has_the_types_of_the_exporter(snapshots):
    file = pq.ParquetFile(snapshots["parquet"] / layout.parts(WORKS, "parquet")[0])
    assert file.schema_arrow.names == KEYS
    leaves = {file.schema.column(i).path: file.schema.column(i) for i in range(len(file.schema))}
    assert leaves["authorships.list.element.countries.list.element"].physical_type == "BYTE_ARRAY"
    assert "authorships.list.element.institutions.list.element.country_code" in leaves
    assert "referenced_works.list.element" in leaves and "primary_topic.subfield.id" in leaves
    assert leaves["updated_date"].physical_type == "INT64"
    assert json.loads(leaves["updated_date"].logical_type.to_json())["timeUnit"] == "microseconds"
    assert leaves["publication_date"].logical_type.type == "DATE"
    assert leaves["abstract_inverted_index"].logical_type.type == "STRING"
    group = file.metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"SNAPPY"}


# --------------------------------------------------------------------------------------------- the records


def test_records_have_the_shape_of_openalex(made):
    subfields = Counter()
    for record in made:
        assert list(record) == KEYS
        assert record["id"] == record["ids"]["openalex"] and record["id"].startswith(
            "https://openalex.org/W9"
        )
        assert record["type"] in generation.TYPES
        assert record["is_paratext"] == (record["type"] == "paratext")
        if record["publication_year"] is not None:
            assert record["publication_date"].startswith(str(record["publication_year"]))
        topics = [topic["id"] for topic in record["topics"]]
        assert len(topics) == len(set(topics)) <= 3
        assert record["primary_topic"] == (record["topics"][0] if topics else None)
        for topic in record["topics"]:
            assert set(topic) == {"id", "display_name", "score", "subfield", "field", "domain"}
            assert topic["field"]["id"].rpartition("/")[2] == topic["subfield"]["id"].rpartition("/")[2][:2]
        if topics:
            subfields[record["primary_topic"]["subfield"]["id"]] += 1
    assert len({record["id"] for record in made}) == WORKS
    inside = subfields.pop("https://openalex.org/subfields/1702")
    assert inside / (inside + subfields.total()) == pytest.approx(1 - Plan().outside, abs=0.04)
    astray = [
        record
        for record in made
        if record["topics"]
        and record["primary_topic"]["subfield"]["id"] != "https://openalex.org/subfields/1702"
        and any(topic["subfield"]["id"].endswith("/1702") for topic in record["topics"])
    ]
    assert len(astray) > 0.02 * WORKS  # so that "any topic" and "primary topic" select differently


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    first=st.integers(1985, 2020),
    picked=st.lists(st.integers(0, 1199), min_size=1, max_size=60, unique=True),
    knobs=st.fixed_dictionaries(
        {},
        optional={
            "countries": st.sampled_from([10, 180]),
            "vision": st.sampled_from([0.3]),
            "references": st.sampled_from([0, 40]),
        },
    ),
)
def test_records_are_those_of_plain_dictionaries(seed, first, picked, knobs):
    world = plant(seed, first, first + 3, **knobs)
    works = generate(world, 1200, seed)
    order, describer = np.array(picked), records.Describer(world, works)
    plain = list(plain_records.Describer(world, works).records(order, layout.RELEASE))
    rows = describer.rows(order)
    lines = Lines(describer, world.years, layout.DATES).text(rows, layout.RELEASE)
    assert bytes(lines) == b"".join(orjson.dumps(record) + b"\n" for record in plain)
    table = Columns(describer).table(rows, layout.RELEASE)
    assert table.schema.equals(SCHEMA)
    table.validate(full=True)
    found = [{name: as_json(value, name) for name, value in row.items()} for row in table.to_pylist()]
    assert found == plain


def test_each_kind_of_record_is_among_the_first_works():
    # The test above picks among works like these.
    world = plant(1, countries=180)
    works = generate(world, 1200, 1)
    rows = records.Describer(world, works).rows(np.arange(1200))
    kinds = set(works.author_kind.tolist())
    assert kinds == set(generation.AUTHORS)
    assert all(flags.any() for flags in works.flaws.values())
    for without in (rows.has_doi, rows.has_language, rows.titles >= 0, rows.authors, rows.references):
        assert not all(without) and any(without)


def test_numbers_and_fragments_are_joined_in_order():
    texts = (b"", b"a", b"bcd")
    fragments, start = np.frombuffer(b"".join(texts), np.uint8), np.cumsum([0, *map(len, texts)])
    values = np.array([0, 9, 10, 99, 100, 12345678901])
    alone = np.stack([np.full(6, 2), joining.numbers(values)], axis=1)
    lists = np.array([[1, 0], [joining.numbers(7), 1]])
    counts = np.array([0, 1, 0, 0, 1, 0])
    text = joining.join((alone, lists), (np.ones(6, np.int64), counts), fragments, start)
    assert bytes(text) == b"bcd0bcd9abcd10bcd99bcd1007abcd12345678901"


def test_topics_of_the_field_come_first():
    field = [subfield == 1702 for *_, subfield in records.TOPICS]
    assert field == [True] * generation.FIELD_TOPICS + [False] * generation.OTHER_TOPICS


def test_authorships_agree_with_themselves(made):
    seen = set()
    for record in made:
        authorships = record["authorships"]
        assert record["authors_count"] == len(authorships)
        assert [entry["author_position"] for entry in authorships[:1]] == ["first"][: len(authorships)]
        institutions = [entry for author in authorships for entry in author["institutions"]]
        assert record["countries_distinct_count"] == len({entry["country_code"] for entry in institutions})
        assert record["institutions_distinct_count"] == len({entry["id"] for entry in institutions})
        for author in authorships:
            codes = {entry["country_code"] for entry in author["institutions"]}
            assert author["countries"] == sorted(set(author["countries"]))
            if codes:
                assert codes == set(author["countries"])
            named = {name for entry in author["affiliations"] for name in entry["institution_ids"]}
            assert named == {entry["id"] for entry in author["institutions"]}
            seen.add((len(author["institutions"]), len(author["countries"])))
    # One institution, two, two in two countries, a country without institution, neither.
    assert seen == {(1, 1), (2, 1), (2, 2), (0, 1), (0, 0)}


def test_countries_of_a_record_are_its_team(made):
    world = plant(SEED, FIRST, LAST)
    works = generate(world, WORKS, SEED)
    by_id = {record["id"]: record for record in made}
    for index in range(WORKS):
        record = by_id[f"https://openalex.org/W{works.ids[index]}"]
        countries = {code for author in record["authorships"] for code in author["countries"]}
        blank = works.flaws["no_country"][index] or record["type"] == "paratext"
        assert countries == (set() if blank else {world.codes[k] for k in works.teams[index] if k >= 0})
        assert record["publication_year"] in (works.years[index], None)
    assert any("NA" in author["countries"] for record in made for author in record["authorships"])


def test_references_point_back_within_the_set(made):
    years = {record["id"]: record["publication_year"] for record in made}
    total, dangling, cited, itself = 0, 0, Counter(), 0
    for record in made:
        references = record["referenced_works"]
        assert references != []
        assert record["referenced_works_count"] == len(references or ())
        assert (references or []) == sorted(set(references or []))
        for reference in references or ():
            total += 1
            if reference not in years:
                dangling += 1
                continue
            cited[reference] += 1
            itself += reference == record["id"]
            if None not in (years[reference], record["publication_year"]):
                assert years[reference] <= record["publication_year"]
    assert {record["id"]: record["cited_by_count"] for record in made if record["cited_by_count"]} == cited
    assert dangling / total == pytest.approx(
        generation.DANGLING, abs=4 * math.sqrt(generation.DANGLING / total)
    )
    assert 0 < itself < 3 * generation.FLAWS["self_reference"] * WORKS


def test_flaws_occur_as_often_as_stated(made):
    seen = {
        "no_country": [
            r["authorships"] != [] and not any(a["countries"] for a in r["authorships"]) for r in made
        ],
        "no_year": [r["publication_year"] is None and r["publication_date"] is None for r in made],
        "no_topic": [r["primary_topic"] is None and r["topics"] == [] for r in made],
        "retracted": [r["is_retracted"] for r in made],
        "xpac": [r["is_xpac"] for r in made],
        "paratext": [r["is_paratext"] and r["authorships"] == [] for r in made],
    }
    expected = generation.FLAWS | {"paratext": generation.TYPES["paratext"]}
    for name, flags in seen.items():
        assert stats.binomtest(sum(flags), WORKS, expected[name]).pvalue > 1e-4, name
    # Works without references: those with this flaw, and some that cite nothing by chance.
    without = sum(r["referenced_works"] is None for r in made) / WORKS
    assert generation.FLAWS["no_references"] * 0.8 < without < 0.15
    assert sum(generation.TYPES.values()) == pytest.approx(1) == sum(generation.AUTHORS.values())


def test_some_works_outside_cite_nothing_of_the_field(works):
    owner = np.repeat(np.arange(len(works)), np.diff(works.reference_start))
    resolved = works.references >= 0
    cites_field = np.zeros(len(works), dtype=bool)
    cites_field[owner[resolved][works.in_field[works.references[resolved]]]] = True
    assert not (cites_field & works.flaws["nothing_of_field"]).any()
    lost = ~cites_field[~works.in_field]
    assert 0.05 < lost.mean() < 0.25


# ------------------------------------------------------------------------------------------------ the works


def test_output_grows_as_planned(world, works):
    counts = np.bincount(works.years - FIRST)
    assert counts.sum() == len(works) and np.all(np.diff(counts) >= -1)
    assert counts[-1] / counts[0] == pytest.approx(world.plan.growth, rel=0.01)


def test_countries_lead_as_often_as_their_size(world, works):
    for t in (0, 15, 33):
        leads = np.bincount(works.teams[works.years == FIRST + t, 0], minlength=len(world.codes))
        large = world.sizes[t] * leads.sum() > 5
        observed = np.append(leads[large], leads[~large].sum())
        expected = np.append(world.sizes[t][large], world.sizes[t][~large].sum()) * leads.sum()
        assert stats.chisquare(observed, expected).pvalue > 1e-4
    us, cn = (world.sizes[:, world.codes.index(code)] for code in ("US", "CN"))
    assert us[0] == world.sizes[0].max() and cn[-1] == world.sizes[-1].max()
    assert us[-1] < us[0] / 1.5 and cn[-1] > 2 * cn[0]


def test_international_share_rises_as_planned(world, works):
    international = works.teams[:, 1] >= 0
    plan = world.plan
    for t, expected in ((0, plan.international_first), (33, plan.international_last)):
        year = works.years == FIRST + t
        assert stats.binomtest(int(international[year].sum()), int(year.sum()), expected).pvalue > 1e-4
    for team in works.teams:
        present = team[team >= 0]
        assert len(set(present)) == len(present) and (team[len(present) :] == -1).all()


def test_partners_join_by_size_and_affinity(world):
    rng = np.random.default_rng(0)
    alone = World(
        **{**vars(world), "plan": Plan(international_first=0.99, international_last=0.99, partners=1)}
    )
    t = 20
    teams = generation._teams(alone, t, 60_000, rng)
    us = world.codes.index("US")
    partners = np.bincount(teams[(teams[:, 0] == us) & (teams[:, 1] >= 0), 1], minlength=len(world.codes))
    weights = world.sizes[t] * np.exp(world.collaboration[t, us])
    expected = weights / weights.sum() * partners.sum()
    seen = expected > 5
    assert partners[us] == expected[us] == 0 and teams[:, 2].max() == -1
    assert (
        stats.chisquare(partners[seen], expected[seen] * partners[seen].sum() / expected[seen].sum()).pvalue
        > 1e-4
    )
    assert partners[~seen].sum() < 30


def test_countries_are_cited_by_stock_and_affinity():
    # For works of a single country, the probability of citing a country has a closed form.
    world = plant(2, 2000, 2010, international_first=0, international_last=0, attractiveness=0.1)
    works = generate(world, 30_000, 2)
    t = 10
    stock = np.zeros(len(world.codes))
    for u in range(t + 1):
        fresh = 0.3 if u == t else math.exp(-(t - u) / world.plan.memory)
        lead = works.teams[(works.years == 2000 + u) & works.in_field, 0]
        stock += fresh * np.bincount(lead, minlength=len(stock))
    owner = np.repeat(np.arange(len(works)), np.diff(works.reference_start))
    for code in ("US", "CN"):
        reader = world.codes.index(code)
        this = (works.teams[owner, 0] == reader) & (works.years[owner] == 2000 + t) & (works.references >= 0)
        cited = works.references[this]
        cited = works.teams[cited[works.in_field[cited]], 0]
        observed = np.bincount(cited, minlength=len(stock)) / len(cited)
        expected = stock * np.exp(world.citation[t, reader])
        expected /= expected.sum()
        # A work cites another only once, which lowers the counts of often cited works a little.
        assert np.abs(observed - expected).max() < 0.03
        assert np.corrcoef(observed, expected)[0, 1] > 0.99


def test_older_and_plain_works_are_cited_less(world, works):
    cited = np.bincount(works.references[works.references >= 0], minlength=len(works))
    field = works.in_field & (works.years >= 2000) & (works.years <= 2010)
    assert stats.skew(cited[field]) > 2  # a few works have most of the citations
    owner = np.repeat(np.arange(len(works)), np.diff(works.reference_start))
    recent = (works.references >= 0) & (works.years[owner] == LAST)
    age = LAST - works.years[works.references[recent]][works.in_field[works.references[recent]]]
    by_age = np.bincount(age)
    assert by_age[1] > by_age[5] > by_age[10] > by_age[20] > 0


def plain_cited(world: World, t: int, citing, teams, shelf, rng) -> np.ndarray:
    """Draw the cited works of a year at once, as `generation._cited` does a few at a time."""

    def choose_in(cumulative, rows):
        flat = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
        at = np.minimum(rows + rng.random(len(rows)), np.nextafter(rows + 1.0, 0))
        return np.searchsorted(flat, at, side="right") - rows * cumulative.shape[1]

    affinity, many = world.citation[t], generation.NOTICED
    age = t - np.arange(len(world.years))
    fresh = np.where(age > 0, np.exp(-np.maximum(age, 0) / world.plan.memory), 0.3 * (age == 0))
    stock = shelf.counts * fresh
    through = np.repeat(citing, many)
    members = (teams[through] >= 0).sum(axis=1)
    reader = teams[through, (rng.random(len(through)) * members).astype(np.int64)].astype(np.int64)
    source = choose_in(generation._cumulative(stock.sum(axis=1) * np.exp(affinity)), reader)
    cell = source * stock.shape[1] + choose_in(generation._cumulative(stock), source)
    start, pull = shelf.pulls.start, np.append(0, shelf.pulls.ends)
    low, high = pull[start[cell]], pull[start[cell + 1]]
    at = np.searchsorted(pull, low + rng.random(len(low)) * (high - low), side="right") - 1
    noticed = shelf.works[np.clip(at, start[cell], start[cell + 1] - 1)]
    towards = np.pad(affinity, ((0, 1), (0, 1)))[teams[through]].sum(axis=1)
    scores = -affinity[reader, source]
    for place in range(teams.shape[1]):
        scores += towards[np.arange(len(through)), teams[noticed, place]]
    weights = np.exp(scores.reshape(-1, many) - scores.reshape(-1, many).max(axis=1, keepdims=True))
    chosen = (generation._cumulative(weights) <= rng.random((len(weights), 1))).sum(axis=1)
    return noticed.reshape(-1, many)[np.arange(len(citing)), chosen]


@pytest.mark.parametrize("at_once", [7, 20_000])
def test_works_are_cited_as_if_drawn_at_once(monkeypatch, at_once):
    monkeypatch.setattr(generation, "AT_ONCE", at_once)
    world = plant(4, 2000, 2006)
    works = generate(world, 3000, 4)
    shelf = generation._Shelf(
        works.teams, works.years - 2000, works.in_field, np.exp(np.sin(works.ids)), (len(world.codes), 7)
    )
    citing = np.repeat(np.flatnonzero(works.years == 2005), 3)
    ours, plain = np.random.default_rng(5), np.random.default_rng(5)
    for rng in (ours, plain):
        rng.integers(0, 9, 1, dtype=np.int32)  # leaves half of a number
    cited = generation._cited(world, 5, citing, works.teams, shelf, ours)
    np.testing.assert_array_equal(cited, plain_cited(world, 5, citing, works.teams, shelf, plain))
    assert len(set(cited.tolist())) > 100
    assert ours.bit_generator.state == plain.bit_generator.state


WEIGHTS = st.lists(st.sampled_from([0, 1e-9, 1, 2, 1e9]), max_size=9)


@given(st.lists(WEIGHTS, min_size=1, max_size=5).filter(any), st.data())
def test_a_draw_finds_the_first_choice_that_ends_after_it(rows, data):
    start = np.cumsum([0, *map(len, rows)])
    total = np.cumsum([0.0, *(weight for row in rows for weight in row)])
    table = drawing.tabulate(total[1:], start, total[start[:-1]], np.diff(total[start]))
    row = data.draw(st.sampled_from([place for place, row in enumerate(rows) if row]))
    draw = data.draw(st.floats(0, 1, exclude_max=True))
    base, end, places = total[start[row]], total[start[row + 1]], range(start[row], start[row + 1])
    at = min(base + draw * (end - base), np.nextafter(end, base))
    # Beside the sum of earlier rows the weight of a row may vanish. What is found is in the row all the same.
    expected = next((place for place in places if total[place + 1] > at), places[-1])
    assert drawing.find(table, row, draw) == expected
    assert total[expected + 1] > total[expected] or end == base


def test_works_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    def arrays():
        made = vars(generate(plant(2, 2000, 2003), 1500, 2))
        return [*(made.pop("flaws")).values(), *made.values()]

    expected = arrays()
    monkeypatch.setattr(generation, "AT_ONCE", 11)
    for ours, theirs in zip(arrays(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_choices_have_their_chances():
    rng = np.random.default_rng(1)
    weights = np.array([[1.0, 0, 3, 6], [0, 0, 5, 5], [2, 1, 1, 0]])
    rows = rng.integers(0, 3, 30_000)
    with np.errstate(divide="ignore"):
        scores = np.log(weights)[rows]
    table, draws = generation._table(weights), rng.random(len(rows))
    in_rows = [drawing.find(table, row, draw) - 4 * row for row, draw in zip(rows, draws, strict=True)]
    for chosen in (np.array(in_rows), generation._choose_by(scores, rng)):
        counts = np.zeros_like(weights)
        np.add.at(counts, (rows, chosen), 1)
        for row, weight in zip(counts, weights, strict=True):
            assert (row[weight == 0] == 0).all()
            positive = weight > 0
            expected = weight[positive] / weight.sum() * row.sum()
            assert stats.chisquare(row[positive], expected).pvalue > 1e-4


@settings(max_examples=10, deadline=None)
@given(
    works=st.integers(1000, 1300),
    first=st.integers(1985, 2015),
    span=st.integers(0, 12),
    seed=st.integers(0, 10**6),
    knobs=st.fixed_dictionaries(
        {},
        optional={
            "outside": st.sampled_from([0, 0.95]),
            "international_last": st.sampled_from([0, 0.95]),
            "references": st.sampled_from([0, 60]),
            "contrast": st.sampled_from([0, 5]),
            "partners": st.sampled_from([1, 10]),
        },
    ),
)
def test_works_of_any_plan_hold_together(works, first, span, seed, knobs):
    world = plant(seed, first, first + span, **knobs)
    made = generate(world, works, seed)
    assert len(np.unique(made.ids)) == works == len(made)
    assert not np.isin(generation.nobody(made.ids), made.ids).any()
    assert set(np.unique(made.years)) <= set(world.years) and (np.diff(made.years) >= 0).all()
    owner = np.repeat(np.arange(works), np.diff(made.reference_start))
    assert made.reference_start[-1] == len(made.references) == len(owner)
    cited = np.where(made.references < 0, -1 - made.references, made.references)
    assert (made.years[cited] <= made.years[owner]).all()
    assert len(set(zip(owner, cited, strict=True))) == len(owner)
    assert set(owner[cited == owner]) <= set(np.flatnonzero(made.flaws["self_reference"]))
    authors = np.diff(made.author_start)
    assert ((authors == 0) == (made.types == generation.PARATEXT)).all()
    assert (authors >= (made.teams >= 0).sum(axis=1))[authors > 0].all()
    assert ((made.topics[:, 0] < generation.FIELD_TOPICS) == made.in_field)[made.topics[:, 0] >= 0].all()


# ------------------------------------------------------------------------------------------------ the plant


def test_affinities_follow_the_archetypes():
    world = plant(5, 1995, 2023, noise=0)
    start, stop = (np.flatnonzero(world.years == year)[0] for year in WINDOW)
    upper = np.triu_indices(len(world.codes), 1)
    for layer, change in CHANGE.items():
        affinity = np.nan_to_num(getattr(world, layer), neginf=0)
        moved = (affinity[stop] - affinity[start])[upper]
        sign = np.array(change)[world.archetype[upper]]
        assert (np.sign(moved) == sign).all()
        relative = np.log(np.abs(moved[sign != 0]) / world.plan.contrast)
        assert relative.mean() == pytest.approx(0, abs=0.02) and relative.std() == pytest.approx(
            0.15, abs=0.02
        )
        assert (affinity[: start + 1] == affinity[start]).all() and (affinity[stop:] == affinity[stop]).all()
        np.testing.assert_array_equal(affinity, affinity.transpose(0, 2, 1))
        steps = np.diff(affinity[start : stop + 1], axis=0)[:, *upper] * sign
        assert steps.min() > -1e-12  # a trend never changes direction
    assert (world.collaboration[:, range(63), range(63)] == -np.inf).all()
    assert (world.citation[:, range(63), range(63)] == world.plan.home).all()


def test_a_world_can_have_most_countries_of_the_earth():
    codes = [line.split()[0] for line in COUNTRIES.split("\n") if line]
    assert len(codes) == len(set(codes)) == 180
    usual, large = plant(1), plant(1, countries=180)
    assert large.codes == tuple(codes) and usual.codes == large.codes[:63] == tuple(codes[:63])
    assert large.sizes.min() > 0 and large.sizes[:, 63:].sum(axis=1).max() < 0.3
    assert (large.archetype + np.eye(180) >= 0).all()
    works = generate(large, 30_000, 1)
    # More countries than a number of eight bits holds.
    assert set(works.teams.ravel().tolist()) > set(range(-1, 150))
    small = plant(1, countries=10)
    assert small.codes == tuple(codes[:10]) and generate(small, 1000, 1).teams.max() == 9


def test_near_countries_are_closer():
    world = plant(1, contrast=0, noise=0, idiosyncrasy=0, proximity=1)
    place = world.codes.index
    for entry, other, affinity in (("DE", "AT", 1.5), ("DE", "FR", 1), ("US", "AU", 0.5), ("US", "JP", 0)):
        assert (world.collaboration[:, place(entry), place(other)] == affinity).all()


def test_noise_has_its_size_and_memory():
    flat = {"contrast": 0, "idiosyncrasy": 0, "proximity": 0}
    world = plant(1, 1990, 2023, noise=0.3, **flat)
    noise = world.citation[:, *np.nonzero(~np.eye(63, dtype=bool))]
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert np.mean(noise[1:] * noise[:-1]) / 0.09 == pytest.approx(0.5, abs=0.02)
    assert (world.citation != world.citation.transpose(0, 2, 1)).any()
    np.testing.assert_array_equal(world.collaboration, world.collaboration.transpose(0, 2, 1))


def test_poles_and_their_partners_follow_the_paper(world):
    place, archetype = world.codes.index, world.archetype
    us, cn = place("US"), place("CN")
    assert archetype[us, cn] == SD
    for countries, with_us, with_cn in (
        (["GB", "DE"], {SC}, {SD}),
        (["FR", "IT", "NL", "CA", "JP", "IL"], {SC}, {SC}),
        (["AU", "BR", "RU", "ES"], {SD, KD}, {SC}),
        (["IN", "PL", "SG", "KR", "TW"], {SD}, {SC}),
        (["ID", "MX", "EG", "NG", "NA"], {SD, KD}, {SC, KI}),
    ):
        for code in countries:
            assert archetype[place(code), us] in with_us and archetype[place(code), cn] in with_cn
    rest = [archetype[i, j] for i, j in combinations(range(len(world.codes)), 2) if not {us, cn} & {i, j}]
    shares = np.bincount(rest, minlength=4) / len(rest)
    plan = world.plan
    assert shares == pytest.approx([plan.sc, plan.sd, plan.ki, plan.kd], abs=0.04)


def test_a_third_pole_takes_the_south():
    world = plant(1, poles=3)
    place, archetype = world.codes.index, world.archetype
    poles = [place(code) for code in ("US", "CN", "IN")]
    assert (archetype[np.ix_(poles, poles)][~np.eye(3, dtype=bool)] == SD).all()
    for countries, expected in (
        (["ID", "MX", "EG", "NG", "NA"], ({SD, KD}, {SD, KD}, {SC, KI})),
        (["GB", "DE"], ({SC}, {SD}, {SD, KD})),
        (["PL", "SG", "KR", "TW"], ({SD}, {SC}, {SC})),
    ):
        for code in countries:
            assert all(
                archetype[place(code), pole] in kinds for pole, kinds in zip(poles, expected, strict=True)
            )
    with pytest.raises(StudyError, match="demo: poles is 4, but has to be 2 or 3"):
        plant(1, poles=4)


def test_a_walk_of_affinities_stands_beside_what_is_planted():
    still, moving = (plant(1, contrast=0, noise=0, walk=walk) for walk in (0, 0.4))
    for layer in ("collaboration", "citation"):
        i, j = np.triu_indices(len(still.codes), 1)
        walk = getattr(moving, layer)[:, i, j] - getattr(still, layer)[:, i, j]
        steps, years = np.diff(walk, axis=0), still.years[1:]
        inside = (years > WINDOW[0]) & (years <= WINDOW[1])
        assert (steps[~inside] == 0).all()
        # Independent normal steps: their spread, and no correlation from year to year.
        assert steps[inside].std() == pytest.approx(0.4, rel=0.02)
        assert abs(np.corrcoef(steps[inside][1:].ravel(), steps[inside][:-1].ravel())[0, 1]) < 0.02
    there, back = (moving.citation[:, a, b] - still.citation[:, a, b] for a, b in ((i, j), (j, i)))
    assert there == pytest.approx(back)


@pytest.mark.parametrize("seed", range(5))
def test_no_country_turns_to_all_others(seed):
    world = plant(seed)
    size = world.sizes.mean(axis=0)
    for change in CHANGE.values():
        turn = np.where(world.archetype < 0, 0, np.array(change)[world.archetype]) @ size / (1 - size)
        poles = np.isin(world.codes, ("US", "CN"))
        assert np.abs(turn[~poles]).max() < 0.12
        assert np.abs(turn[poles]).max() < 0.35


def test_truth_is_the_archetype_of_every_pair(world, tmp_path):
    truth = world.truth()
    assert truth.schema == pl.Schema(TRUTH.columns)
    assert len(truth) == 63 * 62 // 2 and (truth["source"] < truth["target"]).all()
    place = world.codes.index
    for source, target, archetype in truth.iter_rows():
        assert archetype == ARCHETYPES[world.archetype[place(source), place(target)]]
    assert write(tmp_path, "jsonl", works=1000).equals(truth)


def log_excess(world, works, layer: str, years: range, large: np.ndarray) -> np.ndarray:
    """Return the logarithm of counts over those expected from the margins, for pairs of large countries."""
    n = len(world.codes)
    counts = np.zeros((n, n))
    inside = np.isin(works.years, years)
    padded = works.teams
    if layer == "collaboration":
        ends = [(padded[inside & works.in_field],) * 2]
    else:
        owner = np.repeat(np.arange(len(works)), np.diff(works.reference_start))
        cited = works.references
        keep = (cited >= 0) & inside[owner]
        keep[keep] &= works.in_field[cited[keep]]
        ends = [(padded[owner[keep]], padded[cited[keep]])]
    for left, right in ends:
        for a in range(left.shape[1]):
            for b in range(right.shape[1]):
                both = (left[:, a] >= 0) & (right[:, b] >= 0)
                np.add.at(counts, (left[both, a], right[both, b]), 1)
    np.fill_diagonal(counts, 0)
    counts += counts.T
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    pairs = np.triu_indices(len(large), 1)
    rows, columns = large[pairs[0]], large[pairs[1]]
    return np.log((counts[rows, columns] + 0.5) / (expected[rows, columns] + 0.5))


def test_planted_trends_show_in_raw_counts(world, works):
    large = np.argsort(-world.sizes.mean(axis=0))[:25]
    pairs = np.triu_indices(25, 1)
    archetype = world.archetype[large[pairs[0]], large[pairs[1]]]
    change = {
        layer: log_excess(world, works, layer, range(2016, 2022), large)
        - log_excess(world, works, layer, range(2000, 2006), large)
        for layer in CHANGE
    }
    for layer, turn in CHANGE.items():
        for kind in (SC, SD, KI, KD):
            values = change[layer][archetype == kind]
            error = values.std() / math.sqrt(len(values))
            if turn[kind]:
                assert values.mean() * turn[kind] > 4 * error, (layer, ARCHETYPES[kind])
    stable = change["collaboration"][archetype == KD].mean()
    moving = [change["collaboration"][archetype == kind].mean() for kind in (SC, SD)]
    assert abs(stable) < 0.3 * min(map(abs, moving))
    us_cn = (large[pairs[0]] < 2) & (large[pairs[1]] < 2)
    assert us_cn.sum() == 1
    assert change["collaboration"][us_cn] < 0 and change["citation"][us_cn] < 0


def test_nothing_moves_without_contrast():
    world = plant(3, contrast=0)
    works = generate(world, 20_000, 3)
    large = np.argsort(-world.sizes.mean(axis=0))[:20]
    pairs = np.triu_indices(20, 1)
    archetype = world.archetype[large[pairs[0]], large[pairs[1]]]
    late, early = (
        log_excess(world, works, "citation", y, large) for y in (range(2016, 2022), range(2000, 2006))
    )
    groups = [(late - early)[archetype == kind] for kind in (SC, SD, KI, KD)]
    assert stats.kruskal(*groups).pvalue > 1e-3


# ----------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"works": 999}, "works is 999, but has to be at least 1000"),
        ({"kind": "csv"}, "demo.layout: 'csv' is unknown"),
        ({"colour": 1}, "no setting is named 'colour'; use one of contrast"),
        ({"contrast": -1}, "contrast is -1, but must not be negative"),
        ({"noise": math.nan}, "noise is nan, but has to be a number"),
        ({"home": "much"}, "home is 'much', but has to be a number"),
        ({"outside": 1}, "outside is 1, but has to be a share below 1"),
        ({"partners": 0.5}, "partners is 0.5, but has to be at least 1"),
        ({"countries": 9}, "countries is 9, but has to be a whole number from 10 to 180"),
        ({"countries": 181}, "countries is 181, but has to be"),
        ({"countries": 63.5}, "countries is 63.5, but has to be"),
        ({"sc": 0, "sd": 0, "ki": 0, "kd": 0}, "at least one has to be greater"),
    ],
)
def test_bad_settings_are_named(tmp_path, change, message):
    with pytest.raises(StudyError, match=message) as caught:
        write(tmp_path, **({"kind": "jsonl"} | change))
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_years_out_of_order_are_refused():
    with pytest.raises(StudyError, match="2023 to 1990"):
        plant(1, 2023, 1990)
