"""Expected weights of `max_entropy`, with the variances that remain if the strengths are fixed exactly.

The ensemble is fitted to the strengths of the same network with which it is compared. So a link that makes up
most of the strength of a country cannot deviate much: if the strengths are fixed exactly, not on average, its
variance is smaller. To second order in the fluctuations it is (Haberman 1973, Biometrics 29:205-220, adjusted
residuals of contingency tables)

    Var(w_e | strengths) = v_e (1 - h_e),      h_e = v_e b_e' (B V B')^+ b_e,

where v = E (1 + E), V = diag(v), B is the incidence matrix of the strength constraints (undirected:
countries by pairs; directed: out- and in-strengths by pairs), and b_e is its column for pair e. The
leverages h_e sum to the number of independent constraints.

Limits. This is the variance of a Gaussian with covariance V, conditioned on B w = s. It approximates the
variance of the ensemble with exact strengths (`local_rewiring`) well if every strength is spread over many
pairs. If few pairs carry a strength, their weights are far from Gaussian and the approximation is rough.
Ratios of the exact variance, over all matrices with the observed strengths, to this one:

- random networks of four or five countries and total weight up to 12: median 1.09, 0.84 to 1.50 for nine of
  ten pairs (0.39 in the median without the correction);
- all networks of at most 4 to 8 units: median 1.18 (undirected) and 1.20 (directed) for four countries, 0.98
  and 1.08 for five, 1.59 for three countries (directed);
- two sources with two targets, all strengths equal: 4/3; four countries of equal strengths: 3/2.

The ensemble with exact strengths also has other expected weights; this model keeps those of `max_entropy`.
"""

import numpy as np

from poles.nulls import max_entropy
from poles.nulls.constraints import allowed_pairs, is_star, residual_of
from poles.nulls.coordinates import Hub
from poles.nulls.network import Moments, Network
from poles.nulls.newton import solve_semidefinite
from poles.stats.blas import one_blas_thread

LEVERAGE = 0.99
"""Leverage above which 1 - h is not computed by subtraction, which would lose digits."""


def fit(network: Network) -> Moments:
    """Moments of `max_entropy` with the variance that remains if the strengths are fixed exactly.

    Parameters
    ----------
    network : Network
        Undirected or directed; any positive weights.

    Returns
    -------
    Moments
        ``std`` is 0 where the strengths determine the weight, as with two or three countries or in a star.
        ``p_upper`` is None: the law is Gaussian by construction.
    """
    expected, _, iterations = max_entropy.solve(network)
    residual, worst = residual_of(network, (expected, network.weights))
    return Moments(
        expected=expected,
        std=np.sqrt(conditional_variances(network, expected * (1 + expected))),
        p_upper=None,
        residual=residual,
        worst=worst,
        iterations=iterations,
        note=max_entropy.STAR_NOTE if is_star(network) else "",
    )


@one_blas_thread
def conditional_variances(network: Network, variances: np.ndarray) -> np.ndarray:
    """Variances of independent Gaussian weights, conditioned on their row and column sums.

    Parameters
    ----------
    network : Network
        Gives the pairs, and whether they are directed.
    variances : ndarray, shape (n, n)
        Unconditional variances v; 0 for pairs that cannot have weight.

    Returns
    -------
    ndarray, shape (n, n)
        v (1 - h). Where h is near 1 it is computed without subtraction: v (1 - h) = 1 / (1 / v +
        b' (B W B')^+ b), where W is V without the pair; and 0 if b is not in the range of B W.
    """
    if is_star(network):
        return np.zeros_like(variances)
    strengths = variances.sum(axis=1) + variances.sum(axis=0)
    hub = Hub.smallest(np.diag(-strengths), allowed_pairs(network), not network.directed)
    M = hub.products(variances)
    K, rank = solve_semidefinite(M, np.eye(len(M)))
    leverage = variances * hub.quadratic((K + K.T) / 2)
    conditional = variances * np.clip(1 - leverage, 0, 1)
    for i, j in np.argwhere(leverage > LEVERAGE):
        conditional[i, j] = variance_given_others(hub, variances, (i, j), rank)
    return conditional


def variance_given_others(hub: Hub, variances: np.ndarray, pair: tuple[int, int], rank: int) -> float:
    """Conditional variance of one pair, computed from the variances of all other pairs."""
    entries = [pair, pair[::-1]] if hub.symmetric else [pair]
    others, indicator = variances.copy(), np.zeros_like(variances)
    for entry in entries:
        others[entry], indicator[entry] = 0, 1
    b = hub.sums(indicator)
    x, rank_of_others = solve_semidefinite(hub.products(others), b)
    return 1 / (1 / variances[pair] + float(b @ x)) if rank_of_others == rank else 0.0
