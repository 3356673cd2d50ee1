"""Kind ``clusters``: trajectories fall into so many clusters."""

import polars as pl

from poles.claims.verdicts import (
    CONTRADICTED,
    REPRODUCED,
    Branch,
    Claim,
    Verdict,
    decide,
    fewer,
    needs,
    too_few,
    untestable,
)

KEYS = {"k": "whole number", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = "clusters"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the greatest number of clusters that are stable and stand out from surrogates."""
    if verdict := too_few(claim, len(branch.members), "pairs in the panel"):
        return verdict
    observed = branch.selection.filter((pl.col("data") == "observed") & (pl.col("k") == claim["k"]))
    surrogates = branch.selection.filter(pl.col("data") != "observed")
    if observed.is_empty() or surrogates.is_empty():
        return untestable(f"No surrogates were clustered at k = {claim['k']}.")
    passing = branch.selection.filter(pl.col("passes"))["k"].unique()
    most = max(passing.to_list(), default=0)
    why = f"At most {most} clusters are stable and stand out from data without archetypes."
    if passing.is_empty():
        why = "No number of clusters is stable and stands out from data without archetypes."
    largest = "largest number of clusters that are stable and stand out"
    conditions = [
        needs(REPRODUCED, largest, most, "equal to", claim["k"]),
        # Fewer clusters than claimed may be all that the data can tell apart. More contradict the claim.
        needs(CONTRADICTED, largest, most, "above", claim["k"]),
        needs(CONTRADICTED, f"whether {claim['k']} do", claim["k"] in passing, "equal to", False),
        fewer(claim, len(branch.members), "pairs in the panel"),
    ]
    rows = {"selection": branch.selection.filter(pl.col("k").is_in([claim["k"], most]))}
    return decide(conditions, float(most) if most else None, why, rows)
