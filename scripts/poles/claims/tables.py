"""Schemas of the tables of claims."""

import polars as pl

from poles.study.tables import Table

CLAIMS = Table(
    ("claim", "variant", "null"),
    {
        "claim": pl.String,
        "variant": pl.String,
        "null": pl.String,  # null model, or "all" for a claim about several
        "statement": pl.String,
        "statistic": pl.Float64,
        "verdict": pl.String,
        "why": pl.String,
    },
)
BASIS = Table(
    ("variant", "null", "channel"),
    {
        "variant": pl.String,
        "null": pl.String,
        "channel": pl.String,
        "signal": pl.Float64,  # change over all years divided by the yearly noise, median of the pairs
        "pairs": pl.Int64,  # pairs of the panel
        "rule": pl.String,  # which pairs these are
        "trendless": pl.Int64,  # pairs without a significant trend in any channel
        "preferred": pl.Int16,  # number of clusters that the data prefer, null where there is none
        "countries": pl.Int64,  # with a group by archetypes
        "same_group": pl.Int64,  # those of them in the same group by their own trends
        "contradictions": pl.List(pl.String),  # a sentence for each whose courses contradict its archetype
    },
)
ROBUSTNESS = Table(
    ("claim", "choice"),
    {
        "claim": pl.String,
        "choice": pl.String,  # null model, counting, window, preprocessing, min_strength, k
        "comparisons": pl.Int64,  # pairs of branches that differ in it alone, the claim testable in both
        "changed": pl.Int64,  # those of them with different verdicts
    },
)
