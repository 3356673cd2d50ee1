"""Kind ``trend``: the link of a pair strengthens or weakens relative to what is expected of it."""

import math

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

KEYS = {"pair": "pair", "layer": "layer", "direction": ["rises", "falls"], "at_least": "whole number"}
OPTIONAL = {"least_slope": "positive number"}
STAGE = "panel"

LEAST_SHOWN = 0.005
"""Least slope that a sentence of two decimals shows."""


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the course of a pair by the 95 % interval of its slope."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    pair = claim["pair"]
    of_pair = pl.col("pole").is_in(pair) & pl.col("country").is_in(pair) & of_layer(claim["layer"])
    courses = branch.courses.filter(of_pair)
    if courses.is_empty():
        return untestable(f"The panel has no pair {'-'.join(pair)}, or neither of the two is a pole.")
    # Both of the pair may be poles; their rows are then equal.
    slope, low, high, growth, years = courses.select(
        pl.mean("slope"), pl.min("low"), pl.max("high"), pl.mean("growth_slope"), pl.min("years")
    ).row(0)
    counted = years, f"years with a z-score of {'-'.join(pair)}"
    if verdict := too_few(claim, *counted):
        return verdict
    least = claim.get("least_slope", 0.0)
    side, sign = {"falls": ("below", -1), "rises": ("above", 1)}[claim["direction"]]
    limit = f"; only factors {side} {math.exp(sign * least):.2f} count" if least else ""
    why = (
        f"The ratio of observed to expected weight changes by a factor of {math.exp(slope):.2f} per decade "
        f"(95 % interval {math.exp(low):.2f} to {math.exp(high):.2f}{limit})."
    )
    if abs(growth) >= LEAST_SHOWN:  # it is near 0 where growth was removed
        why += f" With constant affinities the factor would be {math.exp(growth):.2f}."
    trends = branch.trends.filter(of_pair)
    z = trends.select(pl.mean("slope"), pl.min("slope_low"), pl.max("slope_high"))
    why += " z changes by {:+.2f} per decade ({:+.2f} to {:+.2f}).".format(*z.row(0))
    conditions, rows = [fewer(claim, *counted)], {"courses": courses, "trends": trends}
    return by_interval(low, high, slope, claim["direction"], why, least, conditions=conditions, rows=rows)
