"""Standard errors for pairs that share a country or another unit."""

import numpy as np


def standard_errors(change: np.ndarray, labels: np.ndarray, ends: np.ndarray, k: int) -> np.ndarray:
    """Standard error of the mean change of each cluster, where pairs that share a country depend.

    The dyadic-robust variance of Aronow, Samii and Assenova (2015, Political Anal. 23:564-577): products of
    residuals are summed over all pairs of members that have a country in common. It is never taken below
    that of independent members.

    Parameters
    ----------
    change : ndarray, shape (pairs, channels)
        See `changes`.
    labels : ndarray, shape (pairs,)
    ends : ndarray of int, shape (pairs, 2)
        Numbers of the two countries of each pair.
    k : int
        Number of clusters.

    Returns
    -------
    ndarray, shape (k, channels)
        Infinite for a cluster of one member.
    """
    errors = np.full((k, change.shape[1]), np.inf)
    for label in range(k):
        inside = labels == label
        members = int(inside.sum())
        if members < 2:
            continue
        rest = change[inside] - change[inside].mean(axis=0)
        by_country = np.zeros((ends.max() + 1, change.shape[1]))
        for end in (0, 1):
            np.add.at(by_country, ends[inside, end], rest)
        independent = (rest**2).sum(axis=0)
        shared = (by_country**2).sum(axis=0) - independent  # a pair is counted at both of its ends
        errors[label] = np.sqrt(np.maximum(shared, independent) / (members * (members - 1)))
    return errors
