"""Kind ``continents``: the ties (`ties`) of a pole spread over so many regions (UN M49)."""

from poles.claims import ties
from poles.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    Branch,
    Claim,
    Verdict,
    decide,
    fewer,
    needs,
    too_few,
    untestable,
)

KEYS = {"pole": "country", "layer": "layer", "expected": "positive number", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = "links"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the number of regions with partners above expectation."""
    found = ties.of_pole(claim, branch)
    if isinstance(found, Verdict):
        return found
    counted = len(found.linked), f"countries with links to {claim['pole']}"
    if verdict := too_few(claim, *counted):
        return verdict
    regions, reachable = (
        sorted({region for region in ties.regions(codes) if region})
        for codes in (found.partners, found.linked)
    )
    to_reach = needs(NOT_TESTABLE, "number of regions with links", len(reachable), "below", claim["expected"])
    if to_reach.holds:
        linked = ", ".join(reachable) or "no region"
        return untestable(f"{claim['pole']} has links to {linked} only.", to_reach)
    count = len(regions)
    why = f"{claim['pole']} has links above expectation with {', '.join(regions) or 'no region'}."
    above = "number of regions with links above expectation"
    conditions = [
        needs(REPRODUCED, above, count, "at least", claim["expected"]),
        needs(CONTRADICTED, above, count, "below", claim["expected"] / 2),
        fewer(claim, *counted),
        to_reach,
    ]
    return decide(conditions, float(count), why, {"recent": ties.with_regions(found)})
