"""Which choice moves which claim: verdicts of branches that differ in one choice alone."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import polars as pl

from poles.claims.tables import ROBUSTNESS
from poles.claims.verdicts import NOT_TESTABLE, STAGE
from poles.study.branches import STAGES


def moves(choice: str, kind: str) -> bool:
    """Whether a choice can move claims of a kind: whether it is made no later than what they rest on."""
    order = list(STAGES)
    made = next((stage for stage, names in STAGES.items() if choice in names), order[0])
    return order.index(made) <= order.index(STAGE.get(kind, "trajectories"))


def changes(
    judged: pl.DataFrame, claims: Sequence[Mapping[str, Any]], choices: Mapping[str, Mapping[str, Any]]
) -> pl.DataFrame:
    """Count, for each claim and choice, how often that choice alone changes the verdict.

    Two branches are compared where one choice sets them apart, the claim is testable in both, and the choice
    can move it at all. This is the elementary effect of a choice (Morris 1991, Technometrics 33:161) for an
    outcome of three values, taken over all branches that were run instead of a sample.

    Parameters
    ----------
    judged : pl.DataFrame
        `CLAIMS`; rows of branches alone count.
    claims : sequence of Mapping
        The claims that were judged.
    choices : Mapping
        Choices of every branch by "variant/null", see `poles.study.branches.declared`.

    Returns
    -------
    pl.DataFrame
        `ROBUSTNESS`: also claims and choices that no pair of branches compares, with 0 comparisons.
    """
    names = list(dict.fromkeys(name for made in choices.values() for name in made))
    apart = []
    for one, other in combinations(choices, 2):
        differing = [name for name in names if choices[one][name] != choices[other][name]]
        if len(differing) == 1:
            apart.append((one, other, differing[0]))
    kinds = {claim["id"]: claim["kind"] for claim in claims}
    rows = []
    for (claim,), of_claim in judged.group_by("claim", maintain_order=True):
        verdicts = {
            f"{row['variant']}/{row['null']}": row["verdict"]
            for row in of_claim.iter_rows(named=True)
            if row["verdict"] != NOT_TESTABLE
        }
        for name in names:
            compared = [
                verdicts[one] != verdicts[other]
                for one, other, which in apart
                if which == name and one in verdicts and other in verdicts and moves(name, kinds[claim])
            ]
            rows.append((claim, name, len(compared), sum(compared)))
    return pl.DataFrame(rows, schema=dict(ROBUSTNESS.columns), orient="row")


def summary(moved: pl.DataFrame) -> list[str]:
    """Lines of Markdown: a sentence on the choice that moves most, and a table of claims by choices.

    Parameters
    ----------
    moved : pl.DataFrame
        `ROBUSTNESS`.

    Returns
    -------
    list of str
        Empty where no two branches differ in one choice alone.
    """
    total = (
        moved.filter(pl.col("comparisons") > 0)
        .group_by("choice", maintain_order=True)
        .agg(pl.col("comparisons").sum(), pl.col("changed").sum())
        .with_columns((pl.col("changed") / pl.col("comparisons")).alias("share"))
        .sort("share", descending=True, maintain_order=True)
    )
    if total.is_empty():
        return []
    columns = total["choice"].to_list()
    shares = [
        f"{row['choice']} {row['changed']} of {row['comparisons']}" for row in total.iter_rows(named=True)
    ]
    cells = {(row["claim"], row["choice"]): row for row in moved.iter_rows(named=True)}

    def cell(claim: str, choice: str) -> str:
        found = cells[claim, choice]
        return f"{found['changed']}/{found['comparisons']}" if found["comparisons"] else ""

    lines = [
        "## Which choice moves which claim",
        "",
        "How often the verdict changes between two branches that one choice alone sets apart, over all "
        f"claims: {', '.join(shares)}. By claim, changed verdicts over comparisons:",
        "",
        f"| claim | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    lines += [
        f"| {claim} | {' | '.join(cell(claim, choice) for choice in columns)} |"
        for claim in dict.fromkeys(moved["claim"])
        if any(cells[claim, choice]["comparisons"] for choice in columns)
    ]
    return lines
