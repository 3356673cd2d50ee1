"""Definitions of the field: the networks of each beside a plain count over the JSON of the records."""

import gzip
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.corpus import selection
from poles.corpus.demo import layout
from poles.corpus.demo.snapshot import write_snapshot
from poles.corpus.demo.works import generate
from poles.corpus.demo.world import CHANGE, SC, SD, plant
from poles.corpus.tables import WORKS
from poles.networks.construction import build
from poles.nulls import fitting, scores
from poles.study import branches, config, tables
from test_selection import read

Record = Mapping[str, Any]


def settings_of(**changes: Any) -> dict[str, Any]:
    """Configuration with the definitions that come with the study, completed; `changes` replace sections."""
    shipped = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    definitions = yaml.safe_load((ROOT / "config/definitions.yaml").read_text())
    variants = shipped["variants"] | definitions["variants"]
    settings = shipped | definitions | {"variants": variants} | changes
    config.complete(settings, ROOT)
    return settings


NAMES = settings_of()["run"]["variants"]


def number(text: str | None) -> int:
    return int((text or "0").rpartition("/")[2].lstrip("W"))


def subfields(work: Record, match: str) -> set[int]:
    topics = [work.get("primary_topic")] + (work.get("topics") or [] if match == "any" else [])
    return {number(topic["subfield"]["id"]) for topic in topics if topic}


def codes(work: Record, choice: Record) -> list[str]:
    """Countries of a work, by the keys of ``selection`` that shipped definitions set."""
    authorships = work["authorships"] or []
    if choice["authors"] == "first":
        authorships = [a for a in authorships if a["author_position"] == "first"]
    found = set()
    for authorship in authorships:
        of_institutions = {
            i["country_code"]
            for i in authorship["institutions"]
            if choice["institution_types"] is None or i["type"] in choice["institution_types"]
        }
        listed = set(authorship.get("countries") or [])
        found |= of_institutions if choice["institution_types"] or not listed else listed
    return sorted(code for code in found if code)


def plain_count(works: Iterable[Record], years: range, field: Record, choice: Record) -> dict[str, Counter]:
    """Count the links of both layers: (year, source, target), from distinct records."""
    topics, types = set(field["subfields"] or []), choice["types"]

    def in_field(work: Record) -> bool:
        if not topics:
            return True
        least, primary = choice["min_topic_score"], work.get("primary_topic") or {}
        is_sure = least is None or primary.get("score") is None or primary["score"] >= least
        return is_sure and bool(topics & subfields(work, field["match"]))

    left = [
        work
        for work in works
        if work["publication_year"] in years
        and (types is None or work["type"] in types)
        and not work.get("is_retracted")
        and not (work.get("is_paratext") or work["type"] == "paratext")
        and not work.get("is_xpac")
    ]
    cites = {
        number(work["id"]): {number(text) for text in work["referenced_works"] or []} - {number(work["id"])}
        for work in left
    }
    core = {number(work["id"]): work["publication_year"] for work in left if in_field(work)}
    if share := choice["most_cited"]:
        times = Counter(cited for references in cites.values() for cited in references)
        for year in years:
            # From the most cited work down: the place of the first one with as many citations decides.
            ranked = sorted((work for work in core if core[work] == year), key=times.__getitem__)[::-1]
            first = {}
            for place, work in enumerate(ranked):
                if first.setdefault(times[work], place) >= share * len(ranked) or not times[work]:
                    del core[work]
    places = {number(work["id"]): codes(work, choice) for work in left}
    links: dict[str, Counter] = {"collaboration": Counter(), "citation": Counter()}
    for work in left:
        year, own = work["publication_year"], number(work["id"])
        if own in core:
            links["collaboration"].update(
                (year, *sorted(pair)) for pair in itertools.combinations(places[own], 2)
            )
        for cited in cites[own] & core.keys():
            links["citation"].update((year, *pair) for pair in itertools.product(places[own], places[cited]))
    return links


def links_of(
    folder: Path, kept: Any, settings: Mapping[str, Any], variant: str, years: range
) -> dict[str, Counter]:
    """Links of a variant, as the study makes them from the records that it read; no collaboration at home."""
    folder.mkdir()
    choices = branches.choices(settings, variant)["works"]

    def save(year: int, works: pl.DataFrame) -> None:
        tables.write(works, WORKS, folder / f"{year}.parquet", {})

    selection.select_works(*kept, years, choices["selection"], save, choices["field"])
    counts: dict[str, Counter] = {"collaboration": Counter(), "citation": Counter()}
    for year, links, _ in build([folder / f"{year}.parquet" for year in years], "full"):
        for layer, frame in links.items():
            rows = frame.select("source", "target", "weight").iter_rows()
            counts[layer].update({(year, source, target): weight for source, target, weight in rows})
    counts["collaboration"] = Counter({k: v for k, v in counts["collaboration"].items() if k[1] != k[2]})
    return counts


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], Any]:
    """Records of a small demo, and what the study reads of them for all definitions at once."""
    folder = tmp_path_factory.mktemp("demo")
    write_snapshot(folder, 8000, 3, 1990, 2023, "jsonl", {})
    files = [folder / part for part in layout.parts(8000, "jsonl")]
    works = [orjson.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    kept = read(folder / "kept", [str(file) for file in files], branches.field_to_read(settings_of()))
    return works, kept


@pytest.mark.parametrize("variant", NAMES)
def test_a_definition_gives_the_links_of_a_plain_count_on_the_demo(demo, tmp_path, variant):
    works, kept = demo
    settings, years = settings_of(), range(1990, 2024)
    choices = branches.choices(settings, variant)["works"]
    expected = plain_count(works, years, choices["field"], choices["selection"])
    assert links_of(tmp_path / variant, kept, settings, variant, years) == expected
    # The first author of a demo work has one country, so these link none in collaboration.
    assert all(len(links) > 100 for links in expected.values() if links or variant != "first_author")


GENUINE = {
    "openalex-works": {"subfields": None},  # records of before topics, of medicine
    "openalex-api-responses": {"subfields": [2739, 2306, 2002, 2308], "match": "primary"},
}
"""Real records, and the field in which there are many of them."""
OF_TOPICS = {"vision", "any_topic", "sure"}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        (name, variant)
        for name, field in GENUINE.items()
        for variant in NAMES
        if field["subfields"] or variant not in OF_TOPICS
    ],
)
def test_a_definition_gives_the_links_of_a_plain_count_on_real_records(shared_data, tmp_path, name, variant):
    file = shared_data(name) / "works_reduced.jsonl.gz"
    works = [orjson.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    variants = settings_of()["variants"]
    variants["articles"] = {"selection": {"types": ["article", "journal-article"]}}
    variants["vision"] = {"field": {"subfields": [2739, 2713]}}
    run = {"variants": [other for other in NAMES if GENUINE[name]["subfields"] or other not in OF_TOPICS]}
    settings = settings_of(field=GENUINE[name], selection={"types": None}, variants=variants, run=run)
    kept = read(tmp_path / "kept", [str(file)], branches.field_to_read(settings), 1)
    choices, years = branches.choices(settings, variant)["works"], range(1990, 2026)
    expected = plain_count(works, years, choices["field"], choices["selection"])
    assert links_of(tmp_path / variant, kept, settings, variant, years) == expected
    assert sum(map(len, expected.values())) >= 5


# ------------------------------------------------------------------------------------- a planted difference

PLANTED = {"works": 24_000, "seed": 3, "first": 1990, "last": 2023}
YEARS = range(2000, 2022)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the study reads of a demo whose Computer Vision has affinities of its own."""
    folder = tmp_path_factory.mktemp("planted")
    write_snapshot(folder, **PLANTED, layout="jsonl", record={}, vision=0.4)
    files = [str(folder / part) for part in layout.parts(PLANTED["works"], "jsonl")]
    return read(folder / "kept", files, branches.field_to_read(settings_of()))


def slopes_of_z(folder: Path, links: Counter, layer: str) -> dict[tuple[str, str], float]:
    """Change of z a year under `max_entropy`, for every pair of which 1.5 events a year are expected."""
    folder.mkdir()
    for year in YEARS:
        rows = [(source, target, weight) for (y, source, target), weight in links.items() if y == year]
        schema = {"source": pl.String, "target": pl.String, "weight": pl.Int64}
        frame = pl.DataFrame(rows, schema, orient="row").sort("source", "target")
        frame.write_parquet(folder / f"{year}.parquet")
    moments, _ = fitting.fit_years("max_entropy", sorted(folder.glob("*.parquet")), layer, {})
    ends = pl.concat_list("source", "target").list.sort()
    of_pair = scores.score(moments).filter(pl.col("z").is_finite()).group_by(ends.alias("pair"), "year")
    z = of_pair.agg(pl.col("z", "expected").mean()).sort("year").group_by("pair").agg("year", "z", "expected")
    return {
        tuple(pair): float(np.polyfit(years, values, 1)[0])
        for pair, years, values, expected in z.iter_rows()
        if len(years) == len(YEARS) and np.mean(expected) > 1.5
    }


@pytest.mark.parametrize("variant", ["vision", "any_topic"])
@pytest.mark.parametrize(("layer", "separation"), [("collaboration", 0.7), ("citation", 0.9)])
def test_definitions_differ_in_the_links_in_which_the_demo_plants_a_difference(
    planted, tmp_path, variant, layer, separation
):
    slopes = [
        slopes_of_z(
            tmp_path / f"{name} links",
            links_of(tmp_path / name, planted, settings_of(), name, YEARS)[layer],
            layer,
        )
        for name in ("full", variant)
    ]
    world = plant(PLANTED["seed"], PLANTED["first"], PLANTED["last"], vision=0.4)
    of_pair = {}
    for first, second in slopes[0].keys() & slopes[1].keys():
        place = world.codes.index(first), world.codes.index(second)
        before, after = (CHANGE[layer][int(w.archetype[place])] for w in (world, world.vision))
        of_pair[first, second] = (slopes[1][first, second] - slopes[0][first, second], after - before)
    found, truth = np.array(list(of_pair.values())).T
    assert all({"US", "CN"} & set(pair) for pair, (_, change) in of_pair.items() if change)
    is_planted = truth != 0
    assert min(is_planted.sum(), (~is_planted).sum()) >= 10
    assert np.mean(np.sign(found) == np.sign(truth), where=is_planted) > 0.9
    # Of a planted and another difference, the planted one is the larger one.
    larger = np.abs(found[is_planted])[:, None] > np.abs(found[~is_planted])
    assert larger.mean() > separation


def test_a_field_with_affinities_of_its_own_leaves_the_works_of_the_other_as_they_are():
    plain, both = plant(3), plant(3, vision=0.25)
    for name in ("collaboration", "citation", "archetype"):
        assert np.array_equal(getattr(plain, name), getattr(both, name))
    differs = both.vision.archetype != both.archetype
    assert not differs[2:, 2:].any()
    us, cn = (plain.codes.index(pole) for pole in ("US", "CN"))
    assert np.array_equal(both.vision.archetype[2:, us], both.archetype[2:, cn])
    assert np.array_equal(both.vision.archetype[2:, cn], both.archetype[2:, us])
    assert (both.archetype[us, cn], both.vision.archetype[us, cn]) == (SD, SC)
    alone, generated = generate(plain, 6000, 3), generate(both, 8000, 3)
    for name in ("ids", "years", "teams", "types", "topics", "days", "in_field", "references", "author_kind"):
        own = getattr(alone, name)
        assert np.array_equal(getattr(generated, name)[: len(own)], own), name
    assert len(np.unique(generated.ids)) == 8000
    assert not generated.in_field[6000:].any()
    cited = generated.references[len(alone.references) :]
    assert np.where(cited < 0, -1 - cited, cited).min() >= 6000
