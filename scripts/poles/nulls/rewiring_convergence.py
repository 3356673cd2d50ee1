"""Chains of local rewiring: how they start, what they record, and when they have run long enough.

A chain records sums over batches of sweeps. `BATCHES` batches are a block. The first block is warm-up, and so
is every later block at whose end the chains still disagree (`AGREEMENT`). A block of warm-up is dropped, and
the batches of the next block are twice as long. After warm-up, full blocks are halved by merging neighbouring
batches, and the chains run until the effective sample size is reached or the budget of sweeps is spent.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numba
import numpy as np

from poles.nulls.rewiring_kernel import ENDS, Kernel, rewire, sample

BATCHES = 32
"""Batches that a chain keeps."""
FIRST_LENGTH = 4
"""Sweeps in a batch of the first block."""
START_SWEEPS = 16
"""Sweeps under the law `ENDS` that move a chain away from the observed matrix."""
LEAST_SWEEPS = START_SWEEPS + BATCHES // 4 * FIRST_LENGTH
"""Sweeps of the shortest run."""
AGREEMENT = 1.1
"""Largest split R-hat of chains that have forgotten where they started."""


@dataclass
class Chain:
    """A Markov chain and the record of its past.

    Attributes
    ----------
    weights : ndarray of int64, shape (n, n)
        The present state.
    rng : ndarray of uint64, shape (4,)
        State of the random number generator.
    sums : ndarray, shape (BATCHES, n, n)
        Sums of (w - observed) over the states of each batch; whole numbers.
    squares : ndarray, shape (n, n)
        Sums of (w - observed)^2 over all states.
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
        """Start at the observed matrix, or at a matrix far from it."""
        sums = np.zeros((BATCHES, *observed.shape))
        rng = seed.generate_state(4, np.uint64)
        chain = cls(observed.copy(), rng, sums, np.zeros(observed.shape), np.zeros_like(observed))
        if disperse:
            rewire(chain.weights, rng, START_SWEEPS * kernel.moves, *kernel._replace(law=ENDS)[:4])
        return chain

    def record(self, observed: np.ndarray, kernel: Kernel, batches: slice, length: int) -> None:
        """Fill some batches with `length` sweeps each."""
        sample(
            self.weights, self.rng, observed, self.sums[batches], self.squares, self.reached,
            length, kernel.moves, *kernel[:4],
        )  # fmt: skip

    def merge(self) -> None:
        """Merge neighbouring batches, which frees the second half of them."""
        self.sums[: BATCHES // 2] = self.sums[::2] + self.sums[1::2]

    def drop(self) -> None:
        """Forget everything but the present state."""
        self.squares[:] = 0
        self.reached[:] = 0


class Diagnosis(NamedTuple):
    """Moments and convergence of the chains, each an array of the shape of the recorded quantity."""

    mean: np.ndarray
    variance: np.ndarray
    ess: np.ndarray
    rhat: np.ndarray


def diagnose(sums: Sequence[np.ndarray], squares: Sequence[np.ndarray], length: int) -> Diagnosis:
    """Moments, effective sample size and split R-hat from sums over batches.

    The effective sample size is that of the mean over all chains, by batch means (Flegal and Jones 2010, Ann.
    Stat. 38:1034): number of batches x variance / variance of the batch means about the common mean. It thus
    also falls with differences between chains. It is at most the number of states. R-hat is that of Gelman et
    al. (2013, Bayesian Data Analysis, 11.4), with each chain split in two halves.

    Parameters
    ----------
    sums : sequence of ndarray, shape (batches, ...)
        For each chain the sums over its batches; the number of batches is even.
    squares : sequence of ndarray, shape (...)
        For each chain the sum of squares over all its states.
    length : int
        States in a batch.

    Returns
    -------
    Diagnosis
        R-hat and effective sample size are not a number where the variance is 0.
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


class Outcome(NamedTuple):
    """What a run of the chains gave.

    Attributes
    ----------
    diagnosis : Diagnosis
        Of the deviations from the observed weights, shape (n, n).
    relevant : ndarray of bool, shape (n, n)
        Links that are not fixed by the strengths, and that are observed or have an expected weight of at
        least 1.
    states : int
        States recorded, of all chains.
    sweeps : int
        Sweeps of each chain, warm-up included.
    converged : bool
        Whether warm-up ended.
    """

    diagnosis: Diagnosis
    relevant: np.ndarray
    states: int
    sweeps: int
    converged: bool


def run(
    chains: Sequence[Chain], observed: np.ndarray, kernel: Kernel, ess: float, max_sweeps: int
) -> Outcome:
    """Advance all chains, a quarter of a block at a time, until they agree and are long enough.

    Parameters
    ----------
    chains : sequence of Chain
        Chains that have just started; they are changed.
    observed : ndarray of int64, shape (n, n)
        Observed weights.
    kernel : Kernel
        How the chains move.
    ess : float
        Least effective sample size of a relevant link.
    max_sweeps : int
        Budget of each chain.

    Returns
    -------
    Outcome
        Also if the budget ended before the chains agreed or were long enough.
    """
    quarter = BATCHES // 4
    sweeps, length, filled, converged = START_SWEEPS, FIRST_LENGTH, 0, False
    with ThreadPoolExecutor(min(len(chains), numba.get_num_threads())) as pool:
        while True:
            batches = slice(filled, filled + quarter)
            list(
                pool.map(
                    Chain.record, chains, repeat(observed), repeat(kernel), repeat(batches), repeat(length)
                )
            )
            sweeps, filled = sweeps + quarter * length, batches.stop
            full = filled == BATCHES
            next_length = length * 2 if full else length
            spent = sweeps + quarter * next_length > max_sweeps
            if full or converged or spent:
                diagnosis = diagnose(
                    [chain.sums[:filled] for chain in chains], [chain.squares for chain in chains], length
                )
                relevant = (diagnosis.variance > 0) & ((observed > 0) | (observed + diagnosis.mean >= 1))
                if (
                    full
                    and length > FIRST_LENGTH
                    and np.max(diagnosis.rhat[relevant], initial=1) <= AGREEMENT
                ):
                    converged = True
                if spent or (converged and np.min(diagnosis.ess[relevant], initial=np.inf) >= ess):
                    return Outcome(diagnosis, relevant, len(chains) * filled * length, sweeps, converged)
            if full:
                for chain in chains:
                    chain.merge() if converged else chain.drop()
                filled = BATCHES // 2 if converged else 0
            length = next_length
