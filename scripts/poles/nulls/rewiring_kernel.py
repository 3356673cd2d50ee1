"""Moves of local rewiring: a Markov chain over the matrices of whole weights with given strengths.

A move takes two sources i, k and two targets j, l, all four different. It adds d to w_ij and w_kl and
subtracts d from w_il and w_kj, so no strength changes. An undirected move does the same to the mirrored
entries. The step d is drawn from its law given all other weights, so no move is rejected:

- ``uniform``: d is uniform on the integers that leave no weight negative;
- ``multi_edge``: d is central hypergeometric.

These moves connect all undirected matrices with the same strengths. Proof: let A and B be two such matrices.
Call a pair red if A > B and blue if A < B. The strengths are equal, so a country with pairs of one colour
also has pairs of the other. Let ij be red, jk blue and kl red. If l differs from i, moving one unit in A
from ij and kl to jk and li brings A nearer to B by at least 2. If l equals i, then i also has a blue pair
im, where m is neither j nor k, and m has a red pair mp. One of p-m-i-j and p-m-i-k is then a path of the
first kind, since p cannot be both j and k. Directed matrices with an empty diagonal also need the
three-cycle (i->j->k->i up, its reverse down), and no other move (Aoki and Takemura 2005, J. Stat. Comput.
Simul. 75:777-796).

Of the four countries of a move, one is drawn uniformly, a source and a target in turn, and the other three in
proportion to a power of their strengths. So every country has its share of the moves, and the partners of a
move are those that carry weight: a step between small links is small. Other moves draw two of the four
countries together: a link that needs more moves than others. Neither these probabilities nor the
order of the moves depends on the state. So every move is a draw from a conditional law and keeps the
stationary law.

A move is also an estimate. Given all other weights, the four weights of a move have a known law. A record
adds up the expectations under this law instead of the weights that were drawn (Rao-Blackwell; Gelfand and
Smith 1990, J. Am. Stat. Assoc. 85:398-409). As the choice of the countries does not depend on the state,
every move of a chain in equilibrium gives an unbiased estimate for its weights.
"""

from collections.abc import Sequence
from math import exp, floor, lgamma, log, log1p, sqrt
from typing import NamedTuple

import numba
import numpy as np
from scipy.special import gammaln

from poles.nulls.network import Network

UNIFORM, MULTI_EDGE, ENDS = range(3)
"""Laws of a step. `ENDS` moves as far as possible, up or down; its variance exceeds that of the other two."""
LAWS = {"uniform": UNIFORM, "multi_edge": MULTI_EDGE}
"""Stationary laws by name."""
FOCUSED = 3
"""Tables that draw links which are moved more often, for two others."""
THREE_CYCLES = 8
"""One directed move in so many is a three-cycle; with three countries, every move is."""

LARGE = 8192
LOG_FACTORIALS = gammaln(np.arange(1.0, LARGE + 1))
ONE, LARGEST = np.uint64(1), np.uint64(2**64 - 1)
NONE, B11, B16, B32, B48 = (np.uint64(bits) for bits in (0, 11, 16, 32, 48))

TWO_TO_32, LOW_32 = np.uint64(2**32), np.uint64(2**32 - 1)
FIELDS = 4
"""Fields of a record, see `add`."""

compiled = numba.njit(cache=True, nogil=True)
inlined = numba.njit(cache=True, nogil=True, inline="always")


class Kernel(NamedTuple):
    """How a chain moves.

    Attributes
    ----------
    countries : ndarray of uint16, shape (tables, 4, size)
        Tables from which the countries i, k, j, l of a move are drawn, see `sampling_table`.
    joint : ndarray of bool, shape (tables,)
        Whether i and j are drawn together, from the same place of their tables.
    directed : bool
        Whether the network is directed.
    law : int
        `UNIFORM`, `MULTI_EDGE` or `ENDS`.
    moves : int
        Moves in a sweep: as many as there are pairs of countries.
    """

    countries: np.ndarray
    joint: np.ndarray
    directed: bool
    law: int
    moves: int

    @classmethod
    def of(
        cls, network: Network, law: str, exponents: Sequence[float], focus: np.ndarray | None = None
    ) -> "Kernel":
        """Kernel that draws a source or a target uniformly, the others by strength to each power in turn.

        Parameters
        ----------
        network : Network
        law : str
            Name of the stationary law.
        exponents : sequence of float
            Powers of the strengths.
        focus : ndarray, shape (n, n), optional
            Relative frequencies of links that are moved more often. `FOCUSED` tables for two others draw one
            of these links, and its partners by strength.
        """
        n = len(network.countries)
        of_sources, of_targets = (network.weights.sum(axis=axis) for axis in (1, 0))
        tables, joint = [], []
        for exponent in exponents:
            source, target = (sampling_table(strengths, exponent) for strengths in (of_sources, of_targets))
            tables += [
                [sampling_table(of_sources, 0), source, target, target],
                [source, source, sampling_table(of_targets, 0), target],
            ]
            joint += [False, False]
            if focus is not None and focus.any():
                first, second = pair_table(focus, len(source))
                tables += [[first, source, second, target]] * FOCUSED
                joint += [True] * FOCUSED
        return cls(
            np.array(tables),
            np.array(joint),
            network.directed,
            LAWS[law],
            n * (n - 1) // (1 if network.directed else 2),
        )


def sampling_table(strengths: np.ndarray, exponent: float) -> np.ndarray:
    """Table whose entries are countries, each nearly in proportion to a power of its strength.

    Parameters
    ----------
    strengths : ndarray, shape (n,)
        Strengths of the countries.
    exponent : float
        Power of the strengths.

    Returns
    -------
    ndarray of uint16
        Indices of countries. The length is a power of 2, at least 2^12 and 16 n, so 16 random bits choose one
        of up to 4,096 countries. Every country with a strength above 0 occurs at least once.
    """
    active = strengths > 0
    size = 1 << max(12, (16 * len(strengths) - 1).bit_length())
    shares = np.where(active, (strengths / strengths.max(initial=1)) ** exponent, 0)
    counts = active + np.floor(shares / shares.sum() * (size - active.sum())).astype(int)
    counts[counts.argmax()] += size - counts.sum()
    return np.repeat(np.arange(len(strengths), dtype=np.uint16), counts)


def pair_table(frequencies: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Table whose entries are pairs of countries, each as often as its frequency says.

    Parameters
    ----------
    frequencies : ndarray, shape (n, n)
        Relative frequencies, at least one above 0.
    size : int
        Length of the table. A pair whose share is smaller than that of an entry may be left out.

    Returns
    -------
    rows, columns : ndarray of uint16, shape (size,)
    """
    rows, columns = np.nonzero(frequencies)
    reached = np.cumsum(frequencies[rows, columns])
    entries = np.searchsorted(reached, (np.arange(size) + 0.5) / size * reached[-1])
    return rows[entries].astype(np.uint16), columns[entries].astype(np.uint16)


@compiled
def rewire(weights, rng, moves, countries, joint, directed, law):
    """Make moves in place, without a record. `Kernel` has the last four arguments."""
    nowhere = np.empty((0, 0), np.int32)
    nothing, no_weights = np.empty((0, FIELDS)), np.empty(0, np.int64)
    move_all(weights, rng, moves, countries, joint, directed, law, nowhere, no_weights, nothing)


@compiled
def move_all(weights, rng, moves, countries, joint, directed, law, place, observed, record):
    """Make moves in place and record every second one.

    A move whose draw contains a country twice changes nothing. The next table is taken after every
    `THREE_CYCLES` moves. A record costs more than a move, and successive moves tell much the same.

    Parameters
    ----------
    weights : ndarray of int64, shape (n, n)
        State of the chain.
    rng : ndarray of uint64, shape (4,)
        State of the random number generator.
    moves : int
        Number of moves.
    countries, joint, directed, law
        See `Kernel`.
    place : ndarray of int32, shape (n, n)
        Where each pair stands in the record. Both directions of an undirected pair have the same place.
    observed : ndarray of int64, shape (pairs,)
        Observed weights, by place.
    record : ndarray, shape (pairs, FIELDS)
        See `add`. Nothing is recorded if it has no pairs.
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
            if cycle:
                l = i  # noqa: E741
                up = (weights[i, j], weights[j, k], weights[k, i])
                down = (weights[j, i], weights[k, j], weights[i, k])
                low, high = -min(up), min(down)
            else:
                ij, kl, il, kj = weights[i, j], weights[k, l], weights[i, l], weights[k, j]
                low, high = -min(ij, kl), min(il, kj)
            size = np.uint64(high - low + 1)
            if law == UNIFORM and size < TWO_TO_32:  # Lemire 2019, ACM Trans. Model. Comput. Simul. 29:3
                bits, s0, s1, s2, s3 = advance(s0, s1, s2, s3)
                scaled = (bits >> B32) * size
                while scaled & LOW_32 < size and scaled & LOW_32 < (TWO_TO_32 - size) % size:
                    bits, s0, s1, s2, s3 = advance(s0, s1, s2, s3)
                    scaled = (bits >> B32) * size
                d = low + np.int64(scaled >> B32)
            else:
                rng[0], rng[1], rng[2], rng[3] = s0, s1, s2, s3
                d = draw_step(up, down, law, rng) if cycle else draw_step((ij, kl), (il, kj), law, rng)
                s0, s1, s2, s3 = rng[0], rng[1], rng[2], rng[3]
            recording = recorded and move & 1 == 1
            if cycle:
                if recording:
                    shift, spread, share = step_law(low, high)
                    if law == MULTI_EDGE:  # has no closed form: record the step itself
                        shift, spread, share, low, high = float(d), 0.0, 1.0, d, d
                    for a, b in ((i, j), (j, k), (k, i)):
                        e, f = place[a, b], place[b, a]
                        add(record, e, weights[a, b] - observed[e], shift, spread, low, high, share)
                        add(record, f, weights[b, a] - observed[f], -shift, spread, -high, -low, share)
                weights[i, j] += d
                weights[j, k] += d
                weights[k, i] += d
                weights[j, i] -= d
                weights[k, j] -= d
                weights[i, k] -= d
                continue
            weights[i, j] = ij + d
            weights[k, l] = kl + d
            weights[i, l] = il - d
            weights[k, j] = kj - d
            if not directed:
                weights[j, i] = ij + d
                weights[l, k] = kl + d
                weights[l, i] = il - d
                weights[j, k] = kj - d
            if recording:
                shift, spread, share = step_law(low, high)
                if law == MULTI_EDGE:
                    shift, spread = hypergeometric(ij, kl, il, kj)
                    low, high, share = d, d, 1.0
                e, f, g, h = place[i, j], place[k, l], place[i, l], place[k, j]
                add(record, e, ij - observed[e], shift, spread, low, high, share)
                add(record, f, kl - observed[f], shift, spread, low, high, share)
                add(record, g, il - observed[g], -shift, spread, -high, -low, share)
                add(record, h, kj - observed[h], -shift, spread, -high, -low, share)
    rng[0], rng[1], rng[2], rng[3] = s0, s1, s2, s3


@compiled
def add(record, pair, deviation, shift, spread, low, high, share):
    """Add the law of one weight in a move to the record.

    The record counts the moves of the pair, and sums three expectations: of w - observed, of its square, and
    of w >= observed.

    Parameters
    ----------
    record : ndarray, shape (pairs, FIELDS)
    pair : int
        Place of the pair.
    deviation : int
        w - observed before the move.
    shift, spread : float
        Mean and variance of the step.
    low, high : int
        Smallest and largest step; between them every step is equally likely.
    share : float
        Probability of each of them.
    """
    mean = deviation + shift
    record[pair, 0] += 1
    record[pair, 1] += mean
    record[pair, 2] += mean * mean + spread
    record[pair, 3] += share * max(0, min(deviation + high, high - low) + 1)


@inlined
def step_law(low, high):
    """Mean and variance of a step under `UNIFORM`, and the probability of each value."""
    size = high - low + 1.0
    return 0.5 * (low + high), (size * size - 1) * (1 / 12), 1 / size


@inlined
def hypergeometric(ij, kl, il, kj):
    """Mean and variance of the step of four countries under `MULTI_EDGE`, a table with fixed margins."""
    row, column, total = float(ij + il), float(ij + kj), float(ij + kl + il + kj)
    if total < 2:
        return (row * column if total else 0.0) - ij, 0.0
    mean = row * column / total
    return mean - ij, mean * (total - row) * (total - column) / (total * (total - 1))


@compiled
def draw_step(up, down, law, rng):
    """Draw the step d of a move that adds d to the weights `up` and subtracts d from the weights `down`."""
    low, high = -min(up), min(down)
    if low == high:
        return low
    if law == MULTI_EDGE:
        return draw_multi_edge(up, down, low, high, rng)
    if law == ENDS:
        return low if next_bits(rng) & ONE else high
    return low + next_below(high - low + 1, rng)


@compiled
def draw_multi_edge(up, down, low, high, rng):
    """Draw d with probability proportional to 1 / prod (up + d)! (down - d)!, by rejection.

    The law is log-concave. The envelope is therefore constant within one standard deviation of the mode, and
    falls geometrically beyond, by the ratio of probabilities at the edge of the constant part.
    """
    left, right = low, high
    while left < right:
        middle = left + (right - left) // 2
        if ratio(up, down, middle) > 1:
            left = middle + 1
        else:
            right = middle
    mode = left
    precision = 0.0
    for cell in up:
        precision += 1 / (cell + mode + 1)
    for cell in down:
        precision += 1 / (cell - mode + 1)
    width = 1 + int(1 / sqrt(precision))
    left, right = max(low, mode - width), min(high, mode + width)
    fall_left = 1 / ratio(up, down, left - 1) if left > low else 0.0
    fall_right = ratio(up, down, right)
    height_left, height_right = height(up, down, mode, left), height(up, down, mode, right)
    flat = right - left + 1.0
    mass_left = height_left * fall_left / (1 - fall_left)
    mass_right = height_right * fall_right / (1 - fall_right)
    while True:
        position = next_real(rng) * (flat + mass_left + mass_right)
        if position < flat:
            d, bound = left + int(position), 1.0
        elif position < flat + mass_left:
            distance = 1 + floor(log(next_real(rng)) / log(fall_left))
            if distance > left - low:
                continue
            d, bound = left - int(distance), height_left * fall_left**distance
        else:
            distance = 1 + floor(log(next_real(rng)) / log(fall_right))
            if distance > high - right:
                continue
            d, bound = right + int(distance), height_right * fall_right**distance
        if next_real(rng) * bound <= height(up, down, mode, d):
            return d


@compiled
def ratio(up, down, d):
    """Probability of d + 1 relative to that of d, under the law of `draw_multi_edge`; it falls with d."""
    value = 1.0
    for cell in up:
        value /= cell + d + 1
    for cell in down:
        value *= cell - d
    return value


@compiled
def height(up, down, mode, d):
    """Probability of d relative to that of the mode, under the law of `draw_multi_edge`."""
    value = 0.0
    for cell in up:
        value -= log_growth(cell + mode, d - mode)
    for cell in down:
        value -= log_growth(cell - mode, mode - d)
    return exp(value)


@compiled
def log_growth(n, d):
    """log((n + d)! / n!). For large numbers Stirling's series, because the difference would lose digits."""
    if n < LARGE and n + d < LARGE:
        return LOG_FACTORIALS[n + d] - LOG_FACTORIALS[n]
    if n < LARGE or n + d < LARGE:
        return lgamma(n + d + 1.0) - lgamma(n + 1.0)
    return (n + d + 0.5) * log1p(d / n) + d * (log(n) - 1) + (1 / (n + d) - 1 / n) / 12


@compiled
def next_below(size, rng):
    """Uniform integer from 0 to size - 1, without the bias of a plain remainder."""
    size = np.uint64(size)
    while True:
        bits = next_bits(rng)
        remainder = bits % size
        if bits - remainder <= LARGEST - (size - ONE):
            return np.int64(remainder)


@compiled
def next_real(rng):
    """Uniform real number in (0, 1)."""
    return (np.float64(next_bits(rng) >> B11) + 0.5) * 2.0**-53


@compiled
def next_bits(rng):
    """64 random bits; the state of the generator is an array."""
    bits, rng[0], rng[1], rng[2], rng[3] = advance(rng[0], rng[1], rng[2], rng[3])
    return bits


@inlined
def advance(s0, s1, s2, s3):
    """64 random bits and the next state of xoshiro256++.

    The generator is that of Blackman and Vigna (2021, ACM Trans. Math. Softw. 47:36). The state is four
    numbers, as a loop that has them in variables is twice as fast as with an array.
    """
    bits = s0 + s3
    bits = ((bits << np.uint64(23)) | (bits >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    return bits, s0, s1, s2, (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
