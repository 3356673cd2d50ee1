"""Local rewiring: every strength kept exactly, by a Markov chain over integer matrices.

A move takes two sources i, k and two targets j, l, all different, and adds d to w_ij and w_kl while it takes
d from w_il and w_kj, so that no strength changes (an undirected move does the same to the mirrored entries).
d is drawn from its law given all other weights, so no move is rejected:

- ``uniform``: every matrix is equally likely, the exact-strength counterpart of `max_entropy`; d is uniform
  on the integers that leave no weight negative;
- ``multi_edge``: a matrix has weight 1 / prod w_ij!, the law of distinguishable units, the exact-strength
  counterpart of the null `multi_edge`; d is then central hypergeometric.

These moves connect all undirected matrices of given strengths. Proof: of two such matrices A and B call a
pair red where A > B and blue where A < B; a country with pairs of one colour has pairs of the other. Let ij
be red, jk blue and kl red. If l is not i, a unit moved in A from ij and kl to jk and li brings A nearer to B
by 2 at least. If l is i, then i also has a blue im with m other than j and k, and m has a red mp; one of
p-m-i-j and p-m-i-k is a path of the first kind, as p cannot be both j and k. Directed matrices with an empty
diagonal also need the three-cycle (i->j->k->i up, its reverse down), and nothing more (Aoki and Takemura
2005, J. Stat. Comput. Simul. 75:777-796).

Countries are drawn in proportion to powers of their strengths, one power after the other: drawn uniformly,
they leave the largest links almost unmoved; by strength, the smallest. Neither these probabilities nor the
order of the powers depends on the state, so every move, being a draw from a conditional law, keeps the
stationary law.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from math import exp, floor, lgamma, log, log1p, sqrt
from typing import Literal, NamedTuple

import numba
import numpy as np
from scipy.special import gammaln

from poles.errors import StudyError
from poles.nulls.constraints import are_integers, residual_of
from poles.nulls.network import Moments, Network

WHOLE_WEIGHTS_ONLY = True
YEARLY_JOBS = True

UNIFORM, MULTI_EDGE, ENDS = range(3)
LAWS = {"uniform": UNIFORM, "multi_edge": MULTI_EDGE}
# ENDS moves as far as it can, up or down: a law of larger variance than either, from which chains start.

BATCHES = 32
"""Batches that a chain keeps; when all are full, neighbours are merged."""
FIRST_LENGTH = 4
"""Sweeps in a batch of the first block."""
START_SWEEPS = 16
"""Sweeps under the law `ENDS` before a chain begins."""
AGREEMENT = 1.1
"""Largest split R-hat of chains that have forgotten where they began."""
THREE_CYCLES = 8
"""Of so many directed moves, one is a three-cycle; all are, where there are but three countries."""

LARGE = 8192
LOG_FACTORIALS = gammaln(np.arange(1.0, LARGE + 1))
ONE, LARGEST = np.uint64(1), np.uint64(2**64 - 1)
B11, B16, B32, B48 = (np.uint64(bits) for bits in (11, 16, 32, 48))

compiled = numba.njit(cache=True, nogil=True)


def fit(
    network: Network,
    *,
    law: Literal["uniform", "multi_edge"] = "uniform",
    chains: int = 4,
    seed: int = 1,
    ess: float = 1000,
    max_sweeps: int = 20_000,
    exponents: Sequence[float] = (0.0, 0.25, 0.75),
) -> Moments:
    """Sample the integer matrices that have exactly the observed strengths.

    Parameters
    ----------
    network : Network
        Of whole weights.
    law : {"uniform", "multi_edge"}
        Stationary law of the chains.
    chains : int
        Number of chains; the first starts from the observed matrix, the others from matrices far apart.
    seed : int
        Seed of all chains. The result does not depend on the number of threads.
    ess : float
        Effective sample size asked for the slowest link that matters. A link matters if its expected weight
        is at least 1 or its observed weight is not 0, and the strengths do not fix it.
    max_sweeps : int
        Budget of each chain, warm-up included. A sweep is as many moves as there are pairs of countries.
    exponents : sequence of float
        Powers of the strengths by which countries are drawn, in turn.

    Returns
    -------
    Moments
        Means and standard deviations over the states of all chains after each sweep; ``p_upper`` is
        (#[w >= observed] + 1) / (states + 1). ``residual`` is the largest relative error of a strength in the
        last states of the chains: 0. ``iterations`` is the number of sweeps of each chain. A pair that never
        moved has std 0: the strengths fix it, or its expected weight is below 1 / states.

    Raises
    ------
    StudyError
        If a weight is not whole, or an option has no meaning.

    Notes
    -----
    The first block of `BATCHES` batches is warm-up, and so is each block after it at whose end the chains
    disagree; it is dropped, and the batches of the next block are twice as long. The chains then run until
    the effective size is reached or the budget ends, which the note says.
    """
    _check(network, law, chains, ess, max_sweeps, exponents)
    observed = network.weights.astype(np.int64)
    kernel = Kernel.of(network, law, exponents)
    seeds = np.random.SeedSequence(seed).spawn(chains)
    runs = [Chain.start(observed, kernel, child, disperse=number > 0) for number, child in enumerate(seeds)]
    outcome = _run(runs, observed, kernel, ess, max_sweeps)
    residual, worst = residual_of(network, *((run.weights, observed) for run in runs))
    note, extra = _summary(network, outcome, ess)
    return Moments(
        expected=observed + outcome.found.mean,
        std=np.sqrt(outcome.found.variance),
        p_upper=(sum(run.reached for run in runs) + 1) / (outcome.states + 1),
        residual=residual,
        worst=worst,
        iterations=outcome.sweeps,
        note=note,
        extra=extra,
    )


def _check(
    network: Network, law: str, chains: int, ess: float, max_sweeps: int, exponents: Sequence[float]
) -> None:
    """Refuse what cannot be sampled."""
    if not are_integers(network.weights):
        row, column = np.argwhere(network.weights != np.rint(network.weights))[0]
        raise StudyError(
            f"local_rewiring, {network}: weight {network.weights[row, column]:g} of "
            f"{network.countries[row]}-{network.countries[column]} is not whole; for fractional counting "
            "take max_entropy, variance_corrected or multi_edge"
        )
    if law not in LAWS:
        raise StudyError(f"local_rewiring: no law {law!r}; there are {', '.join(LAWS)}")
    if chains < 1 or not ess > 0:
        raise StudyError(f"local_rewiring: chains={chains}, ess={ess}; both must be above 0")
    least = START_SWEEPS + BATCHES // 4 * FIRST_LENGTH
    if max_sweeps < least:
        raise StudyError(f"local_rewiring: max_sweeps={max_sweeps}; must be at least {least}")
    if not len(exponents) or not np.isfinite(exponents).all():
        raise StudyError(f"local_rewiring: exponents={exponents}; must be one or more finite numbers")


class Outcome(NamedTuple):
    """What a run gave: moments, links that matter, states recorded, sweeps made, whether warm-up ended."""

    found: "Diagnosis"
    matter: np.ndarray
    states: int
    sweeps: int
    settled: bool


def _run(runs: "list[Chain]", observed: np.ndarray, kernel: "Kernel", ess: float, max_sweeps: int) -> Outcome:
    """Advance all chains, a quarter of a block at a time, until they need not or may not go on."""
    quarter = BATCHES // 4
    sweeps, length, filled, settled = START_SWEEPS, FIRST_LENGTH, 0, False
    with ThreadPoolExecutor(min(len(runs), numba.get_num_threads())) as pool:
        while True:
            rows = slice(filled, filled + quarter)
            list(pool.map(Chain.record, runs, repeat(observed), repeat(kernel), repeat(rows), repeat(length)))
            sweeps, filled = sweeps + quarter * length, rows.stop
            full = filled == BATCHES
            following = length * 2 if full else length
            last = sweeps + quarter * following > max_sweeps
            if full or settled or last:
                found = diagnose([run.sums[:filled] for run in runs], [run.squares for run in runs], length)
                matter = (found.variance > 0) & ((observed > 0) | (observed + found.mean >= 1))
                if full and length > FIRST_LENGTH and np.max(found.rhat[matter], initial=1) <= AGREEMENT:
                    settled = True
                if last or (settled and np.min(found.ess[matter], initial=np.inf) >= ess):
                    return Outcome(found, matter, len(runs) * filled * length, sweeps, settled)
            if full:
                for run in runs:
                    run.merge() if settled else run.drop()
                filled = BATCHES // 2 if settled else 0
            length = following


def _summary(network: Network, outcome: Outcome, ess: float) -> tuple[str, dict[str, float]]:
    """Note and diagnostics of a finished run."""
    found, matter, *_, settled = outcome
    if not matter.any():
        return "no weight moved: the strengths fix all of them", {}

    def pair(index: int) -> str:
        return "-".join(network.countries[place] for place in np.unravel_index(index, matter.shape))

    sizes, rhats = np.where(matter, found.ess, np.inf), np.where(matter, found.rhat, 0)
    still = (network.weights > 0) & (found.variance == 0)
    notes = []
    if sizes.min() < ess:
        notes.append(
            f"max_sweeps spent at effective size {sizes.min():.0f} of {ess:g} ({pair(sizes.argmin())})"
        )
    if not settled:
        notes.append(f"max_sweeps spent in warm-up, split R-hat {rhats.max():.2f} ({pair(rhats.argmax())})")
    if still.any():
        links = still.sum() // (1 if network.directed else 2)
        notes.append(f"{links} links never moved ({pair(still.argmax())})")
    return "; ".join(notes), {
        "ess_min": float(sizes.min()),
        "ess_median": float(np.median(sizes[matter])),
        "rhat_max": float(rhats.max()),
        "rhat_median": float(np.median(rhats[matter])),
    }


class Kernel(NamedTuple):
    """How a chain moves.

    Attributes
    ----------
    sources, targets : ndarray of uint16, shape (exponents, size)
        Countries, each as often as it is to be drawn; size is a power of 2.
    directed : bool
    law : int
    moves : int
        Moves in a sweep.
    """

    sources: np.ndarray
    targets: np.ndarray
    directed: bool
    law: int
    moves: int

    @classmethod
    def of(cls, network: Network, law: str, exponents: Sequence[float]) -> "Kernel":
        """Kernel for a network: sources by their out-strength, targets by their in-strength."""
        n = len(network.countries)
        sources, targets = (
            np.stack([lots(network.weights.sum(axis=axis), exponent) for exponent in exponents])
            for axis in (1, 0)
        )
        return cls(
            sources, targets, network.directed, LAWS[law], n * (n - 1) // (1 if network.directed else 2)
        )


def lots(strengths: np.ndarray, exponent: float) -> np.ndarray:
    """Table from which each country is drawn nearly in proportion to a power of its strength.

    Parameters
    ----------
    strengths : ndarray, shape (n,)
    exponent : float

    Returns
    -------
    ndarray of uint16
        Indices of countries; the length is a power of 2, from 2^12 and 16 n on, so 16 random bits suffice to
        choose one of up to 4,096 countries. Each country with strength is there at least once.
    """
    active = strengths > 0
    size = 1 << max(12, (16 * len(strengths) - 1).bit_length())
    shares = np.where(active, (strengths / strengths.max(initial=1)) ** exponent, 0)
    counts = active + np.floor(shares / shares.sum() * (size - active.sum())).astype(int)
    counts[counts.argmax()] += size - counts.sum()
    return np.repeat(np.arange(len(strengths), dtype=np.uint16), counts)


@dataclass
class Chain:
    """A Markov chain and what is kept of its past.

    Attributes
    ----------
    weights : ndarray of int64, shape (n, n)
        The present state.
    rng : ndarray of uint64, shape (4,)
        State of the generator.
    sums : ndarray, shape (BATCHES, n, n)
        Sums of (w - observed) over the states of a batch; whole numbers.
    squares : ndarray, shape (n, n)
        Sums of (w - observed)^2.
    reached : ndarray of int64, shape (n, n)
        Number of states with w >= observed.
    """

    weights: np.ndarray
    rng: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    reached: np.ndarray

    @classmethod
    def start(
        cls, observed: np.ndarray, kernel: Kernel, seed: np.random.SeedSequence, disperse: bool
    ) -> "Chain":
        """Begin at the observed matrix, or at one far from it."""
        sums = np.zeros((BATCHES, *observed.shape))
        rng = seed.generate_state(4, np.uint64)
        chain = cls(observed.copy(), rng, sums, np.zeros(observed.shape), np.zeros_like(observed))
        if disperse:
            rewire(chain.weights, rng, START_SWEEPS * kernel.moves, *kernel._replace(law=ENDS)[:4])
        return chain

    def record(self, observed: np.ndarray, kernel: Kernel, rows: slice, length: int) -> None:
        """Fill some batches with `length` sweeps each."""
        sample(
            self.weights, self.rng, observed, self.sums[rows], self.squares, self.reached,
            length, kernel.moves, *kernel[:4],
        )  # fmt: skip

    def merge(self) -> None:
        """Merge neighbouring batches, which frees the second half of them."""
        self.sums[: BATCHES // 2] = self.sums[::2] + self.sums[1::2]

    def drop(self) -> None:
        """Forget the past, but for the present state."""
        self.squares[:] = 0
        self.reached[:] = 0


class Diagnosis(NamedTuple):
    """What batches of several chains say, each an array of the shape of the recorded quantity."""

    mean: np.ndarray
    variance: np.ndarray
    ess: np.ndarray
    rhat: np.ndarray


def diagnose(sums: Sequence[np.ndarray], squares: Sequence[np.ndarray], length: int) -> Diagnosis:
    """Moments, effective sample size and split R-hat from sums over batches.

    The effective size is that of the mean of all chains, by batch means (Flegal and Jones 2010, Ann. Stat.
    38:1034): number of batches x variance / variance of the batch means about the common mean, which also
    counts what sets the chains apart; at most the number of states. R-hat is that of Gelman et al. (2013,
    Bayesian Data Analysis, 11.4), each chain cut in two halves.

    Parameters
    ----------
    sums : sequence of ndarray, shape (batches, ...)
        Per chain the sums over its batches, an even number.
    squares : sequence of ndarray, shape (...)
        Per chain the sum of squares over all of them.
    length : int
        States in a batch.

    Returns
    -------
    Diagnosis
        R-hat and effective size are not a number where the variance is 0.
    """
    chains, batches = len(sums), len(sums[0])
    states, half = chains * batches * length, batches // 2 * length
    halves = np.stack([part.sum(axis=0) for chain in sums for part in np.split(chain, 2)])
    total, square = halves.sum(axis=0), sum(squares)
    mean = total / states
    variance = np.maximum(square - total * mean, 0) / (states - 1)
    batch_square = sum(np.einsum("b...,b...->...", chain, chain) for chain in sums)
    between = np.maximum(batch_square / length - total * mean, 0) / (chains * batches - 1)
    within = np.maximum(square - (halves**2).sum(axis=0) / half, 0) / (2 * chains * (half - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = np.minimum(states * variance / between, states)
        rhat = np.sqrt((half - 1) / half + (halves / half).var(axis=0, ddof=1) / within)
    return Diagnosis(mean, variance, ess, rhat)


@compiled
def sample(
    weights, rng, observed, sums, squares, reached, length, moves, sources, targets, directed, law
):  # fmt: skip
    """Fill batches, a state after each sweep; see `Chain` for the arrays, all of which change."""
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
    """Make moves in place. A draw in which a country comes twice is a move that leaves all as it is."""
    three = len(weights) == 3
    mask = np.uint64(sources.shape[1] - 1)
    tables = len(sources)
    for move in range(moves):
        bits = next_bits(rng)
        if directed and (three or move % THREE_CYCLES == 0):
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
    """Draw the step d of a move that adds d to the weights `up` and takes it from the weights `down`."""
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

    The law is log-concave. So it is at most flat around its mode, here one standard deviation to both sides,
    and falls at least geometrically beyond, by the ratio at the edge of the flat part.
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
        where = next_real(rng) * (flat + mass_left + mass_right)
        if where < flat:
            d, bound = left + int(where), 1.0
        elif where < flat + mass_left:
            far = 1 + floor(log(next_real(rng)) / log(fall_left))
            if far > left - low:
                continue
            d, bound = left - int(far), height_left * fall_left**far
        else:
            far = 1 + floor(log(next_real(rng)) / log(fall_right))
            if far > high - right:
                continue
            d, bound = right + int(far), height_right * fall_right**far
        if next_real(rng) * bound <= height(up, down, mode, d):
            return d


@compiled
def ratio(up, down, d):
    """Probability of d + 1 over that of d under `draw_multi_edge`; falls as d grows."""
    value = 1.0
    for cell in up:
        value /= cell + d + 1
    for cell in down:
        value *= cell - d
    return value


@compiled
def height(up, down, mode, d):
    """Probability of d over that of the mode."""
    value = 0.0
    for cell in up:
        value -= log_growth(cell + mode, d - mode)
    for cell in down:
        value -= log_growth(cell - mode, mode - d)
    return exp(value)


@compiled
def log_growth(n, d):
    """log((n + d)! / n!); of large numbers by Stirling's series, as the difference would lose digits."""
    if n < LARGE and n + d < LARGE:
        return LOG_FACTORIALS[n + d] - LOG_FACTORIALS[n]
    if n < LARGE or n + d < LARGE:
        return lgamma(n + d + 1.0) - lgamma(n + 1.0)
    return (n + d + 0.5) * log1p(d / n) + d * (log(n) - 1) + (1 / (n + d) - 1 / n) / 12


@compiled
def next_below(size, rng):
    """Uniform integer in 0 .. size - 1, without the bias of a remainder."""
    size = np.uint64(size)
    while True:
        bits = next_bits(rng)
        rest = bits % size
        if bits - rest <= LARGEST - (size - ONE):
            return np.int64(rest)


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
