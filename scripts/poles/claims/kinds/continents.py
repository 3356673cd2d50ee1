"""Kind ``continents``: the significant ties of a pole spread over so many regions (UN M49)."""

from poles.claims import ties
from poles.claims.verdicts import CONTRADICTED, INCONCLUSIVE, REPRODUCED, Branch, Claim, Verdict

KEYS = {"pole": "country", "layer": "layer", "expected": "positive number"}
OPTIONAL: dict[str, str] = {}
STAGE = "links"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the number of regions with significant partners."""
    found = ties.of_pole(claim, branch)
    if isinstance(found, Verdict):
        return found
    regions = sorted({region for region in ties.regions(found.partners) if region})
    if not regions:
        return ties.without_ties(claim)
    count = len(regions)
    why = f"{claim['pole']} has significant partners in {', '.join(regions)}."
    if count >= claim["expected"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if count < claim["expected"] / 2 else INCONCLUSIVE, float(count), why)
