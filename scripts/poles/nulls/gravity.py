"""Gravity model of constant affinity: what links would weigh if the affinity of no pair had changed.

Under a null model that keeps strengths, z changes for two reasons. The affinity of two countries changes, or
countries grow and shrink. The second reason says nothing about their preferences: if the share of one country
in the world rises, its links become a large part of what is expected of others, and its z-scores move towards
0 although its affinities are the same.

The gravity model with effects of country-years and of pairs separates the two (Anderson and van Wincoop 2003,
Am. Econ. Rev. 93:170-192; estimated as by Santos Silva and Tenreyro 2006, Rev. Econ. Stat. 88:641-658):

    w_ijt = a_it b_jt g_ij.

It has the observed strengths of every year and the observed total weight of every pair over the years. It is
the log-linear model without interaction of pair and year. Iterative proportional fitting (Deming and Stephan
1940, Ann. Math. Stat. 11:427-444) converges in a few rounds if most pairs have weight in most years. In
sparse networks some weights of the model tend to 0, and the error falls only like 1 / rounds. The fit is then
completed by Newton's method on the Poisson likelihood, which is concave in the logarithms of a, b and g.
Conjugate gradients solve each step (Nocedal and Wright 2006, Numerical Optimization, section 7.1). Where
weights tend to 0, each step reduces the error by a factor of e.

Its strengths are the observed ones, so the expected weights and standard deviations of a null model of
strengths are the same for it as for the observed network.
"""

import logging

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.nulls.scores import z_of

log = logging.getLogger(__name__)

TOLERANCE = 1e-8
"""Largest relative error of a strength or of the total of a pair at which fitting ends."""
REFUSED = 1e-6
"""Relative error above which a fit that has ended is refused."""
MAX_ROUNDS = 100
"""Rounds of proportional fitting after which Newton's method takes over."""
MAX_STEPS = 100
"""Newton steps after which fitting ends in any case."""
_CONJUGATE_STEPS = 1000
"""Steps of conjugate gradients after which a Newton step is taken as it is."""
_REDUCTION = 1e-4
"""Factor by which conjugate gradients reduce the squared residual of a Newton step."""
_AXES = (2, 1, 0)
"""Axes that are summed: over target, source and year."""


def constant_affinity(scores: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Scores of one layer as they would be if the affinity of every pair were constant.

    Parameters
    ----------
    scores : pl.DataFrame
        `SCORES`.
    first, last : int
        First and last year of constant affinity.

    Returns
    -------
    pl.DataFrame
        Columns year, source, target, weight (of the gravity model) and z (of that weight) for these years.
    """
    period = scores.filter(pl.col("year").is_between(first, last))
    countries = pl.concat([period["source"], period["target"]]).unique().sort()
    ends = (period[end].cast(pl.Enum(countries)).to_physical().to_numpy() for end in ("source", "target"))
    entries = (period["year"].to_numpy().astype(np.int64) - first, *ends)
    weights = np.zeros((last - first + 1, len(countries), len(countries)))
    weights[entries] = period["observed"].to_numpy()
    directed = (period["source"] > period["target"]).any()
    model = fit_gravity(weights if directed else weights + weights.transpose(0, 2, 1))
    weight = pl.lit(pl.Series(model[entries]))
    return period.select("year", "source", "target", weight.alias("weight"), z_of(weight))


def fit_gravity(weights: np.ndarray) -> np.ndarray:
    """Fit the gravity model to the strengths of every year and the totals of every pair.

    Parameters
    ----------
    weights : ndarray, shape (years, n, n)
        Not negative. If the matrices of all years are symmetric, so is the model.

    Returns
    -------
    ndarray, shape (years, n, n)
        Weights of the model. They are 0 if the pair has no weight in any year, or one of its countries has
        none in this year.

    Raises
    ------
    StudyError
        If a strength or a total is off by more than `REFUSED`.
    """
    margins = _sums(weights)
    out, into, total = margins
    model = np.where((out > 0) & (into > 0), total / len(weights), 0.0)
    symmetric = np.array_equal(weights, weights.transpose(0, 2, 1))
    rounds = steps = 0
    while (error := _error(model, margins)) > TOLERANCE and rounds < MAX_ROUNDS:
        rounds += 1
        for axis, observed in zip(_AXES, margins, strict=True):
            fitted = model.sum(axis=axis, keepdims=True)
            model *= np.divide(observed, fitted, out=np.zeros_like(fitted), where=fitted > 0)
        if symmetric:
            # Rows and columns were scaled in turn. The geometric mean keeps the form of the model.
            model = np.sqrt(model * model.transpose(0, 2, 1))
    while error > TOLERANCE and steps < MAX_STEPS:
        steps += 1
        model = _newton_step(model, margins)
        if symmetric:
            model = np.sqrt(model * model.transpose(0, 2, 1))
        error = _error(model, margins)
    log.info(
        "constant affinity: largest relative error %.1e after %d rounds and %d Newton steps",
        error, rounds, steps,
    )  # fmt: skip
    if error > REFUSED:
        raise StudyError(
            f"constant affinity: strengths and totals of the gravity model are off by up to {error:.1e}; "
            f"allowed: at most {REFUSED:.0e}; leave out years or countries with very few links"
        )
    return model


def _sums(weights: np.ndarray) -> list[np.ndarray]:
    """Strengths out and in of every year, and totals of every pair, each with its summed axis."""
    return [weights.sum(axis=axis, keepdims=True) for axis in _AXES]


def _error(model: np.ndarray, margins: list[np.ndarray]) -> float:
    """Largest relative error of the sums that are not 0."""
    errors = [
        np.max(np.abs(fitted - observed)[observed > 0] / observed[observed > 0], initial=0.0)
        for fitted, observed in zip(_sums(model), margins, strict=True)
    ]
    return float(max(errors))


def _dot(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    """Scalar product of two vectors of parameters."""
    return sum(float(np.vdot(a, b)) for a, b in zip(left, right, strict=True))


def _newton_step(model: np.ndarray, margins: list[np.ndarray]) -> np.ndarray:
    """Model after one Newton step on the Poisson likelihood, shortened until the likelihood does not fall.

    Parameters are the logarithms of a, b and g. The gradient is the error of the sums. The matrix of second
    derivatives turns a change of the parameters into the change of the sums, and is never formed.
    """
    fitted = _sums(model)
    scale = [np.divide(1.0, part, out=np.zeros_like(part), where=part > 0) for part in fitted]
    residual = [observed - part for observed, part in zip(margins, fitted, strict=True)]
    change = [np.zeros_like(part) for part in fitted]
    scaled = [factor * part for factor, part in zip(scale, residual, strict=True)]
    direction = scaled
    product = first = _dot(residual, scaled)
    for _ in range(_CONJUGATE_STEPS):
        curved = _sums(model * sum(direction))
        curvature = _dot(direction, curved)
        if curvature <= 0 or product <= _REDUCTION * first:
            break
        length = product / curvature
        change = [part + length * step for part, step in zip(change, direction, strict=True)]
        residual = [part - length * step for part, step in zip(residual, curved, strict=True)]
        scaled = [factor * part for factor, part in zip(scale, residual, strict=True)]
        product, before = _dot(residual, scaled), product
        direction = [part + product / before * step for part, step in zip(scaled, direction, strict=True)]
    exponent = sum(change)
    gain, share = _dot(margins, change), 1.0
    while True:
        # Exponents are capped, so that a step that is too long is shortened and does not overflow.
        moved = model * np.exp(np.minimum(share * exponent, 50.0))
        if moved.sum() - model.sum() <= share * gain or share < 1e-6:
            return moved
        share /= 2
