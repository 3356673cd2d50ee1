"""Significant ties of a pole: with which countries, and in which regions they lie."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from poles import countries
from poles.claims.verdicts import Branch, Claim, Verdict, untestable, without_layer


class Ties(NamedTuple):
    """Links of a pole in the recent years.

    Attributes
    ----------
    partners : list of str
        Countries with a significant link, sorted.
    linked : list of str
        Countries with any link, significant or not, sorted.
    """

    partners: list[str]
    linked: list[str]


def of_pole(claim: Claim, branch: Branch) -> Ties | Verdict:
    """Ties of the claim's ``pole`` in its ``layer``, or the verdict if the study has none."""
    if verdict := without_layer(claim["layer"], branch):
        return verdict
    pole = claim["pole"]
    with_pole = pl.col("source").eq(pole) | pl.col("target").eq(pole)
    partner = pl.when(pl.col("source") == pole).then("target").otherwise("source").alias("partner")
    links = branch.significant.filter(pl.col("layer").eq(claim["layer"]) & with_pole).with_columns(partner)
    if links.is_empty():
        return untestable(f"{pole} has no link in these years.")
    partners = links.filter(pl.col("z") > branch.threshold)["partner"]
    return Ties(sorted(partners), sorted(links["partner"]))


def regions(codes: Iterable[str]) -> list[str | None]:
    """Region (UN M49) of each country, None where it has none."""
    region_of = dict(countries.load().select("code", "region").iter_rows())
    return [region_of.get(code) for code in codes]
