"""Kind ``neighbours``: the ties (`ties`) of a pole lie in its own region (UN M49)."""

from poles.claims import ties
from poles.claims.verdicts import Branch, Claim, Verdict, by_share, too_few, untestable

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
    if verdict := too_few(claim, len(regions), f"links of {claim['pole']} above expectation"):
        return verdict
    near = regions.count(home)
    why = f"{near} of {len(regions)} links of {claim['pole']} above expectation are with {home}."
    return by_share(near / len(regions), claim["share"], why)
