"""Ties of a pole: with which countries, in which regions, and what their number hangs on.

A tie has a mean z above the threshold of the study in the recent years. The paper calls it significant; the
study keeps this word for q < 0.05, and for the name of the kind of claim.
"""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from poles import countries
from poles.claims.tables import TIES
from poles.claims.verdicts import Branch, Claim, Verdict, untestable, without_layer
from poles.nulls.scores import partners_of

THRESHOLDS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Mean z above which the scan counts a link; that of the study is added if it is another."""
LARGEST = 60
"""Number of countries in the set ``largest``."""
SETS = {
    "all": "all",
    "panel": "large enough for the panel",
    "largest": f"the {LARGEST} largest",
}
"""Sets of countries that the scan counts partners of, with their names on the page."""


class Ties(NamedTuple):
    """Links of a pole in the recent years.

    Attributes
    ----------
    partners : list of str
        Countries whose link is above expectation, sorted.
    linked : list of str
        Countries with any link, sorted.
    links : pl.DataFrame
        These links: pole, country, layer, z, q and years of `poles.nulls.scores.recent_links`, and above:
        whether z is above the threshold. The strongest link comes first.
    """

    partners: list[str]
    linked: list[str]
    links: pl.DataFrame


def of_pole(claim: Claim, branch: Branch) -> Ties | Verdict:
    """Ties of the claim's ``pole`` in its ``layer``, or the verdict if the study has none."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    links = _links(claim, branch)
    if links.is_empty():
        return untestable(f"{claim['pole']} has no link in these years.")
    links = links.select(
        pl.lit(claim["pole"]).alias("pole"), "country", "layer", "z", "q", "years",
        (pl.col("z") > branch.threshold).alias("above"),
    ).sort("z", "country", descending=[True, False])  # fmt: skip
    return Ties(sorted(links.filter("above")["country"]), sorted(links["country"]), links)


def with_regions(ties: Ties) -> pl.DataFrame:
    """Links of a pole with the region (UN M49) of each partner."""
    return ties.links.with_columns(region=pl.Series(regions(ties.links["country"]), dtype=pl.String))


def scan(claim: Claim, branch: Branch) -> pl.DataFrame:
    """Count the ties of a pole under other thresholds, and among fewer countries.

    The null model is that of the branch, fitted to all countries. A smaller set only leaves out partners.

    Parameters
    ----------
    claim : Claim
        Of the kind ``significant``.
    branch : Branch
        Results.

    Returns
    -------
    pl.DataFrame
        countries, threshold, linked, partners, stated and about of `poles.claims.tables.TIES`, for each of
        `SETS` in order and each threshold upwards. Empty if the study lacks the layer.
    """
    links = _links(claim, branch)
    largest = sorted(branch.sizes, key=lambda code: (-branch.sizes[code], code))[:LARGEST]
    members = {"all": links["country"], "panel": branch.panel, "largest": largest}
    rows = []
    for name in SETS:
        z = links.filter(pl.col("country").is_in(list(members[name])))["z"]
        for threshold in sorted({*THRESHOLDS, branch.threshold}):
            partners = int((z > threshold).sum())
            stated = name == "all" and threshold == branch.threshold
            about = abs(partners - claim["expected"]) <= claim["tolerance"] * claim["expected"]
            rows.append((name, float(threshold), len(z), partners, stated, about))
    names = ("countries", "threshold", "linked", "partners", "stated", "about")
    table = pl.DataFrame(rows, schema={name: TIES.columns[name] for name in names}, orient="row")
    return table if claim["layer"] in branch.layers else table.clear()


def _links(claim: Claim, branch: Branch) -> pl.DataFrame:
    """Links of the claim's pole in its layer, with the partner as column ``country``."""
    return partners_of(claim["pole"], branch.recent.filter(layer=claim["layer"]))


def regions(codes: Iterable[str]) -> list[str | None]:
    """Region (UN M49) of each country, None where it has none."""
    region_of = dict(countries.load().select("code", "region").iter_rows())
    return [region_of.get(code) for code in codes]
