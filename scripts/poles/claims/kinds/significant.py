"""Kind ``significant``: a pole has significant ties with so many countries."""

from poles.claims import ties
from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    REPRODUCED,
    Branch,
    Claim,
    Verdict,
    too_few,
)

KEYS = {
    "pole": "country",
    "layer": "layer",
    "expected": "positive number",
    "tolerance": "share",
    "at_least": "whole number",
}
OPTIONAL: dict[str, str] = {}
STAGE = "links"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the number of countries by its relative distance from the expected number."""
    found = ties.of_pole(claim, branch)
    if isinstance(found, Verdict):
        return found
    if verdict := too_few(claim, len(found.linked), f"countries with links to {claim['pole']}"):
        return verdict
    count = len(found.partners)
    error = abs(count - claim["expected"]) / claim["expected"]
    why = f"{count} of {len(found.linked)} linked countries are significant partners; the claim expects "
    why += f"{claim['expected']}."
    if error <= claim["tolerance"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if error > 2 * claim["tolerance"] else INCONCLUSIVE, float(count), why)
