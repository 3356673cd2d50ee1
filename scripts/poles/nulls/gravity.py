"""What links would weigh had no affinity between two countries ever changed.

Under a null model that keeps activity, z moves for two reasons: two countries seek each other more or less
than they did, or the countries around them grow and shrink. The second is no choice of theirs. Where the
share of one country in the world rises, whatever it prefers becomes what is expected, so that its z-scores
move towards 0 although nothing has changed between it and any other.

The gravity model with effects of countries by year and of pairs tells the two apart (Anderson and van Wincoop
2003, Am. Econ. Rev. 93:170-192; estimated as by Santos Silva and Tenreyro 2006, Rev. Econ. Stat. 88:641-658):

    w_ijt = a_it b_jt g_ij,

with all strengths of all years, and the total weight of every pair over the years, as observed. That is the
log-linear model without interaction of pair and year, and iterative proportional fitting finds it (Deming and
Stephan 1940, Ann. Math. Stat. 11:427-444). As its strengths are the observed ones, a null model expects of
its links what it expects of the observed ones.
"""

import logging

import numpy as np
import polars as pl

from poles.nulls.scores import z_of

log = logging.getLogger(__name__)

TOLERANCE = 1e-8
"""Largest relative error of a strength or of a pair's total at which fitting ends."""
MOST_ROUNDS = 1000


def constant_affinity(scores: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Scores of one layer as they would be with the affinity of every pair constant.

    Parameters
    ----------
    scores : pl.DataFrame
        `SCORES`.
    first, last : int
        Years over which affinities are held, both included.

    Returns
    -------
    pl.DataFrame
        year, source, target, weight (of the gravity model), z (`scores.z_of` it) of these years.
    """
    inside = scores.filter(pl.col("year").is_between(first, last))
    countries = pl.concat([inside["source"], inside["target"]]).unique().sort()
    ends = (inside[end].cast(pl.Enum(countries)).to_physical().to_numpy() for end in ("source", "target"))
    place = (inside["year"].to_numpy().astype(np.int64) - first, *ends)
    weights = np.zeros((last - first + 1, len(countries), len(countries)))
    weights[place] = inside["observed"].to_numpy()
    directed = (inside["source"] > inside["target"]).any()
    model = fit_gravity(weights if directed else weights + weights.transpose(0, 2, 1))
    weight = pl.lit(pl.Series(model[place]))
    return inside.select("year", "source", "target", weight.alias("weight"), z_of(weight))


def fit_gravity(weights: np.ndarray) -> np.ndarray:
    """Weights of the gravity model with the strengths of every year and the totals of every pair.

    Parameters
    ----------
    weights : ndarray, shape (years, n, n)
        Not negative; symmetric in each year where links have no direction, as the model then is.

    Returns
    -------
    ndarray, shape (years, n, n)
        0 where a pair has no weight in any year, or one of its countries none in this one. What a boundary
        solution leaves of the constraints after `MOST_ROUNDS` is logged.
    """
    margins = [(axis, weights.sum(axis=axis, keepdims=True)) for axis in (2, 1, 0)]
    out, into, total = (goal for _, goal in margins)
    model = np.where((out > 0) & (into > 0), total / len(weights), 0.0)
    symmetric = np.array_equal(weights, weights.transpose(0, 2, 1))

    def error(axis: int, goal: np.ndarray) -> float:
        """Largest relative error of a margin, of what is not 0."""
        off = np.abs(model.sum(axis=axis, keepdims=True) - goal)
        return float(np.max(off[goal > 0] / goal[goal > 0], initial=0.0))

    rounds = 0
    while (worst := max(error(*margin) for margin in margins)) > TOLERANCE and rounds < MOST_ROUNDS:
        rounds += 1
        for axis, goal in margins:
            found = model.sum(axis=axis, keepdims=True)
            model *= np.divide(goal, found, out=np.zeros_like(found), where=found > 0)
        if symmetric:
            # Rows and columns were scaled in turn; their geometric mean keeps the form of the model.
            model = np.sqrt(model * model.transpose(0, 2, 1))
    log.info("unchanged affinities: constraints met to %.1e after %d rounds", worst, rounds)
    return model
