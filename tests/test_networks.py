"""Links against a count by plain loops over works."""

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.corpus.tables import WORKS
from poles.layers import LAYERS
from poles.networks.construction import build, write_links
from poles.networks.country_table import country_sizes, country_table
from poles.networks.links import sums
from poles.networks.tables import FRACTIONAL_LINKS, LINKS
from poles.networks.work_index import BLOCK, GOLDEN, WorkIndex
from poles.study import tables

CODES = ["BR", "CN", "DE", "FR", "IN", "NA", "US", "XK"]
YEARS = (1998, 1999, 2000)
work = st.tuples(
    st.sampled_from(YEARS),
    st.booleans(),
    st.lists(st.sampled_from(CODES), unique=True).map(sorted),
    st.lists(st.integers(0, 14), unique=True).map(sorted),
)


def works_table(works) -> pl.DataFrame:
    rows = [
        (number, year, "article", core, countries, len(countries), [r for r in references if r != number])
        for number, (year, core, countries, references) in enumerate(works)
    ]
    return pl.DataFrame(rows, schema=dict(WORKS.columns), orient="row")


def write_works(works: pl.DataFrame, folder: Path, years=YEARS) -> list[Path]:
    """Write works to a file for each year."""
    for year in years:
        works.filter(year=year).write_parquet(folder / f"{year}.parquet")
    return [folder / f"{year}.parquet" for year in years]


def plain_links(works, year: int, counting: str, window: int | None) -> dict[str, dict]:
    """Count links by plain loops in exact fractions."""
    links = {"collaboration": Counter(), "citation": Counter()}
    fractional = counting == "fractional"
    for number, (when, core, countries, references) in enumerate(works):
        if when != year:
            continue
        pairs = list(combinations(countries, 2))
        if core:
            for country in countries:
                links["collaboration"][country, country] += Fraction(1, len(countries) if fractional else 1)
            for pair in pairs:
                links["collaboration"][pair] += Fraction(1, len(pairs) if fractional else 1)
        for reference in references:
            if reference == number or reference >= len(works) or not works[reference][1]:
                continue
            published, _, cited, _ = works[reference]
            if window is not None and when - published > window:
                continue
            for pair in product(countries, cited):
                size = len(countries) * len(cited)
                links["citation"][pair] += Fraction(1, size if fractional else 1)
    return links


@settings(max_examples=60, deadline=None)
@given(st.lists(work, max_size=12), st.sampled_from(["full", "fractional"]), st.sampled_from([None, 0, 1, 5]))
def test_links_agree_with_plain_loops(tmp_path_factory, works, counting, window):
    folder = tmp_path_factory.mktemp("works")
    for year, links, countries in build(write_works(works_table(works), folder), counting, window):
        expected = plain_links(works, year, counting, window)
        for layer in LAYERS:
            weights = {(a, b): weight for a, b, weight in links[layer].iter_rows()}
            assert weights == pytest.approx(
                {pair: float(w) for pair, w in expected[layer].items()}, rel=1e-12
            )
            tables.conform(links[layer], LINKS if counting == "full" else FRACTIONAL_LINKS)
        papers = {
            code: float(expected["collaboration"].get((code, code), 0)) for code in countries["country"]
        }
        assert dict(countries.select("country", "papers").iter_rows()) == pytest.approx(papers)
        shared = Counter()
        for when, core, codes, _ in works:
            if when == year and core and len(codes) > 1:
                for code in codes:
                    shared[code] += 1 if counting == "full" else 1 / len(codes)
        international = dict(countries.select("country", "international_papers").iter_rows())
        assert international == pytest.approx({code: shared[code] for code in international})


def test_fractional_weights_of_a_work_and_of_a_citation_sum_to_one(tmp_path: Path):
    works = works_table([(2000, True, ["BR", "CN", "US"], [1]), (2000, True, ["CN"], [])])
    ((_, links, _),) = build(write_works(works, tmp_path, [2000]), "fractional")
    off = links["collaboration"].filter(pl.col("source") != pl.col("target"))
    assert off["weight"].sum() == pytest.approx(1)
    assert links["citation"]["weight"].sum() == pytest.approx(1)


@pytest.mark.parametrize("counting", ["full", "fractional"])
def test_neither_the_order_of_works_nor_their_row_groups_change_a_bit(tmp_path: Path, counting: str):
    random = np.random.default_rng(1)
    works = [
        (int(random.choice(YEARS)), bool(random.random() < 0.7),
         sorted(random.choice(CODES, random.integers(0, 8), replace=False).tolist()),
         sorted(random.choice(2500, 20, replace=False).tolist()))
        for _ in range(2000)
    ]  # fmt: skip
    frame = works_table(works)
    expected = list(build(write_works(frame, tmp_path), counting))
    folder = tmp_path / "shuffled"
    folder.mkdir()
    frame = frame.sample(fraction=1, shuffle=True, seed=1)
    for year in YEARS:
        frame.filter(year=year).write_parquet(folder / f"{year}.parquet", row_group_size=50)
    for one, other in zip(expected, build(folder.glob("*.parquet"), counting), strict=True):
        assert all(one[1][layer].equals(other[1][layer]) for layer in LAYERS)
        assert one[2].equals(other[2])


def test_sums_are_as_exact_as_floats_can_be():
    random = np.random.default_rng(1)
    cells, weights = random.integers(0, 20, 40_000), random.random(40_000) / random.integers(1, 99, 40_000)
    exact = np.array([math.fsum(weights[cells == cell]) for cell in range(20)])
    one_by_one = [np.cumsum(np.sort(weights[cells == cell]))[-1] for cell in range(20)]
    assert (abs(one_by_one - exact) > np.spacing(exact)).any()
    assert (abs(sums(cells, weights, 20) - exact) <= np.spacing(exact)).all()
    assert sums(np.array([], int), np.array([]), 2).tolist() == [0, 0]


# Ids that hash to the first slots, and to the last ones.
INVERSE = pow(int(GOLDEN), -1, 2**64)
crowded = st.integers(-20, 20).map(lambda slot: (slot * INVERSE + 2**63) % 2**64 - 2**63)
ids = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-3, 40), st.integers(4 * 10**9, 4 * 10**9 + 40), crowded
)


@settings(deadline=None)
@given(st.lists(ids, unique=True, max_size=40), st.lists(ids, max_size=20))
def test_works_are_found_by_their_ids(known, sought):
    index = WorkIndex(np.array(known, np.int64))
    sought += known
    place = {work: number for number, work in enumerate(known)}
    found = index.find(np.array(sought, np.int64)).tolist()
    assert found == [place.get(work, len(known)) for work in sought]


def test_more_works_are_found_than_are_looked_up_together():
    random = np.random.default_rng(1)
    ids = np.unique(random.integers(10**9, 7 * 10**9, 3 * BLOCK))
    known = random.permutation(ids[::2])
    place = np.full(len(ids), len(known))
    place[::2] = np.argsort(known)
    asked = random.permutation(len(ids))
    assert (WorkIndex(known).find(ids[asked]) == place[asked]).all()


def test_the_country_table_has_partners_and_strengths():
    links = {
        "collaboration": pl.DataFrame(
            {"source": ["CN", "CN", "US"], "target": ["CN", "US", "US"], "weight": [5, 2, 7]}
        ),
        "citation": pl.DataFrame(
            {"source": ["US", "US", "CN"], "target": ["CN", "US", "NA"], "weight": [3, 9, 4]}
        ),
    }
    countries = country_table(2000, links)
    assert countries.rows() == [
        (2000, "CN", 5.0, None, 1, 2.0, 1, 1, 4.0, 3.0),
        (2000, "NA", 0.0, None, 0, 0.0, 0, 1, 0.0, 4.0),
        (2000, "US", 7.0, None, 1, 2.0, 1, 0, 3.0, 0.0),
    ]
    assert country_sizes(countries) == {"CN": 5.0, "NA": 0.0, "US": 7.0}


def test_a_layer_that_a_study_lacks_is_unknown_not_zero():
    links = {"collaboration": pl.DataFrame({"source": ["CN"], "target": ["US"], "weight": [2]})}
    countries = country_table(2000, links)
    assert countries["papers"].to_list() == [None, None]
    assert countries["citation_strength_in"].to_list() == [None, None]
    assert countries["collaboration_strength"].to_list() == [2.0, 2.0]
    assert country_sizes(countries) == {"CN": 2.0, "US": 2.0}


def test_links_are_written_by_layer_and_year(tmp_path: Path):
    frame = pl.DataFrame({"source": ["CN"], "target": ["US"], "weight": [0.5]})
    path = tmp_path / "citation/links/2000.parquet"
    write_links(2000, {"citation": frame}, [str(path)], {"rule": "r"})
    assert tables.read(path, FRACTIONAL_LINKS).equals(frame)
