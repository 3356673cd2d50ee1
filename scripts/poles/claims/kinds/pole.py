"""Kind ``pole``: a country attracts more partners than chance explains."""

from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    REPRODUCED,
    SIGNIFICANT,
    Branch,
    Claim,
    Verdict,
    too_few,
    untestable,
)

KEYS = {"country": "country", "at_least": "whole number"}
OPTIONAL: dict[str, str] = {}
STAGE = "panel"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge a country by the share of partners that it attracts, or repels, in excess of chance."""
    rows = branch.candidates.filter(country=claim["country"])
    if rows.is_empty():
        return untestable(f"{claim['country']} is not in the panel.")
    row = rows.row(0, named=True)
    if verdict := too_few(claim, row["partners"], f"partners of {claim['country']} in the panel"):
        return verdict
    why = (
        f"{claim['country']} attracts {row['attracted']} (q = {row['q_attracts']:.3f}) and repels "
        f"{row['repelled']} (q = {row['q_repels']:.3f}) of {row['partners']} partners. It has rank "
        f"{row['rank']} of {len(branch.candidates)} countries by attraction."
    )
    if row["q_attracts"] < SIGNIFICANT:
        return Verdict(REPRODUCED, row["excess"], why)
    return Verdict(CONTRADICTED if row["q_repels"] < SIGNIFICANT else INCONCLUSIVE, row["excess"], why)
