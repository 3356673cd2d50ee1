"""Schemas of the tables of claims."""

import polars as pl

from poles.study.tables import Table

CLAIMS = Table(
    ("claim", "variant", "null"),
    {
        "claim": pl.String,
        "variant": pl.String,
        "null": pl.String,
        "statement": pl.String,
        "statistic": pl.Float64,
        "verdict": pl.String,
        "why": pl.String,
    },
)
ROBUSTNESS = Table(
    ("claim", "choice"),
    {
        "claim": pl.String,
        "choice": pl.String,  # null model, counting, window, preprocessing, min_strength, k
        "comparisons": pl.Int64,  # pairs of branches that it alone sets apart, the claim testable in both
        "changed": pl.Int64,  # of these, pairs with different verdicts
    },
)
