"""Gravity model of constant affinity: what links would weigh if the affinity of no pair had changed.

Under a null model that keeps strengths, z changes for two reasons. The affinity of two countries changes, or
countries grow and shrink. The second reason says nothing about their preferences: if the share of one country
in the world rises, its links become a large part of what is expected of others, and its z-scores move towards
0 although its affinities are the same.

The gravity model with effects of country-years and of pairs separates the two (Anderson and van Wincoop 2003,
Am. Econ. Rev. 93:170-192; estimated as by Santos Silva and Tenreyro 2006, Rev. Econ. Stat. 88:641-658):

    w_ijt = a_it b_jt g_ij.

It has the observed strengths of every year and the observed total weight of every pair over the years. It is
the log-linear model without interaction of pair and year, fitted by iterative proportional fitting (Deming
and Stephan 1940, Ann. Math. Stat. 11:427-444). Its strengths are the observed ones, so the expected weights
and standard deviations of a null model of strengths are the same for it as for the observed network.
"""

import logging

import numpy as np
import polars as pl

from poles.nulls.scores import z_of

log = logging.getLogger(__name__)

TOLERANCE = 1e-8
"""Largest relative error of a strength or of the total of a pair at which fitting ends."""
MAX_ROUNDS = 1000
"""Rounds after which fitting ends in any case."""


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
        none in this year. Solutions on the boundary converge slowly; the error that remains after
        `MAX_ROUNDS` is logged.
    """
    margins = [(axis, weights.sum(axis=axis, keepdims=True)) for axis in (2, 1, 0)]
    out, into, total = (observed for _, observed in margins)
    model = np.where((out > 0) & (into > 0), total / len(weights), 0.0)
    symmetric = np.array_equal(weights, weights.transpose(0, 2, 1))

    def error(axis: int, observed: np.ndarray) -> float:
        """Largest relative error of the sums over an axis that are not 0."""
        errors = np.abs(model.sum(axis=axis, keepdims=True) - observed)
        return float(np.max(errors[observed > 0] / observed[observed > 0], initial=0.0))

    rounds = 0
    while (worst := max(error(*margin) for margin in margins)) > TOLERANCE and rounds < MAX_ROUNDS:
        rounds += 1
        for axis, observed in margins:
            fitted = model.sum(axis=axis, keepdims=True)
            model *= np.divide(observed, fitted, out=np.zeros_like(fitted), where=fitted > 0)
        if symmetric:
            # Rows and columns were scaled in turn. The geometric mean keeps the form of the model.
            model = np.sqrt(model * model.transpose(0, 2, 1))
    log.info("constant affinity: largest relative error %.1e after %d rounds", worst, rounds)
    return model
