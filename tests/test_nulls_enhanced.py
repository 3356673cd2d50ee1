"""Ensemble with fixed degrees and strengths, against closed forms, enumeration and linear programs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import real_networks
from enumeration import canonical, caps_for, multipliers, network_from, networks, pairs_of, relabelled
from poles.errors import StudyError
from poles.nulls import enhanced_max_entropy
from poles.nulls.enhanced_max_entropy import Support
from poles.nulls.network import Network


def parameters(moments) -> tuple[np.ndarray, np.ndarray]:
    """Parameters p and q of every pair, from its mean and its variance E (1 + 2 mu) - E^2."""
    expected = np.where(moments.expected > 0, moments.expected, 1)
    mu = np.maximum((moments.std**2 / expected + expected - 1) / 2, 0)
    mu[mu < 1e-9 * expected] = 0
    return np.where(moments.expected > 0, moments.expected / (1 + mu), 0), mu / (1 + mu)


def incidence_of(network: Network) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Incidence matrix of row and column sums (undirected: row sums) and pairs, and the pairs."""
    n, pairs = len(network.countries), pairs_of(network)
    incidence = np.zeros((2 * n, len(pairs)))
    for column, (i, j) in enumerate(pairs):
        incidence[[i, n + j], column] = 1
    return (incidence if network.directed else incidence[:n] + incidence[n:]), pairs


def test_a_single_pair_is_linked_with_certainty():
    moments = enhanced_max_entropy.fit(network_from([[0, 7], [0, 0]]))
    assert moments.expected[0, 1] == pytest.approx(7)
    assert moments.std[0, 1] == pytest.approx(np.sqrt(6 * 7))  # 1 plus a geometric number of mean 6
    assert moments.p_upper[0, 1] == pytest.approx((6 / 7) ** 6)
    assert "linked for certain" in moments.note


@pytest.mark.parametrize("directed", [False, True])
def test_equal_degrees_and_strengths_give_equal_pairs(directed):
    ring = np.roll(np.eye(7), 1, axis=1) + np.roll(np.eye(7), -1, axis=1)
    moments = enhanced_max_entropy.fit(network_from(5 * ring, directed))
    p, q = parameters(moments)
    np.testing.assert_allclose(p[0, 1:], 1 / 3, rtol=1e-12)
    np.testing.assert_allclose(q[0, 1:], 4 / 5, rtol=1e-12)
    assert moments.p_upper[0, 1] == pytest.approx(1 / 3 * 0.8**4)
    assert moments.p_upper[0, 2] == 1
    assert not moments.note


def test_a_chain_of_four_countries_is_on_the_boundary():
    row = np.diag([1, 4, 1], 1)
    moments = enhanced_max_entropy.fit(network_from(row))
    expected = [[0, 0.5, 0.5, 0], [0.5, 0, 4, 0.5], [0.5, 4, 0, 0.5], [0, 0.5, 0.5, 0]]
    np.testing.assert_allclose(moments.expected, expected, rtol=1e-12)
    assert moments.std[0, 3] == 0 and moments.p_upper[0, 3] == 1
    assert moments.std[0, 1] == pytest.approx(0.5) and moments.std[1, 2] == pytest.approx(np.sqrt(12))


def test_a_threshold_network_is_determined_completely():
    activity = np.array([8, 7, 6, 5, 3, 2, 1])
    weights = np.triu(activity[:, None] + activity > 8, 1)
    moments = enhanced_max_entropy.fit(network_from(weights))
    network = network_from(weights)
    np.testing.assert_array_equal(moments.expected, network.weights)
    assert not moments.std.any() and moments.residual == 0


@pytest.mark.parametrize("directed", [False, True])
def test_star(directed):
    weights = np.zeros((5, 5))
    weights[0, 1:] = [1, 2, 1e10, 4]
    moments = enhanced_max_entropy.fit(network_from(weights, directed))
    np.testing.assert_allclose(moments.expected[0], weights[0], rtol=1e-12)
    assert not moments.expected[1:, 1:].any()
    assert moments.std[0, 1] == 0 and moments.std[0, 2] == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize(
    ("weights", "directed"),
    [
        (np.diag([5, 1, 1], 1) + np.diag([1], 3), False),  # a cycle with a heavy link
        (np.diag([2, 1, 1, 1], 1) + np.diag([1], 4), False),
        (np.diag([3, 1, 1], 1), False),
        ([[0, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 2, 0, 0]], True),
        ([[0, 1, 0], [0, 0, 3], [1, 0, 0]], True),
        ([[0, 1, 1], [2, 0, 0], [0, 1, 0]], True),
    ],
)
def test_moments_are_sums_over_all_matrices(weights, directed):
    network = network_from(weights, directed)
    moments = enhanced_max_entropy.fit(network)
    p, q = parameters(moments)
    free, heavy = (p > 0) & (p < 1 - 1e-12), q > 0
    odds = np.where(free, p / np.where(free, 1 - p, 1), 1) * (1 - q)
    a, b, error_t = multipliers(network, -np.log(odds), free)
    c, d, error_u = multipliers(network, -np.log(np.where(heavy, q, 1)), heavy)
    assert error_t < 1e-8 and error_u < 1e-8
    certain = (p > 0) & ~free

    def log_weight(states):
        links = np.where(free, states > 0, 0)
        beyond = np.where(heavy, np.maximum(states - 1, 0), 0)
        logs = -(links.sum(axis=2) @ a + beyond.sum(axis=2) @ c)
        if directed:
            logs -= links.sum(axis=1) @ b + beyond.sum(axis=1) @ d
        return np.where((states[:, certain] > 0).all(axis=1), logs, -np.inf)

    caps = np.where(p > 0, 1 + caps_for(q), 0)
    exact = canonical(network, log_weight, caps)
    for axis in (0, 1):
        np.testing.assert_allclose(exact["mean"].sum(axis=axis), network.weights.sum(axis=axis), rtol=1e-8)
        np.testing.assert_allclose(exact["linked"].sum(axis=axis), (network.weights > 0).sum(axis), rtol=1e-8)
    for pair in pairs_of(network):
        assert exact["mean"][pair] == pytest.approx(moments.expected[pair], rel=1e-8, abs=1e-12)
        assert exact["std"][pair] == pytest.approx(moments.std[pair], rel=1e-8, abs=1e-10)
        assert exact["upper"][pair] == pytest.approx(moments.p_upper[pair], rel=1e-8)


@given(network=networks(largest=6))
@settings(max_examples=60, deadline=None)
def test_determined_pairs_agree_with_linear_programs(network):
    support = Support.of(network)
    incidence, pairs = incidence_of(network)
    links = np.array([float(support.linked[pair]) for pair in pairs])
    excess = np.array([float(min(network.weights[pair], 1000) - 1) for pair in pairs]).clip(0)
    for index, pair in enumerate(pairs):
        target = np.zeros(len(pairs))
        target[index] = 1 if links[index] else -1
        least = linprog(target, A_eq=incidence, b_eq=incidence @ links, bounds=(0, 1)).fun
        assert support.free[pair] == (least < target[index] * links[index] - 1e-6)
        bounds = [(0, None if support.free[other] or support.linked[other] else 0) for other in pairs]
        most = -linprog(-np.abs(target), A_eq=incidence, b_eq=incidence @ excess, bounds=bounds).fun
        assert support.heavy[pair] == (most > 1e-6)


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_network(network, seed):
    moments = enhanced_max_entropy.fit(network)
    assert moments.residual <= 1e-12
    np.testing.assert_allclose(moments.expected.sum(0), network.weights.sum(0), rtol=1e-12)
    np.testing.assert_allclose(moments.expected.sum(1), network.weights.sum(1), rtol=1e-12)
    if network.weights.max() < 1e4:  # for heavier links the variance does not separate p from 1
        p, q = parameters(moments)
        np.testing.assert_allclose(p.sum(1), (network.weights > 0).sum(1), rtol=1e-6)
        with np.errstate(divide="ignore", invalid="ignore"):
            tail = np.where(network.weights > 0, p * q ** (network.weights - 1), 1)
        np.testing.assert_allclose(moments.p_upper, tail, rtol=1e-5)
    order = np.random.default_rng(seed).permutation(len(network.countries))
    again = enhanced_max_entropy.fit(relabelled(network, order))
    np.testing.assert_allclose(again.expected, moments.expected[np.ix_(order, order)], rtol=1e-6, atol=1e-12)


def test_fractional_weights_are_refused():
    with pytest.raises(StudyError, match=r"enhanced_max_entropy, collaboration 2021: .* use max_entropy"):
        enhanced_max_entropy.fit(network_from([[0, 1.5], [0, 0]]))


def test_world_collaboration(shared_data):
    years = real_networks.collaboration(shared_data("world-collaboration") / "collaboration.csv.gz")
    fits = {year: enhanced_max_entropy.fit(years[year]) for year in (2000, 2010, 2021)}
    assert max(moments.residual for moments in fits.values()) < 1e-12
    assert real_networks.z(years[2021], fits[2021], "CN", "US") == pytest.approx(-0.3437, abs=5e-5)


def test_sparse_years(shared_data):
    path = shared_data("nlp-papers") / "derived_location_june_collab.csv"
    for network in real_networks.collaboration(path).values():
        assert enhanced_max_entropy.fit(network).residual < 1e-12


def test_directed_data(shared_data):
    citations = real_networks.citation_counts(shared_data("nlp-papers") / "inter_country_cited_count.json")
    folder = shared_data("weighted-networks")
    large = real_networks.matrix(folder / "WDN_1992.txt")
    hundredths = np.rint(100 * real_networks.matrix(folder / "network.txt").weights)
    for network in [citations, large, network_from(hundredths, directed=True)]:
        assert enhanced_max_entropy.fit(network).residual < 1e-12
