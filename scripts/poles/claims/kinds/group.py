"""Kind ``group``: several countries belong to a group against the poles."""

import polars as pl

from poles.archetypes.names import UNNAMED
from poles.blocs.tables import UNKNOWN
from poles.claims import contradictions
from poles.claims.verdicts import (
    Branch,
    Claim,
    Verdict,
    by_share,
    judged_countries,
    missing,
    on_archetypes,
    others,
    without_both_layers,
    without_poles,
)

KEYS = {"countries": "countries or others", "poles": "countries", "group": "group of poles", "share": "share"}
OPTIONAL = {"at_least": "whole number"}
STAGE = "clusters"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the share of countries in the group.

    A country with an unnamed archetype, or one that its courses contradict, counts neither for the claim nor
    against it.
    """
    if verdict := without_poles(claim["poles"], branch, only=True) or without_both_layers(branch):
        return verdict
    groups = dict(branch.alignment.select("country", "group").iter_rows())
    countries, verdict = judged_countries(
        claim, [c for c, group in groups.items() if group not in ("pole", UNKNOWN)]
    )
    if verdict:
        return verdict
    with_unnamed = pl.any_horizontal(pl.col(f"archetype_{pole}") == UNNAMED for pole in claim["poles"])
    unnamed = set(branch.alignment.filter(with_unnamed)["country"])
    contradicted = contradictions.of_countries(branch)
    group = set(claim["group"].split("+"))  # a group of several poles has no order
    open_ones = [c for c in countries if c in unnamed or c in contradicted]
    members = [c for c in countries if set(groups[c].split("+")) == group and c not in open_ones]
    rest = [
        f"{country} ({'unnamed' if country in unnamed else groups[country]})"
        for country in countries
        if country not in members
    ]
    why = f"{len(members)} of {len(countries)} countries are in the group '{claim['group']}'" + others(rest)
    why = " ".join([why, *(contradicted[c] for c in countries if c in contradicted)])
    agrees = {c: None if c in open_ones else c in members for c in countries}
    verdict = by_share(
        len(members) / len(countries), claim["share"], why, len(open_ones) / len(countries),
        of=len(countries), conditions=missing(claim, countries),
        rows=contradictions.rows_of(branch, agrees, claim["poles"]),
    )  # fmt: skip
    return on_archetypes(verdict, branch)
