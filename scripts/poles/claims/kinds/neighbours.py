"""Kind ``neighbours``: the ties (`ties`) of a pole lie in its own region (UN M49)."""

import polars as pl

from poles.claims import ties
from poles.claims.verdicts import Branch, Claim, Verdict, by_share, fewer, too_few, untestable

KEYS = {"pole": "country", "layer": "layer", "share": "share", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = "links"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the share of partners above expectation that lie in the region of the pole."""
    found = ties.of_pole(claim, branch)
    if isinstance(found, Verdict):
        return found
    (home,), regions = ties.regions([claim["pole"]]), ties.regions(found.partners)
    if home is None:
        return untestable(f"{claim['pole']} lies in no region.")
    counted = len(regions), f"links of {claim['pole']} above expectation"
    if verdict := too_few(claim, *counted):
        return verdict
    near = regions.count(home)
    why = f"{near} of {len(regions)} links of {claim['pole']} above expectation are with {home}."
    rows = {"recent": ties.with_regions(found).filter("above").with_columns(agrees=pl.col("region") == home)}
    conditions = [fewer(claim, *counted)]
    return by_share(
        near / len(regions), claim["share"], why, of=len(regions), conditions=conditions, rows=rows
    )
