"""The enhanced model fitted to many networks of the same countries at once, for a bootstrap over works.

Newton's method with the second derivative H of the first network: all networks share one inverse, which is
scaled for each network by the variances of its own constraints. If the variance of every pair is a product of
two factors of its countries, as it nearly is, the scaled matrix is the network's own second derivative.

Degrees need care. A link of one work is missing from 37 % (1/e) of the draws, so draws have fewer links than
the data, by a fifth where most links weigh little. The degrees of a draw are therefore its deviation from the
mean of the draws, added to the observed ones, and curbed where they would leave the possible range. Strengths
have no such bias. Pairs that are linked, not linked or of weight 1 for certain in the first network
(`poles.nulls.enhanced_max_entropy.Support`) are so in all.
"""

from typing import NamedTuple

import numpy as np

from poles.nulls.constraints import are_integers
from poles.nulls.enhanced_max_entropy import EnhancedDual, Support, starting_point
from poles.nulls.network import Network
from poles.nulls.newton import newton

STEPS = 5
"""Steps of every network; the error falls by a factor of some four with each."""
ACCURACY = 0.1
"""Largest error of a degree or an excess strength, in its standard deviations in the ensemble."""
RANK = 1e-9
"""Eigenvalues of the scaled second derivative below this are 0, as constraints depend on each other."""
SCALES = 3.0
"""Largest factor by which a constraint's standard deviation is taken to differ from that in the first."""
NEAREST = 0.3
"""Least share of the way to 0 that a step leaves of each u."""
BLOCK = 2**16
"""Numbers in a matrix of all pairs and of as many networks as are fitted together."""


class Fit(NamedTuple):
    """The first network: its multipliers t and u as sums of two vectors, and the inverse of its H.

    Attributes
    ----------
    support : Support
    t, u : tuple of ndarray, each of shape (n,)
        Rows and columns of both matrices.
    degrees, excess : ndarray, shape (constraints,)
        Observed.
    spread : ndarray, shape (2 constraints,)
        Standard deviations of degrees and of excess strengths; infinite for those that cannot change.
    inverse, possible : ndarray, shape (2 constraints, 2 constraints)
        Inverse of H, and the changes of constraints that a network can have, both in units of `spread`.
    """

    support: Support
    t: tuple[np.ndarray, np.ndarray]
    u: tuple[np.ndarray, np.ndarray]
    degrees: np.ndarray
    excess: np.ndarray
    spread: np.ndarray
    inverse: np.ndarray
    possible: np.ndarray


def moments(weights: np.ndarray, directed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Expected weights and standard deviations in many networks.

    Parameters
    ----------
    weights : ndarray, shape (networks, n, n)
        Weights without diagonal; symmetric if not directed. The first network is the observed one, and the
        others are draws.
    directed : bool
        Whether the layer is directed.

    Returns
    -------
    expected, std : ndarray, shape (networks, n, n)
        Not a number for pairs that the constraints determine, for countries without strength, for those that
        cannot be fitted to `ACCURACY`, and everywhere if weights are not whole.
    """
    found = np.full((2, *weights.shape), np.nan)
    active = (weights[0] > 0).any(axis=0) | (weights[0] > 0).any(axis=1)
    if not active.any() or not are_integers(weights[0]):
        return found[0], found[1]
    inside = np.ix_(range(len(weights)), active, active)
    weights = weights[inside]
    fit = fit_first(weights[0], directed)
    degrees, excess = targets(fit, weights, directed)
    block = max(1, BLOCK // weights[0].size)
    parts = [
        _refit(fit, degrees[first : first + block], excess[first : first + block], directed)
        for first in range(0, len(weights), block)
    ]
    known = (weights.sum(axis=2) > 0)[:, :, None] & (weights.sum(axis=1) > 0)[:, None, :]
    found[:, inside[0], inside[1], inside[2]] = np.where(known, np.concatenate(parts, axis=1), np.nan)
    return found[0], found[1]


def fit_first(weights: np.ndarray, directed: bool) -> Fit:
    """Fit the first network."""
    network = Network(0, "citation" if directed else "collaboration", _names(len(weights)), weights, directed)
    support = Support.of(network)
    dual = EnhancedDual(network, support)
    point, _ = newton(dual, starting_point(network, support))
    law = dual.law(point) if directed else dual.law(point).mirrored()
    links, covariance = law.link_variance, law.link_variance * law.mu
    excess = (law.expected + covariance) * law.mu
    mixed = _covariance(covariance, directed)
    H = np.block([[_covariance(links, directed), mixed], [mixed, _covariance(excess, directed)]])
    spread = np.sqrt(np.diag(H))
    spread = np.where(spread > RANK * spread.max(), spread, np.inf)
    values, vectors = np.linalg.eigh(H / np.outer(spread, spread))
    vectors, values = vectors[:, values > RANK], values[values > RANK]
    degrees, excess_strengths = _sums(np.stack([dual.links, dual.excess]), directed)
    return Fit(
        support,
        t=_vectors(point.t.u(), directed),
        u=_vectors(point.u.u(), directed),
        degrees=degrees,
        excess=excess_strengths,
        spread=spread,
        inverse=(vectors / values) @ vectors.T,
        possible=vectors @ vectors.T,
    )


def targets(fit: Fit, weights: np.ndarray, directed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Degrees and excess strengths of every network, shape (networks, constraints) each."""
    degrees = _sums((weights > 0).astype(float), directed)
    support = fit.support
    least, most = _sums(np.stack([support.possible - support.open, support.possible]), directed)
    change = degrees[1:] - degrees[1:].mean(axis=0)
    degrees[1:] = fit.degrees + _curbed(change, fit.degrees - least, most - fit.degrees)
    change = _sums(weights, directed) - degrees - fit.excess
    excess = fit.excess + _curbed(change, fit.excess, np.full_like(fit.excess, np.inf))
    excess[0] = fit.excess
    # A sum over targets equals that over sources, so what remains of a difference is shared out.
    moved = np.concatenate([degrees - fit.degrees, excess - fit.excess], axis=1)
    moved = np.where(np.isfinite(fit.spread), fit.spread, 0) * ((moved / fit.spread) @ fit.possible)
    half = len(fit.degrees)
    return fit.degrees + moved[:, :half], fit.excess + moved[:, half:]


def _curbed(change: np.ndarray, down: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Changes that stay small as they are and never reach the room that they have downwards and upwards."""
    room = np.where(change > 0, up, down)
    share = np.abs(change) / np.where(room > 0, room, 1)
    size = np.where(np.isinf(room), np.abs(change), -np.where(np.isinf(room), 0, room) * np.expm1(-share))
    return np.sign(change) * np.where(room > 0, size, 0)


def _refit(fit: Fit, degrees: np.ndarray, excess: np.ndarray, directed: bool) -> np.ndarray:
    """Expected weights and standard deviations, shape (2, networks, n, n), for given constraints."""
    n, half = len(fit.t[0]), len(fit.degrees)
    heavy, free = fit.support.heavy, fit.support.open
    wanted = np.concatenate([degrees, excess], axis=1)
    x = np.zeros_like(wanted)
    inverse_spread = 1 / fit.spread
    for step in range(STEPS + 1):
        rows, columns = fit.u[0] + x[:, half : half + n], fit.u[1] + x[:, -n:]
        mu = np.exp(rows)[:, :, None] * np.exp(columns)[:, None, :]
        mu -= 1
        np.divide(heavy, np.maximum(mu, RANK, out=mu), out=mu)
        larger = mu + 1  # mean weight of a link
        variance = np.exp(fit.t[0] + x[:, :n])[:, :, None] * np.exp(fit.t[1] + x[:, half - n : half])[:, None]
        variance *= free
        variance /= larger  # odds against a link
        p = fit.support.possible / (variance + 1)
        variance *= p
        variance *= p
        over = p * mu
        error = np.concatenate([_sums(p, directed), _sums(over, directed)], axis=1) - wanted
        if step == STEPS:
            break
        own = np.concatenate(
            [_sums(variance, directed), _sums((over + variance * mu) * mu + over, directed)], axis=1
        )
        scale = 1 / np.sqrt(np.maximum(own, RANK))
        scale = np.clip(scale, inverse_spread / SCALES, inverse_spread * SCALES)
        change = ((error * scale) @ fit.inverse) * scale
        x += _length(rows, columns, change[:, half : half + n], change[:, -n:], heavy)[:, None] * change
    off = (np.abs(error) * inverse_spread > ACCURACY).reshape(len(x), 2, half).any(axis=1)
    known = ~(off[:, :n, None] | off[:, None, -n:])
    variance = (variance * larger + over) * larger
    std = np.sqrt(np.where(known & (variance > 0), variance, np.nan))
    return np.stack([np.where(known, p + over, np.nan), std])


def _length(
    rows: np.ndarray, columns: np.ndarray, dr: np.ndarray, dc: np.ndarray, heavy: np.ndarray
) -> np.ndarray:
    """Share of a step that each network takes, so that u stays above 0 for all pairs that may be heavy.

    `rows` and `columns` add up to u, `dr` and `dc` to its change, shape (networks, n) each.
    """
    u = rows[:, :, None] + columns[:, None, :]
    fall = dr[:, :, None] + dc[:, None, :]
    fall /= -u
    longest = (fall * heavy).max(axis=(1, 2))
    return np.minimum(1, (1 - NEAREST) / np.maximum(longest, 1 - NEAREST))


def _names(n: int) -> tuple[str, ...]:
    """Names of countries, sorted."""
    return tuple(f"{number:03}" for number in range(n))


def _vectors(matrix: np.ndarray, directed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors whose sums are a matrix a_i + b_j; equal ones if it is symmetric."""
    if not directed:
        half = np.diag(matrix) / 2
        return half, half
    hub = int(np.diag(matrix).argmin())
    return matrix[:, hub], matrix[hub] - matrix[hub, hub]


def _sums(x: np.ndarray, directed: bool) -> np.ndarray:
    """Row sums of every matrix, then column sums if directed."""
    ones = np.ones(x.shape[1])
    return np.concatenate([x @ ones, ones @ x], axis=1) if directed else x @ ones


def _covariance(variance: np.ndarray, directed: bool) -> np.ndarray:
    """Covariance of row sums (and column sums, if directed) of independent entries."""
    if not directed:
        return variance + np.diag(variance.sum(axis=1))
    return np.block([[np.diag(variance.sum(axis=1)), variance], [variance.T, np.diag(variance.sum(axis=0))]])
