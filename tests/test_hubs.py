"""Hubs: labellings by enumeration, means by hand; planted hubs are found, and none where there is none."""

from itertools import combinations
from math import comb

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planted_panels import T, panel, scored
from poles.blocs import hubs
from poles.blocs.tables import HUBS
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel

RNG = np.random.default_rng


def test_regions_are_the_union_the_subregions_without_it_and_those_given():
    codes = ["AT", "CH", "DE", "FR", "GB", "NO", "TW", "XK"]
    regions = hubs.regions_of(codes, {"Alps": ["AT", "CH", "SI"]}, 2021)
    assert regions["EU"] == ["AT", "DE", "FR"]
    assert regions["Northern Europe"] == ["GB", "NO"]
    assert regions["Western Europe"] == ["CH"]
    assert regions["Eastern Asia"] == ["TW"]
    assert regions["Alps"] == ["AT", "CH"]
    assert "GB" in hubs.regions_of(codes, {}, 2019)["EU"]
    assert hubs.regions_of(codes, {"EU": ["GB"]}, 2021)["EU"] == ["GB"]


@pytest.mark.parametrize(
    ("share", "large"),
    [(0.01, ["B", "A"]), (0.7, ["B", "A"]), (0.71, ["B", "A", "D"]), (1, ["B", "A", "D", "C"])],
)
def test_the_fewest_countries_that_hold_the_share_are_large(share, large):
    strength = {"A": 3.0, "B": 4.0, "C": 1.0, "D": 2.0, "E": 90.0}
    assert hubs.largest(strength, ["A", "B", "C", "D"], share) == large


def test_few_labellings_are_enumerated_and_many_are_sampled():
    labels, exact = hubs.labellings(6, 2, 15, RNG(1))
    assert exact
    assert {tuple(np.flatnonzero(row)) for row in labels} == set(combinations(range(6), 2))
    drawn, exact = hubs.labellings(6, 2, 14, RNG(1))
    assert not exact
    assert drawn.shape == (14, 6)
    assert (drawn.sum(axis=1) == 2).all()
    assert (drawn == hubs.labellings(6, 2, 14, RNG(1))[0]).all()


@given(st.integers(0, 10**6), st.integers(3, 9))
def test_means_are_those_of_the_pairs_of_each_kind(seed, size):
    rng = RNG(seed)
    ends = np.array(list(combinations(range(size), 2)))
    ends = ends[rng.random(len(ends)) < 0.8]
    slopes, labels = rng.standard_normal(len(ends)), rng.random((3, size)) < 0.5
    means = hubs.mean_slopes(slopes, ends, labels)
    for row, large in zip(means, labels, strict=True):
        for kind, mean in enumerate(row):
            of_kind = [s for s, (a, b) in zip(slopes, ends, strict=True) if 2 - large[a] - large[b] == kind]
            assert mean == pytest.approx(np.mean(of_kind)) if of_kind else np.isnan(mean)


def test_p_is_exact_and_two_sided():
    chance = np.arange(100.0)
    assert hubs.two_sided_p(98.0, chance, exact=True) == pytest.approx(0.04)
    assert hubs.two_sided_p(1.0, chance, exact=True) == pytest.approx(0.04)
    assert hubs.two_sided_p(50.0, chance, exact=True) == pytest.approx(1.0)
    # No draw reaches the observed value, but the observed labelling itself counts as one more.
    assert hubs.two_sided_p(200.0, chance, exact=False) == pytest.approx(2 / 101)
    assert hubs.two_sided_p(98.0, np.append(chance, np.nan), exact=True) == pytest.approx(0.04)
    # With 39 labellings, the smallest p-value is 2 in 39.
    assert hubs.two_sided_p(38.0, chance[:39], exact=True) is None
    assert hubs.two_sided_p(39.0, chance[:40], exact=True) == pytest.approx(0.05)


def test_both_p_are_those_of_all_labellings():
    rng = RNG(7)
    ends = np.array(list(combinations(range(9), 2)))
    for _ in range(5):
        slopes, large = rng.standard_normal(len(ends)), np.arange(9) < 3
        row = hubs.region_row(slopes, ends, large, 100, rng)
        differences = []
        for chosen in combinations(range(9), 3):
            by_kind = ([], [], [])
            for slope, pair in zip(slopes, ends, strict=True):
                by_kind[2 - len(set(pair) & set(chosen))].append(slope)
            hub, spoke, small = map(np.mean, by_kind)
            differences.append((spoke - hub, spoke - small))
        for observed, p, by_chance in zip(
            (row["statistic"], row["over_small"]),
            (row["p"], row["p_over_small"]),
            np.transpose(differences),
            strict=True,
        ):
            tails = (by_chance >= observed - 1e-9).mean(), (by_chance <= observed + 1e-9).mean()
            assert p == pytest.approx(min(1, 2 * min(tails)))


@pytest.mark.parametrize("permutations", [80, 1000])
def test_p_is_uniform_where_there_are_no_hubs(permutations):
    # There are 84 labellings with 3 of 9 countries large: they are sampled, or enumerated.
    rng = RNG(2)
    ends = np.array(list(combinations(range(9), 2)))
    large = np.arange(9) < 3
    p = []
    for _ in range(200):
        effect = rng.standard_normal(9)
        slopes = effect[ends].sum(axis=1) + rng.standard_normal(len(ends))
        row = hubs.region_row(slopes, ends, large, permutations, rng)
        assert row["exact"] == (permutations >= 84)
        assert row["labellings"] == min(permutations, 84)
        p.append(row["p"])
    p = np.array(p)
    for level in (0.1, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / 200))


EU = ["AT", "BE", "BG", "CZ", "DE", "DK", "ES", "FI", "FR", "GR"]
STRENGTH = {"DE": 10.0, "FR": 9.0, "ES": 8.0}


def compared(slope, noise=0.1, seed=3, **options):
    """Hubs of a panel of members of the EU and three others; `slope` is that of each kind of pair."""
    rng = RNG(seed)
    large = set(STRENGTH)
    trajectories = panel(
        [*EU, "CN", "JP", "KR"],
        lambda a, b: slope[len({a, b} - large)] * T / 10 + noise * rng.standard_normal(len(T)),
    )
    scores = {"collaboration": scored(trajectories, lambda code: STRENGTH.get(code, 1.0))}
    options = {"regions": {}, "share": 0.6, "permutations": 2000, "seed": 1} | options
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    return tables.conform(hubs.compare(pair_panel, scores, "noise_units", **options), HUBS)


def test_planted_hubs_are_found():
    table = compared((-1, 1, 0))
    for row in table.filter(region="EU").iter_rows(named=True):
        assert row["large"] == ["DE", "FR", "ES"]
        assert (row["hub_pairs"], row["spoke_pairs"], row["small_pairs"]) == (3, 21, 21)
        assert row["hubs"] < row["small"] < row["spokes"]
        assert row["hubs_high"] < 0 < row["spokes_low"]
        assert row["p"] == row["q"] == pytest.approx(2 / comb(10, 3))
        assert (row["labellings"], row["exact"]) == (120, True)
        assert row["over_small"] > 0
    row = table.row(by_predicate=(pl.col("region") == "EU") & (pl.col("unit") == "z"), named=True)
    assert (row["hubs"], row["spokes"], row["small"]) == pytest.approx((-1, 1, 0), abs=0.06)
    assert row["statistic"] == pytest.approx(row["spokes"] - row["hubs"])


def test_a_gradient_by_size_is_told_from_hubs():
    row = compared((-1, 0, 1)).row(
        by_predicate=(pl.col("region") == "EU") & (pl.col("unit") == "z"), named=True
    )
    assert row["statistic"] > 0.8
    assert row["p"] < 0.05
    assert row["over_small"] < -0.8
    assert row["p_over_small"] < 0.05


def test_pairs_with_wide_swings_do_not_decide_in_noise_units():
    rng = RNG(4)
    large = set(STRENGTH)

    def course(a, b):
        kind = len({a, b} - large)
        scale = 50.0 if "GR" in (a, b) else 1.0  # one small country swings widely
        return scale * ((-1, 1, 0)[kind] * T / 10 + 0.5 * rng.standard_normal(len(T)))

    trajectories = panel(EU, course)
    scores = {"collaboration": scored(trajectories, lambda code: STRENGTH.get(code, 1.0))}
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    table = hubs.compare(pair_panel, scores, "noise_units", {}, 0.6, 2000, 1)
    p = dict(table.select("unit", "p").iter_rows())
    assert p["noise"] < 0.05 < p["z"]


def test_a_region_too_small_for_a_test_has_means_but_no_p():
    table = compared((-1, 1, 0))
    rows = table.filter(region="Eastern Asia")
    assert rows["large"].to_list() == [["CN", "JP"]] * 2
    assert rows["p"].null_count() == rows["q"].null_count() == 2
    assert rows["hubs_low"].null_count() == 2
    assert rows["small"].null_count() == 2
    assert set(table["region"]) == {"EU", "Eastern Asia"}


def test_the_same_seed_gives_the_same_table_and_an_empty_panel_an_empty_one():
    options = {"permutations": 100}
    assert compared((0, 0, 0), **options).equals(compared((0, 0, 0), **options))
    trajectories = panel(EU, lambda a, b: T)
    scores = {"collaboration": scored(trajectories)}
    arguments = (scores, "literal", {}, 0.5, 100, 1)
    assert hubs.compare(PairPanel.from_table(trajectories.head(0), ["collaboration"]), *arguments).is_empty()
    # Straight lines have no noise, so there are no rows in units of noise.
    table = hubs.compare(PairPanel.from_table(trajectories, ["collaboration"]), *arguments)
    assert table["unit"].unique().to_list() == ["z"]
