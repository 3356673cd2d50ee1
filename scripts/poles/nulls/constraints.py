"""Constraints of null models, and how well a fit satisfies them."""

from __future__ import annotations

import numpy as np

from poles.nulls.network import Network

TOLERANCE = 1e-9
"""Largest relative error of a constraint that a fit may have."""


def are_integers(weights: np.ndarray) -> bool:
    """Whether all weights are whole numbers, as counts of works and citations are."""
    return bool(np.all(weights == np.rint(weights)))


def allowed_pairs(network: Network) -> np.ndarray:
    """Pairs that can have weight: i != j, i has out-strength and j has in-strength."""
    allowed = np.outer(network.weights.any(axis=1), network.weights.any(axis=0))
    np.fill_diagonal(allowed, False)
    return allowed


def residual_of(network: Network, *constraints: tuple[np.ndarray, np.ndarray]) -> tuple[float, str]:
    """Compute the largest relative error of the constraints of a fit, and find the country that has it.

    Parameters
    ----------
    network : Network
        The network fitted.
    *constraints : tuple of ndarray
        Matrix of expectations and observed matrix, with equal row and column sums.

    Returns
    -------
    residual : float
        Largest |expected - observed| / observed of a sum. The absolute error if the observed sum is 0;
        infinite if a sum is not a number.
    worst : str
        Country with the largest error.
    """
    errors = np.stack(
        [relative_errors(margins(expected), margins(observed)) for expected, observed in constraints]
    )
    worst = int(errors.max(axis=(0, 1)).argmax())
    return float(errors.max()), network.countries[worst]


def margins(x: np.ndarray, symmetric: bool = False) -> np.ndarray:
    """Row and column sums of a matrix, shape (2, n); only the row sums if it is symmetric, shape (1, n)."""
    ones = np.ones(len(x))
    return (x @ ones)[None] if symmetric else np.stack([x @ ones, ones @ x])


def relative_errors(expected: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Relative errors of sums; absolute if the observed sum is 0, infinite if a sum is not a number."""
    errors = abs(expected - observed) / np.where(observed > 0, observed, 1)
    return np.where(np.isnan(errors), np.inf, errors)


def is_star(network: Network) -> bool:
    """Whether one country is part of every link, so that the strengths determine all weights.

    Only in a star do the strengths force the weight of an allowed pair to 0 (see `allowed_pairs`): any two
    sources together reach all targets.
    """
    linked = network.weights > 0
    touching = linked.sum(axis=1) + (linked.sum(axis=0) if network.directed else linked.sum(axis=1))
    return bool(touching.max() == linked.sum())
