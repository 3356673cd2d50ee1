"""Kind ``polarization``: a yearly measure of polarization rises or falls."""

import polars as pl

from poles.claims.verdicts import (
    Branch,
    Claim,
    Verdict,
    by_interval,
    fewer,
    of_layer,
    too_few,
    untestable,
    without_layer,
)

KEYS = {
    "layer": "layer",
    "measure": ["correlation", "rank_correlation", "modularity", "pole_modularity"],
    "direction": ["rises", "falls"],
    "at_least": "whole number",
}
OPTIONAL = {"poles": "countries"}
STAGE = "panel"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the slope of a measure in excess of its slope under constant affinities."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    of_claim = pl.col("measure").eq(claim["measure"]) & of_layer(claim["layer"])
    if poles := claim.get("poles"):
        of_claim &= pl.col("poles").str.split("-").list.sort() == pl.lit(pl.Series([sorted(poles)]))
    rows = branch.polarization.filter(of_claim).drop_nulls("excess_slope")
    if rows.is_empty():
        return untestable(f"The {claim['measure']} is not known in enough years.")
    interval = rows.select(
        pl.col("slope").mean(),
        pl.col("excess_slope").mean(),
        pl.col("excess_low").min(),
        pl.col("excess_high").max(),
        pl.col("countries").min(),
    )
    change, slope, low, high, countries = interval.row(0)
    counted = countries, f"countries that the {claim['measure']} compares"
    if verdict := too_few(claim, *counted):
        return verdict
    why = (
        f"The {claim['measure']} changes by {change:+.2f} per decade. Relative to constant "
        f"affinities the change is {slope:+.2f} (95 % interval {low:+.2f} to {high:+.2f})."
    )
    conditions, decisive = [fewer(claim, *counted)], {"polarization": rows}
    return by_interval(low, high, slope, claim["direction"], why, conditions=conditions, rows=decisive)
