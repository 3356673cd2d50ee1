"""K-means under dynamic time warping, compiled, for the headline and the thousands of fits beside it.

Assignment and barycentres follow tslearn rule for rule, so that the labels are those of tslearn
(dynamic-time-warping barycentre averaging; Petitjean, Ketterlin and Gancarski 2011, Pattern Recognition
44:678-693). One fit is one thread and releases Python's lock. So several fits run side by side, and the order
of sums does not depend on how many.

The code aligns `LANES` series with a centre at once. Each cell of a table of accumulated costs waits for the
cell before it, so a single alignment leaves the processor idle. Arrays hold the lanes last, and the innermost
loops run over lanes, so that one instruction serves several of them. Loops count in unsigned integers,
because signed ones make the compiler check for negative positions.
"""

from typing import NamedTuple

import numba
import numpy as np

from poles.errors import StudyError
from poles.stats.threads import parallel_map

LANES = 64
"""Series that are aligned side by side; a multiple of four."""
MAX_PASSES = 30
"""Highest number of averagings in one update of a barycentre."""
PASS_TOLERANCE = 1e-5
"""Change of the mean squared distance below which averaging stops."""
TOLERANCE = 1e-6
"""Change of the inertia below which k-means stops."""
ZERO, ONE, TWO, FOUR, WIDTH = (np.uint64(number) for number in (0, 1, 2, 4, LANES))
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


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


def fit(
    x: np.ndarray,
    start: np.ndarray,
    radius: int | None,
    max_iter: int = 100,
    sample: np.ndarray | None = None,
) -> Fit:
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
    sample : ndarray of int, optional
        Places of the series that are clustered, each as often as it stands there. By default each series
        stands there once. The result is that of ``x[sample]``, but equal series are aligned once.

    Returns
    -------
    Fit
        With labels of the series of the sample.

    Raises
    ------
    StudyError
        If a cluster runs empty.
    """
    x, centroids = _contiguous(x), _contiguous(start).copy()
    sample = np.arange(len(x)) if sample is None else sample
    used, sample = np.unique(sample, return_inverse=True)
    x = x[used]
    distances, labels = np.empty((len(start), len(x))), np.zeros(len(x), np.int64)
    room = _blocks(x), _blocks(x), _reach(radius, x), _workspace(x), distances, labels, np.empty(len(x))
    inertia, iterations, converged = _fit(x, sample, centroids, *room, max_iter)
    if not np.isfinite(inertia):
        raise StudyError(f"clusters: a cluster ran empty at k = {len(start)}; choose a smaller k")
    return Fit(labels[sample], centroids, inertia, iterations, converged)


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
    to_all = distances(x, centroids, radius)
    labels = to_all.argmin(axis=1)
    return labels, to_all[np.arange(len(labels)), labels]


def distances(x: np.ndarray, centroids: np.ndarray, radius: int | None) -> np.ndarray:
    """Compute the distance of each series to each centroid under dynamic time warping.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
    centroids : ndarray, shape (k, years, channels)
    radius : int or None
        See `fit`.

    Returns
    -------
    ndarray, shape (pairs, k)
    """
    x, by_centroid = _contiguous(x), np.empty((len(centroids), len(x)))
    room = np.arange(len(x)), _blocks(x), _reach(radius, x), _workspace(x)
    _distances(x, _contiguous(centroids), *room, by_centroid)
    return by_centroid.T


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
    everyone, reach = np.arange(len(x)), _reach(radius, x)
    parallel_map(
        lambda part: _fill_rows(x, everyone, _blocks(x[:1]), reach, _workspace(x), distances, *part),
        slices,
        threads,
    )
    return distances


def _contiguous(x: np.ndarray) -> np.ndarray:
    """The same values as a contiguous array of float64."""
    return np.ascontiguousarray(x, dtype=np.float64)


def _reach(radius: int | None, x: np.ndarray) -> np.uint64:
    """Highest shift of a path, in years; without a band all years."""
    return np.uint64(x.shape[1] if radius is None else radius)


def _workspace(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arrays that the compiled functions write to, for series of this shape.

    Accumulated costs (a margin of one cell, infinite outside the band), costs of one cell, moves, paths of
    all series, their lengths and squared distances, row and column of each cell, sums and counts of a
    barycentre. They are made here because numba would take a second to compile what makes them.
    """
    size, years, channels = x.shape
    rows, columns = np.divmod(np.arange(years**2, dtype=np.uint64), np.uint64(years))
    lanes = -(-size // LANES) * LANES
    costs = np.full((years + 1, years + 1, LANES), np.inf)
    costs[0, 0] = 0.0
    return (
        costs,
        np.empty(LANES),
        np.zeros((years**2, LANES), np.uint16),
        np.zeros((lanes, 2 * years), np.uint16),
        np.zeros(lanes, np.uint64),
        np.empty(lanes),
        rows,
        columns,
        np.empty((years, channels)),
        np.empty(years),
    )


def _blocks(x: np.ndarray) -> np.ndarray:
    """Room for all series side by side, shape (blocks, years, channels, lanes)."""
    return np.empty((-(-len(x) // LANES), *x.shape[1:], LANES))


@compiled
def _side_by_side(x, members, count, blocks):
    """Fill blocks[block, year, channel, lane] with the first members; the last one fills up its block."""
    years, channels = np.uint64(x.shape[1]), np.uint64(x.shape[2])
    for place in range(np.uint64((count + LANES - 1) // LANES * LANES)):
        n = np.uint64(members[min(place, np.uint64(count - 1))])
        block, lane = blocks[place // WIDTH], place % WIDTH
        for i in range(years):
            for c in range(channels):
                block[i, c, lane] = x[n, i, c]


@compiled
def _accumulate(block, centre, reach, costs, cell):
    """Fill in the accumulated costs of aligning the series of a block (rows) with a centre (columns)."""
    years, channels = np.uint64(centre.shape[0]), np.uint64(centre.shape[1])
    # The usual one or two channels are added up within the loop over lanes.
    two, many = channels == TWO, channels > TWO
    second = ONE if two else ZERO
    for i in range(years):
        low = ZERO if i < reach else i - reach
        for j in range(low, min(years, i + reach + ONE)):
            if many:
                cell[:] = 0.0
                for c in range(channels):
                    value = centre[j, c]
                    for lane in range(WIDTH):
                        step = block[i, c, lane] - value
                        cell[lane] += step * step
            first_value, second_value = centre[j, ZERO], centre[j, second]
            for lane in range(WIDTH):
                step = block[i, ZERO, lane] - first_value
                cost = step * step
                if two:
                    step = block[i, second, lane] - second_value
                    cost += step * step
                if many:
                    cost = cell[lane]
                side = min(costs[i, j + ONE, lane], costs[i + ONE, j, lane])
                costs[i + ONE, j + ONE, lane] = cost + min(costs[i, j, lane], side)


@compiled
def _find_moves(years, reach, costs, moves):
    """Fill in how far back in the order of cells the cheapest path to each cell comes from.

    Of equals the diagonal step is taken, then the one from the earlier row, as tslearn does.
    """
    up, left_move = np.uint16(years), np.uint16(1)
    aslant = np.uint16(years + ONE)
    for i in range(years):
        low = ZERO if i < reach else i - reach
        for j in range(low, min(years, i + reach + ONE)):
            place = i * years + j
            for lane in range(WIDTH):
                above, left = costs[i, j + ONE, lane], costs[i + ONE, j, lane]
                aside = up if above <= left else left_move
                moves[place, lane] = aslant if costs[i, j, lane] <= min(above, left) else aside
    moves[ZERO] = ZERO


@compiled
def _trace(years, moves, paths, lengths):
    """Follow the cheapest path of each lane from the last cell to the first.

    A step of one path waits for the step before it, so four paths are followed in turn.
    """
    last = years * years - ONE
    for a in range(ZERO, WIDTH, FOUR):
        b, c, d = a + ONE, a + TWO, a + ONE + TWO
        cell_a = cell_b = cell_c = cell_d = last
        steps_a = steps_b = steps_c = steps_d = ZERO
        paths[a, ZERO] = paths[b, ZERO] = paths[c, ZERO] = paths[d, ZERO] = last
        while (cell_a | cell_b | cell_c | cell_d) > ZERO:
            steps_a += ONE if cell_a > ZERO else ZERO
            steps_b += ONE if cell_b > ZERO else ZERO
            steps_c += ONE if cell_c > ZERO else ZERO
            steps_d += ONE if cell_d > ZERO else ZERO
            cell_a -= np.uint64(moves[cell_a, a])
            cell_b -= np.uint64(moves[cell_b, b])
            cell_c -= np.uint64(moves[cell_c, c])
            cell_d -= np.uint64(moves[cell_d, d])
            paths[a, steps_a] = cell_a
            paths[b, steps_b] = cell_b
            paths[c, steps_c] = cell_c
            paths[d, steps_d] = cell_d
        lengths[a], lengths[b] = steps_a + ONE, steps_b + ONE
        lengths[c], lengths[d] = steps_c + ONE, steps_d + ONE


@compiled
def _add(series, path, length, rows, columns, sums, counts):
    """Add the values of one series to the years of the centre with which they are aligned."""
    channels = np.uint64(sums.shape[1])
    two = channels == TWO
    for step in range(length):
        cell = np.uint64(path[length - ONE - step])
        i, j = rows[cell], columns[cell]
        counts[j] += 1.0
        if two:
            # Read both before writing one, as the compiler cannot know that the arrays do not overlap.
            first, second = sums[j, ZERO] + series[i, ZERO], sums[j, ONE] + series[i, ONE]
            sums[j, ZERO], sums[j, ONE] = first, second
        else:
            for c in range(channels):
                sums[j, c] += series[i, c]


@compiled
def _average(x, members, count, sequence, length, blocks, centre, reach, work):
    """Barycentre of the members of a cluster, in place: align, average what falls on each year, repeat.

    Every member is aligned once, and added as often and in the order in which its place among the members
    stands in `sequence`. Returns whether another call would leave the barycentre as it is.
    """
    costs, cell, moves, paths, lengths, squares, rows, columns, sums, counts = work
    years, channels = centre.shape
    _side_by_side(x, members, count, blocks)
    before = np.inf
    for _ in range(MAX_PASSES):
        for first in range(0, count, LANES):
            _accumulate(blocks[first // LANES], centre, reach, costs, cell)
            _find_moves(np.uint64(years), reach, costs, moves)
            _trace(np.uint64(years), moves, paths[first : first + LANES], lengths[first : first + LANES])
            for lane in range(min(LANES, count - first)):
                distance = np.sqrt(costs[years, years, lane])
                squares[first + lane] = distance * distance
        sums[:] = 0.0
        counts[:] = 0.0
        total = 0.0
        for n in range(length):
            place = np.uint64(sequence[n])
            total += squares[place]
            _add(x[members[place]], paths[place], lengths[place], rows, columns, sums, counts)
        still = True
        for j in range(years):
            for c in range(channels):
                value = sums[j, c] / counts[j]
                still = still and value == centre[j, c]
                centre[j, c] = value
        total /= length
        # From a centre that stands still, every further pass would find the same paths and the same total.
        if still:
            return True
        if abs(before - total) < PASS_TOLERANCE or before < total:
            return False
        before = total
    return False


@compiled
def _measure(blocks, centre, reach, work, distances):
    """Fill in the distance of each series to one centre."""
    costs, cell = work[0], work[1]
    years = centre.shape[0]
    for first in range(0, len(distances), LANES):
        _accumulate(blocks[first // LANES], centre, reach, costs, cell)
        for n in range(first, min(first + LANES, len(distances))):
            distances[n] = np.sqrt(costs[years, years, n - first])


@compiled
def _nearest(distances, labels, nearest):
    """Fill in the nearest centroid of each series, the first of equals, and the distance to it."""
    # Distances are compared, not their squares: two squares may differ where their roots do not.
    for n in range(len(labels)):
        labels[n], nearest[n] = 0, distances[0, n]
    for k in range(1, len(distances)):
        for n in range(len(labels)):
            if distances[k, n] < nearest[n]:
                nearest[n] = distances[k, n]
                labels[n] = k


@compiled
def _distances(x, centroids, everyone, blocks, reach, work, distances):
    """Fill in the distance of each centroid (rows) to each series."""
    _side_by_side(x, everyone, len(x), blocks)
    for k in range(len(centroids)):
        _measure(blocks, centroids[k], reach, work, distances[k])


@compiled
def _fill_rows(x, everyone, block, reach, work, distances, start, stride):
    """Fill in every stride-th row of a distance matrix from `start` on, and its mirror image."""
    costs, cell = work[0], work[1]
    years = x.shape[1]
    for i in range(start, len(x) - 1, stride):
        for first in range(i + 1, len(x), LANES):
            last = min(first + LANES, len(x))
            _side_by_side(x, everyone[first:last], last - first, block)
            _accumulate(block[0], x[i], reach, costs, cell)
            for j in range(first, last):
                distance = np.sqrt(costs[years, years, j - first])
                distances[i, j] = distance
                distances[j, i] = distance


@compiled
def _fit(x, sample, centroids, all_blocks, blocks, reach, work, distances, labels, nearest, max_iter):
    """Assign and average until the inertia stands still; an infinite inertia: a cluster ran empty.

    What has not changed is not computed again: distances to a centroid that stands still, and a barycentre
    that stood still with the same members.
    """
    size, k = len(x), len(centroids)
    everyone, members, place = np.arange(size), np.empty(size, np.int64), np.empty(size, np.int64)
    sequence, old = np.empty(len(sample), np.int64), np.full(size, -1)
    moved, settled, changed = np.ones(k, np.bool_), np.zeros(k, np.bool_), np.zeros(k, np.bool_)
    _side_by_side(x, everyone, size, all_blocks)
    before, inertia, iteration, converged = np.inf, np.inf, 0, False
    while iteration < max_iter and not converged:
        iteration += 1
        for label in range(k):
            if moved[label]:
                _measure(all_blocks, centroids[label], reach, work, distances[label])
        _nearest(distances, labels, nearest)
        inertia = 0.0
        for n in range(len(sample)):
            inertia += nearest[sample[n]] * nearest[sample[n]]
        inertia /= len(sample)
        changed[:] = False
        for n in range(size):
            if labels[n] != old[n]:
                changed[labels[n]] = True
                if old[n] >= 0:
                    changed[old[n]] = True
            old[n] = labels[n]
        for label in range(k):
            count = 0
            for n in range(size):
                if labels[n] == label:
                    members[count] = n
                    place[n] = count
                    count += 1
            if count == 0:
                return np.inf, iteration, False
        for label in range(k):
            moved[label] = False
            if settled[label] and not changed[label]:
                continue
            count = length = np.int64(0)  # of a plain 0, numba compiles what it is passed to once more
            for n in range(size):
                if labels[n] == label:
                    members[count] = n
                    place[n] = count
                    count += 1
            for n in range(len(sample)):
                if labels[sample[n]] == label:
                    sequence[length] = place[sample[n]]
                    length += 1
            start = centroids[label].copy()
            settled[label] = _average(
                x, members, count, sequence, length, blocks, centroids[label], reach, work
            )
            for i in range(start.shape[0]):
                for c in range(start.shape[1]):
                    moved[label] = moved[label] or start[i, c] != centroids[label, i, c]
        converged = abs(before - inertia) < TOLERANCE
        before = inertia
    for label in range(k):
        if moved[label]:
            _measure(all_blocks, centroids[label], reach, work, distances[label])
    _nearest(distances, labels, nearest)
    return inertia, iteration, converged
