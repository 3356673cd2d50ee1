"""Kind ``turn``: several countries move away from one pole and closer to another."""

from poles.archetypes.names import DIVERGING, INTEGRATING, UNNAMED
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

KEYS = {"countries": "countries or others", "leaving": "country", "joining": "country", "share": "share"}
OPTIONAL = {"at_least": "whole number"}
STAGE = "clusters"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the share of countries that leave one pole and join the other, by their archetypes.

    A country with an archetype that its courses contradict counts neither for the claim nor against it.
    """
    leaving, joining = claim["leaving"], claim["joining"]
    if verdict := without_poles((leaving, joining), branch) or without_both_layers(branch):
        return verdict
    columns = [f"archetype_{leaving}", f"archetype_{joining}"]
    rows = branch.alignment.drop_nulls(columns).select("country", *columns).rows()
    archetypes = {country: (with_left, with_joined) for country, with_left, with_joined in rows}
    countries, verdict = judged_countries(claim, archetypes)
    if verdict:
        return verdict
    contradicted = contradictions.of_countries(branch)
    turning = [
        country
        for country in countries
        if archetypes[country][0] in DIVERGING
        and archetypes[country][1] in INTEGRATING
        and country not in contradicted
    ]
    rest = [
        f"{c} ({leaving} {archetypes[c][0]}, {joining} {archetypes[c][1]})"
        for c in countries
        if c not in turning
    ]
    why = f"{len(turning)} of {len(countries)} countries move away from {leaving} and closer to {joining}"
    why = " ".join([why + others(rest), *(contradicted[c] for c in countries if c in contradicted)])
    # If one archetype of a country has no name, the other one may still contradict the claim.
    undecided = [
        country in contradicted
        or (
            UNNAMED in archetypes[country]
            and archetypes[country][0] in (*DIVERGING, UNNAMED)
            and archetypes[country][1] in (*INTEGRATING, UNNAMED)
        )
        for country in countries
    ]
    agrees = {c: None if is_open else c in turning for c, is_open in zip(countries, undecided, strict=True)}
    verdict = by_share(
        len(turning) / len(countries), claim["share"], why, sum(undecided) / len(countries),
        of=len(countries), conditions=missing(claim, countries),
        rows=contradictions.rows_of(branch, agrees, (leaving, joining)),
    )  # fmt: skip
    return on_archetypes(verdict, branch)
