"""Modularity of signed networks, and the two partitions whose modularity is measured.

The modularity is that of Gómez, Jensen and Arenas (2009, Phys. Rev. E 80:016114), which compares positive and
negative weights with what the positive and the negative strengths of their ends give. The best split into two
camps is found by the leading eigenvector of the modularity matrix (Newman 2006, Proc. Natl. Acad. Sci.
103:8577-8582). The other partition puts every country into the camp of a pole.
"""

from collections.abc import Sequence

import numpy as np
from scipy import linalg


def modularity_matrix(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights less their expectation from the positive and the negative strengths of both nodes.

    B_ij = w_ij - (p_i p_j / 2w+ - n_i n_j / 2w-). Here p and n are the sums of a node's positive and negative
    weights in absolute value, and 2w+ and 2w- are their totals over nodes (Gómez, Jensen and Arenas 2009).

    Parameters
    ----------
    weights : ndarray, shape (nodes, nodes)
        Symmetric, signed, with zeros on the diagonal.

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
    """Signed modularity of a partition: Q = sum of B_ij over nodes of the same group / (2w+ + 2w-).

    Parameters
    ----------
    weights : ndarray, shape (nodes, nodes)
        See `modularity_matrix`.
    groups : ndarray, shape (nodes,)
        Label of each node.

    Returns
    -------
    float
        0 for a network without weights.
    """
    matrix, total = modularity_matrix(weights)
    return float(matrix[groups[:, None] == groups].sum() / total) if total > 0 else 0.0


def best_split(weights: np.ndarray) -> np.ndarray:
    """Split of a signed network into two camps, with the modularity at a local maximum.

    The start is the signs of the leading eigenvector of B (Newman 2006). Then single nodes change sides, each
    time the node that gains most, until no node gains. The result is deterministic.

    Parameters
    ----------
    weights : ndarray, shape (nodes, nodes)
        See `modularity_matrix`.

    Returns
    -------
    ndarray of bool, shape (nodes,)
        True in the camp of the first node.
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


def camps_of_poles(z: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Camp of every country: the pole with which its z is greatest.

    Parameters
    ----------
    z : ndarray, shape (countries, countries)
        Symmetric; NaN where there is no pair.
    places : sequence of int
        Places of the poles.

    Returns
    -------
    members : ndarray of int, shape (m,)
        Places of the countries that have a pair with every pole, and of the poles themselves.
    camps : ndarray of int, shape (m,)
        Number of the pole of each member; the first pole where z is equal.
    """
    with_poles = z[:, places].copy()
    with_poles[places] = np.where(np.eye(len(places), dtype=bool), np.inf, -np.inf)
    members = np.flatnonzero(~np.isnan(with_poles).any(axis=1))
    return members, with_poles[members].argmax(axis=1)
