"""Plain indices against counts over works, closed forms, and the gravity of independent choice."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poles.corpus.tables import WORKS
from poles.errors import StudyError
from poles.networks.construction import build, write_links
from poles.networks.indices import indices, measure
from poles.networks.tables import COUNTRIES, INDICES
from poles.study import tables

CODES = ["BR", "CN", "NA", "US"]
country_sets = st.lists(st.lists(st.sampled_from(CODES), unique=True, min_size=1).map(sorted), min_size=2)


def measured(folder, sets, counting="full"):
    """Write works of one year with these countries, build their links, and compute the indices."""
    rows = [
        (number, 2000, "article", True, codes, len(codes), [other for other in (number - 1,) if other >= 0])
        for number, codes in enumerate(sets)
    ]
    works = folder / "2000.parquet"
    tables.write(pl.DataFrame(rows, schema=dict(WORKS.columns), orient="row"), WORKS, works, {})
    ((year, links, countries),) = build([works], counting)
    paths = {layer: [f"{folder}/{layer}/links/2000.parquet"] for layer in links}
    write_links(year, links, [path for files in paths.values() for path in files], {})
    tables.write(countries, COUNTRIES, folder / "countries.parquet", {})
    return tables.conform(measure(paths, f"{folder}/countries.parquet", [str(works)], counting), INDICES)


@given(country_sets)
def test_indices_are_those_of_sets_of_works(tmp_path_factory, sets):
    table = measured(tmp_path_factory.mktemp("indices"), sets)
    works_of = {code: {n for n, codes in enumerate(sets) if code in codes} for code in CODES}
    international = {n for n, codes in enumerate(sets) if len(codes) > 1}
    strength = {code: sum(len(codes) - 1 for codes in sets if code in codes) for code in CODES}
    cites = {(a, b): sum(a in sets[n] and b in sets[n - 1] for n in range(1, len(sets)))
             for a in CODES for b in CODES if a != b}  # fmt: skip
    total = sum(cites.values())
    seen = sorted(code for code in CODES if works_of[code])
    assert list(table.select("source", "target").iter_rows()) == list(combinations(seen, 2))
    for row in table.iter_rows(named=True):
        a, b = works_of[row["source"]], works_of[row["target"]]
        assert row["weight"] == len(a & b)
        assert row["salton"] == pytest.approx(len(a & b) / np.sqrt(len(a) * len(b)))
        assert row["jaccard"] == pytest.approx(len(a & b) / len(a | b))
        if a & international and b & international:
            share_in_works_of_a = len(a & b) / len(a & international)
            share_in_world = len(b & international) / len(international)
            assert row["collaboration_index"] == pytest.approx(share_in_works_of_a / share_in_world)
        else:
            assert row["collaboration_index"] is None
        ends = strength[row["source"]] * strength[row["target"]]
        expected = len(a & b) * sum(strength.values()) / ends if ends else None
        assert row["affinity"] == (expected and pytest.approx(expected))
        for column, (citing, cited) in (
            ("citation_affinity_out", (row["source"], row["target"])),
            ("citation_affinity_in", (row["target"], row["source"])),
        ):
            given_by = sum(w for (x, _), w in cites.items() if x == citing)
            received = sum(w for (_, y), w in cites.items() if y == cited)
            expected = cites[citing, cited] * total / (given_by * received) if given_by * received else None
            assert row[column] == (None if expected is None else pytest.approx(expected))


def test_affinity_is_one_where_weights_are_products_of_strengths():
    # Citations from one group of countries to another: no diagonal is left out, so products are exact.
    out, received = {"AA": 2.0, "AB": 3.0}, {"BA": 5.0, "BB": 7.0}
    rows = [(a, b, x * y) for a, x in out.items() for b, y in received.items()]
    links = pl.DataFrame(rows, schema=["source", "target", "weight"], orient="row")
    countries = pl.DataFrame({"country": [*out, *received]}).with_columns(
        papers=pl.lit(None, pl.Float64), international_papers=pl.lit(None, pl.Float64)
    )
    table = indices(2000, {"citation": links}, countries)
    between = table.filter(pl.col("source").is_in(list(out)) & pl.col("target").is_in(list(received)))
    assert between["citation_affinity_out"].to_list() == pytest.approx([1.0] * 4)
    assert table.filter(source="AA", target="AB")["citation_affinity_out"].to_list() == [None]
    assert (
        table.select("salton", "jaccard", "collaboration_index", "affinity").null_count().row(0) == (6,) * 4
    )


def test_fractions_of_works_give_no_index_of_papers(tmp_path):
    table = measured(tmp_path, [["CN", "US"], ["BR", "CN", "US"], ["US"]], "fractional")
    assert table.select("salton", "jaccard", "collaboration_index").null_count().row(0) == (3, 3, 3)
    weights = dict(zip(table["source"] + table["target"], table["weight"], strict=True))
    assert weights == pytest.approx({"BRCN": 1 / 3, "BRUS": 1 / 3, "CNUS": 4 / 3})
    assert table["affinity"].is_finite().all()


def test_a_link_of_an_unknown_country_is_named():
    links = pl.DataFrame({"source": ["CN"], "target": ["US"], "weight": [1]})
    countries = pl.DataFrame({"country": ["US"], "papers": [1.0], "international_papers": [1.0]})
    with pytest.raises(StudyError, match="2000: links of CN, which the table of countries lacks"):
        indices(2000, {"collaboration": links}, countries)
