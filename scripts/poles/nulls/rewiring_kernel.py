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

Countries are drawn in proportion to powers of their strengths, one power after the other. Uniform draws leave
the largest links almost unmoved; draws by strength leave the smallest links almost unmoved. Neither these
probabilities nor the order of the powers depends on the state. So every move is a draw from a conditional law
and keeps the stationary law.
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
THREE_CYCLES = 8
"""One directed move in so many is a three-cycle; with three countries, every move is."""

LARGE = 8192
LOG_FACTORIALS = gammaln(np.arange(1.0, LARGE + 1))
ONE, LARGEST = np.uint64(1), np.uint64(2**64 - 1)
B11, B16, B32, B48 = (np.uint64(bits) for bits in (11, 16, 32, 48))

compiled = numba.njit(cache=True, nogil=True)


class Kernel(NamedTuple):
    """How a chain moves.

    Attributes
    ----------
    sources, targets : ndarray of uint16, shape (exponents, size)
        Tables from which sources and targets are drawn, see `sampling_table`.
    directed : bool
        Whether the network is directed.
    law : int
        `UNIFORM`, `MULTI_EDGE` or `ENDS`.
    moves : int
        Moves in a sweep: as many as there are pairs of countries.
    """

    sources: np.ndarray
    targets: np.ndarray
    directed: bool
    law: int
    moves: int

    @classmethod
    def of(cls, network: Network, law: str, exponents: Sequence[float]) -> "Kernel":
        """Kernel that draws sources by out-strength and targets by in-strength, to each power in turn."""
        n = len(network.countries)
        sources, targets = (
            np.stack([sampling_table(network.weights.sum(axis=axis), exponent) for exponent in exponents])
            for axis in (1, 0)
        )
        return cls(
            sources, targets, network.directed, LAWS[law], n * (n - 1) // (1 if network.directed else 2)
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


@compiled
def sample(
    weights, rng, observed, sums, squares, reached, length, moves, sources, targets, directed, law
):  # fmt: skip
    """Fill batches with the state after each sweep, in place; `rewiring_convergence.Chain` has the arrays."""
    n = len(weights)
    for batch in range(len(sums)):
        sums[batch] = 0
        for _ in range(length):
            rewire(weights, rng, moves, sources, targets, directed, law)
            for i in range(n):
                for j in range(n):
                    deviation = weights[i, j] - observed[i, j]
                    sums[batch, i, j] += deviation
                    squares[i, j] += float(deviation) ** 2
                    reached[i, j] += deviation >= 0


@compiled
def rewire(weights, rng, moves, sources, targets, directed, law):
    """Make moves in place. A move whose draw contains a country twice changes nothing."""
    three_countries = len(weights) == 3
    mask = np.uint64(sources.shape[1] - 1)
    tables = len(sources)
    for move in range(moves):
        bits = next_bits(rng)
        if directed and (three_countries or move % THREE_CYCLES == 0):
            table = sources[move // THREE_CYCLES % tables]
            i, j, k = table[bits & mask], table[(bits >> B16) & mask], table[(bits >> B32) & mask]
            if i == j or j == k or k == i:
                continue
            d = draw_step(
                (weights[i, j], weights[j, k], weights[k, i]),
                (weights[j, i], weights[k, j], weights[i, k]),
                law,
                rng,
            )
            weights[i, j] += d
            weights[j, k] += d
            weights[k, i] += d
            weights[j, i] -= d
            weights[k, j] -= d
            weights[i, k] -= d
            continue
        rows, columns = sources[move % tables], targets[move % tables]
        i, k = rows[bits & mask], rows[(bits >> B16) & mask]
        j, l = columns[(bits >> B32) & mask], columns[(bits >> B48) & mask]  # noqa: E741
        if i in (j, k, l) or j in (k, l) or k == l:
            continue
        d = draw_step((weights[i, j], weights[k, l]), (weights[i, l], weights[k, j]), law, rng)
        weights[i, j] += d
        weights[k, l] += d
        weights[i, l] -= d
        weights[k, j] -= d
        if not directed:
            weights[j, i] += d
            weights[l, k] += d
            weights[l, i] -= d
            weights[j, k] -= d


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
    """64 random bits by xoshiro256++ (Blackman and Vigna 2021, ACM Trans. Math. Softw. 47:36)."""
    bits = rng[0] + rng[3]
    bits = ((bits << np.uint64(23)) | (bits >> np.uint64(41))) + rng[0]
    shifted = rng[1] << np.uint64(17)
    rng[2] ^= rng[0]
    rng[3] ^= rng[1]
    rng[1] ^= rng[2]
    rng[0] ^= rng[3]
    rng[2] ^= shifted
    rng[3] = (rng[3] << np.uint64(45)) | (rng[3] >> np.uint64(19))
    return bits
