"""Kind ``robust``: the other claims get one verdict under several null models."""

import polars as pl

from poles.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    Claim,
    Verdict,
    by_share,
    fewer,
    too_few,
    untestable,
)

KEYS = {"nulls": "names", "share": "share", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = None


def judge(claim: Claim, verdicts: pl.DataFrame, variant: str) -> Verdict:
    """Judge the share of decided claims that get one verdict.

    A claim counts if it is testable under each null model and decided under at least one of them.

    Parameters
    ----------
    claim : Claim
        With ``nulls``, ``share`` and ``at_least``.
    verdicts : pl.DataFrame
        `poles.claims.tables.CLAIMS` of the single branches.
    variant : str
        Variant whose branches are compared.
    """
    of_variant = verdicts.filter(variant=variant)
    if missing := [null for null in claim["nulls"] if null not in of_variant["null"]]:
        return untestable(f"These null models were not run with these data: {', '.join(missing)}.")
    testable = of_variant.filter(pl.col("null").is_in(claim["nulls"]) & (pl.col("verdict") != NOT_TESTABLE))
    by_claim = testable.group_by("claim", maintain_order=True).agg(
        pl.len().alias("branches"),
        pl.col("verdict").n_unique().alias("verdicts"),
        pl.col("verdict").is_in([REPRODUCED, CONTRADICTED]).any().alias("decided"),
    )
    decided = by_claim.filter((pl.col("branches") == len(claim["nulls"])) & pl.col("decided"))
    counted = len(decided), "other claims decided under one of these null models"
    if verdict := too_few(claim, *counted):
        return verdict
    changing = decided.filter(pl.col("verdicts") > 1)["claim"].to_list()
    same = len(decided) - len(changing)
    why = f"{same} of {len(decided)} decided claims get one verdict under all of these null models"
    why += f"; the others: {', '.join(changing)}." if changing else "."
    columns = ("claim", "null", "verdict", "statistic")
    rows = testable.filter(pl.col("claim").is_in(decided["claim"].to_list())).select(columns).sort("claim")
    return by_share(
        1 - len(changing) / len(decided), claim["share"], why, of=len(decided),
        conditions=[fewer(claim, *counted)], rows={"verdicts": rows},
    )  # fmt: skip
