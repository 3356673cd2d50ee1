"""Measures against their definitions; chance against simulated networks; polarization that was planted."""

from itertools import combinations, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from planted_panels import YEARS, T, both_ways, codes, panel, scored
from poles.blocs import modularity, polarization
from poles.blocs.constant_affinity import Steady
from poles.blocs.permutations import Deal, Deviations
from poles.blocs.polarization import Panel
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.nulls import fitting, max_entropy
from poles.nulls.network import Network, tabulate
from poles.nulls.scores import score as scores_of
from poles.stats import bootstrap
from poles.study import tables
from poles.trajectories.construction import build_panel, cube, number_countries

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
def test_two_camps_that_shun_each_other_have_modularity_one_half(size):
    side = np.repeat([1, -1], size)
    weights = np.outer(side, side) - np.eye(2 * size)
    # Positive and negative links together: [m (m - 1) + m^2] / 2 [m (m - 1) + m^2].
    assert modularity.modularity(weights, side) == pytest.approx(0.5)
    assert (modularity.split(weights) == (side == 1)).all()


@given(networks)
def test_no_country_gains_by_changing_sides(weights):
    side = modularity.split(weights)
    assert side[0]
    reached = modularity.modularity(weights, side)
    for node in range(len(weights)):
        other = side.copy()
        other[node] = ~other[node]
        assert modularity.modularity(weights, other) <= reached + 1e-9


def test_the_split_is_nearly_always_the_best_of_all():
    rng = np.random.default_rng(1)
    reached = []
    for _ in range(40):
        weights = symmetric(rng.standard_normal((9, 9)))
        best = max(
            modularity.modularity(weights, np.array([True, *sides]))
            for sides in product((False, True), repeat=8)
        )
        reached.append(modularity.modularity(weights, modularity.split(weights)) / best)
    assert max(reached) == pytest.approx(1)
    assert np.mean(np.array(reached) > 1 - 1e-9) > 0.7
    assert min(reached) > 0.75


@given(st.integers(0, 10**6), st.integers(3, 20))
def test_correlations_are_those_of_scipy(seed, size):
    one, other = np.round(np.random.default_rng(seed).standard_normal((2, 4, size)), 1)
    pearson, spearman = polarization.correlate(one, other), polarization.correlate_ranks(one, other)
    for row in range(4):
        if np.ptp(one[row]) and np.ptp(other[row]):
            assert pearson[row] == pytest.approx(stats.pearsonr(one[row], other[row])[0], abs=1e-9)
            assert spearman[row] == pytest.approx(stats.spearmanr(one[row], other[row])[0], abs=1e-9)
        else:
            assert pearson[row] == spearman[row] == 0


def complete(size):
    """Ends of all pairs of so many countries."""
    return np.array(list(combinations(range(size), 2)))


@given(st.integers(0, 10**6), st.integers(4, 12), st.booleans())
def test_dealing_z_out_anew_keeps_every_strength(seed, size, directed):
    rng = np.random.default_rng(seed)
    ends = complete(size)
    z = rng.standard_normal((1 + directed, len(ends)))
    std = np.exp(rng.standard_normal(z.shape))
    z[0, 0] = np.nan
    weights = (0.5, 0.5) if directed else (1.0,)
    deal = Deal(Deviations(z, std), ends, size, weights)
    values = np.nan_to_num(z).mean(axis=0)

    class Whole(Deal):
        """Deals that show what stands before the mean of both directions."""

    drawn = Whole(Deviations(z, std), ends, size, weights)
    drawn.weights = np.ones(len(z))  # of all directions
    mean, whole = deal.draw(values, np.random.default_rng(1)), drawn.draw(values, np.random.default_rng(1))
    assert mean[0] == values[0]
    assert mean[1:] == pytest.approx(whole[1:] / len(z))
    if not directed:
        before, after = (
            np.bincount(ends[1:].ravel(), np.repeat(std[0, 1:] * row[1:], 2), size) for row in (values, mean)
        )
        assert after == pytest.approx(before, abs=1e-8)


def test_the_strengths_of_both_directions_are_kept():
    rng = np.random.default_rng(2)
    ends = complete(7)
    z, std = rng.standard_normal((2, len(ends))), np.exp(rng.standard_normal((2, len(ends))))
    shown = {}
    for name, weights in (("out", (1.0, 0.0)), ("in", (0.0, 1.0))):
        shown[name] = Deal(Deviations(z, std), ends, 7, weights).draw(z[0], np.random.default_rng(3))

    def strengths(forth, back):
        first, second = ends.T
        sent = np.bincount(first, std[0] * forth, 7) + np.bincount(second, std[1] * back, 7)
        got = np.bincount(second, std[0] * forth, 7) + np.bincount(first, std[1] * back, 7)
        return np.concatenate([sent, got])

    assert strengths(shown["out"], shown["in"]) == pytest.approx(strengths(*z))
    assert np.corrcoef(shown["out"], z[0])[0, 1] < 0.9


def test_chance_is_what_networks_without_any_preference_give():
    # Two large poles take much of every country's strength: who has more with one has less with the other.
    rng = np.random.default_rng(4)
    size = 14
    y = np.full(size, 0.9)
    y[:2] = 0.99, 0.98
    ends = complete(size)
    first, second = ends.T
    chance = 1 - (y[first] * y[second])
    whole = Panel(codes(size), ends, ["AA", "AB"])
    places = whole.with_poles(["AA", "AB"])

    def correlation(z):
        return float(polarization.correlate(z[places[:, 0]], z[places[:, 1]]))

    simulated, dealt = [], []
    for _ in range(150):
        weight = rng.geometric(chance) - 1.0
        matrix = symmetric(np.zeros((size, size)))
        matrix[first, second] = matrix[second, first] = weight
        moments = max_entropy.fit(Network(2000, "collaboration", tuple(whole.codes), matrix, False))
        std = moments.std[first, second]
        z = (weight - moments.expected[first, second]) / std
        simulated.append(correlation(z))
        deal = Deal(Deviations(z[None], std[None]), ends, size, (1.0,))
        dealt += [correlation(deal.draw(z, rng)) for _ in range(4)]
    error = np.std(simulated) / np.sqrt(len(simulated))
    assert np.mean(simulated) < -5 * error
    assert np.mean(dealt) == pytest.approx(np.mean(simulated), abs=3 * error)


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
        halves.append(bootstrap.jackknife(np.array(left)))
    # Each country enters a pair once of two: the variance of the mean is 4 sigma^2 / n.
    wanted = stats.t.isf(0.025, size - 1) * 2 * sigma / np.sqrt(size)
    assert np.sqrt(np.mean(np.square(halves))) == pytest.approx(wanted, rel=0.05)
    assert (np.abs(means) <= halves).mean() == pytest.approx(0.95, abs=0.04)


def measured(courses, poles=POLES, channels=("collaboration",), scores=None, **options):
    scores = scores or {"collaboration": scored(courses)}
    options = {"resamples": 200, "deals": 40, "seed": 1} | options
    by_year, over_years = polarization.measure(courses, scores, poles, channels, **options)
    tables.conform(by_year, POLARIZATION)
    tables.conform(over_years, POLARIZATION_TRENDS)
    return by_year, over_years


def camps(rng, strength, countries=16):
    """Panel of countries that draw to one of two poles, more each year, as does each camp within."""
    side = dict(zip(codes(countries), [1, -1] * (countries // 2), strict=True)) | {"US": 1, "CN": -1}
    level = strength * np.linspace(0, 1, len(T))

    def course(a, b):
        return side[a] * side[b] * level + rng.standard_normal() + 0.5 * rng.standard_normal(len(T))

    return panel([*side], course)


def test_a_world_that_falls_into_two_camps_is_seen_to():
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


def test_a_world_that_grows_together_is_the_opposite():
    courses = camps(np.random.default_rng(7), 3).with_columns((2021 - (pl.col("year") - 2000)).alias("year"))
    _, over_years = measured(courses.sort("source", "target", "year"))
    assert set(over_years["towards"]) == {-1}


def test_a_world_without_sides_is_seldom_said_to_take_any():
    rng = np.random.default_rng(11)
    towards, p = [], []
    for _ in range(12):
        walks = panel([*codes(10), *POLES], lambda a, b: rng.standard_normal(22).cumsum())
        by_year, over_years = measured(walks, resamples=100, deals=20)
        towards += over_years["towards"].to_list()
        p += by_year.filter(year=2010)["p"].to_list()
    # 48 trends, four of each panel, of which 0.05 each may be wrong.
    assert np.count_nonzero(towards) <= 8
    assert np.mean(np.array(p) <= 0.05) < 0.15
    assert 0.33 < np.mean(p) < 0.72


def test_the_trend_of_unchanged_affinities_is_taken_off_with_its_interval():
    rng = np.random.default_rng(12)
    courses = panel([*codes(9), *POLES], lambda a, b: rng.standard_normal(22))
    pairs = courses.select("source", "target").unique(maintain_order=True)
    whole = Panel(sorted({*codes(9), *POLES}), number_countries(pairs), POLES)
    values = cube(courses, ["z_collaboration"])[:, :, 0].T
    for one in polarization.measures_of(whole):
        plain, tilted = (
            polarization._summary(
                whole,
                values,
                one,
                np.zeros((3, 22)),
                slope * T + np.zeros((3, 22)),
                100,
                np.random.default_rng(1),
            )[1]
            for slope in (0.0, 0.7)
        )
        assert tilted["slope"] == plain["slope"] == plain["excess_slope"]
        for name in ("excess_slope", "excess_low", "excess_high"):
            assert tilted[name] == pytest.approx(plain[name] - 7)
        assert plain["excess_low"] == plain["low"] < plain["slope"] < plain["high"] == plain["excess_high"]


def counted(seed: int, contrast: np.ndarray, model: str = "max_entropy") -> pl.DataFrame:
    """Scores of a world of two blocs, one of each pole, whose publications grow twentyfold in all.

    ``contrast`` is the logarithm of how much more a country of the own bloc is sought, by year.
    """
    rng = np.random.default_rng(seed)
    names = sorted([*codes(20), *POLES])
    size = np.exp(rng.normal(0, 0.8, len(names)))
    size[[names.index(pole) for pole in POLES]] = 8
    camp = rng.choice([-1, 1], len(names))
    camp[[names.index(pole) for pole in POLES]] = 1, -1
    taste = np.exp(symmetric(rng.normal(0, 0.3, (len(names), len(names)))))
    frames = []
    for year, own, volume in zip(YEARS, contrast, np.geomspace(300, 6000, len(YEARS)), strict=True):
        weight = np.outer(size, size) * taste * np.exp(own / 2 * np.outer(camp, camp))
        weights = symmetric(rng.poisson(2 * volume * weight / weight.sum()).astype(float))
        network = Network(year, "collaboration", tuple(names), weights, directed=False)
        frames.append(tabulate(network, fitting.fit_network(model, network, {})))
    return scores_of(pl.concat(frames))


@pytest.mark.parametrize("growth", ["kept", "removed"])
def test_blocs_that_were_there_all_along_do_not_form_because_counts_grow(growth):
    found = {}
    for name, contrast in (("always", 1.2 + 0 * T), ("forming", 2.4 * T / 21)):
        towards, slopes = [], []
        for seed in range(4):
            scores = {"collaboration": counted(seed, contrast)}
            courses, _ = build_panel(scores, 2000, 2021, "mean", 20, 0.8, growth)
            _, over_years = measured(courses, scores=scores, growth=growth)
            row = over_years.row(by_predicate=pl.col("measure") == "modularity", named=True)
            towards.append(row["towards"])
            slopes.append((row["slope"], row["excess_slope"]))
        found[name] = np.mean(slopes, axis=0)
        assert towards == [int(name == "forming")] * 4
    # What is taken off the blocs that always were is most of what their modularity seems to gain.
    assert found["always"][0] > 0.02 and abs(found["always"][1]) < found["always"][0] / 4
    assert found["forming"][1] > 0.05


def test_chance_is_dealt_from_the_z_that_is_measured():
    scores = {"collaboration": counted(1, 0.8 + 0 * T)}
    courses, _ = build_panel(scores, 2000, 2021, "mean", 20, 0.8, "removed")
    pairs = courses.select("source", "target").unique(maintain_order=True)
    steady = Steady(scores["collaboration"], pairs, list(YEARS), (1.0,), "removed")
    observed = cube(courses, ["z_collaboration"])[:, :, 0].T
    there = steady.there & ~cube(courses, ["interpolated"])[:, :, 0].T.astype(bool)
    assert there.mean() > 0.95
    assert steady.z[0][there] == pytest.approx(observed[there], abs=1e-9)


@pytest.mark.parametrize(
    ("poles", "measures"),
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
def test_any_number_of_poles(poles, measures):
    rng = np.random.default_rng(8)
    by_year, over_years = measured(
        panel(["AA", "AB", "AC", "US", "CN", "IN"], lambda a, b: rng.standard_normal(22)), poles, deals=20
    )
    assert set(over_years.select("measure", "poles").iter_rows()) == measures
    assert len(by_year) == len(YEARS) * len(measures)
    assert by_year["apart"].null_count() == len(by_year)


@pytest.mark.parametrize("channels", [["collaboration", "citation"], ["citation_out", "citation_in"]])
def test_directed_layers_and_years_that_were_filled_in(channels):
    rng = np.random.default_rng(9)
    courses = panel([*codes(6), *POLES], lambda a, b: rng.standard_normal((22, len(channels))), channels)
    forth, back = (scored(courses, channel=channels[-1 - n]) for n in (0, 1))
    scores = {"collaboration": scored(courses, channel=channels[0]), "citation": both_ways(forth, back)}
    gap = (pl.col("year") == 2010) & (pl.col("source") == "AA")
    scores = {layer: frame.filter(~gap) for layer, frame in scores.items()}
    by_year, over_years = measured(courses, channels=channels, scores=scores, deals=20)
    # Two directions of one pair are one link between camps.
    expected = ["citation"] if "citation_in" in channels else ["citation", "collaboration"]
    assert over_years["channel"].unique().sort().to_list() == expected
    assert (
        by_year.select(pl.col("value", "low", "high", "chance", "p").is_finite().all()).row(0) == (True,) * 5
    )


def test_the_same_seed_gives_the_same_bytes_and_an_empty_panel_an_empty_table():
    courses = camps(np.random.default_rng(10), 1, 6)
    once, again = measured(courses), measured(courses)
    assert once[0].equals(again[0])
    assert once[1].equals(again[1])
    assert not measured(courses, seed=2)[0].equals(once[0])
    assert all(frame.is_empty() for frame in measured(courses.head(0)))
    # Poles that share no partner have no camps, and that is no failure.
    apart = panel(["AA", "AB", "AC", "AD", *POLES], lambda a, b: np.arange(22.0))
    ends = pl.concat_list("source", "target")
    for own, pole in (("AA", "CN"), ("AB", "CN"), ("AC", "US"), ("AD", "US"), ("CN", "US")):
        apart = apart.filter(~(ends.list.contains(own) & ends.list.contains(pole)))
    assert measured(apart)[1]["measure"].to_list() == ["modularity"]
    three = panel([*POLES, "AA"], lambda a, b: np.arange(22.0))
    assert all(frame.is_empty() for frame in measured(three))
