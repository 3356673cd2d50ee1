"""Standard errors of means over dyads, which depend on each other where they share a unit.

A dyad is a pair of units. The variance is the dyadic-robust one of Aronow, Samii and Assenova (2015,
Political Anal. 23:564-577): products of residuals are summed over all pairs of dyads that have a unit in
common.
"""

import numpy as np


def dyadic_standard_errors(values: np.ndarray, labels: np.ndarray, ends: np.ndarray, k: int) -> np.ndarray:
    """Estimate the standard error of the mean of each group of dyads.

    Parameters
    ----------
    values : ndarray, shape (dyads, columns)
        Each column has its own means and errors.
    labels : ndarray of int, shape (dyads,)
        Group of each dyad, from 0 to `k` - 1.
    ends : ndarray of int, shape (dyads, 2)
        Numbers of the two units of each dyad.
    k : int
        Number of groups.

    Returns
    -------
    ndarray, shape (k, columns)
        Never below the error of independent dyads; infinite for a group of fewer than two.
    """
    errors = np.full((k, values.shape[1]), np.inf)
    for label in range(k):
        inside = labels == label
        members = int(inside.sum())
        if members < 2:
            continue
        residuals = values[inside] - values[inside].mean(axis=0)
        by_unit = np.zeros((ends.max() + 1, values.shape[1]))
        for end in (0, 1):
            np.add.at(by_unit, ends[inside, end], residuals)
        independent = (residuals**2).sum(axis=0)
        shared = (by_unit**2).sum(axis=0) - independent  # a dyad is counted at both of its ends
        errors[label] = np.sqrt(np.maximum(shared, independent) / (members * (members - 1)))
    return errors
