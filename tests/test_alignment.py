"""Alignment: groups by the rule, trends against known slopes, the index against its formula."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from planted_panels import YEARS, T, completed, panel
from poles.blocs import alignment
from poles.blocs.tables import TRENDS, alignment_table
from poles.stats import bootstrap, trends
from poles.stats.trends import theil_sen
from poles.study import tables
from poles.trajectories import preprocessing
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import noise_of

SC, SD, KI, KD = (
    "Scientific Convergence",
    "Scientific Divergence",
    "Knowledge Integration",
    "Knowledge Divergence",
)
POLES = ["US", "CN"]
RECENT = (2020, 2021)


@pytest.mark.parametrize(
    ("archetypes", "poles", "group"),
    [
        ([SC, SD], ["US", "CN"], "only US"),
        ([KD, KI], ["US", "CN"], "only CN"),
        ([SC, KI], ["US", "CN"], "both"),
        ([SD, "Stable"], ["US", "CN"], "neither"),
        ([SC, None], ["US", "CN"], "not in panel"),
        ([SC, SC, SD], ["US", "CN", "IN"], "US+CN"),
        ([SC], ["US"], "only US"),
    ],
)
def test_groups(archetypes, poles, group):
    assert alignment.group_of(archetypes, poles) == group


def slopes_by_pair(table):
    """Slope, its interval and the mean z of each (country, pole)."""
    columns = ("country", "pole", "slope", "slope_low", "slope_high", "mean_z")
    return {(country, pole): tuple(row) for country, pole, *row in table.select(columns).iter_rows()}


def test_trends_are_per_decade_and_robust():
    z = 0.3 * T
    z[5] += 1000
    pair_panel = PairPanel.from_table(panel(["FR", *POLES], lambda a, b: z), ["collaboration"])
    table = alignment.pole_trends(pair_panel, POLES, RECENT)
    slope, low, high, _ = slopes_by_pair(table)["FR", "US"]
    # Only 21 of the 231 slopes between two years include the outlier: too few to move the interval.
    assert (slope, low, high) == pytest.approx((3, 3, 3))


def test_every_country_of_the_panel_stands_against_the_poles():
    pairs = {
        ("CN", "FR"): (SC, 2.0),
        ("CN", "US"): (SD, -1.0),
        ("FR", "US"): (KI, 1.0),
        ("FR", "NA"): (SC, 0.0),
    }
    rows = [
        (a, b, year, slope * (year - 2000) / 10) for (a, b), (_, slope) in pairs.items() for year in YEARS
    ]
    columns = ["source", "target", "year", "z_collaboration"]
    trajectories = completed(pl.DataFrame(rows, schema=columns, orient="row"), ["collaboration"])
    trajectories = trajectories.with_columns(z_growth_collaboration=1 - pl.col("z_collaboration") / 4)
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    clusters = pl.DataFrame(
        [(a, b, name) for (a, b), (name, _) in pairs.items()],
        schema=["source", "target", "archetype"],
        orient="row",
    )
    aligned = alignment.align(pair_panel, clusters, POLES)
    slopes = alignment.pole_trends(pair_panel, POLES, RECENT)
    columns = ["country", "group", "archetype_US", "archetype_CN", "trend_group"]
    assert aligned.select(columns).rows() == [
        ("CN", "pole", SD, None, "pole"),
        ("FR", "both", KI, SC, "both"),
        ("NA", "not in panel", None, None, "not in panel"),
        ("US", "pole", None, SD, "pole"),
    ]
    assert aligned["index"].null_count() == 4  # straight lines have no noise
    tables.conform(aligned, alignment_table(POLES))
    tables.conform(slopes, TRENDS)
    assert slopes["growth_slope"].to_list() == pytest.approx((-slopes["slope"] / 4).to_list())
    by_pair = slopes_by_pair(slopes)
    assert by_pair["FR", "CN"] == pytest.approx((2.0, 2.0, 2.0, 4.1))
    assert by_pair["CN", "US"] == by_pair["US", "CN"] == pytest.approx((-1.0, -1.0, -1.0, -2.05))
    assert ("NA", "US") not in by_pair


def ar(rng, correlation, *shape):
    """AR(1) noise of standard deviation 1 along the last axis."""
    noise = rng.standard_normal(shape)
    for year in range(1, shape[-1]):
        noise[..., year] = correlation * noise[..., year - 1] + noise[..., year] * np.sqrt(1 - correlation**2)
    return noise


def one_archetype(pair_panel):
    """Clusters in which all pairs have the same archetype."""
    return pair_panel.pairs.with_columns(archetype=pl.lit(SC))


def test_the_index_is_what_its_formula_says():
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, 22, 3)) + 0.1 * T[None, :, None] * rng.standard_normal((2, 1, 3))
    channels = ["collaboration", "citation_out", "citation_in"]
    value, low, high = alignment.alignment_index(*z, channels, 200, rng)
    weights = [1 / 2, 1 / 4, 1 / 4]
    expected = sum(
        sign * weight * 10 * stats.theilslopes(z[pole, :, n], T)[0] / noise_of(z[[pole], :, n : n + 1])[0]
        for pole, sign in ((0, 1), (1, -1))
        for n, weight in enumerate(weights)
    )
    assert value == pytest.approx(expected)
    assert low < value < high


@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_index_changes_sign_with_the_order_of_the_poles_and_has_no_unit(seed, scale, level):
    z_us, z_cn = np.random.default_rng(seed).standard_normal((2, 22, 2))
    channels = ["collaboration", "citation"]

    def index(z_first, z_second):
        return alignment.alignment_index(z_first, z_second, channels, 10, np.random.default_rng(0))

    assert index(z_cn, z_us)[0] == pytest.approx(-index(z_us, z_cn)[0])
    assert index(scale * z_us + level, z_cn) == pytest.approx(index(z_us, z_cn), rel=1e-6, abs=1e-6)


def test_a_constant_series_adds_nothing_and_a_straight_line_has_no_index():
    rng = np.random.default_rng(2)
    noise, constant, line = rng.standard_normal((22, 1)), np.full((22, 1), 3.0), 0.1 * T[:, None]
    assert np.isfinite(alignment.alignment_index(noise, constant, ["collaboration"], 50, rng)).all()
    assert alignment.alignment_index(constant, constant, ["collaboration"], 50, rng) == (0.0, 0.0, 0.0)
    assert np.isnan(alignment.alignment_index(noise, line, ["collaboration"], 50, rng)).all()


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_the_interval_covers_the_truth(correlation):
    rng = np.random.default_rng(3)
    slope = 0.4
    worlds, hits = 150, 0
    for _ in range(worlds):
        z = ar(rng, correlation, 2, 2, 22).swapaxes(1, 2)
        z[0] += slope * T[:, None] / 10
        noise = preprocessing.noise_of_series(z)
        truth = 10 * (slope / 10 / noise[0]).mean()
        _, low, high = alignment.alignment_index(*z, ["collaboration", "citation"], 200, rng)
        hits += low <= truth <= high
    # Of 150 intervals that cover at a rate of 0.93, at most 131 cover in one case of a hundred.
    assert hits > 130


def test_resampled_noise_has_the_correlation_of_the_series_and_one_variance_in_all_years():
    rng = np.random.default_rng(8)
    values = ar(rng, 0.6, 2, 60)
    values[1] += 0.5 * values[0]
    drawn = bootstrap.sieve_bootstrap(values, 4000, rng)
    spread = drawn.std(axis=0)
    assert spread / spread.mean(axis=1, keepdims=True) == pytest.approx(np.ones((2, 60)), abs=0.08)
    rest = values - theil_sen(values)[:, None] * np.arange(60)
    rest = rest - rest.mean(axis=1, keepdims=True)
    correlation = trends.unbiased_correlation(trends.lag_one_correlation(rest), 60, degree=1)
    neighbours = [np.corrcoef(drawn[:, n, 30], drawn[:, n, 31])[0, 1] for n in (0, 1)]
    assert neighbours == pytest.approx(correlation, abs=0.06)
    # The innovations of a year are drawn together, so series stay coupled in the years that follow.
    shocks = rest[:, 1:] - correlation[:, None] * rest[:, :-1]
    faded = np.sqrt((1 - correlation**2).prod()) / (1 - correlation.prod())
    coupled = np.corrcoef(drawn[:, 0, 30], drawn[:, 1, 30])[0, 1]
    assert coupled == pytest.approx(faded * np.corrcoef(shocks)[0, 1], abs=0.06)


def test_countries_are_placed_by_their_planted_trends():
    rng = np.random.default_rng(4)
    planted = {"GB": (2, -2), "FR": (2, 2), "BR": (0, 2), "KE": (0, 0)}

    def course(a, b):
        country, pole = (b, a) if a in POLES else (a, b)
        slope = planted.get(country, (0, 0))[POLES.index(pole)] if pole in POLES else 0
        return np.stack([slope * T / 10 + 0.3 * rng.standard_normal(22) for _ in range(2)], axis=1)

    channels = ["citation", "collaboration"]
    pair_panel = PairPanel.from_table(panel([*planted, *POLES], course, channels), channels)
    aligned = alignment.align(pair_panel, one_archetype(pair_panel), POLES, resamples=300)
    rows = {row["country"]: row for row in aligned.iter_rows(named=True)}
    groups = {country: rows[country]["trend_group"] for country in planted}
    assert groups == {"GB": "only US", "FR": "both", "BR": "only CN", "KE": "neither"}
    assert rows["GB"]["index_low"] > 0 > rows["BR"]["index_high"]
    assert rows["FR"]["index_low"] < 0 < rows["FR"]["index_high"]
    assert rows["US"]["index"] is rows["CN"]["index"] is None


@pytest.mark.parametrize("poles", [["US"], ["US", "CN", "IN"]])
def test_only_two_poles_have_an_index(poles):
    rng = np.random.default_rng(5)
    trajectories = panel(["FR", "GB", "US", "CN", "IN"], lambda a, b: rng.standard_normal(22))
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    aligned = alignment.align(pair_panel, one_archetype(pair_panel), poles)
    slopes = alignment.pole_trends(pair_panel, poles, RECENT)
    tables.conform(aligned, alignment_table(poles))
    assert aligned["index"].null_count() == len(aligned) == 5
    assert len(slopes) == 4 * len(poles)


def test_the_index_of_a_country_depends_neither_on_other_countries_nor_on_the_run():
    rng = np.random.default_rng(6)
    whole = panel(["AT", "FR", "GB", "US", "CN"], lambda a, b: rng.standard_normal(22))
    part = whole.filter((pl.col("source") != "AT") & (pl.col("target") != "AT"))

    def aligned(trajectories):
        pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
        return alignment.align(pair_panel, one_archetype(pair_panel), POLES, resamples=100)

    assert aligned(whole).equals(aligned(whole))
    assert aligned(part).equals(aligned(whole).filter(pl.col("country") != "AT"))


def test_the_growth_of_the_literature_makes_no_trend_in_units_of_the_yearly_spread():
    rng = np.random.default_rng(7)
    # At a constant ratio of observed to expected weight, |z| grows with the square root of the volume.
    level = {}

    def course(a, b):
        level[a, b] = rng.normal(0, 2)
        return level[a, b] * np.sqrt(1 + T / 5) + 0.1 * rng.standard_normal(22)

    trajectories = panel([f"A{letter}" for letter in "ABCDEFGHIJ"] + POLES, course)
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    plain = alignment.pole_trends(pair_panel, POLES, RECENT)
    scaled = alignment.pole_trends(pair_panel, POLES, RECENT, preprocessing="yearly_scale")

    def significant_share(slopes):
        return ((slopes["slope_low"] > 0) | (slopes["slope_high"] < 0)).mean()

    assert significant_share(plain) > 0.8
    assert significant_share(scaled) < 0.3
    assert plain["mean_z"].equals(scaled["mean_z"])
    assert plain["growth_slope"].eq(0).all() and scaled["growth_slope"].is_null().all()
