"""Which choice changes which verdict: branches that differ in one choice alone."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import polars as pl

from poles.claims.tables import ROBUSTNESS
from poles.claims.verdicts import NOT_TESTABLE


def changes(
    judged: pl.DataFrame,
    stages: Mapping[str, str | None],
    choices: Mapping[str, Mapping[str, Any]],
    homes: Mapping[str, Mapping[str, str]],
) -> pl.DataFrame:
    """Count for each claim and choice how often that choice alone changes the verdict.

    Two branches are compared if they differ in one choice alone, the claim is testable in both, and they do
    not share the results that it rests on. This is the elementary effect of a choice (Morris 1991,
    Technometrics 33:161) on an outcome of three values, counted over all branches instead of a sample.

    Parameters
    ----------
    judged : pl.DataFrame
        `CLAIMS`.
    stages : Mapping
        Stage on which each claim rests, by the id of the claim; None for a claim about several branches.
    choices : Mapping
        Choices of every branch by "variant/null", see `poles.study.branches.declared`.
    homes : Mapping
        Where the results of every branch stand, see `poles.study.branches.homes`.

    Returns
    -------
    pl.DataFrame
        `ROBUSTNESS`, with 0 comparisons for claims and choices that no two branches compare.
    """
    names = list(dict.fromkeys(name for branch in choices.values() for name in branch))
    neighbours = []
    for first, second in combinations(choices, 2):
        differing = [name for name in names if choices[first][name] != choices[second][name]]
        if len(differing) == 1:
            neighbours.append((first, second, differing[0]))
    rows = []
    for (claim,), of_claim in judged.group_by("claim", maintain_order=True):
        verdicts = {
            f"{row['variant']}/{row['null']}": row["verdict"]
            for row in of_claim.iter_rows(named=True)
            if row["verdict"] != NOT_TESTABLE
        }
        stage = stages[claim]
        for name in names:
            changed = [
                verdicts[first] != verdicts[second]
                for first, second, choice in neighbours
                if choice == name
                and {first, second} <= set(verdicts)
                and stage is not None
                and homes[first][stage] != homes[second][stage]
            ]
            rows.append((claim, name, len(changed), sum(changed)))
    return pl.DataFrame(rows, schema=dict(ROBUSTNESS.columns), orient="row")


def by_choice(robustness: pl.DataFrame) -> pl.DataFrame:
    """Comparisons and changed verdicts of each choice over all claims.

    Parameters
    ----------
    robustness : pl.DataFrame
        `ROBUSTNESS`.

    Returns
    -------
    pl.DataFrame
        choice, comparisons (above 0), changed; the choice that changes the greatest share of verdicts first.
    """
    return (
        robustness.filter(pl.col("comparisons") > 0)
        .group_by("choice", maintain_order=True)
        .agg(pl.col("comparisons").sum(), pl.col("changed").sum())
        .sort(pl.col("changed") / pl.col("comparisons"), descending=True, maintain_order=True)
    )
