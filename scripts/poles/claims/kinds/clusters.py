"""Kind ``clusters``: trajectories fall into so many clusters."""

import polars as pl

from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    REPRODUCED,
    Branch,
    Claim,
    Verdict,
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
    if passing.is_empty():
        why = "No number of clusters is stable and stands out from data without archetypes."
        return Verdict(INCONCLUSIVE, None, why)
    most = max(passing.to_list())
    why = f"At most {most} clusters are stable and stand out from data without archetypes."
    if claim["k"] in passing:
        return Verdict(REPRODUCED if most == claim["k"] else INCONCLUSIVE, float(most), why)
    # Fewer clusters than claimed may be all that the data can tell apart. More contradict the claim.
    return Verdict(CONTRADICTED if most > claim["k"] else INCONCLUSIVE, float(most), why)
