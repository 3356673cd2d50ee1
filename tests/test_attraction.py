"""The search for poles: exact laws by enumeration, planted poles found, nothing found where there is none."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from planted_panels import T, both_ways, codes, panel, scored
from poles.blocs import attraction
from poles.blocs.tables import POLES
from poles.study import tables


def search(courses, strength=lambda code: 1.0, channels=("collaboration",), permutations=500):
    scores = {"collaboration": scored(courses, strength)}
    return attraction.search(courses, scores, channels, "noise_units", permutations, 1)


def matrices(signs):
    """Symmetric matrices of an edge law, without a diagonal."""
    known = ~np.eye(len(signs), dtype=bool)
    return np.triu(signs, 1) | np.triu(signs, 1).T, known


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_law_of_the_count_is_that_of_all_outcomes(chances):
    law = np.zeros(len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        parts = [chance if hit else 1 - chance for hit, chance in zip(outcome, chances, strict=True)]
        law[sum(outcome)] += np.prod(parts)
    assert attraction.poisson_binomial(np.array(chances)) == pytest.approx(law, abs=1e-12)


def test_equal_partners_give_the_binomial_law():
    law = attraction.poisson_binomial(np.full(30, 0.3))
    assert law == pytest.approx(stats.binom.pmf(np.arange(31), 30, 0.3))


def test_whoever_attracts_all_is_found_and_nobody_else():
    rng = np.random.default_rng(1)
    countries = codes(18)

    def course(a, b):
        slope = {("AC" in (a, b)): 1, ("AD" in (a, b)): -1}.get(True, 0) if {a, b} != {"AC", "AD"} else 0
        return 0.15 * slope * T + 0.3 * rng.standard_normal(22)

    found = search(panel(countries, course))
    rows = {row["country"]: row for row in found.iter_rows(named=True)}
    assert found.filter(pl.col("q_attracts") < 0.05)["country"].to_list() == ["AC"]
    assert found.filter(pl.col("q_repels") < 0.05)["country"].to_list() == ["AD"]
    assert found.filter(pl.col("q_attracts_strength") < 0.05)["country"].to_list() == ["AC"]
    others = [code for code in countries if code not in ("AC", "AD")]
    assert set(rows["AC"]["attracts"]) >= set(others)
    assert rows["AC"]["attracted"] == len(rows["AC"]["attracts"])
    assert rows["AC"]["rank"] == 1
    assert rows["AD"]["attracted_strength"] == pytest.approx(0, abs=1e-12)
    tables.conform(found, POLES)


def coins(seed, size):
    """Each pair rises or falls by a fair coin; its noise falls with the size of its countries."""
    rng = np.random.default_rng(seed)

    def course(a, b):
        return rng.choice([-0.1, 0.1]) * T + 1.2 * rng.standard_normal(22) / np.sqrt(size[a] * size[b])

    return course


def test_trends_that_are_measured_better_make_no_pole():
    size = dict(zip(codes(24), np.geomspace(8, 0.5, 24), strict=True))
    poles = 0
    for seed in range(12):
        found = search(panel([*size], coins(seed, size)), size.get, permutations=100)
        moving = found["attracted"] + found["repelled"]
        assert moving.head(5).mean() > 1.3 * moving.tail(5).mean()
        poles += (found["q_attracts"] < 0.05).any() or (found["q_repels"] < 0.05).any()
    assert poles <= 1


def test_small_countries_that_rise_with_many_make_no_pole_of_their_partners():
    # A third of the countries, the small ones, rise with each other country in one case of two.
    rng = np.random.default_rng(2)
    countries = codes(30)
    small = np.arange(30) >= 20
    weight = np.where(small, 0.01, 1.0)
    low_count, low_share, large = 0, 0, 0
    for _ in range(40):
        chance = np.where(small[:, None] | small, 0.5, 0.05)
        there, known = matrices(rng.random((30, 30)) < chance)
        for place in np.flatnonzero(~small):
            found = attraction.excess(there, known, place, weight, 200, rng)
            low_count, low_share, large = (
                low_count + (found.p < 0.05),
                low_share + (found.p_strength < 0.05),
                large + 1,
            )
    assert len(countries) == len(there)
    assert low_count / large < 0.06
    assert low_share / large < 0.07


def test_p_values_are_those_of_chance_where_no_country_differs():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(100):
        there, known = matrices(rng.random((25, 25)) < 0.3)
        p += [attraction.excess(there, known, place, np.ones(25), 100, rng).p for place in range(0, 25, 5)]
    p = np.array(p)
    # The p of a count is at least uniform, and not by much where counts are spread over some ten values.
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() < level + 3 * np.sqrt(level * (1 - level) / len(p))
    assert (p <= 0.5).mean() > 0.25


def test_the_weighted_share_is_tested_by_the_same_deal():
    rng = np.random.default_rng(4)
    there, known = matrices(rng.random((9, 9)) < 0.4)
    weight = rng.random(9)
    others = np.arange(1, 9)
    chance = there[others].sum(axis=1) / 8
    parts = weight[others] / weight[others].sum()
    own = (there[0, others] * parts).sum()
    exact = sum(
        np.prod(np.where(outcome, chance, 1 - chance))
        for outcome in map(np.array, product((False, True), repeat=8))
        if (outcome * parts).sum() >= own - 1e-12
    )
    found = attraction.excess(there, known, 0, weight, 20000, rng)
    assert found.strength == pytest.approx(own)
    assert found.p_strength == pytest.approx(exact, abs=0.015)


def test_all_channels_must_agree():
    noise = 0.1 * np.random.default_rng(5).standard_normal((4, 22, 2))
    slopes = np.array([[1, 1], [-1, -1], [1, -1], [1, 0]])
    z = noise + slopes[:, None] * T[None, :, None]
    assert attraction.joint_directions(z).tolist() == [1, -1, 0, 0]


def test_strength_is_the_mean_share_over_layers():
    courses = panel(["AA", "AB", "AC"], lambda a, b: T)
    weights = {"AA": 2.0, "AB": 1.0, "AC": 1.0}
    collaboration = scored(courses, weights.get)
    citation = both_ways(scored(courses))
    found = attraction.shares(
        {"collaboration": collaboration, "citation": citation}, ["AA", "AB", "AC"], 2000, 2021
    )
    # Links of 2, 2 and 1: strengths 4, 3, 3 of 10; equal shares of citation.
    assert list(found.values()) == pytest.approx([(0.4 + 1 / 3) / 2, (0.3 + 1 / 3) / 2, (0.3 + 1 / 3) / 2])


def test_the_same_seed_gives_the_same_table_and_an_empty_panel_an_empty_one():
    rng = np.random.default_rng(6)
    courses = panel(codes(8), lambda a, b: rng.standard_normal((22, 2)), ("collaboration", "citation"))
    scores = {"collaboration": scored(courses), "citation": both_ways(scored(courses, channel="citation"))}
    arguments = (scores, ("collaboration", "citation"), "yearly_scale", 100, 3)
    assert attraction.search(courses, *arguments).equals(attraction.search(courses, *arguments))
    assert attraction.search(courses.head(0), *arguments).is_empty()
