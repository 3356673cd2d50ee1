"""Kind ``trend``: the z-score of a pair rises or falls."""

import polars as pl

from poles.claims.verdicts import Branch, Claim, Verdict, by_interval, of_layer, untestable, without_layer

KEYS = {"pair": "pair", "layer": "layer", "direction": ["rises", "falls"]}
OPTIONAL = {"least_slope": "positive number"}
STAGE = "trajectories"

LEAST_SHOWN = 0.005
"""Least slope that a sentence of two decimals shows."""


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge a trend by the 95 % interval of its slope."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    pair = claim["pair"]
    of_pair = pl.col("pole").is_in(pair) & pl.col("country").is_in(pair)
    rows = branch.trends.filter(of_pair & of_layer(claim["layer"]))
    rows = rows.unique("channel", keep="first", maintain_order=True)  # both may be poles
    if rows.is_empty():
        return untestable(f"The panel has no pair {'-'.join(pair)}, or neither of the two is a pole.")
    interval = rows.select(
        pl.col("slope").mean(),
        pl.col("slope_low").min(),
        pl.col("slope_high").max(),
        pl.col("growth_slope").mean(),
    )
    slope, low, high, growth = interval.row(0)
    least = claim.get("least_slope", 0.0)
    limit = f"; only slopes beyond {least:g} count" if least else ""
    why = f"z changes by {slope:+.2f} per decade (95 % interval {low:+.2f} to {high:+.2f}{limit})."
    if growth and abs(growth) >= LEAST_SHOWN:  # it is 0 where growth was removed from z
        why += f" With constant affinities it would change by {growth:+.2f}."
    return by_interval(low, high, slope, claim["direction"], why, least)
