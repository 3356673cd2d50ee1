"""Euclidean k-means, compiled, with the results of scikit-learn and without Python's lock.

The study of stability runs k-means thousands of times. Scikit-learn spends most of that time outside its
compiled loops, where it holds Python's lock. This module repeats its algorithm: k-means++ with several trials
a step (Arthur and Vassilvitskii 2007), the iterations of Lloyd (1982), and the best of several starts. It
takes the same random numbers and adds up centres in the same order, so that centres are equal bit for bit.
Distances are added up in another order. That matters only where two of them differ by rounding alone, such as
those of two candidates for a centre that are near to each other and to no other row.
"""

from threading import Lock
from typing import NamedTuple

import numba
import numpy as np

from poles.stats.threads import one_thread

MAX_ITERATIONS = 300
"""Highest number of iterations of one start, as in scikit-learn."""
TOLERANCE = 1e-4
"""Shift of the centres at which a start stops, over the mean variance of the columns, as in scikit-learn."""
SCIKIT_LEARN = Lock()
"""Held while scikit-learn runs: limits of its threads set and lifted side by side would undo each other."""
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Partition(NamedTuple):
    """Result of `fit`: centres, shape (k, columns), and the label of each row, int64."""

    centres: np.ndarray
    labels: np.ndarray


def fit(x: np.ndarray, k: int, seed: int, starts: int) -> Partition:
    """Cluster rows by k-means, the best of several starts.

    Parameters
    ----------
    x : ndarray, shape (rows, columns)
        Finite values with at least k distinct rows.
    k, seed, starts : int
        ``n_clusters``, ``random_state`` and ``n_init`` of ``sklearn.cluster.KMeans``.

    Returns
    -------
    Partition
        ``cluster_centers_`` and ``labels_`` of ``KMeans``.
    """
    mean = x.mean(axis=0)
    rows = np.ascontiguousarray(x - mean)
    tolerance = TOLERANCE * np.mean(np.var(x, axis=0))
    draws = _draws(k, seed, starts)
    centres, labels, complete = _best(rows, np.ascontiguousarray(rows.T), k, draws, tolerance)
    if complete:
        return Partition(centres + mean, labels)
    # Scikit-learn itself refills a cluster that ran empty, which hardly ever happens.
    from sklearn.cluster import KMeans

    with SCIKIT_LEARN, one_thread():
        model = KMeans(k, n_init=starts, random_state=seed).fit(x)
    return Partition(model.cluster_centers_, model.labels_.astype(np.int64))


def first_centres(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Draw first centres by k-means++.

    Parameters
    ----------
    x : ndarray, shape (rows, columns)
    k, seed : int
        ``n_clusters`` and ``random_state`` of ``sklearn.cluster.kmeans_plusplus``.

    Returns
    -------
    ndarray, shape (k, columns)
        Rows of x.
    """
    rows = np.ascontiguousarray(x)
    return _plus_plus(rows, np.ascontiguousarray(rows.T), k, _draws(k, seed, 1)[0])


def _draws(k: int, seed: int, starts: int) -> np.ndarray:
    """Uniform random numbers of each start: one for the first centre, several trials for each further one."""
    trials = 2 + int(np.log(k))
    return np.random.RandomState(seed).random_sample((starts, 1 + (k - 1) * trials))


@compiled
def _best(rows, columns, k, draws, tolerance):
    """Centres and labels of the start with the least inertia, and whether no cluster ever ran empty."""
    best, best_labels, least = np.empty((k, rows.shape[1])), np.zeros(len(rows), np.int64), np.inf
    for start in range(len(draws)):
        centres = _plus_plus(rows, columns, k, draws[start])
        labels, complete = _lloyd(rows, columns, centres, tolerance)
        if not complete:
            return best, best_labels, False
        inertia = 0.0
        for n in range(len(rows)):
            for c in range(rows.shape[1]):
                step = rows[n, c] - centres[labels[n], c]
                inertia += step * step
        # The same clusters under other numbers may have less inertia by rounding alone.
        if start == 0 or (inertia < least and not _is_renumbered(labels, best_labels, k)):
            best, best_labels, least = centres, labels, inertia
    return best, best_labels, True


@compiled
def _is_renumbered(first, second, k):
    """Whether the second labelling is the first under other numbers, or joins clusters of it."""
    numbers = np.full(k, -1)
    for n in range(len(first)):
        if numbers[first[n]] == -1:
            numbers[first[n]] = second[n]
        elif numbers[first[n]] != second[n]:
            return False
    return True


@compiled
def _squares(columns, centre, distances):
    """Fill in the squared distance of every row to a centre, two columns at a time."""
    distances[:] = 0.0
    for c in range(0, len(columns) - 1, 2):
        for n in range(len(distances)):
            first, second = columns[c, n] - centre[c], columns[c + 1, n] - centre[c + 1]
            distances[n] = distances[n] + first * first + second * second
    if len(columns) % 2:
        for n in range(len(distances)):
            step = columns[-1, n] - centre[-1]
            distances[n] += step * step


@compiled
def _place(weights, target):
    """First place at which the running sum of weights reaches a target."""
    total = 0.0
    for n in range(len(weights)):
        total += weights[n]
        if total >= target:
            return n
    return len(weights) - 1


@compiled
def _plus_plus(rows, columns, k, draws):
    """First centres by k-means++: each is the best of several rows drawn by squared distance."""
    size, trials = len(rows), (len(draws) - 1) // max(k - 1, 1)
    centres = np.empty((k, rows.shape[1]))
    nearest, trial, best = np.empty(size), np.empty(size), np.empty(size)
    places = np.empty(k, np.int64)
    places[0] = int(draws[0] * size)
    _squares(columns, rows[places[0]], nearest)
    potential = 0.0
    for n in range(size):
        potential += nearest[n]
    for number in range(1, k):
        least = np.inf
        for draw in range(1 + (number - 1) * trials, 1 + number * trials):
            place = _place(nearest, draws[draw] * potential)
            _squares(columns, rows[place], trial)
            total = 0.0
            for n in range(size):
                trial[n] = min(nearest[n], trial[n])
                total += trial[n]
            if total < least:
                least = total
                places[number] = place
                trial, best = best, trial
        potential = least
        nearest, best = best, nearest
    for number in range(k):
        for c in range(rows.shape[1]):
            centres[number, c] = rows[places[number], c]
    return centres


@compiled
def _label(columns, centres, labels, nearest, distances):
    """Fill in the nearest centre of every row, the first of equals."""
    nearest[:] = np.inf
    for number in range(len(centres)):
        _squares(columns, centres[number], distances)
        for n in range(len(labels)):
            if distances[n] < nearest[n]:
                nearest[n] = distances[n]
                labels[n] = number


@compiled
def _lloyd(rows, columns, centres, tolerance):
    """Move centres until labels or centres stand still; return labels, and whether no cluster ran empty."""
    size, k = len(rows), len(centres)
    labels, before = np.full(size, -1), np.full(size, -1)
    nearest, distances = np.empty(size), np.empty(size)
    sums, counts = np.empty(centres.shape), np.empty(k)
    for _ in range(MAX_ITERATIONS):
        _label(columns, centres, labels, nearest, distances)
        sums[:] = 0.0
        counts[:] = 0.0
        for n in range(size):
            counts[labels[n]] += 1.0
            for c in range(rows.shape[1]):
                sums[labels[n], c] += rows[n, c]
        shift = 0.0
        for number in range(k):
            if counts[number] == 0.0:
                return labels, False
            part = 1.0 / counts[number]
            for c in range(rows.shape[1]):
                value = sums[number, c] * part
                shift += (value - centres[number, c]) ** 2
                centres[number, c] = value
        moved = 0
        for n in range(size):
            moved += labels[n] != before[n]
        if not moved:
            return labels, True
        if shift <= tolerance:
            break
        for n in range(size):
            before[n] = labels[n]
    _label(columns, centres, labels, nearest, distances)
    return labels, True
