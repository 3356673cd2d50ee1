"""Gravity model of constant affinity, against planted models, maximum likelihood, and growth alone."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from poles.errors import StudyError
from poles.nulls import gravity, max_entropy, multi_edge, scores
from poles.nulls.network import Network, tabulate
from poles.stats import trends
from poles.trajectories.construction import build_panel

YEARS, N = 22, 12


def planted(seed: int, directed: bool, growth: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a gravity model without noise, in which the last country grows fastest."""
    rng = np.random.default_rng(seed)
    affinity = np.exp(rng.normal(0, 0.8, (N, N)))
    sizes = np.exp(rng.normal(2, 1, (2, 1, N)) + rng.normal(0, 0.1, (2, YEARS, N)))
    sizes[:, :, -1] *= np.geomspace(1, growth, YEARS)
    if not directed:
        affinity, sizes[1] = np.sqrt(affinity * affinity.T), sizes[0]
    np.fill_diagonal(affinity, 0)
    return sizes[0][:, :, None] * sizes[1][:, None, :] * affinity, affinity


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_gravity_model_is_its_own_fit(seed, directed):
    weights, _ = planted(seed, directed)
    assert gravity.fit_gravity(weights) == pytest.approx(weights, rel=1e-6)


def test_the_fit_maximises_the_poisson_likelihood():
    rng = np.random.default_rng(1)
    years, n = 3, 4
    weights = rng.poisson(30, (years, n, n)).astype(float)
    weights[:, range(n), range(n)] = 0
    rows = np.nonzero(~np.eye(n, dtype=bool))
    pairs = len(rows[0])

    def model(x: np.ndarray) -> np.ndarray:
        out, into, pair = np.split(x, [years * n, 2 * years * n])
        return np.exp(out.reshape(years, n)[:, rows[0]] + into.reshape(years, n)[:, rows[1]] + pair)

    def deviance(x: np.ndarray) -> float:
        return (model(x) - weights[:, *rows] * np.log(model(x))).sum()

    start = np.concatenate([np.zeros(2 * years * n), np.full(pairs, np.log(30.0))])
    optimum = optimize.minimize(deviance, start, method="BFGS", options={"gtol": 1e-7})
    assert gravity.fit_gravity(weights)[:, *rows] == pytest.approx(model(optimum.x), rel=1e-4)


@given(st.integers(0, 10**6), st.booleans(), st.floats(0.0, 0.7))
def test_strengths_and_totals_are_those_observed(seed, directed, empty):
    rng = np.random.default_rng(seed)
    weights = rng.poisson(4, (5, 6, 6)) * (rng.random((6, 6)) > empty)
    weights = weights * 1.0 if directed else weights + weights.transpose(0, 2, 1) + 0.0
    weights[:, range(6), range(6)] = 0
    model = gravity.fit_gravity(weights)
    assert (model >= 0).all()
    assert (model[:, weights.sum(axis=0) == 0] == 0).all()
    for axis in range(3):
        assert model.sum(axis=axis) == pytest.approx(weights.sum(axis=axis), rel=1.1e-8)
    if not directed:
        assert (model == model.transpose(0, 2, 1)).all()


def sparse(directed: bool) -> np.ndarray:
    """Few counts of many countries: most pairs have none in most years."""
    rng = np.random.default_rng(7)
    sizes = np.exp(rng.normal(0, 1.5, 25))
    weights = rng.poisson(0.05 * np.outer(sizes, sizes), (22, 25, 25)) * 1.0
    weights *= rng.random((25, 25)) < 0.6
    if not directed:
        weights = np.triu(weights)
        weights = weights + weights.transpose(0, 2, 1)
    weights[:, range(25), range(25)] = 0
    return weights


@pytest.mark.parametrize("directed", [True, False])
def test_sparse_networks_converge_where_proportional_fitting_does_not(directed, caplog, monkeypatch):
    weights = sparse(directed)
    with caplog.at_level("INFO", logger="poles"):
        model = gravity.fit_gravity(weights)
    rounds, steps = map(int, re.search(r"(\d+) rounds and (\d+) Newton steps", caplog.text).groups())
    assert rounds == gravity.MAX_ROUNDS and 0 < steps < 40
    for axis in range(3):
        assert model.sum(axis=axis) == pytest.approx(weights.sum(axis=axis), rel=1.1e-8)
    monkeypatch.setattr(gravity, "MAX_ROUNDS", 3000)
    monkeypatch.setattr(gravity, "MAX_STEPS", 0)
    with pytest.raises(
        StudyError, match=r"constant affinity: .* are off by up to .*e-0[345]; allowed: at most 1e-06"
    ):
        gravity.fit_gravity(weights)


def test_both_methods_have_one_solution(monkeypatch):
    weights = np.random.default_rng(3).poisson(5, (8, 7, 7)) * 1.0
    by_rounds = gravity.fit_gravity(weights)
    monkeypatch.setattr(gravity, "MAX_ROUNDS", 0)
    assert gravity.fit_gravity(weights) == pytest.approx(by_rounds, rel=1e-6)


def test_thinned_counts_of_the_world_converge(shared_data, caplog):
    links = pl.read_csv(shared_data("world-collaboration") / "collaboration.csv.gz", null_values=[])
    names = pl.concat([links["source"], links["target"]]).unique().sort()
    place = [links[end].cast(pl.Enum(names)).to_physical().to_numpy() for end in ("source", "target")]
    weights = np.zeros((22, len(names), len(names)))
    weights[links["year"].to_numpy() - 2000, *place] = np.random.default_rng(1).binomial(
        links["papers"], 0.01
    )
    weights = weights[:, ::3, ::3]  # every third country, to save time
    weights[:, range(weights.shape[1]), range(weights.shape[1])] = 0
    weights = weights + weights.transpose(0, 2, 1)
    with caplog.at_level("INFO", logger="poles"):
        model = gravity.fit_gravity(weights)
    assert "after 100 rounds" in caplog.text
    for axis in range(3):
        assert model.sum(axis=axis) == pytest.approx(weights.sum(axis=axis), rel=1.1e-8)


def scored(weights: np.ndarray, layer: str, model: str = "max_entropy") -> pl.DataFrame:
    """Scores of a layer under a null model."""
    fit = {"max_entropy": max_entropy, "multi_edge": multi_edge}[model].fit
    frames = []
    for year, matrix in enumerate(weights, 2000):
        network = Network(year, layer, tuple("ABCDEFGHIJKL"), matrix, layer == "citation")
        frames.append(tabulate(network, fit(network)))
    return scores.score(pl.concat(frames))


@pytest.mark.parametrize("model", ["max_entropy", "multi_edge"])
@pytest.mark.parametrize("layer", ["collaboration", "citation"])
def test_growth_changes_z_and_the_model_reproduces_it(layer, model):
    weights, _ = planted(2, layer == "citation")
    observed = scored(weights, layer, model)
    constant = gravity.constant_affinity(observed, 2000, 2021)
    both = observed.join(constant, on=["year", "source", "target"], suffix="_constant_affinity")
    both = both.sort("source", "target", "year")
    z, z_constant = (both[name].to_numpy().reshape(-1, YEARS) for name in ("z", "z_constant_affinity"))
    trend = trends.estimate(z)
    assert ((trend.p < 0.05) & (np.abs(trend.slope) * YEARS > 0.1)).mean() > 0.3, "z has trends"
    assert z_constant == pytest.approx(z, abs=1e-5 * np.abs(z).max()), "which are those of growth alone"


@pytest.mark.parametrize("growth", ["kept", "removed"])
def test_trajectories_without_growth_are_level_and_as_high(growth):
    layers = {name: scored(planted(5, name == "citation")[0], name) for name in ("collaboration", "citation")}
    panel, _ = build_panel(layers, 2000, 2021, "mean", "noise_units", 0.0, 0.8, growth)
    raw, _ = build_panel(layers, 2000, 2021, "mean", "noise_units", 0.0, 0.8)
    assert panel.z.mean(axis=1) == pytest.approx(raw.z.mean(axis=1), abs=1e-6)
    assert panel.growth == pytest.approx(panel.z, abs=1e-5), "nothing but growth moves these links"
    moved = np.ptp(panel.z, axis=1)
    assert moved.max() < 1e-5 if growth == "removed" else (np.median(moved, axis=0) > 0.1).all()


def test_a_change_of_affinity_remains_when_growth_is_removed():
    weights, _ = planted(3, False)
    course = np.geomspace(1, 4, YEARS) / 2
    weights[:, 0, 1] *= course
    weights[:, 1, 0] *= course
    observed = scored(weights, "collaboration")
    constant = gravity.constant_affinity(observed, 2000, 2021)
    both = observed.join(constant, on=["year", "source", "target"], suffix="_constant_affinity").sort("year")
    beyond = both.with_columns((pl.col("z") - pl.col("z_constant_affinity")).alias("beyond"))
    slopes = {
        pair: stats.theilslopes(frame["beyond"].to_numpy()).slope
        for pair, frame in beyond.group_by("source", "target")
    }
    assert max(slopes, key=slopes.get) == ("A", "B")
    others = [abs(slope) for pair, slope in slopes.items() if not {"A", "B"} & set(pair)]
    assert slopes["A", "B"] > 5 * max(others)


def test_other_years_do_not_matter_and_links_without_variance_have_no_z():
    weights, _ = planted(4, True)
    observed = scored(weights, "citation")
    inside = gravity.constant_affinity(observed.filter(pl.col("year") >= 2005), 2005, 2020)
    assert gravity.constant_affinity(observed, 2005, 2020).equals(inside)
    assert inside["year"].min() == 2005 and inside["year"].max() == 2020
    without_variance = observed.with_columns(std=pl.when(pl.col("source") == "A").then(0.0).otherwise("std"))
    constant = gravity.constant_affinity(without_variance, 2000, 2021)
    assert constant.filter(source="A")["z"].null_count() == 22 * 11
    assert constant.filter(pl.col("source") != "A")["z"].null_count() == 0
