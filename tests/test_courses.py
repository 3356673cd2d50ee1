"""Courses of links against planted ratios of observed to expected weight."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planted_panels import YEARS, T, both_ways, completed
from poles.blocs.alignment import pole_trends
from poles.blocs.courses import measure_courses
from poles.blocs.tables import COURSES
from poles.claims.kinds import trend
from poles.nulls.tables import SCORES
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel

POLES = ["US", "CN"]
GROWING = np.geomspace(2, 200, len(T))


def layer(observed, expected) -> pl.DataFrame:
    """Scores of all pairs of three countries, as of `max_entropy` with large weights: z = w / e - 1."""
    rows = []
    for pair in combinations(["CN", "FR", "US"], 2):
        weights, means = (np.broadcast_to(part, T.shape) for part in (observed, expected))
        rows += [(year, *pair, w, e, e, w / e - 1) for year, w, e in zip(YEARS, weights, means, strict=True)]
    columns = ["year", "source", "target", "observed", "expected", "std", "z"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(p=0.5, q=0.5)
    return tables.conform(frame, SCORES)


def followed(scores: pl.DataFrame, channels=("collaboration",)) -> PairPanel:
    """The panel of all pairs; z is that of the first direction."""
    first = scores.filter(pl.col("source") < pl.col("target")).sort("source", "target", "year")
    z = first.select("source", "target", "year", *(pl.col("z").alias(f"z_{name}") for name in channels))
    return PairPanel.from_table(completed(z, channels), channels)


def courses(scores: pl.DataFrame, growth: str = "kept") -> dict:
    """Course of France with the United States."""
    table = measure_courses(followed(scores), {"collaboration": scores}, POLES, growth)
    return table.row(by_predicate=(pl.col("country") == "FR") & (pl.col("pole") == "US"), named=True)


def test_a_loss_of_two_thirds_is_the_same_at_every_level():
    course = np.exp(-np.log(3) / 21 * T)
    for level in (0.4, 1.0, 4.0):  # z starts at -0.6, 0 and 3
        row = courses(layer(1e6 * level * course, 1e6))
        assert (row["slope"], row["low"], row["high"]) == pytest.approx([-np.log(3) / 2.1] * 3, rel=1e-3)


def test_growing_counts_make_no_course_at_a_constant_ratio():
    row = courses(layer(0.4 * GROWING, GROWING))
    assert (row["slope"], row["low"], row["high"]) == pytest.approx((0, 0, 0), abs=1e-9)


@given(st.floats(0.01, 100), st.integers(0, 2**32))
def test_the_level_of_a_ratio_changes_no_course(factor, seed):
    weights = np.random.default_rng(seed).poisson(GROWING).astype(float)
    plain, scaled = (courses(layer(w, GROWING)) for w in (weights, factor * weights))
    assert [scaled[name] for name in ("slope", "low", "high")] == pytest.approx(
        [plain[name] for name in ("slope", "low", "high")], abs=1e-9
    )


def test_few_links_without_a_trend_seldom_make_a_course():
    rng = np.random.default_rng(1)
    rows = [courses(layer(rng.poisson(0.6 * GROWING), GROWING)) for _ in range(200)]
    beyond = sum(row["low"] > 0 or row["high"] < 0 for row in rows)
    # At the level of 0.05, more than 20 of 200 have a probability of one in a thousand.
    assert beyond <= 20


def test_a_link_that_is_never_observed_has_no_course():
    row = courses(layer(0.0, GROWING))
    assert [row[name] for name in ("slope", "low", "high", "growth_slope")] == [0, 0, 0, 0]


def test_years_without_a_weight_shrink_a_course_and_leave_it_finite():
    weights = np.where(T < 4, 0.0, GROWING)
    row = courses(layer(weights, GROWING))
    assert np.isfinite([row["slope"], row["low"], row["high"]]).all() and row["slope"] > 0


def test_growth_is_removed_where_affinities_are_constant():
    # All pairs grow alike, but the null model expects ever more: the ratio falls with growth alone.
    scores = layer(GROWING, GROWING * np.exp(0.05 * T))
    kept, removed = courses(scores), courses(scores, "removed")
    assert kept["slope"] == pytest.approx(-0.5, rel=0.1) and kept["growth_slope"] == pytest.approx(
        kept["slope"]
    )
    assert (removed["slope"], removed["growth_slope"]) == pytest.approx((0, 0), abs=1e-6)


def test_a_loss_of_two_thirds_is_reproduced_although_z_hardly_moves():
    noise = np.random.default_rng(2).lognormal(0, 0.2, len(T))
    scores = layer(1e3 * 0.4 * np.exp(-np.log(3) / 21 * T) * noise, 1e3)
    panel = followed(scores)
    slopes = pole_trends(panel, POLES, (2017, 2021))
    measured = measure_courses(panel, {"collaboration": scores}, POLES)
    branch = SimpleNamespace(layers=["collaboration"], courses=measured, trends=slopes)
    claim = {
        "pair": ["US", "CN"],
        "layer": "collaboration",
        "direction": "falls",
        "least_slope": 0.1,
        "at_least": 10,
    }
    verdict = trend.judge(claim, branch)
    low, high = slopes.select("slope_low", "slope_high").row(0)
    assert low < -0.1 < high < 0  # a limit of 0.1 on z decides nothing
    assert verdict.verdict == "reproduced"
    assert verdict.statistic == pytest.approx(-np.log(3) / 2.1, rel=0.2)


@pytest.mark.parametrize(
    ("channels", "slopes"),
    [
        (["citation"], [0.5]),
        (["citation_out", "citation_in"], [1.0, 0.0]),
    ],
)
def test_citation_is_the_mean_of_both_directions_or_each_by_itself(channels, slopes):
    forward, back = layer(1e6 * np.exp(0.1 * T), 1e6), layer(np.full(len(T), 1e6), 1e6)
    scores = {"citation": both_ways(forward, back)}
    table = measure_courses(followed(forward, channels), scores, POLES)
    tables.conform(table, COURSES)
    rows = table.filter(country="FR", pole="US")
    found = dict(rows.select("channel", "slope").iter_rows())
    assert [found[name] for name in channels] == pytest.approx(slopes, abs=1e-3)


def test_a_gap_is_interpolated():
    whole = layer(1e6 * np.exp(0.1 * T), 1e6)
    gap = whole.with_columns(z=pl.when(pl.col("year") == 2010).then(None).otherwise("z"))
    panel = followed(whole)
    results = [measure_courses(panel, {"collaboration": frame}, POLES) for frame in (whole, gap)]
    assert results[0].select("slope", "low", "high").to_numpy() == pytest.approx(
        results[1].select("slope", "low", "high").to_numpy(), rel=1e-3
    )
