"""Direction of clusters: whether their members rise, fall or stand still in each channel."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from poles.archetypes.names import UNCLEAR
from poles.stats.dyadic import dyadic_standard_errors
from poles.trajectories.preprocessing import preprocess

EDGE = 5
"""Years at either end of a trajectory whose means are compared."""
NOISE_ZONE = 1.0
"""Mean change, in units of noise, up to which a cluster does not move."""
PANEL_ZONE = 0.25
"""The same in units of the root mean square change of all pairs."""


def changes(z: np.ndarray) -> np.ndarray:
    """Compute the change of each trajectory: mean of its last `EDGE` years minus mean of its first.

    The unit is that of the preprocessing ``noise_units``, whatever is clustered, so that a name means the
    same in every branch.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
        z-scores.

    Returns
    -------
    ndarray, shape (pairs, channels)
    """
    x = preprocess(z, "noise_units")
    return x[:, -EDGE:].mean(axis=1) - x[:, :EDGE].mean(axis=1)


class Directions(NamedTuple):
    """Direction of each cluster, each an array of shape (k, channels).

    Attributes
    ----------
    mean, low, high : ndarray
        Mean change of the members in units of noise, and its 95 % interval.
    sign : ndarray of int
        1 rises, -1 falls, 0 stands still, `UNCLEAR`.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sign: np.ndarray


def directions(change: np.ndarray, labels: np.ndarray, ends: np.ndarray, k: int) -> Directions:
    """Decide whether each cluster rises, falls or stands still, in each channel.

    The dead zone is `NOISE_ZONE`, or `PANEL_ZONE` times the root mean square change of all pairs where that
    is more. A cluster moves if its mean change lies beyond the zone and the interval excludes 0. It stands
    still if its mean change lies within the zone and the interval within twice the zone. Otherwise its
    direction is `UNCLEAR`.

    The interval allows for pairs that share a country (`dyadic_standard_errors`). It is that of Student's t,
    with one degree of freedom less than the cluster has countries.

    Parameters
    ----------
    change : ndarray, shape (pairs, channels)
        See `changes`.
    labels : ndarray of int, shape (pairs,)
        Clusters. One without members is unclear.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    k : int
        Number of clusters.

    Returns
    -------
    Directions
    """
    zone = np.maximum(NOISE_ZONE, PANEL_ZONE * np.sqrt((change**2).mean(axis=0)))
    sizes = np.bincount(labels, minlength=k)
    sums = np.zeros((k, change.shape[1]))
    np.add.at(sums, labels, change)
    mean = sums / np.maximum(sizes, 1)[:, None]
    countries = [len(np.unique(ends[labels == label])) for label in range(k)]
    reach = -stdtrit(np.maximum(np.array(countries) - 1, 1), 0.025)[:, None]
    reach = reach * dyadic_standard_errors(change, labels, ends, k)
    low, high = mean - reach, mean + reach
    moves = (np.abs(mean) > zone) & (low * high > 0)
    still = (np.abs(mean) <= zone) & (low > -2 * zone) & (high < 2 * zone)
    sign = np.where(moves, np.sign(mean), np.where(still, 0, UNCLEAR)).astype(int)
    return Directions(mean, low, high, sign)
