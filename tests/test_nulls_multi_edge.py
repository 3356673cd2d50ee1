"""Poisson ensemble with fixed strengths, against closed forms, enumeration and proportional fitting."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import gammaln
from scipy.stats import poisson

import real_networks
from enumeration import canonical, multipliers, network_from, networks, pairs_of
from poles.nulls import multi_edge


def test_one_pair_and_three_countries_are_determined():
    assert multi_edge.fit(network_from([[0, 7], [0, 0]])).std[0, 1] == pytest.approx(np.sqrt(7))
    weights = np.array([[0, 1e6, 3], [0, 0, 1], [0, 0, 0]])
    moments = multi_edge.fit(network_from(weights))
    np.testing.assert_allclose(moments.expected[np.triu_indices(3, 1)], [1e6, 3, 1], rtol=1e-9)


def test_moments_are_sums_over_all_matrices():
    network = network_from([[0, 0, 0, 2], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], directed=True)
    moments = multi_edge.fit(network)
    possible = moments.expected > 0
    a, b, error = multipliers(network, -np.log(np.where(possible, moments.expected, 1)), possible)
    assert error < 1e-12

    def log_weight(states):  # a matrix has W! / prod w! assignments of W distinguishable units
        return -(states.sum(axis=2) @ a + states.sum(axis=1) @ b) - gammaln(states + 1).sum(axis=(1, 2))

    exact = canonical(network, log_weight, np.where(possible, 16, 0))
    np.testing.assert_allclose(exact["mean"].sum(axis=1), network.weights.sum(axis=1), rtol=1e-8)
    for pair in pairs_of(network):
        assert exact["mean"][pair] == pytest.approx(moments.expected[pair], rel=1e-8, abs=1e-12)
        assert exact["std"][pair] == pytest.approx(moments.std[pair], rel=1e-8, abs=1e-12)
        assert exact["upper"][pair] == pytest.approx(moments.p_upper[pair], rel=1e-8)


@given(network=networks())
@settings(max_examples=100, deadline=None)
def test_any_network(network):
    moments = multi_edge.fit(network)
    assert moments.residual <= 1e-9
    tail = poisson.sf(network.weights - 1, moments.expected)
    np.testing.assert_allclose(moments.p_upper, tail, rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(moments.std**2, moments.expected, rtol=1e-12)


def test_against_proportional_fitting():
    rng = np.random.default_rng(0)
    network = network_from(rng.integers(1, 100, (6, 6)), directed=True)
    fitted = 1 - np.eye(6)
    for _ in range(2000):
        fitted *= network.weights.sum(axis=1, keepdims=True) / fitted.sum(axis=1, keepdims=True)
        fitted *= network.weights.sum(axis=0) / fitted.sum(axis=0)
    np.testing.assert_allclose(multi_edge.fit(network).expected, fitted, rtol=1e-9)


def test_fractional_weights_have_no_tail():
    moments = multi_edge.fit(network_from(0.25 * (1 + np.eye(5))))
    assert moments.p_upper is None
    np.testing.assert_allclose(moments.expected[0, 1:], 0.25, rtol=1e-12)


def test_real_networks(shared_data):
    years = real_networks.collaboration(shared_data("world-collaboration") / "collaboration.csv.gz")
    moments = multi_edge.fit(years[2021])
    assert moments.residual < 1e-12
    assert real_networks.z(years[2021], moments, "CN", "US") == pytest.approx(151.1138, abs=5e-5)
    for name in ("WDN_1992.txt", "network.txt"):
        network = real_networks.matrix(shared_data("weighted-networks") / name)
        assert multi_edge.fit(network).residual < 1e-12
