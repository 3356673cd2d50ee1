"""All networks of three to five countries and small total weight, against their whole ensembles.

The weight of a matrix in a maximum-entropy ensemble is the exponential of a sum of multipliers, so the sum
over all matrices is a product of series, one for each pair. The tests sum these series term by term. Matrices
with exactly the observed strengths are listed completely.
"""

from collections.abc import Callable
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import gammaln

from enumeration import caps_for, law_of, matrices_with_strengths, multipliers, network_from, pairs_of
from poles.nulls import enhanced_max_entropy, local_rewiring, max_entropy, multi_edge, variance_corrected
from poles.nulls.network import Network

HEAVIEST = {(3, False): 8, (4, False): 7, (5, False): 6, (3, True): 5, (4, True): 4, (5, True): 4}
"""Largest total weight by number of countries and direction."""


@cache
def every_network(n: int, directed: bool) -> tuple[Network, ...]:
    """Networks of `n` active countries up to `HEAVIEST`; one of each class that differs only in names."""
    orders = [list(order) for order in permutations(range(n))]

    def representative(weights: np.ndarray) -> tuple[int, ...]:
        return min(tuple(weights[np.ix_(order, order)].ravel()) for order in orders)

    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and (directed or i < j)]
    classes, matrices = {(0,) * (n * n)}, []
    for _ in range(HEAVIEST[n, directed]):
        grown = set()
        for matrix in classes:
            for i, j in pairs:
                weights = np.array(matrix).reshape(n, n)
                weights[i, j] += 1
                weights[j, i] += not directed
                grown.add(representative(weights))
        classes = grown
        matrices += [np.array(matrix).reshape(n, n) for matrix in sorted(classes)]
    active = [weights for weights in matrices if (weights.any(axis=0) | weights.any(axis=1)).all()]
    return tuple(network_from(weights, directed) for weights in active)


def series(caps: np.ndarray, log_term: Callable[[np.ndarray], np.ndarray], observed: np.ndarray) -> dict:
    """Moments of the weight of every pair: sums of the terms of k = 0, 1, ..., shape (k, n, n)."""
    k = np.arange(caps.max() + 1)[:, None, None]
    terms = np.where(k <= caps, np.exp(log_term(k)), 0)
    terms /= terms.sum(axis=0)
    mean = (k * terms).sum(axis=0)
    return {
        "expected": mean,
        "std": np.sqrt((terms * (k - mean) ** 2).sum(axis=0)),
        "p_upper": (terms * (k >= observed)).sum(axis=0),
        "linked": 1 - terms[0],
    }


def assert_agree(moments, summed: dict, network: Network) -> None:
    """Check the moments of a fit against summed ones, which must have the observed strengths."""
    for axis in (0, 1):
        totals = np.where(np.eye(len(network.weights)), 0, summed["expected"]).sum(axis)
        np.testing.assert_allclose(totals, network.weights.sum(axis), rtol=1e-8, atol=1e-12)
    pairs = tuple(np.transpose(pairs_of(network)))
    for name, tiny in (("expected", 1e-10), ("std", 1e-8), ("p_upper", 1e-10)):
        np.testing.assert_allclose(getattr(moments, name)[pairs], summed[name][pairs], rtol=1e-8, atol=tiny)


def forced(network: Network, pair: tuple[int, int]) -> bool:
    """Whether the strengths of a network force the weight of a pair to 0, by linear programming."""
    pairs, n = pairs_of(network), len(network.countries)
    incidence = np.zeros((2 * n, len(pairs)))
    for column, (i, j) in enumerate(pairs):
        incidence[[i, n + j], column] = 1
        incidence[[j, n + i], column] = not network.directed or incidence[[j, n + i], column]
    target = -np.array([float(other == pair) for other in pairs])
    sums = np.concatenate([network.weights.sum(axis=1), network.weights.sum(axis=0)])
    return linprog(target, A_eq=incidence, b_eq=sums, bounds=(0, None)).fun > -1e-9


SIZES = pytest.mark.parametrize(("n", "directed"), HEAVIEST)


@SIZES
def test_all_classes_of_networks_are_listed(n, directed):
    """Number of multigraphs by number of links (OEIS A050531)."""
    listed = every_network(n, directed)
    assert len(listed) > 20
    if (n, directed) == (3, False):
        totals = [int(network.weights.sum()) // 2 for network in listed]
        # These are multisets of three weights with at most one 0: partitions of the total into 2 or 3 parts.
        assert [totals.count(total) for total in range(2, 9)] == [1, 2, 3, 4, 6, 7, 9]


@SIZES
@pytest.mark.parametrize("model", [max_entropy, multi_edge])
def test_fixed_strengths(model, n, directed):
    for network in every_network(n, directed):
        moments = model.fit(network)
        possible = moments.expected > 0
        E = np.where(possible, moments.expected, 1)
        u = np.log1p(1 / E) if model is max_entropy else -np.log(E)
        a, b, error = multipliers(network, u, possible)
        assert error < 1e-9, network.weights
        u = np.add.outer(a, b)
        for pair in pairs_of(network):
            assert possible[pair] or forced(network, pair), (network.weights, pair)
        if model is max_entropy:
            caps = caps_for(np.where(possible, np.exp(-u), 0))
            summed = series(caps, lambda k, u=u: -k * u, network.weights)
        else:
            caps = np.where(possible, 60, 0)
            summed = series(caps, lambda k, u=u: -k * u - gammaln(k + 1), network.weights)
        assert_agree(moments, summed, network)


@SIZES
def test_fixed_degrees_and_strengths(n, directed):
    for network in every_network(n, directed):
        moments = enhanced_max_entropy.fit(network)
        support = enhanced_max_entropy.Support.of(network)
        free, heavy = support.free, support.heavy
        mu = np.where(
            heavy, ((moments.std**2 / np.where(heavy, moments.expected, 1)) + moments.expected - 1) / 2, 0
        )
        p, q = np.where(free | support.linked, moments.expected / (1 + mu), 0), mu / (1 + mu)
        odds = np.where(free, p / np.where(free, 1 - p, 1), 1) * (1 - q)
        a, b, error_t = multipliers(network, -np.log(odds), free)
        c, d, error_u = multipliers(network, -np.log(np.where(heavy, q, 1)), heavy)
        assert error_t < 1e-8 and error_u < 1e-8, network.weights
        t, u = np.add.outer(a, b), np.add.outer(c, d)

        def log_term(k, t=t, u=u, support=support):
            logs = -np.where(support.free & (k > 0), t, 0) - np.where(support.heavy, (k - 1).clip(0) * u, 0)
            return np.where(support.linked & ~support.free & (k == 0), -np.inf, logs)

        caps = np.where(free | support.linked, 1 + caps_for(np.where(heavy, np.exp(-u), 0)), 0)
        summed = series(caps, log_term, network.weights)
        assert_agree(moments, summed, network)
        for axis in (0, 1):
            links = np.where(np.eye(n), 0, summed["linked"]).sum(axis)
            np.testing.assert_allclose(links, (network.weights > 0).sum(axis), rtol=1e-8)


@SIZES
@pytest.mark.parametrize("law", ["uniform", "multi_edge"])
def test_exact_strengths(law, n, directed):
    deviations = []
    for network in every_network(n, directed):
        states = matrices_with_strengths(network)
        probability = law_of(states, law, directed)
        mean = np.tensordot(probability, states, 1)
        std = np.sqrt(np.tensordot(probability, (states - mean) ** 2, 1))
        moments = local_rewiring.fit(network, law=law, ess=2000, max_sweeps=100_000)
        np.testing.assert_array_equal(moments.expected[std == 0], mean[std == 0])
        assert not moments.std[std == 0].any()
        moving = np.array([pair for pair in pairs_of(network) if std[pair] > 0]).reshape(-1, 2).T
        if moving.size:
            pairs = tuple(moving)
            error = std[pairs] / np.sqrt(moments.extra["ess_min"])
            deviations.append((moments.expected[pairs] - mean[pairs]) / error)
    if (n, directed) == (3, False):
        assert not deviations  # strengths fix the weights of three pairs
        return
    deviations = np.abs(np.concatenate(deviations))
    assert len(deviations) > 50
    assert deviations.max() < 4


@pytest.mark.parametrize(
    ("n", "directed", "ratio"),
    [(3, True, 1.59), (4, False, 1.18), (5, False, 0.98), (4, True, 1.2), (5, True, 1.08)],
)
def test_corrected_variance_beside_that_of_exact_strengths(n, directed, ratio):
    """With so few units the Gaussian limit is rough; the median ratio of variances is as documented."""
    ratios = []
    for network in every_network(n, directed):
        exact = matrices_with_strengths(network).var(axis=0)
        corrected = variance_corrected.fit(network).std ** 2
        ratios += [exact[pair] / corrected[pair] for pair in pairs_of(network) if exact[pair] > 1e-12]
    assert np.median(ratios) == pytest.approx(ratio, abs=0.01)
