"""The search for poles: exact laws by enumeration; planted poles are found, and none where there is none."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from planted_panels import T, both_ways, codes, panel, scored
from poles.blocs import attraction
from poles.blocs.strengths import strength_shares
from poles.blocs.tables import POLES
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel


def search(trajectories, strength=lambda code: 1.0, permutations=500):
    scores = {"collaboration": scored(trajectories, strength)}
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    return attraction.search(pair_panel, scores, "noise_units", permutations, 1)


def matrices(values):
    """Symmetric outcomes from the upper triangle of some values, and a panel of all pairs."""
    in_panel = ~np.eye(len(values), dtype=bool)
    return np.triu(values, 1) | np.triu(values, 1).T, in_panel


def probability_of_outcome(outcome, chances):
    """Probability of one outcome of independent trials of unequal chances."""
    return np.prod(np.where(outcome, chances, 1 - chances))


@given(st.integers(0, 10**6), st.integers(3, 9))
def test_the_p_of_a_number_of_partners_is_summed_over_all_outcomes(seed, size):
    rng = np.random.default_rng(seed)
    outcome, in_panel = matrices(rng.random((size, size)) < rng.random())
    chances = outcome[1:].sum(axis=1) / (size - 1)
    exact = sum(
        probability_of_outcome(np.array(drawn), chances)
        for drawn in product((False, True), repeat=size - 1)
        if sum(drawn) >= outcome[0].sum()
    )
    test = attraction.excess_over_chance(outcome, in_panel, 0, np.ones(size), 1, rng)
    assert test.p == pytest.approx(exact, rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12))
def test_the_p_of_one_way_is_the_tail_of_the_binomial_law(counts):
    one_way, other_way = np.array(counts).T
    moving = one_way + other_way
    # A pair moves for both of its countries: here each number of pairs stands twice.
    one_way, moving = np.tile(one_way, 2), np.tile(moving, 2)
    share = (one_way.sum() / 2 - one_way + 1) / (moving.sum() / 2 - moving + 2)
    expected = stats.binom.sf(one_way - 1, moving, share)
    assert attraction.one_sided_p(one_way, moving) == pytest.approx(expected, rel=1e-12)


def test_a_tiny_p_is_not_lost_to_rounding():
    size = 60
    outcome, in_panel = matrices(np.zeros((size, size), dtype=bool))
    outcome[0, 1:] = outcome[1:, 0] = True
    test = attraction.excess_over_chance(outcome, in_panel, 0, np.ones(size), 1, np.random.default_rng(0))
    assert test.p == pytest.approx((1 / (size - 1)) ** (size - 1), rel=1e-9)


def test_a_country_that_attracts_all_its_partners_is_found_and_no_other():
    rng = np.random.default_rng(1)
    countries = codes(18)

    def course(a, b):
        slope = {("AC" in (a, b)): 1, ("AD" in (a, b)): -1}.get(True, 0) if {a, b} != {"AC", "AD"} else 0
        return 0.15 * slope * T + 0.3 * rng.standard_normal(22)

    poles = search(panel(countries, course))
    rows = {row["country"]: row for row in poles.iter_rows(named=True)}
    assert poles.filter(pl.col("q_attracts") < 0.05)["country"].to_list() == ["AC"]
    assert poles.filter(pl.col("q_repels") < 0.05)["country"].to_list() == ["AD"]
    assert poles.filter(pl.col("q_attracts_strength") < 0.05)["country"].to_list() == ["AC"]
    others = [code for code in countries if code not in ("AC", "AD")]
    assert set(rows["AC"]["attracts"]) >= set(others)
    assert rows["AC"]["attracted"] == len(rows["AC"]["attracts"])
    assert rows["AC"]["rank"] == 1
    assert rows["AD"]["attracted_strength"] == pytest.approx(0, abs=1e-12)
    tables.conform(poles, POLES)


def random_courses(seed, size):
    """Courses that rise or fall with equal probability; the noise is less for pairs of large countries."""
    rng = np.random.default_rng(seed)

    def course(a, b):
        return rng.choice([-0.1, 0.1]) * T + 1.2 * rng.standard_normal(22) / np.sqrt(size[a] * size[b])

    return course


def test_countries_whose_trends_are_measured_better_are_no_poles():
    size = dict(zip(codes(24), np.geomspace(8, 0.5, 24), strict=True))
    false_poles = 0
    for seed in range(12):
        poles = search(panel([*size], random_courses(seed, size)), size.get, permutations=100)
        moving = poles["attracted"] + poles["repelled"]
        assert moving.head(5).mean() > 1.3 * moving.tail(5).mean()
        false_poles += (poles["q_attracts"] < 0.05).any() or (poles["q_repels"] < 0.05).any()
    assert false_poles <= 1


def test_partners_of_small_countries_that_rise_with_many_are_no_poles():
    # A third of the countries, the small ones, rise with every other country in one case of two.
    rng = np.random.default_rng(2)
    small = np.arange(30) >= 20
    strength = np.where(small, 0.01, 1.0)
    probability = np.where(small[:, None] | small, 0.5, 0.05)
    tests = []
    for _ in range(40):
        outcome, in_panel = matrices(rng.random((30, 30)) < probability)
        tests += [
            attraction.excess_over_chance(outcome, in_panel, place, strength, 200, rng)
            for place in np.flatnonzero(~small)
        ]
    assert np.mean([test.p < 0.05 for test in tests]) < 0.06
    assert np.mean([test.strength_p < 0.05 for test in tests]) < 0.07


def test_p_values_are_those_of_chance_where_countries_do_not_differ():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(100):
        outcome, in_panel = matrices(rng.random((25, 25)) < 0.3)
        p += [
            attraction.excess_over_chance(outcome, in_panel, place, np.ones(25), 100, rng).p
            for place in range(0, 25, 5)
        ]
    p = np.array(p)
    # The p-value of a count is at least uniform, and close to uniform for counts of some ten values.
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() < level + 3 * np.sqrt(level * (1 - level) / len(p))
    assert (p <= 0.5).mean() > 0.25


def test_the_share_of_strength_is_tested_under_the_same_law():
    rng = np.random.default_rng(4)
    outcome, in_panel = matrices(rng.random((9, 9)) < 0.4)
    strength = rng.random(9)
    chances = outcome[1:].sum(axis=1) / 8
    weights = strength[1:] / strength[1:].sum()
    observed = (outcome[0, 1:] * weights).sum()
    exact = sum(
        probability_of_outcome(drawn, chances)
        for drawn in map(np.array, product((False, True), repeat=8))
        if (drawn * weights).sum() >= observed - 1e-12
    )
    test = attraction.excess_over_chance(outcome, in_panel, 0, strength, 20000, rng)
    assert test.strength_share == pytest.approx(observed)
    assert test.strength_p == pytest.approx(exact, abs=0.015)


def test_all_channels_must_agree():
    noise = 0.1 * np.random.default_rng(5).standard_normal((4, 22, 2))
    slopes = np.array([[1, 1], [-1, -1], [1, -1], [1, 0]])
    z = noise + slopes[:, None] * T[None, :, None]
    assert attraction.joint_directions(z).tolist() == [1, -1, 0, 0]


def test_strength_is_the_mean_share_over_layers():
    trajectories = panel(["AA", "AB", "AC"], lambda a, b: T)
    strength = {"AA": 2.0, "AB": 1.0, "AC": 1.0}
    scores = {
        "collaboration": scored(trajectories, strength.get),
        "citation": both_ways(scored(trajectories)),
    }
    shares = strength_shares(scores, ["AA", "AB", "AC"], 2000, 2021)
    # The links are 2, 2 and 1, so strengths are 4, 3 and 3 of 10; the shares of citation are equal.
    assert shares == pytest.approx([(0.4 + 1 / 3) / 2, (0.3 + 1 / 3) / 2, (0.3 + 1 / 3) / 2])


def test_the_same_seed_gives_the_same_table_and_an_empty_panel_an_empty_one():
    rng = np.random.default_rng(6)
    channels = ("collaboration", "citation")
    trajectories = panel(codes(8), lambda a, b: rng.standard_normal((22, 2)), channels)
    scores = {
        "collaboration": scored(trajectories),
        "citation": both_ways(scored(trajectories, channel="citation")),
    }
    whole, empty = (PairPanel.from_table(table, channels) for table in (trajectories, trajectories.head(0)))
    arguments = (scores, "yearly_scale", 100, 3)
    assert attraction.search(whole, *arguments).equals(attraction.search(whole, *arguments))
    assert attraction.search(empty, *arguments).is_empty()
