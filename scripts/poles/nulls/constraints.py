"""Constraints of null models, and how well a fit meets them."""

from __future__ import annotations

import numpy as np

from poles.nulls.network import Network

TOLERANCE = 1e-9
"""Largest relative error of a constraint that a fit may leave."""


def are_integers(weights: np.ndarray) -> bool:
    """Whether all weights are whole numbers, as counts of works and citations are."""
    return bool(np.all(weights == np.rint(weights)))


def allowed_pairs(network: Network) -> np.ndarray:
    """Pairs that can carry weight: i != j, where i has out-strength and j in-strength."""
    allowed = np.outer(network.weights.any(axis=1), network.weights.any(axis=0))
    np.fill_diagonal(allowed, False)
    return allowed


def residual_of(network: Network, *constraints: tuple[np.ndarray, np.ndarray]) -> tuple[float, str]:
    """Largest relative error of the constraints of a fit, and the country that has it.

    Parameters
    ----------
    network : Network
        The network fitted.
    *constraints : tuple of ndarray
        A matrix of expectations and the matrix observed, whose row and column sums are constrained.

    Returns
    -------
    residual : float
        Largest |expected - observed| / observed, or the absolute error where the observed sum is 0;
        infinite where a sum is not a number.
    worst : str
        Country with the largest error.
    """
    errors = np.stack([relative_errors(margins(expected), margins(seen)) for expected, seen in constraints])
    worst = int(errors.max(axis=(0, 1)).argmax())
    return float(errors.max()), network.countries[worst]


def margins(x: np.ndarray, symmetric: bool = False) -> np.ndarray:
    """Row and column sums of a matrix, shape (2, n); of a symmetric one the row sums alone, shape (1, n)."""
    ones = np.ones(len(x))
    return (x @ ones)[None] if symmetric else np.stack([x @ ones, ones @ x])


def relative_errors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Relative errors of sums; absolute where 0 is wanted, infinite where a sum is not a number."""
    errors = abs(found - wanted) / np.where(wanted > 0, wanted, 1)
    return np.where(np.isnan(errors), np.inf, errors)


def is_star(network: Network) -> bool:
    """Whether one country takes part in every link, so that the strengths alone fix all weights.

    This is the only case in which fixed strengths force to 0 the weight of a pair that has out-strength on
    one side and in-strength on the other: any two sources together reach all targets.
    """
    linked = network.weights > 0
    touching = linked.sum(axis=1) + (linked.sum(axis=0) if network.directed else linked.sum(axis=1))
    return bool(touching.max() == linked.sum())
