"""Maximum-entropy ensemble with fixed strengths, against closed forms, enumeration and real networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import real_networks
from enumeration import canonical, caps_for, multipliers, network_from, networks, pairs_of, relabelled
from poles.nulls import max_entropy


def test_one_pair_is_geometric():
    moments = max_entropy.fit(network_from([[0, 7], [0, 0]]))
    assert moments.expected[0, 1] == 7
    assert moments.std[0, 1] == pytest.approx(np.sqrt(7 * 8))
    assert moments.p_upper[0, 1] == pytest.approx((7 / 8) ** 7)
    assert moments.note


def test_three_countries_are_determined():
    weights = [[0, 1e10, 3], [0, 0, 1], [0, 0, 0]]
    moments = max_entropy.fit(network_from(weights))
    pairs = np.triu_indices(3, 1)
    np.testing.assert_allclose(moments.expected[pairs], np.array(weights)[pairs], rtol=1e-12)


def test_equal_strengths_give_equal_weights():
    ring = 6 * np.roll(np.eye(7), 1, axis=1)
    undirected = max_entropy.fit(network_from(ring + ring.T))
    np.testing.assert_allclose(undirected.expected[0, 1:], 2, rtol=1e-12)
    directed = max_entropy.fit(network_from(ring, directed=True))
    np.testing.assert_allclose(directed.expected[0, 1:], 1, rtol=1e-12)


@pytest.mark.parametrize("directed", [False, True])
def test_a_star_has_no_weight_outside_its_centre(directed):
    weights = np.zeros((5, 5))
    weights[0, 1:] = [1, 2, 1e10, 4]
    weights[1:, 0] = [0, 9, 0, 1]
    network = network_from(weights, directed)
    moments = max_entropy.fit(network)
    assert moments.residual == 0
    np.testing.assert_array_equal(moments.expected, network.weights)
    inner = np.ix_(range(1, 5), range(1, 5))
    assert not moments.expected[inner].any() and not moments.std[inner].any()
    assert (moments.p_upper[inner] == 1).all()


@pytest.mark.parametrize("big", [1e3, 1e10])
def test_almost_a_star_keeps_its_digits(big):
    weights = np.full((5, 5), 3.0)
    weights[0] = big
    moments = max_entropy.fit(network_from(weights))
    np.testing.assert_allclose(moments.expected[1, 2:], 3, rtol=1e-12)
    np.testing.assert_allclose(moments.expected[0, 1:], big, rtol=1e-12)
    assert moments.iterations < 60


@pytest.mark.parametrize(
    ("weights", "directed"),
    [
        ([[0, 1, 1], [0, 0, 1], [0, 0, 0]], False),
        ([[0, 2, 1], [0, 0, 0], [0, 1, 0]], True),
        ([[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], True),
    ],
)
def test_moments_are_sums_over_all_matrices(weights, directed):
    network = network_from(weights, directed)
    moments = max_entropy.fit(network)
    possible = moments.expected > 0
    u = np.log1p(1 / np.where(possible, moments.expected, 1))
    a, b, error = multipliers(network, u, possible)
    assert error < 1e-12

    def log_weight(states):
        return -(states.sum(axis=2) @ a + (states.sum(axis=1) @ b if directed else 0))

    exact = canonical(network, log_weight, caps_for(np.where(possible, np.exp(-u), 0)))
    for axis in (0, 1):
        np.testing.assert_allclose(exact["mean"].sum(axis=axis), network.weights.sum(axis=axis), rtol=1e-8)
    for pair in pairs_of(network):
        assert exact["mean"][pair] == pytest.approx(moments.expected[pair], rel=1e-8, abs=1e-12)
        assert exact["std"][pair] == pytest.approx(moments.std[pair], rel=1e-8, abs=1e-12)
        assert exact["upper"][pair] == pytest.approx(moments.p_upper[pair], rel=1e-8)


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_network(network, seed):
    moments = max_entropy.fit(network)
    assert moments.residual <= 1e-12
    for axis in (0, 1):
        np.testing.assert_allclose(moments.expected.sum(axis), network.weights.sum(axis), rtol=1e-12)
    possible = moments.expected > 0
    u = np.log1p(1 / np.where(possible, moments.expected, 1))
    # A law of this form with the observed strengths is the one of maximum entropy.
    assert multipliers(network, u, possible)[2] < 1e-11
    np.testing.assert_allclose(moments.p_upper[possible], np.exp(-u * network.weights)[possible], rtol=1e-9)
    np.testing.assert_allclose(moments.std**2, moments.expected + moments.expected**2, rtol=1e-12)
    order = np.random.default_rng(seed).permutation(len(network.countries))
    again = max_entropy.fit(relabelled(network, order))
    np.testing.assert_allclose(again.expected, moments.expected[np.ix_(order, order)], rtol=1e-8)


def test_fractional_weights_have_no_tail():
    ring = 0.25 * (1 + np.eye(5))
    moments = max_entropy.fit(network_from(ring))
    assert moments.p_upper is None
    np.testing.assert_allclose(moments.expected[0, 1:], 0.25, rtol=1e-12)


def test_world_collaboration(shared_data):
    years = real_networks.collaboration(shared_data("world-collaboration") / "collaboration.csv.gz")
    fits = {year: max_entropy.fit(network) for year, network in years.items()}
    assert max(moments.residual for moments in fits.values()) < 1e-12
    assert real_networks.z(years[2010], fits[2010], "CN", "US") == pytest.approx(0.4008, abs=5e-5)
    assert real_networks.z(years[2021], fits[2021], "CN", "US") == pytest.approx(-0.3431, abs=5e-5)


def test_sparse_years(shared_data):
    path = shared_data("nlp-papers") / "derived_location_june_collab.csv"
    for network in real_networks.collaboration(path).values():
        assert max_entropy.fit(network).residual < 1e-12


def test_directed_data(shared_data):
    citations = real_networks.citation_counts(shared_data("nlp-papers") / "inter_country_cited_count.json")
    folder = shared_data("weighted-networks")
    matrices = [real_networks.matrix(folder / name) for name in ("WDN_1992.txt", "network.txt")]
    for network in [citations, *matrices]:
        assert max_entropy.fit(network).residual < 1e-12
