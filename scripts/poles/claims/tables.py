"""Schemas of the tables of claims."""

import polars as pl

from poles.study.tables import Table

CLAIMS = Table(
    ("claim", "variant", "null"),
    {
        "claim": pl.String,  # identifier of the claim
        "variant": pl.String,  # choices about the data of the branch
        "null": pl.String,  # null model, or "all" for a claim about several
        "statement": pl.String,  # the claim in words
        "statistic": pl.Float64,  # the number that decides; `why` says what it is
        "verdict": pl.String,  # reproduced, contradicted, inconclusive or not testable
        "why": pl.String,  # the reason in one sentence
        "low": pl.Float64,  # statistic with z of links at the lower ends of their 95 % intervals over works
        "high": pl.Float64,  # the same at the upper ends; empty if the claim does not rest on z of links
        "verdict_low": pl.String,  # verdict at the lower ends
        "verdict_high": pl.String,  # verdict at the upper ends
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
        "claim": pl.String,  # identifier of the claim
        "choice": pl.String,  # choice in which branches differ: null model, counting, window, k ...
        "comparisons": pl.Int64,  # pairs of branches that differ in it alone, both testable
        "changed": pl.Int64,  # those of them with different verdicts
    },
)
