"""Countries whose archetype with a pole is contradicted by the courses of their links with it.

An archetype is that of a cluster, and a cluster may hold a pair whose own links go the other way. A country
moves closer to a pole if its link strengthens in some layer and weakens in none; it moves away if the link
weakens in some layer and strengthens in none. The interval of the slope (`poles.blocs.tables.COURSES`) must
exclude zero. An archetype that integrates is contradicted by a move away, every other one by a move closer.
So where collaboration falls, Knowledge Integration needs a citation that is seen to rise. A cluster without a
name says nothing that could be contradicted.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from poles.archetypes.names import INTEGRATING, UNNAMED
from poles.blocs.tables import UNCLUSTERED, UNKNOWN
from poles.claims.verdicts import Branch


class Comparison(NamedTuple):
    """Groups of countries by archetypes and by trends.

    Attributes
    ----------
    countries : int
        Countries with a group by archetypes.
    same : int
        Those of them in the same group by the archetypes of their pairs' own trends.
    contradictions : dict of str
        One sentence for each of them with an archetype that its courses contradict.
    """

    countries: int
    same: int
    contradictions: dict[str, str]


def compare(branch: Branch) -> Comparison:
    """Compare the archetypes of all countries with their courses.

    Parameters
    ----------
    branch : Branch

    Returns
    -------
    Comparison
    """
    grouped = branch.alignment.filter(~pl.col("group").is_in(["pole", UNKNOWN, UNCLUSTERED]))
    same = grouped.filter(pl.col("group") == pl.col("trend_group"))
    return Comparison(len(grouped), len(same), of_countries(branch))


def of_countries(branch: Branch) -> dict[str, str]:
    """One sentence for each country with an archetype that its courses contradict.

    Parameters
    ----------
    branch : Branch

    Returns
    -------
    dict of str
        By country, in the order of the codes. Poles are left out.
    """
    courses = {pair: rows for pair, rows in branch.courses.group_by("country", "pole", maintain_order=True)}
    sentences: dict[str, list[str]] = {}
    for pole in branch.poles:
        named = branch.alignment.filter(pl.col("group") != "pole").drop_nulls(f"archetype_{pole}")
        for country, archetype in named.select("country", f"archetype_{pole}").iter_rows():
            rows = courses.get((country, pole))
            if rows is None or archetype == UNNAMED:
                continue
            move = _move(rows)
            if move == ("away" if archetype in INTEGRATING else "closer"):
                ways = {"away": f"moves away from {pole}", "closer": f"moves closer to {pole}"}
                text = f"{country} has {archetype} with {pole} but {ways[move]} ({_factors(rows)})."
                sentences.setdefault(country, []).append(text)
    return {country: " ".join(sentences[country]) for country in sorted(sentences)}


def rows_of(
    branch: Branch, agrees: Mapping[str, bool | None], poles: Iterable[str]
) -> dict[str, pl.DataFrame]:
    """Rows that decide a claim on countries by their archetypes.

    Parameters
    ----------
    branch : Branch
    agrees : Mapping
        Countries of the claim: whether each agrees with it; None if that is open.
    poles : iterable of str
        Poles of the claim.

    Returns
    -------
    dict
        ``alignment``, with ``agrees``; ``members``: the clusters of the pairs; ``courses``, which may
        contradict them.
    """
    poles = list(poles)
    of_countries = pl.col("country").is_in(list(agrees))
    first, second = pl.col("source"), pl.col("target")
    pairs = (first.is_in(list(agrees)) & second.is_in(poles)) | (
        first.is_in(poles) & second.is_in(list(agrees))
    )
    alignment = branch.alignment.filter(of_countries).with_columns(
        agrees=pl.col("country").replace_strict(agrees, default=None, return_dtype=pl.Boolean)
    )
    return {
        "alignment": alignment,
        "members": branch.members.filter(pairs),
        "courses": branch.courses.filter(of_countries, pl.col("pole").is_in(poles)),
    }


def _move(courses: pl.DataFrame) -> str:
    """Whether the courses of a country with a pole lead closer, away, or neither."""
    rises, falls = (courses["low"] > 0).any(), (courses["high"] < 0).any()
    if rises == falls:
        return "neither"
    return "closer" if rises else "away"


def _factors(courses: pl.DataFrame) -> str:
    """Factor per decade, with its interval, of every channel with a clear course."""
    clear = courses.filter((pl.col("low") > 0) | (pl.col("high") < 0))
    return ", ".join(
        f"{channel.replace('_', ' ')} by a factor of {math.exp(slope):.2f} per decade, "
        f"{math.exp(low):.2f} to {math.exp(high):.2f}"
        for channel, slope, low, high in clear.select("channel", "slope", "low", "high").iter_rows()
    )
