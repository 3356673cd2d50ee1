"""Kind ``continents``: the ties (`ties`) of a pole spread over so many regions (UN M49)."""

from poles.claims import ties
from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    REPRODUCED,
    Branch,
    Claim,
    Verdict,
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
    if verdict := too_few(claim, len(found.linked), f"countries with links to {claim['pole']}"):
        return verdict
    regions, reachable = (
        sorted({region for region in ties.regions(codes) if region})
        for codes in (found.partners, found.linked)
    )
    if len(reachable) < claim["expected"]:
        return untestable(f"{claim['pole']} has links to {', '.join(reachable) or 'no region'} only.")
    count = len(regions)
    why = f"{claim['pole']} has links above expectation with {', '.join(regions) or 'no region'}."
    if count >= claim["expected"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if count < claim["expected"] / 2 else INCONCLUSIVE, float(count), why)
