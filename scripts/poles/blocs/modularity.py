"""Modularity of signed networks, and the best split into two camps."""

from collections.abc import Sequence

import numpy as np
from scipy import linalg


def modularity_matrix(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights less what the positive and negative strengths of their ends give, and the total weight.

    B_ij = w_ij - (p_i p_j / 2w+ - n_i n_j / 2w-), with p and n the sums of positive and of negative weights
    of a node, in absolute value, and 2w+ and 2w- their totals (Gómez, Jensen and Arenas 2009).

    Parameters
    ----------
    weights : ndarray, shape (nodes, nodes)
        Symmetric, signed, with an empty diagonal.

    Returns
    -------
    matrix : ndarray, shape (nodes, nodes)
    total : float
        2w+ + 2w-.
    """
    positive, negative = np.maximum(weights, 0).sum(axis=1), np.maximum(-weights, 0).sum(axis=1)
    matrix = weights.copy()
    if positive.sum() > 0:
        matrix -= np.outer(positive, positive) / positive.sum()
    if negative.sum() > 0:
        matrix += np.outer(negative, negative) / negative.sum()
    return matrix, float(positive.sum() + negative.sum())


def modularity(weights: np.ndarray, groups: np.ndarray) -> float:
    """Signed modularity of a partition: Q = sum of B_ij over pairs of one group, over 2w+ + 2w-.

    Parameters
    ----------
    weights : ndarray, shape (nodes, nodes)
        See `modularity_matrix`.
    groups : ndarray, shape (nodes,)
        Label of each node.
    """
    matrix, total = modularity_matrix(weights)
    return float(matrix[groups[:, None] == groups].sum() / total) if total > 0 else 0.0


def split(weights: np.ndarray) -> np.ndarray:
    """Best split of a signed network into two camps, shape (nodes,): True in that of the first node.

    The signs of the leading eigenvector of B (Newman 2006, Proc. Natl. Acad. Sci. 103:8577-8582), from which
    single nodes change sides, the one that gains most first, until none gains. Deterministic; a local
    optimum.
    """
    matrix, total = modularity_matrix(weights)
    size = len(matrix)
    if size < 2 or total == 0:
        return np.ones(size, dtype=bool)
    leading = linalg.eigh(matrix, subset_by_index=[size - 1, size - 1])[1][:, 0]
    side = np.where(leading >= 0, 1.0, -1.0)
    diagonal = matrix.diagonal()
    for _ in range(10 * size):
        gain = diagonal - side * (matrix @ side)
        best = int(gain.argmax())
        if gain[best] <= 1e-12 * total:
            break
        side[best] = -side[best]
    return side == side[0]


def camps_of_poles(matrix: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which countries have a pair with every pole, and with which pole z of each of these is greatest.

    Parameters
    ----------
    matrix : ndarray, shape (countries, countries)
        z, NaN where there is no pair.
    places : sequence of int
        Those of the poles.

    Returns
    -------
    inside : ndarray of int, shape (m,)
        Places of these countries, poles included.
    groups : ndarray of int, shape (m,)
        Number of the pole; the first one of equals.
    """
    near = matrix[:, places].copy()
    near[places] = np.where(np.eye(len(places), dtype=bool), np.inf, -np.inf)
    inside = np.flatnonzero(~np.isnan(near).any(axis=1))
    return inside, near[inside].argmax(axis=1)
