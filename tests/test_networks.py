"""Links against a count by plain loops over works."""

from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.corpus.tables import WORKS
from poles.layers import LAYERS
from poles.networks.construction import build, write_links
from poles.networks.country_table import country_sizes, country_table
from poles.networks.links import citation_links, collaboration_links, country_sets
from poles.networks.tables import FRACTIONAL_LINKS, LINKS
from poles.study import tables

CODES = ["BR", "CN", "NA", "US", "XK"]
work = st.tuples(
    st.sampled_from([1998, 1999, 2000]),
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
    frame = works_table(works)
    for year in (1998, 1999, 2000):
        frame.filter(pl.col("year") == year).write_parquet(folder / f"{year}.parquet")
    for year, links, countries in build(folder.glob("*.parquet"), counting, window):
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


def test_fractional_weights_of_a_work_and_of_a_citation_sum_to_one():
    works = works_table([(2000, True, ["BR", "CN", "US"], [1]), (2000, True, ["CN", "NA"], [])])
    collaboration = collaboration_links(works.head(1).lazy(), "fractional")
    off = collaboration.filter(pl.col("source") != pl.col("target"))
    assert off["weight"].sum() == pytest.approx(1)
    cited = country_sets(works.lazy())
    assert citation_links(works.lazy(), cited, "fractional")["weight"].sum() == pytest.approx(1)


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
