"""Schemas of the tables of null models and scores."""

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

MOMENTS = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,
        **PAIR,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "std": pl.Float64,
        "p_upper": pl.Float64,  # P[w >= observed]; null if the model does not have it
    },
)
DIAGNOSTICS = Table(
    ("year",),
    {
        "year": YEAR,  # year of publication
        "nodes": pl.Int32,  # countries with a link
        "links": pl.Int32,  # pairs with a link
        "iterations": pl.Int32,  # of the fit, or sweeps of a sampler
        "residual": pl.Float64,  # largest relative error of any constraint
        "z_error": pl.Float64,  # root mean square of the standard errors of z, of samplers only
        "ess_min": pl.Float64,  # effective sample size and split R-hat, likewise
        "ess_median": pl.Float64,  # median of the effective sample sizes
        "rhat_max": pl.Float64,  # largest split R-hat
        "rhat_median": pl.Float64,  # median of the split R-hat
        "ended_by": pl.String,  # what ended a sampler: accuracy, or max_sweeps
        "note": pl.String,  # what a reader should know about that year
    },
)
SCORES = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,  # year of publication; of a citation, that of the citing work
        **PAIR,
        "observed": pl.Float64,  # weight of the link: works or citations; 0 without a link
        "expected": pl.Float64,  # weight that the null model expects
        "std": pl.Float64,  # standard deviation of the weight under the null model
        "z": pl.Float64,  # (observed - expected) / std; null if std is 0, as the model then fixes the weight
        "p": pl.Float64,  # probability of a weight at least as large as observed
        "q": pl.Float64,  # Benjamini-Hochberg adjusted p-value within a year
    },
)
Z_INTERVALS = Table(
    ("layer", "null", "year", "source", "target"),
    {
        "layer": pl.String,
        "null": pl.String,
        "year": YEAR,
        **PAIR,
        "z_low": pl.Float64,  # 95 % interval of z, by a bootstrap over works; null if it has none
        "z_high": pl.Float64,
        "pair_low": pl.Float64,  # the same of the mean of both directions
        "pair_high": pl.Float64,
        "draws": pl.Int32,  # number of draws that have a z
    },
)
"""Intervals of z of every pair. A null model that is not fitted to the draws has no rows."""
RECENT_INTERVALS = Table(
    ("layer", "null", "source", "target"),
    {
        "layer": pl.String,
        "null": pl.String,
        **PAIR,
        "z_low": pl.Float64,  # 95 % interval of the mean z of the recent years, see `scores.recent_links`
        "z_high": pl.Float64,
        "draws": pl.Int32,  # number of draws that have it
    },
)
POLE_DRAWS = Table(
    ("layer", "null", "year", "source", "target", "draw"),
    {
        "layer": pl.String,
        "null": pl.String,
        "year": YEAR,
        **PAIR,  # of two poles
        "draw": pl.Int32,  # 0 is the network as it is
        "observed": pl.Float64,
        "expected": pl.Float64,
    },
)
