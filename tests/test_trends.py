"""Slopes and tests of single series against enumeration, scipy, closed forms and simulated levels."""

from itertools import combinations, permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import planted_panels
from planted_panels import codes, completed
from poles.archetypes import pair_trends
from poles.archetypes.tables import AGREEMENT, PAIR_TRENDS, SIGNAL
from poles.stats import trends
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel

CHANNELS = ["collaboration", "citation"]
series = arrays(np.float64, st.integers(8, 30), elements=st.integers(-40, 40).map(float))


def autoregressive(rng: np.random.Generator, number: int, correlation: float) -> np.ndarray:
    """Stationary AR(1) series of 22 years and unit variance."""
    noise = rng.normal(size=(number, 22))
    for t in range(1, 22):
        noise[:, t] = correlation * noise[:, t - 1] + np.sqrt(1 - correlation**2) * noise[:, t]
    return noise


@pytest.mark.parametrize(
    "values", [(1, 2, 3, 4, 5, 6), (1, 1, 2, 3, 3, 3), (0, 0, 0, 0, 0, 0), (2, 2, 5, 5, 7, 9)]
)
def test_the_variance_of_the_score_is_that_over_all_orders(values):
    scores = [
        sum(np.sign(b - a) for i, a in enumerate(order) for b in order[i:]) for order in permutations(values)
    ]
    assert trends.score_variance(np.array([values], dtype=float))[0] == pytest.approx(np.var(scores))


@given(series)
def test_slopes_are_those_of_scipy(values):
    estimates = trends.estimate(values[None])
    assert estimates.slope[0] == pytest.approx(stats.theilslopes(values).slope)
    assert estimates.low[0] <= estimates.slope[0] <= estimates.high[0]


@given(series, st.floats(0.5, 20), st.floats(-100, 100))
def test_the_test_does_not_depend_on_level_scale_or_sign(values, scale, level):
    estimates, turned = trends.estimate(values[None]), trends.estimate(level - scale * values[None])
    assert turned.slope[0] == pytest.approx(-scale * estimates.slope[0], abs=1e-9)
    # Rounding may separate values that were equal.
    if len(np.unique(level - scale * values)) == len(np.unique(values)):
        assert turned.p[0] == pytest.approx(estimates.p[0], rel=1e-6, abs=1e-12)


def test_without_correlation_interval_and_p_are_the_classical_ones():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 22)) + 0.05 * np.arange(22)
    estimates = trends.estimate(values)
    for place in np.flatnonzero(estimates.correlation <= 0)[:25]:
        classical = stats.theilslopes(values[place])
        assert (estimates.low[place], estimates.high[place]) == pytest.approx(
            (classical.low_slope, classical.high_slope)
        )
        score = sum(np.sign(b - a) for i, a in enumerate(values[place]) for b in values[place][i:])
        z = (abs(score) - 1) / np.sqrt(22 * 21 * 49 / 18) if score else 0
        assert estimates.p[place] == pytest.approx(2 * stats.norm.sf(z))


@given(st.floats(-0.95, 0.95), st.integers(5, 60))
def test_the_inflation_is_the_sum_of_its_definition(correlation, years):
    lags = np.arange(1, years)
    expected = 1 + 2 * ((1 - lags / years) * max(correlation, 0) ** lags).sum()
    assert trends.variance_inflation(np.array([correlation]), years)[0] == pytest.approx(expected)


def test_the_correlation_is_corrected_for_bias():
    rng = np.random.default_rng(3)
    for correlation in (0.0, 0.3, 0.5):
        estimates = trends.estimate(autoregressive(rng, 3000, correlation)).correlation
        assert estimates.mean() == pytest.approx(correlation, abs=0.1)


def test_the_test_keeps_its_level_in_correlated_series_without_a_trend():
    rng = np.random.default_rng(2)
    for correlation, most in ((0.0, 0.06), (0.3, 0.09), (0.5, 0.10)):
        estimates = trends.estimate(autoregressive(rng, 3000, correlation))
        assert (trends.directions(estimates) != 0).mean() < most
    # The interval covers the true slope, 0, as often as the test does not reject it.
    assert ((estimates.low <= 0) & (estimates.high >= 0)).mean() > 0.9


def test_trends_are_found_and_have_their_sign():
    rng = np.random.default_rng(4)
    noise = autoregressive(rng, 500, 0.3)
    for sign in (1, -1):
        estimates = trends.estimate(noise + sign * np.linspace(0, 6, 22))
        assert (trends.directions(estimates) == sign).mean() > 0.9
        assert np.median(estimates.slope) == pytest.approx(sign * 6 / 21, rel=0.05)


def test_straight_lines_and_constants():
    values = np.array([0.1 * np.arange(22), np.full(22, 0.3)])
    estimates = trends.estimate(values)
    assert estimates.correlation.tolist() == trends.unbiased_correlation(np.zeros(2), 22).tolist()
    assert trends.directions(estimates).tolist() == [1, 0]
    assert estimates.p[1] == 1


def test_the_size_of_chunks_does_not_matter(monkeypatch):
    values = np.random.default_rng(5).normal(size=(50, 22))
    whole = trends.estimate(values)
    monkeypatch.setattr(trends, "CHUNK", 7)
    for part, other in zip(whole, trends.estimate(values), strict=True):
        assert (part == other).all()


def panel_with_slopes(slopes: dict[tuple[str, str], tuple[float, float]]) -> PairPanel:
    """A panel with given yearly slopes and a little noise."""
    rng = np.random.default_rng(6)
    rows = [
        (*pair, 2000 + t, *(slope * t + rng.normal(0, 0.5) for slope in by_channel))
        for pair, by_channel in slopes.items()
        for t in range(22)
    ]
    table = pl.DataFrame(rows, ["source", "target", "year", "z_collaboration", "z_citation"], orient="row")
    return PairPanel.from_table(completed(table, CHANNELS), CHANNELS)


def test_pairs_are_classified_by_their_own_trends():
    panel = panel_with_slopes(
        {("CN", "FR"): (1.0, 1.0), ("CN", "US"): (-1.0, 1.0), ("FR", "US"): (0.0, -1.0)}
    )
    classified = pair_trends.classify(panel)
    tables.conform(classified, PAIR_TRENDS)
    names = dict(classified.filter(pl.col("channel") == "citation").select("target", "archetype").iter_rows())
    assert names == {"FR": "Scientific Convergence", "US": "Knowledge Divergence"}
    assert classified.filter(pl.col("source") == "CN")["slope"].to_list() == pytest.approx(
        [10, -10, 10, 10], abs=1
    )
    members = pl.DataFrame(
        [("CN", "FR", "Scientific Convergence"), ("CN", "US", "Stable"), ("FR", "US", "Stable")],
        ["source", "target", "archetype"],
        orient="row",
    )
    confusion = pair_trends.compare(members, classified, CHANNELS)
    assert tables.conform(confusion, AGREEMENT).rows() == [
        ("Scientific Convergence", "++", "Scientific Convergence", 1),
        ("Stable", "-+", "Knowledge Integration", 1),
        ("Stable", "0-", "Knowledge Divergence", 1),
    ]


@pytest.mark.parametrize("planted", [0.0, 6.0])
def test_the_signal_is_the_planted_change_in_units_of_noise(planted):
    rng = np.random.default_rng(5)
    course = np.linspace(-planted / 2, planted / 2, 22)
    pairs = combinations(codes(64), 2)  # 2016 of them
    values = {pair: np.stack([course, np.zeros(22)], axis=1) + rng.normal(size=(22, 2)) for pair in pairs}
    table = planted_panels.panel(codes(64), lambda a, b: values[a, b], CHANNELS)
    signal = pair_trends.measure_signal(PairPanel.from_table(table, CHANNELS))
    by_channel = {row["channel"]: row for row in signal.iter_rows(named=True)}
    # The slope of pure noise is normal, so that the median of its absolute value is known.
    chance = stats.norm.ppf(0.75) * 21 / np.sqrt(((np.arange(22) - 10.5) ** 2).sum())
    assert by_channel["citation"]["signal"] == pytest.approx(chance, rel=0.08)
    assert 0.9 < by_channel["citation"]["trendless"] / 2016 < 0.99
    if planted:
        assert by_channel["collaboration"]["signal"] == pytest.approx(planted, rel=0.08)
        assert by_channel["collaboration"]["trendless"] < 20
    assert (signal["trendless_in_all"] <= signal["trendless"]).all()


def test_without_noise_or_without_pairs_there_is_no_signal():
    flat = planted_panels.panel(codes(4), lambda a, b: np.zeros((22, 2)), CHANNELS)
    for table, pairs in ((flat, 6), (flat.head(0), 0)):
        panel = PairPanel.from_table(table, CHANNELS)
        signal = tables.conform(pair_trends.measure_signal(panel), SIGNAL)
        assert signal["signal"].null_count() == 2
        assert set(signal["pairs"]) == set(signal["trendless_in_all"]) == {pairs}


def test_a_rise_of_the_last_digit_is_no_trend():
    values = (1 / 3 + np.arange(22) * np.spacing(1 / 3))[None]
    assert np.diff(values).min() > 0
    result = trends.estimate(values)
    assert (result.slope, result.low, result.high, result.p) == (0, 0, 0, 1)
