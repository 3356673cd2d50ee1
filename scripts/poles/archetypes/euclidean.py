"""Euclidean k-means, compiled, with the results of scikit-learn and without Python's lock.

The study of stability runs k-means thousands of times. Scikit-learn spends most of that time outside its
compiled loops, where it holds Python's lock. This module repeats its algorithm: k-means++ with several trials
a step (Arthur and Vassilvitskii 2007), the iterations of Lloyd (1982), and the best of several starts. It
takes the same random numbers and adds up centres in the same order, so that centres are equal bit for bit.
Distances are added up in another order. That matters only where two of them differ by rounding alone, such as
those of two candidates for a centre that are near to each other and to no other row.

The nearest centre of a row is found in single precision. Where rounding could make another centre the
nearest, double precision decides, so that labels are those of double precision throughout.
"""

from threading import Lock, local
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
GENERATORS = local()
"""A random generator of each thread. Seeding one anew is fifty times as fast as making one."""
UNIT = 2.0**-24
"""Largest relative error of one rounding in single precision."""
TINY, HUGE = 2.0**-100, 2.0**120
"""Squares below which products may vanish in single precision, and above which they may be infinite."""
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
fused = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
"""As `compiled`, but a product and the sum it is added to are rounded once, in one instruction."""


class Partition(NamedTuple):
    """Result of `fit`: centres, shape (k, columns), and the label of each row, int64."""

    centres: np.ndarray
    labels: np.ndarray


def fit(x: np.ndarray, k: int, seed: int, starts: int, sample: np.ndarray | None = None) -> Partition:
    """Cluster rows by k-means, the best of several starts.

    Parameters
    ----------
    x : ndarray, shape (rows, columns)
        Finite values.
    k, seed, starts : int
        ``n_clusters``, ``random_state`` and ``n_init`` of ``sklearn.cluster.KMeans``.
    sample : ndarray of int, optional
        Places of the rows that are clustered, each as often as it stands there, at least k of them distinct.
        By default each row stands there once. Distances of equal rows are computed once.

    Returns
    -------
    Partition
        ``cluster_centers_`` and ``labels_`` of ``KMeans``, fitted to ``x[sample]``.
    """
    sample = np.arange(len(x)) if sample is None else sample
    used, places = np.unique(sample, return_inverse=True)
    full = x[sample]
    mean = full.mean(axis=0)
    rows = np.ascontiguousarray(x[used] - mean)
    tolerance = TOLERANCE * np.mean(np.var(full, axis=0))
    draws = _draws(k, seed, starts)
    columns = np.ascontiguousarray(rows.T)
    single, norms = columns.astype(np.float32), (rows**2).sum(axis=1)
    centres, labels, complete = _best(rows, columns, single, norms, places, k, draws, tolerance)
    if complete:
        return Partition(centres + mean, labels[places])
    # Scikit-learn itself refills a cluster that ran empty, which hardly ever happens.
    from sklearn.cluster import KMeans

    with SCIKIT_LEARN, one_thread():
        model = KMeans(k, n_init=starts, random_state=seed).fit(full)
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
    everyone = np.arange(len(rows))
    return _plus_plus(rows, np.ascontiguousarray(rows.T), everyone, k, _draws(k, seed, 1)[0])


def _draws(k: int, seed: int, starts: int) -> np.ndarray:
    """Uniform random numbers of each start: one for the first centre, several trials for each further one."""
    trials = 2 + int(np.log(k))
    if not hasattr(GENERATORS, "own"):
        GENERATORS.own = np.random.RandomState()
    GENERATORS.own.seed(seed)
    return GENERATORS.own.random_sample((starts, 1 + (k - 1) * trials))


@compiled
def _best(rows, columns, single, norms, sample, k, draws, tolerance):
    """Centres and labels of the start with the least inertia, and whether no cluster ever ran empty."""
    best, best_labels, least = np.empty((k, rows.shape[1])), np.zeros(len(rows), np.int64), np.inf
    squares = np.empty(len(rows))
    for start in range(len(draws)):
        centres = _plus_plus(rows, columns, sample, k, draws[start])
        labels, complete = _lloyd(rows, single, norms, sample, centres, tolerance)
        if not complete:
            return best, best_labels, False
        # The same clusters under other numbers may have less inertia by rounding alone.
        if start > 0 and _is_renumbered(labels, best_labels, k):
            continue
        for n in range(len(rows)):
            squares[n] = 0.0
            for c in range(rows.shape[1]):
                step = rows[n, c] - centres[labels[n], c]
                squares[n] += step * step
        inertia = _total(squares, sample)
        if start == 0 or inertia < least:
            best, best_labels, least = centres, labels, inertia
    return best, best_labels, True


@compiled
def _total(values, sample):
    """Sum of the values of a sample, in its order."""
    total = 0.0
    for n in range(len(sample)):
        total += values[sample[n]]
    return total


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
    """Fill in the squared distance of every row to a centre, four columns at a time."""
    distances[:] = 0.0
    whole = len(columns) // 4 * 4
    for c in range(0, whole, 4):
        for n in range(len(distances)):
            first, second = columns[c, n] - centre[c], columns[c + 1, n] - centre[c + 1]
            third, fourth = columns[c + 2, n] - centre[c + 2], columns[c + 3, n] - centre[c + 3]
            distances[n] = distances[n] + first * first + second * second + third * third + fourth * fourth
    for c in range(whole, len(columns)):
        for n in range(len(distances)):
            step = columns[c, n] - centre[c]
            distances[n] += step * step


@compiled
def _place(weights, sample, target):
    """First place of a sample at which the running sum of weights reaches a target."""
    total = 0.0
    for n in range(len(sample)):
        total += weights[sample[n]]
        if total >= target:
            return n
    return len(sample) - 1


@compiled
def _plus_plus(rows, columns, sample, k, draws):
    """First centres by k-means++: each is the best of several rows drawn by squared distance."""
    size, trials = len(rows), (len(draws) - 1) // max(k - 1, 1)
    centres = np.empty((k, rows.shape[1]))
    nearest, trial, best = np.empty(size), np.empty(size), np.empty(size)
    chosen = np.empty(k, np.int64)
    chosen[0] = sample[int(draws[0] * len(sample))]
    _squares(columns, rows[chosen[0]], nearest)
    potential = _total(nearest, sample)
    for number in range(1, k):
        least = np.inf
        for draw in range(1 + (number - 1) * trials, 1 + number * trials):
            row = sample[_place(nearest, sample, draws[draw] * potential)]
            _squares(columns, rows[row], trial)
            for n in range(size):
                trial[n] = min(nearest[n], trial[n])
            total = _total(trial, sample)
            if total < least:
                least = total
                chosen[number] = row
                trial, best = best, trial
        potential = least
        nearest, best = best, nearest
    for number in range(k):
        for c in range(rows.shape[1]):
            centres[number, c] = rows[chosen[number], c]
    return centres


@fused
def _score(single, centre, scores):
    """Fill in the squared distance of every row to a centre, less that of the row to 0."""
    square = 0.0
    for c in range(len(centre)):
        square += centre[c] * centre[c]
    scores[:] = np.float32(square)
    whole = len(single) // 4 * 4
    for c in range(0, whole, 4):
        first, second = np.float32(-2.0 * centre[c]), np.float32(-2.0 * centre[c + 1])
        third, fourth = np.float32(-2.0 * centre[c + 2]), np.float32(-2.0 * centre[c + 3])
        for n in range(len(scores)):
            half = scores[n] + first * single[c, n] + second * single[c + 1, n]
            scores[n] = half + third * single[c + 2, n] + fourth * single[c + 3, n]
    for c in range(whole, len(single)):
        factor = np.float32(-2.0 * centre[c])
        for n in range(len(scores)):
            scores[n] += factor * single[c, n]


@compiled
def _nearest(row, centres):
    """Nearest centre of a row in double precision, the first of equals."""
    label, least = 0, np.inf
    for number in range(len(centres)):
        distance = 0.0
        for c in range(len(row)):
            step = row[c] - centres[number, c]
            distance += step * step
        if distance < least:
            label, least = number, distance
    return label


@compiled
def _label(rows, single, norms, centres, moved, scores, labels, best, second):
    """Fill in the nearest centre of every row, the first of equals, with new scores of moved centres."""
    longest = 0.0
    for number in range(len(centres)):
        if moved[number]:
            _score(single, centres[number], scores[number])
        square = 0.0
        for c in range(centres.shape[1]):
            square += centres[number, c] * centres[number, c]
        longest = max(longest, square)
    for n in range(len(labels)):
        labels[n], best[n], second[n] = 0, scores[0, n], np.inf
    for number in range(1, len(centres)):
        for n in range(len(labels)):
            score, least = scores[number, n], best[n]
            nearer = score < least
            rival = least if nearer else score
            second[n] = rival if rival < second[n] else second[n]
            best[n] = score if nearer else least
            labels[n] = number if nearer else labels[n]
    # A score is a sum of as many products as there are columns, and of the square of the centre. The sizes of
    # its terms add up to at most the squares of row and centre, twice the latter. Inputs, products and sums
    # are rounded, so two scores are off by less than this bound.
    bound = 8.0 * (rows.shape[1] + 4) * UNIT
    for n in range(len(labels)):
        extent = norms[n] + longest + TINY
        if not (extent < HUGE and second[n] - best[n] > bound * extent):
            labels[n] = _nearest(rows[n], centres)


@compiled
def _lloyd(rows, single, norms, sample, centres, tolerance):
    """Move centres until labels or centres stand still; return labels, and whether no cluster ran empty."""
    size, k = len(rows), len(centres)
    labels, before = np.full(size, -1), np.full(size, -1)
    best, second = np.empty(size, np.float32), np.empty(size, np.float32)
    scores, moved = np.empty((k, size), np.float32), np.ones(k, np.bool_)
    sums, counts = np.empty(centres.shape), np.empty(k)
    width = np.uint64(rows.shape[1])  # signed integers make the compiler check for negative places
    for _ in range(MAX_ITERATIONS):
        _label(rows, single, norms, centres, moved, scores, labels, best, second)
        # Centres whose rows are the same stand where they stand. The first ones are no means.
        moved[:] = before[0] < 0
        for n in range(size):
            if labels[n] != before[n] and before[n] >= 0:
                moved[labels[n]] = moved[before[n]] = True
        sums[:] = 0.0
        counts[:] = 0.0
        for place in range(len(sample)):
            n = np.uint64(sample[place])
            label = np.uint64(labels[n])
            if moved[label]:
                counts[label] += 1.0
                for c in range(width):
                    sums[label, c] += rows[n, c]
        shift = 0.0
        for number in range(k):
            if not moved[number]:
                continue
            if counts[number] == 0.0:
                return labels, False
            part = 1.0 / counts[number]
            for c in range(rows.shape[1]):
                value = sums[number, c] * part
                shift += (value - centres[number, c]) ** 2
                centres[number, c] = value
        if not moved.any():
            return labels, True
        if shift <= tolerance:
            break
        for n in range(size):
            before[n] = labels[n]
    _label(rows, single, norms, centres, moved, scores, labels, best, second)
    return labels, True
