"""Kind ``among``: pairs among the largest countries have an archetype."""

import polars as pl

from poles.archetypes.names import UNNAMED
from poles.claims.verdicts import (
    Branch,
    Claim,
    Verdict,
    by_share,
    fewer,
    on_archetypes,
    too_few,
    without_both_layers,
)

KEYS = {
    "largest": "whole number",
    "archetype": [
        "Scientific Convergence",
        "Scientific Divergence",
        "Knowledge Integration",
        "Knowledge Divergence",
        "Stable",
    ],
    "share": "share",
    "at_least": "whole number",
}
OPTIONAL: dict[str, str] = {}
STAGE = "clusters"


def judge(claim: Claim, branch: Branch) -> Verdict:
    """Judge the share of pairs with the archetype; size is output."""
    if verdict := without_both_layers(branch):
        return verdict
    panel = set(branch.members["source"]) | set(branch.members["target"])
    largest = sorted(panel, key=lambda code: (-branch.sizes.get(code, 0.0), code))[: claim["largest"]]
    pairs = branch.members.filter(pl.col("source").is_in(largest) & pl.col("target").is_in(largest))
    counted = len(pairs), "pairs of the largest countries in the panel"
    if verdict := too_few(claim, *counted):
        return verdict
    count = pairs.filter(pl.col("archetype") == claim["archetype"]).height
    unnamed = pairs.filter(pl.col("archetype") == UNNAMED).height
    why = f"{count} of {len(pairs)} pairs among {', '.join(largest)} have {claim['archetype']}."
    verdict = by_share(
        count / len(pairs), claim["share"], why, unnamed / len(pairs), of=len(pairs),
        conditions=[fewer(claim, *counted)], rows={"members": pairs},
    )  # fmt: skip
    return on_archetypes(verdict, branch)
