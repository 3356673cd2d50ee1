"""Kind ``significant``: a pole has ties (`ties`) with so many countries; the paper calls them significant."""

import polars as pl

from poles.claims import ties
from poles.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    Branch,
    Claim,
    Condition,
    Verdict,
    decide,
    fewer,
    needs,
    too_few,
    untestable,
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
    """Judge the number of countries by a scan over thresholds and sets of countries (`ties.scan`).

    The claim is reproduced if the threshold of the study gives about the expected number in every set of
    which ``at_least`` countries have links with the pole, and the next lower or higher threshold does so too
    among all countries. It is contradicted if the number is more than twice ``tolerance`` away and no set
    passes through the expected one between its lowest and highest threshold.
    """
    found = ties.of_pole(claim, branch)
    if isinstance(found, Verdict):
        return found
    counted = len(found.linked), f"countries with links to {claim['pole']}"
    if verdict := too_few(claim, *counted):
        return verdict
    count, expected = len(found.partners), claim["expected"]
    margin = claim["tolerance"] * expected
    to_reach = needs(NOT_TESTABLE, f"number of {counted[1]}", len(found.linked), "below", expected - margin)
    if to_reach.holds:
        linked = f"{claim['pole']} has links to {len(found.linked)} countries"
        return untestable(f"{linked}; the claim expects {expected} ties.", to_reach)
    # A set of fewer partners cannot reach the number.
    counts = ties.scan(claim, branch).filter(pl.col("linked") >= expected - margin)
    stated = counts.filter(pl.col("threshold") == branch.threshold, pl.col("linked") >= claim["at_least"])
    everyone = counts.filter(countries="all")
    beside = everyone.filter(pl.col("stated").shift(1) | pl.col("stated").shift(-1))
    most, least = pl.col("partners").max(), pl.col("partners").min()
    through = counts.select(
        ((most >= expected - margin) & (least <= expected + margin)).over("countries").any()
    ).item()
    why = f"{count} of {len(found.linked)} linked countries have a link above expectation; the claim expects "
    why += f"{expected}. {_of_scan(counts)}"
    about = f"within {margin:g} of"
    of_sets = [
        Condition(
            REPRODUCED, f"number of ties ({ties.SETS[name]} countries)", partners, about, expected, holds
        )
        for name, partners, holds in stated.select("countries", "partners", "about").iter_rows()
    ]
    nearest = min(beside["partners"], key=lambda partners: abs(partners - expected))
    next_to = "number of ties at the next lower or higher threshold"
    far, passes = f"distance of {count} ties from {expected}", f"whether some set passes {expected}"
    conditions = [
        *of_sets,
        Condition(REPRODUCED, next_to, nearest, about, expected, bool(beside["about"].any())),
        needs(CONTRADICTED, far, abs(count - expected), "above", 2 * margin),
        needs(CONTRADICTED, f"{passes} between the thresholds", bool(through), "equal to", False),
        fewer(claim, *counted),
        to_reach,
    ]
    return decide(conditions, float(count), why, {"recent": found.links, "ties": counts})


def _of_scan(counts: pl.DataFrame) -> str:
    """Sentence on the counts of some sets, from the lowest to the highest threshold."""
    parts = [
        f"from {rows['partners'][0]} to {rows['partners'][-1]} (countries: {ties.SETS[str(name)]})"
        for (name,), rows in counts.group_by("countries", maintain_order=True)
    ]
    thresholds = counts["threshold"].to_list()
    return f"With thresholds from {min(thresholds):g} to {max(thresholds):g} it goes {', '.join(parts)}."
