"""Moves of local rewiring that take several chains through the same countries.

Which countries a move takes does not depend on the state. So chains may share them, while each draws a step
of its own. Given the countries of all moves the chains are independent and keep the stationary law. Drawing
the countries and finding their weights is then paid once for all chains, and the processor works on one chain
while another waits for its weights. This is for the law `UNIFORM`, in which the step itself is cheap.
"""

import numpy as np

from poles.nulls.rewiring_kernel import (
    B16,
    B32,
    B48,
    LOW_32,
    NONE,
    THREE_CYCLES,
    TWO_TO_32,
    advance,
    compiled,
    inlined,
    next_below,
    next_bits,
    step_law,
)

ABREAST = 4
"""Chains that share the countries of their moves."""


@compiled
def move_abreast(weights, rng, moves, countries, joint, directed, place, observed, record):
    """Make moves in place and record every second one, as `rewiring_kernel.move_all` does for one chain.

    Parameters
    ----------
    weights : ndarray of int64, shape (n, n, ABREAST)
        States of the chains.
    rng : ndarray of uint64, shape (4,)
        State of the random number generator of all chains.
    moves : int
        Number of moves of each chain.
    countries, joint, directed
        See `Kernel`.
    place, observed
        See `rewiring_kernel.move_all`.
    record : ndarray, shape (pairs, FIELDS, ABREAST)
        As there. Nothing is recorded if it has no pairs.
    """
    mask = np.uint64(countries.shape[2] - 1)
    recorded, only_cycles = len(record) > 0, len(weights) == 3
    s0, s1, s2, s3 = rng[0], rng[1], rng[2], rng[3]
    table = -1
    for first in range(0, moves, THREE_CYCLES):
        table = table + 1 if table + 1 < len(countries) else 0
        of_j = NONE if joint[table] else B32
        for move in range(first, min(first + THREE_CYCLES, moves)):
            bits, s0, s1, s2, s3 = advance(s0, s1, s2, s3)
            i, k = countries[table, 0, bits & mask], countries[table, 1, (bits >> B16) & mask]
            j, l = countries[table, 2, (bits >> of_j) & mask], countries[table, 3, (bits >> B48) & mask]  # noqa: E741
            cycle = directed and (only_cycles or move == first)
            if (i == j) | (i == k) | (j == k) | (not cycle and ((i == l) | (j == l) | (k == l))):
                continue
            recording = recorded and move & 1 == 1
            if cycle:
                rng[0], rng[1], rng[2], rng[3] = s0, s1, s2, s3
                _turn(weights, rng, i, j, k, place, observed, record, recording)
                s0, s1, s2, s3 = rng[0], rng[1], rng[2], rng[3]
                continue
            ij, kl, il, kj = (
                _all(weights, i, j),
                _all(weights, k, l),
                _all(weights, i, l),
                _all(weights, k, j),
            )
            bits, s0, s1, s2, s3 = advance(s0, s1, s2, s3)
            more, s0, s1, s2, s3 = advance(s0, s1, s2, s3)
            low_a, high_a, size_a, at_a = _propose(ij[0], kl[0], il[0], kj[0], bits & LOW_32)
            low_b, high_b, size_b, at_b = _propose(ij[1], kl[1], il[1], kj[1], bits >> B32)
            low_c, high_c, size_c, at_c = _propose(ij[2], kl[2], il[2], kj[2], more & LOW_32)
            low_d, high_d, size_d, at_d = _propose(ij[3], kl[3], il[3], kj[3], more >> B32)
            a, b = low_a + np.int64(at_a >> B32), low_b + np.int64(at_b >> B32)
            c, d = low_c + np.int64(at_c >> B32), low_d + np.int64(at_d >> B32)
            unsure = (at_a & LOW_32 < size_a) | (at_b & LOW_32 < size_b)
            if unsure | (at_c & LOW_32 < size_c) | (at_d & LOW_32 < size_d):
                rng[0], rng[1], rng[2], rng[3] = s0, s1, s2, s3
                a, b = _settle(low_a, size_a, at_a, rng), _settle(low_b, size_b, at_b, rng)
                c, d = _settle(low_c, size_c, at_c, rng), _settle(low_d, size_d, at_d, rng)
                s0, s1, s2, s3 = rng[0], rng[1], rng[2], rng[3]
            _set(weights, i, j, ij, a, b, c, d)
            _set(weights, k, l, kl, a, b, c, d)
            _set(weights, i, l, il, -a, -b, -c, -d)
            _set(weights, k, j, kj, -a, -b, -c, -d)
            if not directed:
                _set(weights, j, i, ij, a, b, c, d)
                _set(weights, l, k, kl, a, b, c, d)
                _set(weights, l, i, il, -a, -b, -c, -d)
                _set(weights, j, k, kj, -a, -b, -c, -d)
            if recording:
                low, high = (low_a, low_b, low_c, low_d), (high_a, high_b, high_c, high_d)
                e, f, g, h = place[i, j], place[k, l], place[i, l], place[k, j]
                fall, rise = _negative(high), _negative(low)
                _add_all(record, e, ij, observed[e], low, high)
                _add_all(record, f, kl, observed[f], low, high)
                _add_all(record, g, il, observed[g], fall, rise)
                _add_all(record, h, kj, observed[h], fall, rise)
    rng[0], rng[1], rng[2], rng[3] = s0, s1, s2, s3


@inlined
def _all(weights, i, j):
    """Weights of a pair in all chains."""
    return weights[i, j, 0], weights[i, j, 1], weights[i, j, 2], weights[i, j, 3]


@inlined
def _set(weights, i, j, before, a, b, c, d):
    """Set the weights of a pair to those before the move and the steps of the chains."""
    weights[i, j, 0] = before[0] + a
    weights[i, j, 1] = before[1] + b
    weights[i, j, 2] = before[2] + c
    weights[i, j, 3] = before[3] + d


@inlined
def _negative(values):
    """The values of all chains with the other sign."""
    return -values[0], -values[1], -values[2], -values[3]


@inlined
def _propose(ij, kl, il, kj, bits):
    """Smallest and largest step, their number, and 2^32 times the place of the step among them.

    Multiplying 32 random bits by the number of steps needs no division (Lemire 2019, ACM Trans. Model.
    Comput. Simul. 29:3). Where the lower half of the product is below that number, `_settle` decides.
    """
    low, high = -min(ij, kl), min(il, kj)
    size = np.uint64(high - low + 1)
    return low, high, size, bits * (size & LOW_32)


@compiled
def _settle(low, size, at, rng):
    """A step without the bias of the product in `_propose`."""
    if size >= TWO_TO_32:
        return low + next_below(size, rng)
    while at & LOW_32 < (TWO_TO_32 - size) % size:
        at = (next_bits(rng) >> B32) * size
    return low + np.int64(at >> B32)


@inlined
def _turn(weights, rng, i, j, k, place, observed, record, recording):
    """Make a three-cycle in all chains."""
    for chain in range(ABREAST):
        low = -min(weights[i, j, chain], weights[j, k, chain], weights[k, i, chain])
        high = min(weights[j, i, chain], weights[k, j, chain], weights[i, k, chain])
        size = np.uint64(high - low + 1)
        at = (next_bits(rng) >> B32) * (size & LOW_32)
        d = low + np.int64(at >> B32)
        if at & LOW_32 < size:
            d = _settle(low, size, at, rng)
        for a, b in ((i, j), (j, k), (k, i)):
            if recording:
                e, f = place[a, b], place[b, a]
                _add(record, e, chain, weights[a, b, chain] - observed[e], low, high)
                _add(record, f, chain, weights[b, a, chain] - observed[f], -high, -low)
            weights[a, b, chain] += d
            weights[b, a, chain] -= d


@inlined
def _expectations(deviation, low, high):
    """What `rewiring_kernel.add` adds for a weight whose steps from low to high are equally likely."""
    shift, spread, share = step_law(low, high)
    mean = deviation + shift
    return mean, mean * mean + spread, share * max(0, min(deviation + high, high - low) + 1)


@inlined
def _add(record, pair, chain, deviation, low, high):
    """Add the law of one weight in a move of one chain to the record."""
    mean, square, upper = _expectations(deviation, low, high)
    record[pair, 0, chain] += 1
    record[pair, 1, chain] += mean
    record[pair, 2, chain] += square
    record[pair, 3, chain] += upper


@inlined
def _add_all(record, pair, weights, observed, low, high):
    """Add the law of one weight in a move of all chains to the record."""
    # All values are there before one is written, as the compiler cannot know that the arrays do not overlap.
    mean_a, square_a, upper_a = _expectations(weights[0] - observed, low[0], high[0])
    mean_b, square_b, upper_b = _expectations(weights[1] - observed, low[1], high[1])
    mean_c, square_c, upper_c = _expectations(weights[2] - observed, low[2], high[2])
    mean_d, square_d, upper_d = _expectations(weights[3] - observed, low[3], high[3])
    count, mean, square, upper = (
        _all(record, pair, 0), _all(record, pair, 1), _all(record, pair, 2), _all(record, pair, 3)
    )  # fmt: skip
    _set(record, pair, 0, count, 1, 1, 1, 1)
    _set(record, pair, 1, mean, mean_a, mean_b, mean_c, mean_d)
    _set(record, pair, 2, square, square_a, square_b, square_c, square_d)
    _set(record, pair, 3, upper, upper_a, upper_b, upper_c, upper_d)
