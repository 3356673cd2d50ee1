"""K-means under dynamic time warping, compiled, for the hundreds of fits of the study of stability.

Assignment and barycentres follow tslearn rule for rule, so that the labels are those of tslearn
(dynamic-time-warping barycentre averaging; Petitjean, Ketterlin and Gancarski 2011, Pattern Recognition
44:678-693). The code is fast for three reasons: it visits only cells of the band, it abandons a distance that
cannot be the least, and it allocates nothing within the loops. One fit is one thread and releases Python's
lock. So several fits run side by side, and the order of sums does not depend on how many.
"""

from typing import NamedTuple

import numba
import numpy as np

from poles.errors import StudyError
from poles.stats.threads import parallel_map

UNBOUNDED = -1
"""Band without a limit."""
MAX_PASSES = 30
"""Highest number of averagings in one update of a barycentre."""
PASS_TOLERANCE = 1e-5
"""Change of the mean squared distance below which averaging stops."""
TOLERANCE = 1e-6
"""Change of the inertia below which k-means stops."""
compiled = numba.njit(cache=True, nogil=True)


class Fit(NamedTuple):
    """Result of `fit`.

    Attributes
    ----------
    labels : ndarray of int64, shape (pairs,)
    centroids : ndarray, shape (k, years, channels)
    inertia : float
        Mean squared distance of the pairs to their centroids before the last update, as in tslearn.
    iterations : int
    converged : bool
        Whether the inertia stopped changing before the iterations ran out.
    """

    labels: np.ndarray
    centroids: np.ndarray
    inertia: float
    iterations: int
    converged: bool


def fit(x: np.ndarray, start: np.ndarray, radius: int | None, max_iter: int = 100) -> Fit:
    """Cluster trajectories by k-means under dynamic time warping, from given centres.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
        Finite values.
    start : ndarray, shape (k, years, channels)
        First centres.
    radius : int or None
        Sakoe-Chiba radius in years; None: no limit.
    max_iter : int
        Highest number of iterations.

    Returns
    -------
    Fit

    Raises
    ------
    StudyError
        If a cluster runs empty.
    """
    result = Fit(*_fit(_contiguous(x), _contiguous(start).copy(), _band(radius), max_iter))
    if not np.isfinite(result.inertia):
        raise StudyError(f"clusters: a cluster ran empty at k = {len(start)}; choose a smaller k")
    return result


def assign(x: np.ndarray, centroids: np.ndarray, radius: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest centroid of each series, the first one of equals, and the distance to it.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
    centroids : ndarray, shape (k, years, channels)
    radius : int or None
        See `fit`.

    Returns
    -------
    labels : ndarray of int64, shape (pairs,)
    distances : ndarray, shape (pairs,)
    """
    labels, distances = np.empty(len(x), np.int64), np.empty(len(x))
    _assign(_contiguous(x), _contiguous(centroids), _band(radius), labels, distances)
    return labels, distances


def matrix(x: np.ndarray, radius: int | None, threads: int = 1) -> np.ndarray:
    """Compute the distances under dynamic time warping between all series.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
    radius : int or None
        See `fit`.
    threads : int
        The result does not depend on it.

    Returns
    -------
    ndarray, shape (pairs, pairs)
        Symmetric.
    """
    x, distances = _contiguous(x), np.zeros((len(x), len(x)))
    # Row i holds len(x) - 1 - i distances; slices with a stride share them evenly.
    slices = [(start, 4 * threads) for start in range(4 * threads)]
    parallel_map(lambda part: _fill_rows(x, _band(radius), distances, *part), slices, threads)
    return distances


def _contiguous(x: np.ndarray) -> np.ndarray:
    """The same values as a contiguous array of float64."""
    return np.ascontiguousarray(x, dtype=np.float64)


def _band(radius: int | None) -> int:
    """Radius as the compiled functions take it."""
    return UNBOUNDED if radius is None else radius


@compiled
def _squared_distance(first, second, band, bound, row, above):
    """Squared distance of two series of equal length; infinite if it exceeds `bound`.

    `row` and `above` are work space of length years + 1.
    """
    years, channels = first.shape
    above[:] = np.inf
    above[0] = 0.0
    for i in range(years):
        low = 0 if band < 0 else max(0, i - band)
        high = years if band < 0 else min(years, i + band + 1)
        row[low] = np.inf
        least = np.inf
        for j in range(low, high):
            cost = 0.0
            for c in range(channels):
                step = first[i, c] - second[j, c]
                cost += step * step
            cost += min(above[j + 1], row[j], above[j])
            row[j + 1] = cost
            least = min(least, cost)
        if least > bound:
            return np.inf
        if high < years:
            row[high + 1] = np.inf
        row, above = above, row
    return above[years]


@compiled
def _assign(x, centroids, band, labels, distances):
    """Fill in the nearest centroid of each series and the distance to it."""
    years = x.shape[1]
    row, above = np.empty(years + 1), np.empty(years + 1)
    for n in range(len(x)):
        # Compare distances, not their squares: two squares may differ where their roots are equal.
        bound, nearest, label = np.inf, np.inf, 0
        for k in range(len(centroids)):
            squared = _squared_distance(x[n], centroids[k], band, bound, row, above)
            distance = np.sqrt(squared)
            if distance < nearest:
                bound, nearest, label = squared, distance, k
        labels[n], distances[n] = label, nearest


@compiled
def _fill_rows(x, band, distances, start, stride):
    """Fill in every stride-th row of a distance matrix from `start` on, and its mirror image."""
    years = x.shape[1]
    row, above = np.empty(years + 1), np.empty(years + 1)
    for i in range(start, len(x), stride):
        for j in range(i + 1, len(x)):
            distance = np.sqrt(_squared_distance(x[i], x[j], band, np.inf, row, above))
            distances[i, j] = distance
            distances[j, i] = distance


@compiled
def _accumulate_costs(series, centre, band, costs):
    """Fill in the accumulated costs of aligning a series (rows) with a centre (columns).

    Row 0 and column 0 are a margin.
    """
    years, channels = series.shape
    for i in range(years):
        low = 0 if band < 0 else max(0, i - band)
        high = years if band < 0 else min(years, i + band + 1)
        for j in range(low, high):
            cost = 0.0
            for c in range(channels):
                step = series[i, c] - centre[j, c]
                cost += step * step
            costs[i + 1, j + 1] = cost + min(costs[i, j + 1], costs[i + 1, j], costs[i, j])
    return costs[years, years]


@compiled
def _average(x, labels, label, centre, band, work):
    """Compute the barycentre of a cluster in place: align, average the values on each year, repeat."""
    costs, sums, counts, path = work
    years, channels = centre.shape
    before = np.inf
    for _ in range(MAX_PASSES):
        sums[:] = 0.0
        counts[:] = 0.0
        total, members = 0.0, 0
        for n in range(len(x)):
            if labels[n] != label:
                continue
            distance = np.sqrt(_accumulate_costs(x[n], centre, band, costs))
            total += distance * distance
            members += 1
            length = _trace(costs, path)
            for place in range(length - 1, -1, -1):
                i, j = path[place]
                counts[j] += 1.0
                for c in range(channels):
                    sums[j, c] += x[n, i, c]
        for j in range(years):
            for c in range(channels):
                centre[j, c] = sums[j, c] / counts[j]
        total /= members
        if abs(before - total) < PASS_TOLERANCE or before < total:
            return
        before = total


@compiled
def _trace(costs, path):
    """Trace the cheapest path back from the last cell; of equal steps the diagonal, then the earlier row."""
    i = j = len(costs) - 2
    path[0] = i, j
    length = 1
    while i > 0 or j > 0:
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        else:
            diagonal, up, left = costs[i, j], costs[i, j + 1], costs[i + 1, j]
            if diagonal <= up and diagonal <= left:
                i -= 1
                j -= 1
            elif up <= left:
                i -= 1
            else:
                j -= 1
        path[length] = i, j
        length += 1
    return length


@compiled
def _fit(x, centroids, band, max_iter):
    """Assign and average until the inertia stops changing; it is infinite if a cluster ran empty."""
    years, channels = x.shape[1:]
    labels, distances = np.empty(len(x), np.int64), np.empty(len(x))
    costs = np.full((years + 1, years + 1), np.inf)
    costs[0, 0] = 0.0
    work = costs, np.empty((years, channels)), np.empty(years), np.empty((2 * years, 2), np.int64)
    before, inertia, iteration, converged = np.inf, np.inf, 0, False
    while iteration < max_iter and not converged:
        iteration += 1
        _assign(x, centroids, band, labels, distances)
        sizes = np.zeros(len(centroids), np.int64)
        inertia = 0.0
        for n in range(len(x)):
            sizes[labels[n]] += 1
            inertia += distances[n] * distances[n]
        inertia /= len(x)
        if sizes.min() == 0:
            return labels, centroids, np.inf, iteration, False
        for label in range(len(centroids)):
            _average(x, labels, label, centroids[label], band, work)
        converged = abs(before - inertia) < TOLERANCE
        before = inertia
    _assign(x, centroids, band, labels, distances)
    return labels, centroids, inertia, iteration, converged
