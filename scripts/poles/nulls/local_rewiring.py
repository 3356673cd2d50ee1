"""Ensemble of integer weights with every strength fixed exactly, sampled by local rewiring.

The states are the matrices of whole weights that have the observed strengths. A Markov chain moves between
them: `rewiring_kernel` has the moves, `rewiring_convergence` says when the chains have run long enough. Two
laws can be sampled:

- ``uniform``: every matrix is equally likely. It is the counterpart of `max_entropy` with exact strengths.
- ``multi_edge``: a matrix has weight 1 / prod w_ij!, as units are distinguishable. It is the counterpart of
  the null model `multi_edge` with exact strengths.

Limits. Moments are estimates; the diagnostics give effective sample sizes and split R-hat. Weights that are
not whole are refused.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from poles.errors import StudyError
from poles.nulls import rewiring_convergence
from poles.nulls.constraints import are_integers, residual_of
from poles.nulls.network import Moments, Network
from poles.nulls.rewiring_convergence import LEAST_SWEEPS, Chain, Outcome
from poles.nulls.rewiring_kernel import LAWS, Kernel

WHOLE_WEIGHTS_ONLY = True
YEARLY_JOBS = True


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
    """Sample the matrices of whole weights that have exactly the observed strengths.

    Parameters
    ----------
    network : Network
        Undirected or directed; whole weights.
    law : {"uniform", "multi_edge"}
        Stationary law of the chains.
    chains : int
        Number of chains. The first starts from the observed matrix, the others from matrices far from it.
    seed : int
        Seed of all chains. The result does not depend on the number of threads.
    ess : float
        Least effective sample size of a relevant link. A link is relevant if the strengths do not fix it, and
        if it is observed or has an expected weight of at least 1.
    max_sweeps : int
        Budget of each chain, warm-up included. A sweep has as many moves as there are pairs of countries.
    exponents : sequence of float
        Powers of the strengths with which countries are drawn, in turn.

    Returns
    -------
    Moments
        Means and standard deviations over the states of all chains after each sweep. ``p_upper`` is
        (#[w >= observed] + 1) / (states + 1). ``residual`` is the largest relative error of a strength in the
        last states of the chains, which is 0. ``iterations`` is the number of sweeps of each chain. A pair
        that never moved has std 0: the strengths fix it, or its expected weight is below 1 / states. The note
        says if the budget ended before the effective sample size was reached.

    Raises
    ------
    StudyError
        If a weight is not whole, or an option has an impossible value.
    """
    _check(network, law, chains, ess, max_sweeps, exponents)
    observed = network.weights.astype(np.int64)
    kernel = Kernel.of(network, law, exponents)
    seeds = np.random.SeedSequence(seed).spawn(chains)
    started = [Chain.start(observed, kernel, child, disperse=place > 0) for place, child in enumerate(seeds)]
    outcome = rewiring_convergence.run(started, observed, kernel, ess, max_sweeps)
    residual, worst = residual_of(network, *((chain.weights, observed) for chain in started))
    note, extra = _summary(network, outcome, ess)
    return Moments(
        expected=observed + outcome.diagnosis.mean,
        std=np.sqrt(outcome.diagnosis.variance),
        p_upper=(np.sum([chain.reached for chain in started], axis=0) + 1) / (outcome.states + 1),
        residual=residual,
        worst=worst,
        iterations=outcome.sweeps,
        note=note,
        extra=extra,
    )


def _check(
    network: Network, law: str, chains: int, ess: float, max_sweeps: int, exponents: Sequence[float]
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
    if chains < 1 or not ess > 0:
        raise StudyError(f"local_rewiring: chains={chains}, ess={ess}; allowed: both above 0")
    if max_sweeps < LEAST_SWEEPS:
        raise StudyError(f"local_rewiring: max_sweeps={max_sweeps}; allowed: at least {LEAST_SWEEPS}")
    if not len(exponents) or not np.isfinite(exponents).all():
        raise StudyError(f"local_rewiring: exponents={exponents}; allowed: one or more finite numbers")


def _summary(network: Network, outcome: Outcome, ess: float) -> tuple[str, dict[str, float]]:
    """Note and diagnostics of a finished run."""
    diagnosis, relevant = outcome.diagnosis, outcome.relevant
    if not relevant.any():
        return "no weight moved: the strengths fix all of them", {}

    def pair(index: np.integer) -> str:
        return "-".join(network.countries[place] for place in np.unravel_index(index, relevant.shape))

    sizes, rhats = np.where(relevant, diagnosis.ess, np.inf), np.where(relevant, diagnosis.rhat, 0)
    unmoved = (network.weights > 0) & (diagnosis.variance == 0)
    notes = []
    if sizes.min() < ess:
        notes.append(
            f"max_sweeps spent at effective size {sizes.min():.0f} of {ess:g} ({pair(sizes.argmin())})"
        )
    if not outcome.converged:
        notes.append(f"max_sweeps spent in warm-up, split R-hat {rhats.max():.2f} ({pair(rhats.argmax())})")
    if unmoved.any():
        links = unmoved.sum() // (1 if network.directed else 2)
        notes.append(f"{links} links never moved ({pair(unmoved.argmax())})")
    return "; ".join(notes), {
        "ess_min": float(sizes.min()),
        "ess_median": float(np.median(sizes[relevant])),
        "rhat_max": float(rhats.max()),
        "rhat_median": float(np.median(rhats[relevant])),
    }
