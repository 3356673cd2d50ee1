"""Ensemble of integer weights with every strength fixed exactly, sampled by local rewiring.

The states are the matrices of whole weights that have the observed strengths. A Markov chain moves between
them: `rewiring_kernel` has the moves, `rewiring_abreast` makes those of four chains at once, and
`rewiring_convergence` says when the chains have run long enough. Two laws can be sampled:

- ``uniform``: every matrix is equally likely. It is the counterpart of `max_entropy` with exact strengths.
- ``multi_edge``: a matrix has weight 1 / prod w_ij!, as units are distinguishable. It is the counterpart of
  the null model `multi_edge` with exact strengths.

Links that the study uses are moved more often, most of all those with a large z (`focus`): their z takes
longest to become accurate. Every move is recorded by the expectation of its weights given all others, which
tells more than the weights that are drawn. The estimated means are then corrected for what is known without
error, the strengths: each takes its part of the difference in proportion to the variance of its estimate
(generalised least squares; Deming and Stephan 1940, Ann. Math. Stat. 11:427-444).

Limits. Moments are estimates; the diagnostics give the standard error of z, effective sample sizes and split
R-hat. Weights that are not whole are refused.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, MinLen

from poles.errors import StudyError
from poles.nulls import rewiring_convergence, variance_corrected
from poles.nulls.constraints import are_integers, residual_of
from poles.nulls.network import Moments, Network
from poles.nulls.newton import solve_semidefinite
from poles.nulls.rewiring_convergence import LEAST_SWEEPS, Goal, Outcome, Pairs
from poles.nulls.rewiring_kernel import LAWS, Kernel
from poles.stats.blas import one_blas_thread

WHOLE_WEIGHTS_ONLY = True
YEARLY_JOBS = True


def fit(
    network: Network,
    *,
    law: Literal["uniform", "multi_edge"] = "uniform",
    links: Literal["used", "all"] = "used",
    z_error: Annotated[float, Gt(0)] = 0.04,
    ess: Annotated[float, Gt(0)] = 100,
    max_sweeps: Annotated[int, Ge(96)] = 20_000,  # LEAST_SWEEPS
    chains: Annotated[int, Ge(1)] = 4,
    seed: Annotated[int, Ge(0)] = 1,
    exponents: Annotated[Sequence[float], MinLen(1)] = (1.25,),
) -> Moments:
    """Sample the matrices of whole weights that have exactly the observed strengths.

    Parameters
    ----------
    network : Network
        Undirected or directed; whole weights.
    law : {"uniform", "multi_edge"}
        Stationary law of the chains.
    links : {"used", "all"}
        Links whose accuracy decides how long the chains run: those that the study uses (``network.used``), or
        all. Links that the strengths fix never count, nor those that are neither observed nor have an
        expected weight of at least 1.
    z_error : float
        Largest root mean square of the standard errors of the z-scores of these links.
    ess : float
        Least effective sample size of each of these links.
    max_sweeps : int
        Budget of each chain, warm-up included. A sweep has as many moves as there are pairs of countries.
    chains : int
        Number of chains. The first starts from the observed matrix, the others from matrices far from it.
    seed : int
        Seed of all chains. The result does not depend on the number of threads.
    exponents : sequence of float
        Powers of the strengths with which three countries of a move are drawn, in turn. The fourth is drawn
        uniformly.

    Returns
    -------
    Moments
        Estimates from the moves of all chains. ``p_upper`` is (sum of P[w >= observed] + 1) / (moves + 1).
        ``residual`` is the largest relative error of a strength in the last states of the chains, which is 0.
        ``iterations`` is the number of sweeps of each chain. A pair whose weight could not change in any
        move has std 0: the strengths fix it, or it hardly ever has weight. The note says if the budget ended
        before the accuracy was reached; ``extra`` has the rule that ended the run.

    Raises
    ------
    StudyError
        If a weight is not whole, or an option has an impossible value.
    """
    _check(network, law, links, chains, z_error, ess, max_sweeps, exponents)
    observed = network.weights.astype(np.int64)
    used = network.used if links == "used" else None
    kernel = Kernel.of(network, law, exponents, None if used is None else focus(network, used))
    pairs = Pairs.of(network, used)
    seeds = np.random.SeedSequence(seed).spawn(chains)
    started = rewiring_convergence.start_chains(observed, kernel, seeds)
    goal = Goal(z_error, ess)
    outcome = rewiring_convergence.run(started, pairs, kernel, goal, max_sweeps)
    residual, worst = residual_of(
        network, *((state, observed) for chain in started for state in chain.states())
    )
    note, extra = _summary(network, pairs, outcome, goal)
    mean, variance, ess_of = (
        pairs.matrix(values) for values in outcome.diagnosis[:2] + outcome.diagnosis[4:5]
    )
    error = np.divide(variance, ess_of, out=np.zeros_like(mean), where=variance > 0)
    return Moments(
        expected=observed + mean + correction(network, mean, error),
        std=np.sqrt(variance),
        p_upper=pairs.matrix(outcome.diagnosis.upper, diagonal=1),
        residual=residual,
        worst=worst,
        iterations=outcome.sweeps,
        note=note,
        extra=extra,
    )


@one_blas_thread
def focus(network: Network, used: np.ndarray) -> np.ndarray:
    """How often the links that a study uses should be moved, so that no z is much less accurate than others.

    Links that are not moved more often get less accurate, so this is not for runs in which all links count.

    The variance of an estimate of z from N matrices is (1 + z^2 / 2) / N for normal weights. So a link is
    moved in proportion to 1 + z^2 / 2, with the z of `variance_corrected`.

    Parameters
    ----------
    network : Network
    used : ndarray of bool, shape (n, n)
        Links that count.

    Returns
    -------
    ndarray, shape (n, n)
        Relative frequencies; 0 where a link does not count, is fixed by the strengths, or is neither observed
        nor has an expected weight of at least 1.
    """
    guess = variance_corrected.fit(network)
    counts = used & (guess.std > 0) & ((network.weights > 0) | (guess.expected >= 1))
    np.fill_diagonal(counts, False)
    z = np.divide(network.weights - guess.expected, guess.std, out=np.zeros_like(guess.std), where=counts)
    return np.where(counts, 1 + z**2 / 2, 0)


@one_blas_thread
def correction(network: Network, deviations: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Correct estimated deviations from the observed weights, so that they change no strength.

    Parameters
    ----------
    network : Network
        Says whether pairs are directed.
    deviations : ndarray, shape (n, n)
        Estimated means of w - observed.
    variances : ndarray, shape (n, n)
        Variances of these estimates; what has 0 is not corrected.

    Returns
    -------
    ndarray, shape (n, n)
        The smallest correction, measured in its own variances: v_ij (a_i + b_j), with b = a if undirected. A
        weight that would fall to 0 or below keeps its estimate, and the others take its part.
    """
    n = len(deviations)
    weighing, correction = variances.copy(), np.zeros_like(deviations)
    while True:
        rows = np.diag(weighing.sum(axis=1))
        system = np.block([[rows, weighing], [weighing.T, np.diag(weighing.sum(axis=0))]])
        if not network.directed:
            system = rows + weighing
        correction[:] = 0
        for _ in range(3):  # the second and third round remove the rounding errors of the one before
            excess = deviations + correction
            wanted = (
                -excess.sum(axis=1)
                if not network.directed
                else -np.concatenate([excess.sum(axis=1), excess.sum(axis=0)])
            )
            multipliers, _ = solve_semidefinite(system, wanted)
            correction += weighing * np.add.outer(multipliers[:n], multipliers[-n:])
        lost = (weighing > 0) & (network.weights + deviations + correction <= 0)
        if not lost.any():
            return correction
        weighing[lost] = 0


def _check(
    network: Network,
    law: str,
    links: str,
    chains: int,
    z_error: float,
    ess: float,
    max_sweeps: int,
    exponents: Sequence[float],
) -> None:
    """Refuse weights and options that cannot be sampled."""
    if not are_integers(network.weights):
        row, column = np.argwhere(network.weights != np.rint(network.weights))[0]
        raise StudyError(
            f"local_rewiring, {network}: weight {network.weights[row, column]:g} of "
            f"{network.countries[row]}-{network.countries[column]} is not whole; use a null model that "
            "allows fractional counting, such as variance_corrected"
        )
    if law not in LAWS:
        raise StudyError(f"local_rewiring: law {law!r}; allowed: {', '.join(LAWS)}")
    if links not in ("used", "all"):
        raise StudyError(f"local_rewiring: links {links!r}; allowed: used, all")
    if chains < 1 or not ess > 0 or not z_error > 0:
        raise StudyError(f"local_rewiring: chains={chains}, ess={ess}, z_error={z_error}; allowed: above 0")
    if max_sweeps < LEAST_SWEEPS:
        raise StudyError(f"local_rewiring: max_sweeps={max_sweeps}; allowed: at least {LEAST_SWEEPS}")
    if not len(exponents) or not np.isfinite(exponents).all():
        raise StudyError(f"local_rewiring: exponents={exponents}; allowed: one or more finite numbers")


def _summary(
    network: Network, pairs: Pairs, outcome: Outcome, goal: Goal
) -> tuple[str, dict[str, float | str]]:
    """Note and diagnostics of a finished run."""
    diagnosis, decisive = outcome.diagnosis, outcome.decisive
    if not (diagnosis.variance > 0).any():
        return "no weight moved: the strengths fix all of them", {}
    if not decisive.any():
        return "the strengths fix all links that are used", {}

    def name(pair: np.integer) -> str:
        return f"{network.countries[pairs.rows[pair]]}-{network.countries[pairs.columns[pair]]}"

    sizes, rhats = np.where(decisive, diagnosis.ess, np.inf), np.where(decisive, diagnosis.rhat, 0)
    notes = []
    if sizes.min() < goal.ess:
        notes.append(
            f"max_sweeps spent at effective size {sizes.min():.0f} of {goal.ess:g} ({name(sizes.argmin())})"
        )
    if outcome.z_error > goal.z_error:
        notes.append(f"max_sweeps spent at an error of z of {outcome.z_error:.3g}")
    if not outcome.converged:
        notes.append(f"max_sweeps spent in warm-up, split R-hat {rhats.max():.2f} ({name(rhats.argmax())})")
    unmoved = (pairs.observed > 0) & (diagnosis.variance == 0)
    if unmoved.any():
        notes.append(f"{unmoved.sum()} links never moved ({name(unmoved.argmax())})")
    return "; ".join(notes), {
        "z_error": outcome.z_error,
        "ess_min": float(sizes.min()),
        "ess_median": float(np.median(sizes[decisive])),
        "rhat_max": float(rhats.max()),
        "rhat_median": float(np.median(rhats[decisive])),
        "ended_by": "accuracy" if outcome.reached else "max_sweeps",
    }
