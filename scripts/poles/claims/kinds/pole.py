"""Kind ``pole``: a country attracts more partners than chance explains."""

from poles.claims.verdicts import (
    CONTRADICTED,
    REPRODUCED,
    SIGNIFICANT,
    Branch,
    Claim,
    Verdict,
    decide,
    fewer,
    needs,
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
    counted = row["partners"], f"partners of {claim['country']} in the panel"
    if verdict := too_few(claim, *counted):
        return verdict
    why = (
        f"{claim['country']} attracts {row['attracted']} (q = {row['q_attracts']:.3f}) and repels "
        f"{row['repelled']} (q = {row['q_repels']:.3f}) of {row['partners']} partners. It has rank "
        f"{row['rank']} of {len(branch.candidates)} countries by attraction."
    )
    conditions = [
        needs(REPRODUCED, "q of the partners that it attracts", row["q_attracts"], "below", SIGNIFICANT),
        needs(CONTRADICTED, "q of the partners that it repels", row["q_repels"], "below", SIGNIFICANT),
        fewer(claim, *counted),
    ]
    return decide(conditions, row["excess"], why, {"candidates": rows})
