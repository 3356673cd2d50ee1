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
TIES = Table(
    ("claim", "variant", "null", "countries", "threshold"),
    {
        "claim": pl.String,
        "variant": pl.String,
        "null": pl.String,
        "countries": pl.String,  # the partners that are counted, see `poles.claims.ties.SETS`
        "threshold": pl.Float64,  # mean z above which a link counts
        "pole": pl.String,
        "layer": pl.String,
        "expected": pl.Float64,  # number that the claim states
        "linked": pl.Int64,  # partners of the set with any link to the pole
        "partners": pl.Int64,  # those of them with a mean z above the threshold
        "stated": pl.Boolean,  # whether the claim is about this cell: all countries, threshold of the study
        "about": pl.Boolean,  # whether the number of partners is within the claim's tolerance
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
