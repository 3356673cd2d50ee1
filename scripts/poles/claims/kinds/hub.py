"""Kind ``hub``: large producers of a region diverge, and converge with their small neighbours."""

import polars as pl

from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    REPRODUCED,
    SIGNIFICANT,
    Branch,
    Claim,
    Verdict,
    of_layer,
    too_few,
    untestable,
    without_layer,
)

KEYS = {"region": "text", "layer": "layer", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = "panel"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the mean slope of z with small neighbours minus the mean slope among large producers."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    of_claim = pl.col("region").eq(claim["region"]) & pl.col("unit").eq("z") & of_layer(claim["layer"])
    rows = branch.hubs.filter(of_claim).drop_nulls(["statistic", "p"])
    if rows.is_empty():
        return untestable(f"The panel has too few countries of {claim['region']}.")
    row = rows.row(0, named=True)
    if verdict := too_few(claim, row["countries"], f"countries of {claim['region']} in the panel"):
        return verdict
    why = (
        f"Between large producers ({', '.join(row['large'])}) and small neighbours, z changes by "
        f"{row['spokes']:+.2f} per decade; among the large producers, by {row['hubs']:+.2f}. "
        f"The difference is {row['statistic']:+.2f} (p = {row['p']:.3f})."
    )
    both_directions = row["hubs"] < 0 < row["spokes"]
    if row["p"] >= SIGNIFICANT or (row["statistic"] > 0 and not both_directions):
        return Verdict(INCONCLUSIVE, row["statistic"], why)
    return Verdict(REPRODUCED if row["statistic"] > 0 else CONTRADICTED, row["statistic"], why)
