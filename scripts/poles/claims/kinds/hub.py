"""Kind ``hub``: large producers of a region diverge, and converge with their small neighbours."""

import polars as pl

from poles.claims.verdicts import (
    CONTRADICTED,
    REPRODUCED,
    SIGNIFICANT,
    Branch,
    Claim,
    Verdict,
    decide,
    fewer,
    needs,
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
    counted = row["countries"], f"countries of {claim['region']} in the panel"
    if verdict := too_few(claim, *counted):
        return verdict
    why = (
        f"Between large producers ({', '.join(row['large'])}) and small neighbours, z changes by "
        f"{row['spokes']:+.2f} per decade; among the large producers, by {row['hubs']:+.2f}. "
        f"The difference is {row['statistic']:+.2f} (p = {row['p']:.3f})."
    )
    conditions = [
        needs(REPRODUCED, "difference of the slopes", row["statistic"], "above", 0),
        needs(REPRODUCED, "slope between large and small producers", row["spokes"], "above", 0),
        needs(REPRODUCED, "slope among large producers", row["hubs"], "below", 0),
        needs(REPRODUCED, "p", row["p"], "below", SIGNIFICANT),
        needs(CONTRADICTED, "difference of the slopes", row["statistic"], "at most", 0),
        needs(CONTRADICTED, "p", row["p"], "below", SIGNIFICANT),
        fewer(claim, *counted),
    ]
    return decide(conditions, row["statistic"], why, {"hubs": rows})
