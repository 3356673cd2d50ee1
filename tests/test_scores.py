"""Scores against closed forms and an explicit step-up procedure."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.nulls import scores
from poles.nulls.tables import MOMENTS, SCORES
from poles.study import tables


def moments(rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(MOMENTS.columns), orient="row")


def test_z_is_the_distance_in_standard_deviations():
    frame = scores.score(
        moments([(2000, "CN", "US", 7.0, 4.0, 2.0, None), (2000, "NA", "US", 0.0, 0.0, 0.0, None)])
    )
    assert frame["z"].to_list() == [1.5, None]
    assert frame["p"][0] == pytest.approx(0.5 * math.erfc(1.5 / math.sqrt(2)))
    assert frame["p"][1] is None
    assert frame["q"][1] is None
    tables.conform(frame, SCORES)


def test_the_tail_of_the_model_is_used_if_there_is_one():
    frame = scores.score(moments([(2000, "CN", "US", 7.0, 4.0, 2.0, 0.25)]))
    assert frame["p"].to_list() == [0.25]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_q_is_the_step_up_value_within_a_year(first, second):
    rows = [
        (year, "CN", f"{number:02d}", 1.0, 1.0, 1.0, p)
        for year, values in ((2000, first), (2001, second))
        for number, p in enumerate(values)
    ]
    frame = scores.score(moments(rows))
    for year, values in ((2000, first), (2001, second)):
        ranked = sorted(values)
        scored = frame.filter(pl.col("year") == year)
        for p, q in scored.select("p", "q").iter_rows():
            candidates = [len(ranked) * value / (rank + 1) for rank, value in enumerate(ranked) if value >= p]
            assert q == pytest.approx(min(1.0, *candidates) if candidates else 1.0)


def test_no_link_gives_an_empty_table():
    assert scores.score(moments([])).schema == pl.Schema(SCORES.columns)


def test_directions_are_averaged_and_years_too():
    rows = [
        (2017, "CN", "US", 0.0, 0.0, 1.0, 1.0, 0.5, 0.1),
        (2017, "US", "CN", 0.0, 0.0, 1.0, 4.0, 0.5, 0.2),
        (2018, "US", "CN", 0.0, 0.0, 1.0, 0.5, 0.5, 0.4),
        (2018, "CN", "US", 0.0, 0.0, 0.0, None, None, None),
        (2019, "CN", "US", 0.0, 0.0, 1.0, 3.5, 0.5, 0.3),
        (2017, "AU", "US", 0.0, 0.0, 1.0, 9.0, 0.5, 0.1),
        (2018, "AU", "US", 0.0, 0.0, 1.0, 9.0, 0.5, 0.1),
        (2016, "CN", "US", 0.0, 0.0, 1.0, 99.0, 0.5, 0.4),
    ]
    frame = pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row")
    means = scores.pair_means(frame)
    assert means.filter(source="CN", year=2017).row(0) == ("CN", "US", 2017, 2.5, 0.1)
    links = scores.recent_links({"citation": frame}, 2017, 2021)
    # Australia has z in two of five years, which is not more than half.
    assert links.rows() == [("citation", "CN", "US", pytest.approx(6.5 / 3), 0.3, 3)]
    assert len(scores.recent_links({"citation": frame}, 2017, 2020)) == 1
