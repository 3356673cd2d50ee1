"""Groups by the rule; trends against known slopes; the index against its formula and planted trends."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from planted_panels import YEARS, T, panel
from poles.blocs import alignment
from poles.blocs.tables import TRENDS, alignment_table
from poles.stats import bootstrap, trends
from poles.stats.trends import theil_sen
from poles.study import tables
from poles.trajectories import preprocessing
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


def test_trends_are_per_decade_and_robust():
    years = np.arange(2000, 2022)
    z = 0.3 * years
    z[5] += 1000
    slope, low, high = alignment.trend(years, z)
    assert slope == pytest.approx(3)
    assert low <= slope <= high
    # Of 231 pairwise slopes only the outlier's 21 differ, too few to move the interval.
    assert (low, high) == pytest.approx((3, 3))
    with pytest.raises(ValueError, match="every year"):
        alignment.trend(years[::2], z[::2])


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
    courses = pl.DataFrame(rows, schema=["source", "target", "year", "z_collaboration"], orient="row")
    courses = courses.sort("source", "target", "year")
    courses = courses.with_columns(z_growth_collaboration=1 - pl.col("z_collaboration") / 4)
    members = pl.DataFrame(
        [(a, b, name) for (a, b), (name, _) in pairs.items()],
        schema=["source", "target", "archetype"],
        orient="row",
    )
    aligned, slopes = alignment.align(courses, members, POLES, ["collaboration"], RECENT)
    columns = ["country", "group", "archetype_US", "archetype_CN", "trend_group"]
    assert aligned.select(columns).rows() == [
        ("CN", "pole", SD, None, "pole"),
        ("FR", "both", KI, SC, "both"),
        ("NA", "not in panel", None, None, "not in panel"),
        ("US", "pole", None, SD, "pole"),
    ]
    assert aligned["index"].null_count() == 4  # straight lines have no noise to be measured in
    tables.conform(aligned, alignment_table(POLES))
    tables.conform(slopes, TRENDS)
    found = {(c, p): (slope, now) for c, p, _, slope, _, _, now, _ in slopes.iter_rows()}
    assert slopes["growth_slope"].to_list() == pytest.approx((-slopes["slope"] / 4).to_list())
    assert found["FR", "CN"] == pytest.approx((2.0, 4.1))
    assert found["CN", "US"] == found["US", "CN"] == pytest.approx((-1.0, -2.05))
    assert ("NA", "US") not in found


def ar(rng, correlation, *shape):
    """AR(1) noise of standard deviation 1 along the last axis."""
    noise = rng.standard_normal(shape)
    for year in range(1, shape[-1]):
        noise[..., year] = correlation * noise[..., year - 1] + noise[..., year] * np.sqrt(1 - correlation**2)
    return noise


def members_of(courses):
    """All pairs in one archetype."""
    return courses.select("source", "target").unique(maintain_order=True).with_columns(archetype=pl.lit(SC))


def test_the_index_is_what_its_formula_says():
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, 22, 3)) + 0.1 * T[None, :, None] * rng.standard_normal((2, 1, 3))
    channels = ["collaboration", "citation_out", "citation_in"]
    value, low, high = alignment.index(*z, channels, 200, rng)
    weights = [1 / 2, 1 / 4, 1 / 4]
    expected = sum(
        sign * weight * 10 * stats.theilslopes(z[pole, :, n], T)[0] / noise_of(z[[pole], :, n : n + 1])[0]
        for pole, sign in ((0, 1), (1, -1))
        for n, weight in enumerate(weights)
    )
    assert value == pytest.approx(expected)
    assert low < value < high


@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_index_turns_with_the_poles_and_knows_no_unit(seed, scale, level):
    one, other = np.random.default_rng(seed).standard_normal((2, 22, 2))
    channels = ["collaboration", "citation"]

    def value(first, second):
        return alignment.index(first, second, channels, 10, np.random.default_rng(0))

    found = value(one, other)
    assert value(other, one)[0] == pytest.approx(-found[0])
    assert value(scale * one + level, other) == pytest.approx(found, rel=1e-6, abs=1e-6)


def test_a_series_that_stands_still_adds_nothing_and_a_line_without_noise_has_no_index():
    rng = np.random.default_rng(2)
    one = rng.standard_normal((22, 1))
    still = np.full((22, 1), 3.0)
    assert np.isfinite(alignment.index(one, still, ["collaboration"], 50, rng)).all()
    assert alignment.index(still, still, ["collaboration"], 50, rng) == (0.0, 0.0, 0.0)
    assert np.isnan(alignment.index(one, 0.1 * T[:, None], ["collaboration"], 50, rng)).all()


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
        _, low, high = alignment.index(*z, ["collaboration", "citation"], 200, rng)
        hits += low <= truth <= high
    # Of 150 intervals at 0.93, 131 or fewer cover in one case of a hundred.
    assert hits > 130


def test_noise_drawn_anew_is_as_correlated_and_as_wide_in_every_year():
    rng = np.random.default_rng(8)
    values = ar(rng, 0.6, 2, 60)
    values[1] += 0.5 * values[0]
    drawn = bootstrap.resample(values, 4000, rng)
    spread = drawn.std(axis=0)
    assert spread / spread.mean(axis=1, keepdims=True) == pytest.approx(np.ones((2, 60)), abs=0.08)
    rest = values - theil_sen(values)[:, None] * np.arange(60)
    rest = rest - rest.mean(axis=1, keepdims=True)
    wanted = trends.unbiased(trends.correlate(rest), 60, degree=1)
    neighbours = [np.corrcoef(drawn[:, n, 30], drawn[:, n, 31])[0, 1] for n in (0, 1)]
    assert neighbours == pytest.approx(wanted, abs=0.06)
    # Innovations are drawn together: what couples them goes on into the years that follow.
    shocks = rest[:, 1:] - wanted[:, None] * rest[:, :-1]
    faded = np.sqrt((1 - wanted**2).prod()) / (1 - wanted.prod())
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
    courses = panel([*planted, *POLES], course, channels)
    aligned, _ = alignment.align(courses, members_of(courses), POLES, channels, RECENT, resamples=300)
    rows = {row["country"]: row for row in aligned.iter_rows(named=True)}
    groups = {country: rows[country]["trend_group"] for country in planted}
    assert groups == {"GB": "only US", "FR": "both", "BR": "only CN", "KE": "neither"}
    assert rows["GB"]["index_low"] > 0 > rows["BR"]["index_high"]
    assert rows["FR"]["index_low"] < 0 < rows["FR"]["index_high"]
    assert rows["US"]["index"] is rows["CN"]["index"] is None


@pytest.mark.parametrize("poles", [["US"], ["US", "CN", "IN"]])
def test_the_index_is_for_two_poles_alone(poles):
    rng = np.random.default_rng(5)
    courses = panel(["FR", "GB", "US", "CN", "IN"], lambda a, b: rng.standard_normal(22))
    aligned, slopes = alignment.align(courses, members_of(courses), poles, ["collaboration"], RECENT)
    tables.conform(aligned, alignment_table(poles))
    assert aligned["index"].null_count() == len(aligned) == 5
    assert len(slopes) == 4 * len(poles)


def test_a_country_s_index_does_not_depend_on_the_others_nor_on_the_run():
    rng = np.random.default_rng(6)
    whole = panel(["AT", "FR", "GB", "US", "CN"], lambda a, b: rng.standard_normal(22))
    part = whole.filter((pl.col("source") != "AT") & (pl.col("target") != "AT"))
    found = [
        alignment.align(courses, members_of(courses), POLES, ["collaboration"], RECENT, resamples=100)[0]
        for courses in (whole, whole, part)
    ]
    assert found[0].equals(found[1])
    assert found[2].equals(found[0].filter(pl.col("country") != "AT"))


def test_trends_of_the_growth_of_the_literature_vanish_over_the_year_s_spread():
    rng = np.random.default_rng(7)
    # A constant ratio of observed to expected: z grows with the root of the volume, up or down.
    level = {}

    def course(a, b):
        level[a, b] = rng.normal(0, 2)
        return level[a, b] * np.sqrt(1 + T / 5) + 0.1 * rng.standard_normal(22)

    courses = panel([f"A{letter}" for letter in "ABCDEFGHIJ"] + POLES, course)
    arguments = (members_of(courses), POLES, ["collaboration"], RECENT)
    _, plain = alignment.align(courses, *arguments, resamples=100)
    _, scaled = alignment.align(courses, *arguments, preprocessing="yearly_scale", resamples=100)

    def clear(slopes):
        return ((slopes["slope_low"] > 0) | (slopes["slope_high"] < 0)).mean()

    assert clear(plain) > 0.8
    assert clear(scaled) < 0.3
    assert plain["mean_z"].equals(scaled["mean_z"])
    assert plain["growth_slope"].eq(0).all() and scaled["growth_slope"].is_null().all()


def test_both_directions_of_citation_are_one_where_the_alphabet_would_tell_them_apart():
    channels = ["collaboration", "citation_out", "citation_in"]
    courses = panel(["AA", "AB", "AC"], lambda a, b: np.stack([T, 2.0 * T, 4.0 * T + 1], axis=1), channels)
    joined, names = alignment.undirected(courses, channels)
    assert names == ["collaboration", "citation"]
    assert joined["z_citation"].to_list() == pytest.approx(np.tile(3.0 * T + 0.5, 3).tolist())
    for others in (["collaboration", "citation"], ["citation_out"]):
        assert alignment.undirected(courses, others) == (courses, others)
