"""Polarization: measures against definitions, chance against simulated networks, planted polarization."""

from itertools import combinations, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from planted_panels import YEARS, T, both_ways, codes, panel, scored
from poles.blocs import measures, modularity, polarization
from poles.blocs.constant_affinity import ConstantAffinityNull
from poles.blocs.measures import PairNetwork
from poles.blocs.permutations import Deviations, StrengthPreservingPermutations
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.nulls import fitting, max_entropy
from poles.nulls.network import Network, tabulate
from poles.nulls.scores import score as scores_of
from poles.stats import bootstrap
from poles.study import tables
from poles.trajectories.construction import build_panel
from poles.trajectories.pair_panel import PairPanel

POLES = ["US", "CN"]


def symmetric(values):
    upper = np.triu(values, 1)
    return upper + upper.T


networks = st.integers(3, 8).flatmap(
    lambda n: arrays(float, (n, n), elements=st.floats(-5, 5).map(lambda x: round(x, 2))).map(symmetric)
)


def by_definition(weights, groups):
    """Gómez, Jensen and Arenas (2009), equation for Q, term by term."""
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    p, n = positive.sum(axis=1), negative.sum(axis=1)
    total = 0.0
    for i, j in product(range(len(weights)), repeat=2):
        if groups[i] == groups[j]:
            total += weights[i, j]
            total -= p[i] * p[j] / p.sum() if p.sum() else 0
            total += n[i] * n[j] / n.sum() if n.sum() else 0
    return total / (p.sum() + n.sum()) if p.sum() + n.sum() else 0.0


@given(networks, st.integers(0, 10**6))
def test_modularity_is_what_its_definition_says(weights, seed):
    groups = np.random.default_rng(seed).integers(0, 3, len(weights))
    assert modularity.modularity(weights, groups) == pytest.approx(by_definition(weights, groups), abs=1e-12)


@pytest.mark.parametrize("size", [2, 5, 9])
def test_two_camps_with_negative_links_between_them_have_modularity_one_half(size):
    side = np.repeat([1, -1], size)
    weights = np.outer(side, side) - np.eye(2 * size)
    # Positive and negative links count alike: [m (m - 1) + m^2] / 2 [m (m - 1) + m^2].
    assert modularity.modularity(weights, side) == pytest.approx(0.5)
    assert (modularity.best_split(weights[None]) == (side == 1)).all()


@given(networks)
def test_no_country_gains_by_changing_sides(weights):
    (side,) = modularity.best_split(weights[None])
    assert side[0]
    best = modularity.modularity(weights, side)
    for node in range(len(weights)):
        changed = side.copy()
        changed[node] = ~changed[node]
        assert modularity.modularity(weights, changed) <= best + 1e-9


def test_the_split_is_nearly_always_the_best_of_all():
    rng = np.random.default_rng(1)
    share_of_best = []
    for _ in range(40):
        weights = symmetric(rng.standard_normal((9, 9)))
        best = max(
            modularity.modularity(weights, np.array([True, *sides]))
            for sides in product((False, True), repeat=8)
        )
        share_of_best.append(modularity.modularity(weights, modularity.best_split(weights[None])[0]) / best)
    assert max(share_of_best) == pytest.approx(1)
    assert np.mean(np.array(share_of_best) > 1 - 1e-9) > 0.7
    assert min(share_of_best) > 0.75


@given(st.integers(0, 10**6), st.integers(3, 20))
def test_correlations_are_those_of_scipy(seed, size):
    x, y = np.round(np.random.default_rng(seed).standard_normal((2, 4, size)), 1)
    pearson, spearman = measures.correlate(x, y), measures.correlate_ranks(x, y)
    for row in range(4):
        if np.ptp(x[row]) and np.ptp(y[row]):
            assert pearson[row] == pytest.approx(stats.pearsonr(x[row], y[row])[0], abs=1e-9)
            assert spearman[row] == pytest.approx(stats.spearmanr(x[row], y[row])[0], abs=1e-9)
        else:
            assert pearson[row] == spearman[row] == 0


def complete(size):
    """Ends of all pairs of a number of countries."""
    return np.array(list(combinations(range(size), 2)))


@given(st.integers(0, 10**6), st.integers(4, 12))
def test_permutations_keep_the_strength_of_every_country(seed, size):
    rng = np.random.default_rng(seed)
    ends = complete(size)
    z = rng.standard_normal(len(ends))
    std = np.exp(rng.standard_normal(len(ends)))
    z[0] = np.nan
    permuter = StrengthPreservingPermutations(Deviations(z[None], std[None]), ends, size, (1.0,))
    values = np.nan_to_num(z)
    permuted = permuter.draw(values, rng)

    def strengths(row):
        return np.bincount(ends[1:].ravel(), np.repeat(std[1:] * row[1:], 2), size)

    assert permuted[0] == values[0]
    assert strengths(permuted) == pytest.approx(strengths(values), abs=1e-8)


def permuted_channel(z, std, size, weights):
    """A permutation of z of all pairs in both directions, as the channel with these weights."""
    permuter = StrengthPreservingPermutations(Deviations(z, std), complete(size), size, weights)
    return permuter.draw(z[0], np.random.default_rng(3))


def test_permutations_keep_the_strengths_of_both_directions():
    rng = np.random.default_rng(2)
    ends = complete(7)
    z, std = rng.standard_normal((2, len(ends))), np.exp(rng.standard_normal((2, len(ends))))
    forth, back, mean = (permuted_channel(z, std, 7, weights) for weights in ((1, 0), (0, 1), (0.5, 0.5)))

    def strengths(forth, back):
        first, second = ends.T
        sent = np.bincount(first, std[0] * forth, 7) + np.bincount(second, std[1] * back, 7)
        received = np.bincount(second, std[0] * forth, 7) + np.bincount(first, std[1] * back, 7)
        return np.concatenate([sent, received])

    assert strengths(forth, back) == pytest.approx(strengths(*z))
    assert np.corrcoef(forth, z[0])[0, 1] < 0.9
    assert mean == pytest.approx((forth + back) / 2)


def test_chance_is_what_networks_without_any_preference_give():
    # Two large poles take much of every country's strength, so more with one means less with the other.
    rng = np.random.default_rng(4)
    size = 14
    y = np.full(size, 0.9)
    y[:2] = 0.99, 0.98
    ends = complete(size)
    first, second = ends.T
    chance = 1 - (y[first] * y[second])
    poles = ("AA", "AB")
    measure = measures.PoleCorrelation(PairNetwork(codes(size), ends, poles), "correlation", poles)

    def correlation(z):
        return float(measure.of(z[None])[0])

    simulated, permuted = [], []
    for _ in range(150):
        weight = rng.geometric(chance) - 1.0
        matrix = symmetric(np.zeros((size, size)))
        matrix[first, second] = matrix[second, first] = weight
        moments = max_entropy.fit(Network(2000, "collaboration", tuple(codes(size)), matrix, False))
        std = moments.std[first, second]
        z = (weight - moments.expected[first, second]) / std
        simulated.append(correlation(z))
        permuter = StrengthPreservingPermutations(Deviations(z[None], std[None]), ends, size, (1.0,))
        permuted += [correlation(permuter.draw(z, rng)) for _ in range(4)]
    error = np.std(simulated) / np.sqrt(len(simulated))
    assert np.mean(simulated) < -5 * error
    assert np.mean(permuted) == pytest.approx(np.mean(simulated), abs=3 * error)


def test_the_jackknife_gives_the_error_of_a_mean_over_pairs():
    rng = np.random.default_rng(5)
    size, sigma = 20, 1.5
    halves, means = [], []
    for _ in range(300):
        effect = sigma * rng.standard_normal(size)
        pairs = effect[:, None] + effect
        upper = np.triu_indices(size, 1)
        means.append(pairs[upper].mean())
        left = [pairs[np.ix_(rest, rest)][np.triu_indices(size - 1, 1)].mean()
                for rest in (np.delete(np.arange(size), n) for n in range(size))]  # fmt: skip
        halves.append(bootstrap.jackknife_half_width(np.array(left)))
    # A country's effect is half of each of its pairs' mean: the variance of the mean is 4 sigma^2 / n.
    expected = stats.t.isf(0.025, size - 1) * 2 * sigma / np.sqrt(size)
    assert np.sqrt(np.mean(np.square(halves))) == pytest.approx(expected, rel=0.05)
    assert (np.abs(means) <= halves).mean() == pytest.approx(0.95, abs=0.04)


def measured(trajectories, poles=POLES, channels=("collaboration",), scores=None, **options):
    scores = scores or {"collaboration": scored(trajectories)}
    options = {"resamples": 200, "permutations": 40, "seed": 1} | options
    pair_panel = PairPanel.from_table(trajectories, channels)
    by_year, over_years = polarization.measure(pair_panel, scores, poles, **options)
    tables.conform(by_year, POLARIZATION)
    tables.conform(over_years, POLARIZATION_TRENDS)
    return by_year, over_years


def camps(rng, strength, countries=16):
    """Panel of two camps, each with a pole: every year z rises within camps and falls between them."""
    side = dict(zip(codes(countries), [1, -1] * (countries // 2), strict=True)) | {"US": 1, "CN": -1}
    level = strength * np.linspace(0, 1, len(T))

    def course(a, b):
        return side[a] * side[b] * level + rng.standard_normal() + 0.5 * rng.standard_normal(len(T))

    return panel([*side], course)


def test_a_world_that_falls_into_two_camps_polarizes():
    by_year, over_years = measured(camps(np.random.default_rng(6), 3))
    assert dict(over_years.select("measure", "towards").iter_rows()) == {
        "correlation": 1, "rank_correlation": 1, "pole_modularity": 1, "modularity": 1,
    }  # fmt: skip
    last = {row["measure"]: row for row in by_year.filter(year=2021).iter_rows(named=True)}
    assert last["correlation"]["value"] < last["correlation"]["chance_low"]
    assert last["modularity"]["value"] > last["modularity"]["chance_high"]
    assert all(row["p"] == pytest.approx(1 / 41) for row in last.values())
    assert last["modularity"]["apart"] is True
    assert last["correlation"]["apart"] is None
    assert {name: row["countries"] for name, row in last.items()} == {
        "correlation": 16, "rank_correlation": 16, "pole_modularity": 18, "modularity": 18,
    }  # fmt: skip


def test_a_world_that_grows_together_integrates():
    camps_to_come = camps(np.random.default_rng(7), 3)
    reverse = camps_to_come.with_columns((4021 - pl.col("year")).alias("year"))
    _, over_years = measured(reverse.sort("source", "target", "year"))
    assert set(over_years["towards"]) == {-1}


def test_a_world_without_camps_seldom_seems_to_polarize():
    rng = np.random.default_rng(11)
    towards, p = [], []
    for _ in range(12):
        walks = panel([*codes(10), *POLES], lambda a, b: rng.standard_normal(22).cumsum())
        by_year, over_years = measured(walks, resamples=100, permutations=20)
        towards += over_years["towards"].to_list()
        p += by_year.filter(year=2010)["p"].to_list()
    # There are 48 trends, four of each panel, and each is wrong with a probability of 0.05.
    assert np.count_nonzero(towards) <= 8
    assert np.mean(np.array(p) <= 0.05) < 0.15
    assert 0.33 < np.mean(p) < 0.72


def test_the_trend_under_constant_affinities_is_subtracted_with_its_interval():
    rng = np.random.default_rng(12)
    trajectories = panel([*codes(9), *POLES], lambda a, b: rng.standard_normal(22))
    pair_panel = PairPanel.from_table(trajectories, ["collaboration"])
    network = PairNetwork(pair_panel.countries, pair_panel.ends, POLES)
    values = pair_panel.z[:, :, 0].T
    for measure in measures.measures_of(network):
        sample = measure.sample(values, 100, np.random.default_rng(1))
        plain, tilted = (
            polarization.trend_row(measure, values, sample, slope * T + np.zeros((3, 22)))
            for slope in (0.0, 0.7)
        )
        assert tilted["slope"] == plain["slope"] == plain["excess_slope"]
        for name in ("excess_slope", "excess_low", "excess_high"):
            assert tilted[name] == pytest.approx(plain[name] - 7)
        assert plain["excess_low"] == plain["low"] < plain["slope"] < plain["high"] == plain["excess_high"]


def counted(seed: int, contrast: np.ndarray, model: str = "max_entropy") -> pl.DataFrame:
    """Scores of a world of two blocs, each with a pole, whose publications grow twentyfold over the years.

    ``contrast`` is, for each year, the log ratio of the weights within and between blocs.
    """
    rng = np.random.default_rng(seed)
    names = sorted([*codes(20), *POLES])
    size = np.exp(rng.normal(0, 0.8, len(names)))
    size[[names.index(pole) for pole in POLES]] = 8
    bloc = rng.choice([-1, 1], len(names))
    bloc[[names.index(pole) for pole in POLES]] = 1, -1
    affinity = np.exp(symmetric(rng.normal(0, 0.3, (len(names), len(names)))))
    frames = []
    for year, ratio, volume in zip(YEARS, contrast, np.geomspace(300, 6000, len(YEARS)), strict=True):
        weight = np.outer(size, size) * affinity * np.exp(ratio / 2 * np.outer(bloc, bloc))
        weights = symmetric(rng.poisson(2 * volume * weight / weight.sum()).astype(float))
        network = Network(year, "collaboration", tuple(names), weights, directed=False)
        frames.append(tabulate(network, fitting.fit_network(model, network, {})))
    return scores_of(pl.concat(frames))


@pytest.mark.parametrize("growth", ["kept", "removed"])
def test_constant_blocs_do_not_seem_to_form_because_counts_grow(growth):
    mean_slopes = {}
    for name, contrast in (("constant", 1.2 + 0 * T), ("forming", 2.4 * T / 21)):
        towards, slopes = [], []
        for seed in range(4):
            scores = {"collaboration": counted(seed, contrast)}
            pair_panel, _ = build_panel(scores, 2000, 2021, "mean", "literal", 20, 0.8, growth)
            _, over_years = measured(pair_panel.to_table(), scores=scores, growth=growth)
            row = over_years.row(by_predicate=pl.col("measure") == "modularity", named=True)
            towards.append(row["towards"])
            slopes.append((row["slope"], row["excess_slope"]))
        mean_slopes[name] = np.mean(slopes, axis=0)
        assert towards == [int(name == "forming")] * 4
    # The modularity of constant blocs seems to rise, and most of that rise is subtracted.
    slope, excess_slope = mean_slopes["constant"]
    assert slope > 0.02 and abs(excess_slope) < slope / 4
    assert mean_slopes["forming"][1] > 0.05


def test_permutations_start_from_the_z_that_is_measured():
    scores = {"collaboration": counted(1, 0.8 + 0 * T)}
    pair_panel, _ = build_panel(scores, 2000, 2021, "mean", "literal", 20, 0.8, "removed")
    null = ConstantAffinityNull(scores["collaboration"], pair_panel, (1.0,), "removed")
    observed = null.has_z & ~pair_panel.interpolated.T
    assert observed.mean() > 0.95
    assert null.z[0][observed] == pytest.approx(pair_panel.z[:, :, 0].T[observed], abs=1e-9)


@pytest.mark.parametrize(
    ("poles", "expected"),
    [
        (["US"], {("modularity", "none")}),
        (["US", "XX"], {("modularity", "none")}),
        (
            ["US", "CN", "IN"],
            {("modularity", "none"), ("pole_modularity", "US-CN-IN")}
            | {(m, p) for m in ("correlation", "rank_correlation") for p in ("US-CN", "US-IN", "CN-IN")},
        ),
    ],
)
def test_any_number_of_poles(poles, expected):
    rng = np.random.default_rng(8)
    trajectories = panel(["AA", "AB", "AC", "US", "CN", "IN"], lambda a, b: rng.standard_normal(22))
    by_year, over_years = measured(trajectories, poles, permutations=20)
    assert set(over_years.select("measure", "poles").iter_rows()) == expected
    assert len(by_year) == len(YEARS) * len(expected)
    assert by_year["apart"].null_count() == len(by_year)


@pytest.mark.parametrize("channels", [["collaboration", "citation"], ["citation_out", "citation_in"]])
def test_directed_layers_and_interpolated_years(channels):
    rng = np.random.default_rng(9)
    trajectories = panel([*codes(6), *POLES], lambda a, b: rng.standard_normal((22, len(channels))), channels)
    forth, back = (scored(trajectories, channel=channels[-1 - n]) for n in (0, 1))
    scores = {"collaboration": scored(trajectories, channel=channels[0]), "citation": both_ways(forth, back)}
    gap = (pl.col("year") == 2010) & (pl.col("source") == "AA")
    scores = {layer: frame.filter(~gap) for layer, frame in scores.items()}
    by_year, over_years = measured(trajectories, channels=channels, scores=scores, permutations=20)
    # The two directions of a pair are averaged.
    expected = ["citation"] if "citation_in" in channels else ["citation", "collaboration"]
    assert over_years["channel"].unique().sort().to_list() == expected
    assert (
        by_year.select(pl.col("value", "low", "high", "chance", "p").is_finite().all()).row(0) == (True,) * 5
    )


def test_the_same_seed_gives_the_same_bytes_and_an_empty_panel_an_empty_table():
    trajectories = camps(np.random.default_rng(10), 1, 6)
    once, again = measured(trajectories), measured(trajectories)
    assert once[0].equals(again[0])
    assert once[1].equals(again[1])
    assert not measured(trajectories, seed=2)[0].equals(once[0])
    assert all(frame.is_empty() for frame in measured(trajectories.head(0)))
    # Poles without a common partner have no camps. Only the modularity of the best split remains.
    without_common = panel(["AA", "AB", "AC", "AD", *POLES], lambda a, b: np.arange(22.0))
    ends = pl.concat_list("source", "target")
    for country, pole in (("AA", "CN"), ("AB", "CN"), ("AC", "US"), ("AD", "US"), ("CN", "US")):
        without_common = without_common.filter(~(ends.list.contains(country) & ends.list.contains(pole)))
    assert measured(without_common)[1]["measure"].to_list() == ["modularity"]
    three = panel([*POLES, "AA"], lambda a, b: np.arange(22.0))
    assert all(frame.is_empty() for frame in measured(three))
