"""Chains of local rewiring: how they start, what they record, and when they have run long enough.

A chain records sums over batches of sweeps. `BATCHES` batches are a block. The first block is warm-up and is
not recorded. A later block at whose end the chains still disagree (`AGREEMENT`) is warm-up too: it is
dropped, and the batches of the next block are twice as long. After warm-up, full blocks are halved by merging
neighbouring batches, and the chains run until a `Goal` is reached or the budget of sweeps is spent.
"""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import methodcaller
from typing import NamedTuple

import numba
import numpy as np

from poles.nulls.network import Network
from poles.nulls.rewiring_abreast import ABREAST, move_abreast
from poles.nulls.rewiring_kernel import ENDS, FIELDS, UNIFORM, Kernel, move_all, rewire
from poles.study import kernels

BATCHES = 16
"""Batches that a chain keeps."""
STEP = 2
"""Batches after which the chains are looked at; an even number, as each chain is split in two halves."""
FIRST_LENGTH = 4
"""Sweeps in a batch of the first block."""
START_SWEEPS = 16
"""Sweeps under the law `ENDS` that move a chain away from the observed matrix."""
LEAST_SWEEPS = START_SWEEPS + BATCHES * FIRST_LENGTH + STEP * 2 * FIRST_LENGTH
"""Sweeps of the shortest run."""
AGREEMENT = 1.1
"""Largest split R-hat of chains that have forgotten where they started."""


class Pairs(NamedTuple):
    """The pairs of a network, numbered as in the records.

    Attributes
    ----------
    rows, columns : ndarray of int64, shape (pairs,)
        Countries of each pair; row < column if the network is undirected.
    place : ndarray of int32, shape (n, n)
        Number of each pair. Both directions of an undirected pair have the same.
    observed : ndarray of int64, shape (pairs,)
        Observed weights.
    used : ndarray of bool, shape (pairs,)
        Pairs whose accuracy decides how long the chains run.
    """

    rows: np.ndarray
    columns: np.ndarray
    place: np.ndarray
    observed: np.ndarray
    used: np.ndarray

    @classmethod
    def of(cls, network: Network, used: np.ndarray | None) -> "Pairs":
        """Number the pairs; `used` is a matrix, by default all pairs count."""
        n = len(network.countries)
        rows, columns = np.nonzero(~np.eye(n, dtype=bool)) if network.directed else np.triu_indices(n, 1)
        place = np.zeros((n, n), np.int32)
        place[rows, columns] = np.arange(len(rows))
        if not network.directed:
            place[columns, rows] = place[rows, columns]
        counts = np.ones(len(rows), bool) if used is None else used[rows, columns]
        return cls(rows, columns, place, network.weights[rows, columns].astype(np.int64), counts)

    def matrix(self, values: np.ndarray, diagonal: float = 0) -> np.ndarray:
        """Put values of pairs into a matrix."""
        matrix = values[self.place]
        np.fill_diagonal(matrix, diagonal)
        return matrix


@dataclass
class Chain:
    """A Markov chain and the record of its past.

    Attributes
    ----------
    weights : ndarray of int64, shape (n, n)
        The present state.
    rng : ndarray of uint64, shape (4,)
        State of the random number generator.
    record : ndarray, shape (BATCHES, pairs, FIELDS)
        Sums over each batch, see `rewiring_kernel.add`.
    """

    weights: np.ndarray
    rng: np.ndarray
    record: np.ndarray

    @classmethod
    def start(
        cls, observed: np.ndarray, kernel: Kernel, seed: np.random.SeedSequence, disperse: bool
    ) -> "Chain":
        """Start at the observed matrix, or at a matrix far from it."""
        pairs = len(observed) * (len(observed) - 1) // (1 if kernel.directed else 2)
        rng = seed.generate_state(4, np.uint64)
        chain = cls(observed.copy(), rng, np.zeros((BATCHES, pairs, FIELDS)))
        if disperse:
            rewire(chain.weights, rng, START_SWEEPS * kernel.moves, *kernel._replace(law=ENDS)[:4])
        return chain

    def forget(self, kernel: Kernel, sweeps: int) -> None:
        """Move without a record."""
        rewire(self.weights, self.rng, sweeps * kernel.moves, *kernel[:4])

    def fill(self, kernel: Kernel, pairs: Pairs, batches: range, length: int) -> None:
        """Fill some batches with `length` sweeps each."""
        for batch in batches:
            self.record[batch] = 0
            move_all(
                self.weights, self.rng, length * kernel.moves, *kernel[:4],
                pairs.place, pairs.observed, self.record[batch],
            )  # fmt: skip

    def merge(self) -> None:
        """Merge neighbouring batches, which frees the second half of them."""
        self.record[: BATCHES // 2] = self.record[::2] + self.record[1::2]

    def records(self, filled: int) -> list[np.ndarray]:
        """The first batches of each chain that this object holds."""
        return [self.record[:filled]]

    def states(self) -> list[np.ndarray]:
        """The present state of each chain that this object holds."""
        return [self.weights]


class ChainsAbreast(Chain):
    """Chains that move together, see `rewiring_abreast`.

    Attributes
    ----------
    weights : ndarray of int64, shape (n, n, ABREAST)
        The present states.
    rng : ndarray of uint64, shape (4,)
        State of the random number generator of all chains.
    record : ndarray, shape (BATCHES, pairs, FIELDS, ABREAST)
        As `Chain.record`, of each chain.
    """

    @classmethod
    def of(cls, chains: Sequence[Chain]) -> "ChainsAbreast":
        """Join chains that have just started."""
        weights = np.stack([chain.weights for chain in chains], axis=-1)
        return cls(weights, chains[0].rng, np.zeros((*chains[0].record.shape, ABREAST)))

    def forget(self, kernel: Kernel, sweeps: int) -> None:
        """Move without a record."""
        nowhere, no_weights = np.empty((0, 0), np.int32), np.empty(0, np.int64)
        nothing = np.empty((0, FIELDS, ABREAST))
        moves = sweeps * kernel.moves
        move_abreast(self.weights, self.rng, moves, *kernel[:3], nowhere, no_weights, nothing)

    def fill(self, kernel: Kernel, pairs: Pairs, batches: range, length: int) -> None:
        """Fill some batches with `length` sweeps each."""
        for batch in batches:
            self.record[batch] = 0
            move_abreast(
                self.weights, self.rng, length * kernel.moves, *kernel[:3],
                pairs.place, pairs.observed, self.record[batch],
            )  # fmt: skip

    def records(self, filled: int) -> list[np.ndarray]:
        """See `Chain.records`."""
        return [self.record[:filled, ..., chain] for chain in range(ABREAST)]

    def states(self) -> list[np.ndarray]:
        """See `Chain.states`."""
        return [self.weights[..., chain] for chain in range(ABREAST)]


@functools.cache
def prepare() -> None:
    """Compile the moves, or load them."""
    with kernels.one_compiles("rewiring"):
        still = Kernel(np.zeros((1, 4, 1), np.uint16), np.zeros(1, np.bool_), True, UNIFORM, moves=0)
        observed = np.zeros((2, 2), np.int64)
        start = [
            Chain.start(observed, still, seed, disperse=True)
            for seed in np.random.SeedSequence(0).spawn(ABREAST)
        ]
        ChainsAbreast.of(start).forget(still, 0)


def start_chains(
    observed: np.ndarray, kernel: Kernel, seeds: Sequence[np.random.SeedSequence]
) -> list[Chain]:
    """Start a chain for each seed: the first at the observed matrix, the others at matrices far from it.

    Under the law `UNIFORM` chains move together where there are enough of them.
    """
    prepare()
    chains = [Chain.start(observed, kernel, seed, disperse=place > 0) for place, seed in enumerate(seeds)]
    together = len(chains) // ABREAST * ABREAST if kernel.law == UNIFORM else 0
    groups = [ChainsAbreast.of(chains[first : first + ABREAST]) for first in range(0, together, ABREAST)]
    return [*groups, *chains[together:]]


class Diagnosis(NamedTuple):
    """Moments and convergence of the chains, each an array with one value for each pair.

    Attributes
    ----------
    mean, variance : ndarray
        Of w - observed. A pair that no move has touched has 0.
    upper : ndarray
        Estimate of P[w >= observed], see `diagnose`.
    error : ndarray
        Standard error of z = -mean / std.
    ess : ndarray
        Effective sample size.
    rhat : ndarray
        Split R-hat.
    """

    mean: np.ndarray
    variance: np.ndarray
    upper: np.ndarray
    error: np.ndarray
    ess: np.ndarray
    rhat: np.ndarray


def diagnose(records: Sequence[np.ndarray], wanted: np.ndarray | None = None) -> Diagnosis:
    """Moments, standard errors, effective sample size and split R-hat from sums over batches.

    A mean is a ratio of two sums: of expectations, and of moves. Its variance is estimated by batch means
    (Flegal and Jones 2010, Ann. Stat. 38:1034) from the deviations of the batches from the ratio. It also
    grows with differences between chains. The standard error of z follows by the delta method from those of
    the first two moments. The effective sample size is the variance of the weight divided by the variance of
    the estimated mean: so many independent matrices would estimate the mean as well. It is at most the number
    of recorded moves of the pair. R-hat is that of Gelman et al. (2013, Bayesian Data Analysis, 11.4), with
    each chain split in two halves.

    Parameters
    ----------
    records : sequence of ndarray, shape (batches, pairs, FIELDS)
        Of each chain; the number of batches is even.
    wanted : ndarray of bool, shape (pairs,), optional
        Pairs to look at, by default all. The result has only these.

    Returns
    -------
    Diagnosis
        Error, effective sample size and R-hat are not a number where the variance is 0. ``upper`` is
        (sum of P[w >= observed] + 1) / (moves + 1).
    """
    if wanted is not None:
        records = [record[:, wanted] for record in records]
    halves = np.stack([half.sum(axis=0) for record in records for half in np.split(record, 2)])
    batches = sum(len(record) for record in records)
    counts, firsts, seconds = (halves[..., field] for field in range(3))
    count = counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count > 0, firsts.sum(axis=0) / count, 0)
        second = np.where(count > 0, seconds.sum(axis=0) / count, 0)
        variance = np.maximum(second - mean**2, 0)
        z, of_mean, of_z = -mean / np.sqrt(variance), np.zeros_like(mean), np.zeros_like(mean)
        for record in records:
            for batch in record:
                about_mean = batch[:, 1] - mean * batch[:, 0]
                about_second = batch[:, 2] - second * batch[:, 0]
                of_mean += about_mean**2
                of_z += (about_mean + z * (about_second - 2 * mean * about_mean) / np.sqrt(4 * variance)) ** 2
        scale = batches / (batches - 1) / count**2
        within = (seconds / counts - (firsts / counts) ** 2).mean(axis=0)
        moves = count / len(halves)
        rhat = np.sqrt((moves - 1) / moves * (1 + (firsts / counts).var(axis=0, ddof=1) / within))
        ess = np.minimum(variance / (of_mean * scale), count)
        error = np.sqrt(of_z * scale / variance)
    upper = (halves[..., 3].sum(axis=0) + 1) / (count + 1)
    return Diagnosis(mean, variance, upper, error, ess, rhat)


class Goal(NamedTuple):
    """When the chains have run long enough.

    Attributes
    ----------
    z_error : float
        Largest root mean square of the standard errors of z.
    ess : float
        Least effective sample size of any pair.
    """

    z_error: float
    ess: float


class Outcome(NamedTuple):
    """What a run of the chains gave.

    Attributes
    ----------
    diagnosis : Diagnosis
    decisive : ndarray of bool, shape (pairs,)
        Pairs that decided how long the chains ran: those of ``Pairs.used`` that are not fixed by the
        strengths, and that are observed or have an expected weight of at least 1.
    z_error : float
        Root mean square of the standard errors of their z; not a number if there is none.
    sweeps : int
        Sweeps of each chain, warm-up included.
    converged, reached : bool
        Whether warm-up ended, and whether the goal was reached.
    """

    diagnosis: Diagnosis
    decisive: np.ndarray
    z_error: float
    sweeps: int
    converged: bool
    reached: bool


def run(chains: Sequence[Chain], pairs: Pairs, kernel: Kernel, goal: Goal, max_sweeps: int) -> Outcome:
    """Advance all chains, `STEP` batches at a time, until they agree and are long enough.

    Parameters
    ----------
    chains : sequence of Chain
        Chains that have just started; they are changed.
    pairs : Pairs
        The pairs of the network.
    kernel : Kernel
        How the chains move.
    goal : Goal
        When they are long enough.
    max_sweeps : int
        Budget of each chain.

    Returns
    -------
    Outcome
        Also if the budget ended before the chains agreed or were long enough.
    """
    length, filled, converged = 2 * FIRST_LENGTH, 0, False
    sweeps = START_SWEEPS + BATCHES * FIRST_LENGTH
    with ThreadPoolExecutor(min(len(chains), numba.get_num_threads())) as pool:
        list(pool.map(lambda chain: chain.forget(kernel, BATCHES * FIRST_LENGTH), chains))
        while True:
            batches = range(filled, filled + STEP)
            list(pool.map(methodcaller("fill", kernel, pairs, batches, length), chains))
            sweeps, filled = sweeps + STEP * length, batches.stop
            full = filled == BATCHES
            next_length = length * 2 if full else length
            spent = sweeps + STEP * next_length > max_sweeps
            if full or converged or spent:
                records = [record for chain in chains for record in chain.records(filled)]
                used = diagnose(records, pairs.used)
                decisive = _decisive(used, pairs.observed[pairs.used])
                if full and np.max(used.rhat[decisive], initial=1) <= AGREEMENT:
                    converged = True
                errors = used.error[decisive]
                z_error = float(np.sqrt(np.mean(errors**2))) if len(errors) else np.nan
                least = np.min(used.ess[decisive], initial=np.inf)
                reached = converged and not z_error > goal.z_error and least >= goal.ess
                if spent or reached:
                    diagnosis = diagnose(records)
                    decisive = pairs.used & _decisive(diagnosis, pairs.observed)
                    return Outcome(diagnosis, decisive, z_error, sweeps, converged, reached)
            if full:
                if converged:
                    for chain in chains:
                        chain.merge()
                filled = BATCHES // 2 if converged else 0
            length = next_length


def _decisive(diagnosis: Diagnosis, observed: np.ndarray) -> np.ndarray:
    """Pairs that the strengths do not fix, and that are observed or have an expected weight of at least 1."""
    return (diagnosis.variance > 0) & ((observed > 0) | (observed + diagnosis.mean >= 1))
