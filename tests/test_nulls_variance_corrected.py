"""Corrected variances, against the dense formula, closed forms and matrices with exact strengths."""

import numpy as np
import pytest
from hypothesis import given, settings

import real_networks
from enumeration import matrices_with_strengths, network_from, networks, pairs_of
from poles.nulls import max_entropy, variance_corrected


def random_networks(number: int):
    """Networks of four or five countries and small total weight."""
    rng = np.random.default_rng(0)
    while number:
        n, directed = rng.integers(4, 6), bool(number % 2)
        units = rng.multinomial(rng.integers(6, 9 if directed else 13), np.full(n * n, 1 / n**2))
        network = network_from(units.reshape(n, n), directed)
        if len(network.countries) >= 4:
            number -= 1
            yield network


@given(network=networks(largest=7))
@settings(max_examples=100, deadline=None)
def test_is_the_dense_formula(network):
    plain, corrected = max_entropy.fit(network), variance_corrected.fit(network)
    np.testing.assert_array_equal(corrected.expected, plain.expected)
    assert corrected.p_upper is None
    assert (corrected.std <= plain.std * (1 + 1e-12)).all()
    if network.weights.max() > 1e3:
        return  # the dense pseudoinverse would lose its digits
    n, pairs = len(network.countries), pairs_of(network)
    B = np.zeros((2 * n, len(pairs)))
    for column, (i, j) in enumerate(pairs):
        B[[i, n + j], column] = 1
    if not network.directed:
        B = B[:n] + B[n:]
    v = np.array([plain.std[pair] ** 2 for pair in pairs])
    root = np.sqrt(v)[:, None] * B.T  # leverages are squared row norms of an orthonormal basis
    basis, sizes, _ = np.linalg.svd(root, full_matrices=False)
    leverage = (basis[:, sizes > 1e-9 * sizes.max()] ** 2).sum(axis=1)
    variances = np.array([corrected.std[pair] ** 2 for pair in pairs])
    np.testing.assert_allclose(variances, v * (1 - leverage), rtol=1e-6, atol=1e-9 * v.max())


@pytest.mark.parametrize("s", [1, 6, 50])
def test_two_by_two_table(s):
    """Two sources and two targets leave one free number, uniform on 0..s: 4/3 of the Gaussian variance."""
    network = network_from([[0, 0, s, 0], [0, 0, 0, s], [0, 0, 0, 0], [0, 0, 0, 0]], directed=True)
    std = variance_corrected.fit(network).std[0, 2]
    assert std**2 == pytest.approx(s * (s + 2) / 16)
    assert matrices_with_strengths(network)[:, 0, 2].var() == pytest.approx(s * (s + 2) / 12)


def test_determined_weights_have_no_variance():
    for weights in ([[0, 7], [0, 0]], [[0, 1e9, 3], [0, 0, 1], [0, 0, 0]], [[0, 2, 3, 4]] + 3 * [[0] * 4]):
        assert not variance_corrected.fit(network_from(weights)).std.any()
    directed = network_from([[0, 2, 3], [0, 0, 0], [0, 5, 0]], directed=True)
    assert not variance_corrected.fit(directed).std.any()


def test_almost_a_star_keeps_its_digits():
    """A heavy link of the hub varies as the light links of its other end do, given their total."""
    weights = np.full((6, 6), 3.0)
    weights[0] = 1e10
    std = variance_corrected.fit(network_from(weights)).std
    leaves, light = 5, 12.0
    assert std[0, 1] ** 2 == pytest.approx(light * (leaves - 1) * (1 - 2 / leaves), rel=1e-6)


def test_near_the_variance_of_exact_strengths():
    ratios, plain_ratios = [], []
    for network in random_networks(120):
        exact = matrices_with_strengths(network).var(axis=0)
        corrected, plain = variance_corrected.fit(network).std ** 2, max_entropy.fit(network).std ** 2
        for pair in pairs_of(network):
            assert (exact[pair] > 1e-12) == (corrected[pair] > 1e-9)  # the same weights are free
            if exact[pair] > 1e-12:
                ratios.append(exact[pair] / corrected[pair])
                plain_ratios.append(exact[pair] / plain[pair])
    low, high = np.quantile(ratios, [0.05, 0.95])
    assert low > 0.8 and high < 1.6
    assert abs(np.median(ratios) - 1) < 0.15
    assert np.median(plain_ratios) < 0.5


def test_five_equal_countries():
    network = network_from(2 * (1 + np.eye(5)))
    exact = matrices_with_strengths(network)[:, 0, 1].var()
    assert exact / variance_corrected.fit(network).std[0, 1] ** 2 == pytest.approx(0.86, abs=0.01)


def test_world_collaboration(shared_data):
    years = real_networks.collaboration(shared_data("world-collaboration") / "collaboration.csv.gz")
    moments = variance_corrected.fit(years[2021])
    assert real_networks.z(years[2021], moments, "CN", "US") == pytest.approx(-1.1047, abs=5e-5)
