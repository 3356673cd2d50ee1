"""Comparison of two labellings of the same pairs (Hennig 2007, Comput. Stat. Data Anal. 52:258-271)."""

import numpy as np


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count the pairs that each cluster of one labelling shares with each cluster of another.

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)

    Returns
    -------
    ndarray of int, shape (clusters of the first, clusters of the second)
    """
    shape = first.max() + 1, second.max() + 1
    return np.bincount(np.ravel_multi_index((first, second), shape), minlength=shape[0] * shape[1]).reshape(
        shape
    )


def adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the adjusted Rand index of two labellings (Hubert and Arabie 1985).

    Scikit-learn's ``adjusted_rand_score`` gives the same number; its checks of the input cost more than the
    index itself.

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)

    Returns
    -------
    float
        1 for the same clusters, 0 on average by chance.
    """
    table = overlap(first, second)
    # Ordered pairs of members that are together in both labellings, in one of the two, and in neither.
    both = int((table**2).sum() - len(first))
    one = int((table @ table.sum(axis=0)).sum() - (table**2).sum())
    other = int((table.T @ table.sum(axis=1)).sum() - (table**2).sum())
    if not one and not other:
        return 1.0
    neither = len(first) * (len(first) - 1) - both - one - other
    chance = (both + other) * (other + neither) + (both + one) * (one + neither)
    return 2.0 * (both * neither - one * other) / chance


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Find the greatest Jaccard index of each cluster of one labelling with a cluster of another.

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)

    Returns
    -------
    ndarray, shape (clusters of the first,)
    """
    table = overlap(first, second)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    return (table / np.maximum(union, 1)).max(axis=1)


def match(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rename the clusters of the second labelling to those of the first that they share most pairs with.

    The matching is one to one and shares as many pairs in all as possible (Hungarian method; Kuhn 1955).

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)

    Returns
    -------
    ndarray of int, shape (pairs,)
        The second labelling, renamed; -1 for a cluster without a partner.
    """
    from scipy.optimize import linear_sum_assignment  # takes a quarter of a second

    rows, columns = linear_sum_assignment(overlap(first, second), maximize=True)
    renamed = np.full(second.max() + 1, -1)
    renamed[columns] = rows
    return renamed[second]
