"""Comparison of two labellings of the same pairs (Hennig 2007, Comput. Stat. Data Anal. 52:258-271)."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count the pairs that each cluster of one labelling shares with each cluster of another.

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)

    Returns
    -------
    ndarray of int, shape (clusters of the first, clusters of the second)
    """
    table = np.zeros((first.max() + 1, second.max() + 1), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    return table


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
    rows, columns = linear_sum_assignment(overlap(first, second), maximize=True)
    renamed = np.full(second.max() + 1, -1)
    renamed[columns] = rows
    return renamed[second]
