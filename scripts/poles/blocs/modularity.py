"""Modularity of signed networks, and the two partitions whose modularity is measured.

The modularity is that of Gómez, Jensen and Arenas (2009, Phys. Rev. E 80:016114), which compares positive and
negative weights with what the positive and the negative strengths of their ends give. The best split into two
camps is found by the leading eigenvector of the modularity matrix (Newman 2006, Proc. Natl. Acad. Sci.
103:8577-8582). The other partition puts every country into the camp of a pole.
"""

from collections.abc import Sequence

import numpy as np
from scipy import linalg


def modularity_matrix(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights less their expectation from the positive and the negative strengths of both nodes.

    B_ij = w_ij - (p_i p_j / 2w+ - n_i n_j / 2w-). Here p and n are the sums of a node's positive and negative
    weights in absolute value, and 2w+ and 2w- are their totals over nodes (Gómez, Jensen and Arenas 2009).

    Parameters
    ----------
    weights : ndarray, shape (..., nodes, nodes)
        Symmetric, signed, with zeros on the diagonal; one network, or several of the same nodes.

    Returns
    -------
    matrix : ndarray, shape (..., nodes, nodes)
    total : ndarray, shape (...)
        2w+ + 2w-.
    """
    positive, negative = np.maximum(weights, 0).sum(axis=-1), np.maximum(-weights, 0).sum(axis=-1)
    matrix = weights - _expected(positive) + _expected(negative)
    return matrix, positive.sum(axis=-1) + negative.sum(axis=-1)


def _expected(strength: np.ndarray) -> np.ndarray:
    """Products of the strengths of both nodes over their total; 0 without strengths."""
    products = strength[..., :, None] * strength[..., None, :]
    total = strength.sum(axis=-1)[..., None, None]
    return np.divide(products, total, out=np.zeros_like(products), where=total > 0)


def modularity(weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Signed modularity of a partition: Q = sum of B_ij over nodes of the same group / (2w+ + 2w-).

    Parameters
    ----------
    weights : ndarray, shape (..., nodes, nodes)
        See `modularity_matrix`.
    groups : ndarray, shape (..., nodes)
        Label of each node.

    Returns
    -------
    ndarray, shape (...)
        0 for a network without weights.
    """
    matrix, total = modularity_matrix(weights)
    within = np.where(groups[..., :, None] == groups[..., None, :], matrix, 0.0).sum(axis=(-2, -1))
    return np.divide(within, total, out=np.zeros_like(total), where=total > 0)


def best_split(weights: np.ndarray) -> np.ndarray:
    """Split of a signed network into two camps, with the modularity at a local maximum.

    The start is the signs of the leading eigenvector of B (Newman 2006). Then single nodes change sides, each
    time the node that gains most, until no node gains. The result is deterministic.

    Parameters
    ----------
    weights : ndarray, shape (networks, nodes, nodes)
        See `modularity_matrix`.

    Returns
    -------
    ndarray of bool, shape (networks, nodes)
        True in the camp of the first node.
    """
    matrix, total = modularity_matrix(weights)
    size = matrix.shape[-1]
    side = np.ones(matrix.shape[:2])
    improving = np.flatnonzero(total > 0) if size > 1 else np.array([], dtype=int)
    for network in improving:
        # Only the last eigenvector: all of them take two to three times as long.
        leading = linalg.eigh(matrix[network], subset_by_index=[size - 1] * 2, check_finite=False)[1][:, 0]
        side[network] = np.where(leading >= 0, 1.0, -1.0)
    diagonal = matrix.diagonal(axis1=1, axis2=2)
    for _ in range(10 * size):
        field = (matrix[improving] @ side[improving, :, None])[..., 0]
        gain = diagonal[improving] - side[improving] * field
        best = gain.argmax(axis=1)
        gains = gain[np.arange(len(best)), best] > 1e-12 * total[improving]
        improving = improving[gains]
        if not len(improving):
            break
        side[improving, best[gains]] *= -1
    return side == side[:, :1]


def camps_of_poles(z: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Camp of every country: the pole with which its z is greatest.

    Parameters
    ----------
    z : ndarray, shape (networks, countries, countries)
        Symmetric; NaN where there is no pair, which is the same in all networks.
    places : sequence of int
        Places of the poles.

    Returns
    -------
    members : ndarray of int, shape (m,)
        Places of the countries that have a pair with every pole, and of the poles themselves.
    camps : ndarray of int, shape (networks, m)
        Number of the pole of each member; the first pole where z is equal.
    """
    with_poles = z[:, :, places]
    with_poles[:, places] = np.where(np.eye(len(places), dtype=bool), np.inf, -np.inf)
    members = np.flatnonzero(~np.isnan(with_poles).any(axis=(0, 2)))
    return members, with_poles[:, members].argmax(axis=2)
