"""Kind ``courses``: the links of several countries with each pole strengthen or weaken as the claim says."""

from collections.abc import Mapping

import polars as pl

from poles.claims.verdicts import (
    Branch,
    Claim,
    Verdict,
    by_share,
    judged_countries,
    missing,
    of_layer,
    others,
    without_layer,
    without_poles,
)

KEYS = {
    "countries": "countries or others",
    "layer": "layer",
    "toward": {"country": ["rises", "falls", "not rises", "not falls"]},
    "share": "share",
}
OPTIONAL = {"at_least": "whole number", "least_slope": "positive number"}
STAGE = "panel"

OPPOSITE = {"rises": "falls", "falls": "rises", "not rises": "rises", "not falls": "falls"}
"""Course that speaks against the course of a claim."""


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the share of countries that follow the courses.

    A country without a clear course does not speak against the claim.
    """
    # In a fixed order: the record of a result keeps no other, and the audit judges anew from the record.
    toward = dict(sorted(claim["toward"].items()))
    if verdict := without_layer(claim["layer"], branch) or without_poles(toward, branch):
        return verdict
    courses: dict[str, dict[str, str]] = {}
    of_claim = branch.courses.filter(of_layer(claim["layer"]))
    for (country, pole), rows in of_claim.group_by("country", "pole", maintain_order=True):
        courses.setdefault(country, {})[pole] = _course(rows, claim.get("least_slope", 0.0))
    complete = [country for country, by_pole in courses.items() if set(toward) <= set(by_pole)]
    countries, verdict = judged_countries(claim, complete)
    if verdict:
        return verdict
    following = [country for country in countries if _follows(courses[country], toward)]
    opposing = [country for country in countries if _opposes(courses[country], toward)]
    rest = [
        f"{country} ({', '.join(f'{pole} {courses[country][pole]}' for pole in toward)})"
        for country in countries
        if country not in following
    ]
    why = f"{len(following)} of {len(countries)} countries follow this course in {claim['layer']}"
    why += f" and {len(opposing)} go against it" + others(rest)
    share = len(following) / len(countries)
    agrees = {c: c in following if c in (*following, *opposing) else None for c in countries}
    course = [courses[country][pole] for country, pole in of_claim.select("country", "pole").iter_rows()]
    rows = of_claim.with_columns(
        course=pl.Series(course, dtype=pl.String),
        agrees=pl.col("country").replace_strict(agrees, default=None, return_dtype=pl.Boolean),
    ).filter(pl.col("country").is_in(countries), pl.col("pole").is_in(list(toward)))
    return by_share(
        share, claim["share"], why, 1 - len(opposing) / len(countries) - share, of=len(countries),
        conditions=missing(claim, countries), rows={"courses": rows},
    )  # fmt: skip


def _course(rows: pl.DataFrame, least: float) -> str:
    """Course of a link by the intervals of all channels, which must lie beyond the least slope."""
    if (rows["low"] > least).all():
        return "rises"
    return "falls" if (rows["high"] < -least).all() else "unclear"


def _follows(courses: Mapping[str, str], toward: Mapping[str, str]) -> bool:
    """Whether the courses of a country are those of the claim."""
    return all(
        courses[pole] != course.removeprefix("not ") if course.startswith("not ") else courses[pole] == course
        for pole, course in toward.items()
    )


def _opposes(courses: Mapping[str, str], toward: Mapping[str, str]) -> bool:
    """Whether one of the courses of a country is the opposite of the claim."""
    return any(courses[pole] == OPPOSITE[course] for pole, course in toward.items())
