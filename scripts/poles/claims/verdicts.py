"""Verdicts on claims, the results that they rest on, and the rules that several kinds of claim share.

A claim about a share of countries or pairs is reproduced if the share reaches the threshold ``share``. It is
contradicted if it stays below the lesser of 1 - ``share`` and half of ``share``, even if every undecided
country or pair (no clear trend, a cluster without a name) counted for the claim. A claim about a trend is
reproduced if the 95 % interval lies beyond the least slope that counts, in the direction of the claim. It is
contradicted if the interval falls short of that slope (a test of a minimum effect, Murphy and Myors 1999).

A claim is not testable if a country, layer or null model is missing, or if there are fewer countries, pairs
or years than it needs (``at_least``): from too few, chance alone would give a verdict. A claim about
archetypes is inconclusive unless the clusters of the branch are stable and stand out from data without
archetypes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from poles.claims.checking import OTHERS
from poles.layers import LAYERS

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
INCONCLUSIVE, NOT_TESTABLE = "inconclusive", "not testable"
VERDICTS = (REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_TESTABLE)
"""All verdicts, in the order in which pages count them."""
SIGNIFICANT = 0.05
"""Level of the tests."""
LISTED = 12
"""Countries that a sentence names at most."""

Claim = Mapping[str, Any]
"""One entry of the list of claims, checked by `poles.claims.checking`."""


class Verdict(NamedTuple):
    """Outcome of a claim.

    Attributes
    ----------
    verdict : str
        One of `VERDICTS`.
    statistic : float or None
        Statistic that decides it; None if there is none.
    why : str
        One or two sentences.
    """

    verdict: str
    statistic: float | None
    why: str


class Branch(NamedTuple):
    """Results of one branch (variant and null model) on which claims are judged.

    Attributes
    ----------
    layers : sequence of str
        Layers of the study.
    poles : sequence of str
        Country codes of the poles.
    period : (int, int)
        First and last year of the trajectories.
    trends, courses, alignment : pl.DataFrame
        `poles.blocs.tables.TRENDS`, `COURSES` and `alignment_table`.
    recent : pl.DataFrame
        See `poles.nulls.scores.recent_links`.
    threshold : float
        Mean z above which a link is above expectation.
    panel : sequence of str
        Countries large enough for the panel of the plainest variant with these links, see
        `poles.trajectories.construction.core_countries`.
    k : int
        Number of clusters.
    members : pl.DataFrame
        `poles.archetypes.tables.CLUSTERS`.
    sizes : Mapping
        Size of each country, see `poles.networks.country_table.country_sizes`.
    polarization, hubs, candidates : pl.DataFrame
        `poles.blocs.tables.POLARIZATION_TRENDS`, `HUBS` and `POLES`.
    selection, signal : pl.DataFrame
        `poles.archetypes.tables.SELECTION` and `SIGNAL`.
    """

    layers: Sequence[str]
    poles: Sequence[str]
    period: tuple[int, int]
    trends: pl.DataFrame
    courses: pl.DataFrame
    alignment: pl.DataFrame
    recent: pl.DataFrame
    threshold: float
    panel: Sequence[str]
    k: int
    members: pl.DataFrame
    sizes: Mapping[str, float]
    polarization: pl.DataFrame
    hubs: pl.DataFrame
    candidates: pl.DataFrame
    selection: pl.DataFrame
    signal: pl.DataFrame


def untestable(why: str) -> Verdict:
    """Verdict on a claim for which the study lacks something."""
    return Verdict(NOT_TESTABLE, None, why)


def too_few(claim: Claim, count: int, of_what: str) -> Verdict | None:
    """Verdict if the study has fewer of something than a claim needs; None if it has enough.

    Parameters
    ----------
    claim : Claim
        With ``at_least``.
    count : int
        What the study has.
    of_what : str
        What is counted, in the plural.
    """
    if count >= claim["at_least"]:
        return None
    return untestable(f"The claim needs at least {claim['at_least']} {of_what}; there are {count}.")


def without_layer(layer: str, branch: Branch) -> Verdict | None:
    """Verdict if the study lacks a layer; None if it has it."""
    return None if layer in branch.layers else untestable(f"The study has no {layer} layer.")


def without_both_layers(branch: Branch) -> Verdict | None:
    """Verdict if the study lacks one of the two layers; None if it has both."""
    if set(branch.layers) == set(LAYERS):
        return None
    return untestable(f"The claim needs both layers; the study has {', '.join(branch.layers)} only.")


def without_poles(poles: Iterable[str], branch: Branch, only: bool = False) -> Verdict | None:
    """Verdict if the study lacks poles of a claim.

    Parameters
    ----------
    poles : iterable of str
        Poles of the claim.
    branch : Branch
        Results.
    only : bool
        Whether the study must have no further poles, as groups of countries rest on all of them.

    Returns
    -------
    Verdict or None
        None if the study has what the claim needs.
    """
    if set(poles) == set(branch.poles) or (not only and set(poles) <= set(branch.poles)):
        return None
    return untestable(f"The study's poles are {', '.join(branch.poles)}.")


def by_share(share: float, threshold: float, why: str, undecided: float = 0.0) -> Verdict:
    """Verdict on a share of countries or pairs.

    Parameters
    ----------
    share : float
        Share that agrees with the claim.
    threshold : float
        Share that the claim asks for.
    why : str
        Sentence for the verdict.
    undecided : float
        Share of which nothing is known.
    """
    if share >= threshold:
        return Verdict(REPRODUCED, share, why)
    contradicted = share + undecided < min(1 - threshold, threshold / 2)
    return Verdict(CONTRADICTED if contradicted else INCONCLUSIVE, share, why)


def by_interval(
    low: float, high: float, statistic: float, direction: str, why: str, least: float = 0.0
) -> Verdict:
    """Verdict on a trend.

    Parameters
    ----------
    low, high : float
        95 % interval of the slope.
    statistic : float
        The slope.
    direction : str
        ``rises`` or ``falls``.
    why : str
        Sentence for the verdict.
    least : float
        Least slope that counts, in the direction of the claim.
    """
    if direction == "falls":
        low, high = -high, -low
    if low > least:
        return Verdict(REPRODUCED, statistic, why)
    return Verdict(CONTRADICTED if high < least else INCONCLUSIVE, statistic, why)


def on_archetypes(verdict: Verdict, branch: Branch) -> Verdict:
    """Leave a verdict on archetypes open if the clusters of the branch are not sure enough.

    Parameters
    ----------
    verdict : Verdict
        As the archetypes alone give it.
    branch : Branch
        Results; their clusters must be stable and stand out from data without archetypes.
    """
    passing = branch.selection.filter(pl.col("passes"))["k"].unique()
    if verdict.verdict not in (REPRODUCED, CONTRADICTED) or branch.k in passing:
        return verdict
    reason = f"But {branch.k} clusters are not stable, or do not stand out from data without archetypes."
    return Verdict(INCONCLUSIVE, verdict.statistic, f"{verdict.why} {reason}")


def judged_countries(claim: Claim, available: Iterable[str]) -> tuple[list[str], Verdict | None]:
    """Countries of a claim that can be judged.

    Parameters
    ----------
    claim : Claim
        With ``countries``, and ``at_least`` if some of them may be missing. ``countries: others`` stands for
        all that are available.
    available : iterable of str
        Countries with results, without the poles.

    Returns
    -------
    countries : list of str
        In the order of the claim, or by code.
    verdict : Verdict or None
        The verdict if too many countries are missing.
    """
    available = set(available)
    if claim["countries"] == OTHERS:
        claim = {"at_least": 1, **claim}
        return sorted(available), too_few(claim, len(available), "countries with a link to each pole")
    countries = [country for country in claim["countries"] if country in available]
    missing = [country for country in claim["countries"] if country not in available]
    if missing and len(countries) < claim.get("at_least", len(claim["countries"])):
        return countries, untestable(
            f"These countries are not in the panel with each pole of the claim: {_some(missing)}."
        )
    return countries, None


def others(entries: Sequence[str]) -> str:
    """End of a sentence that names the countries that do not agree with a claim."""
    return f"; others: {_some(entries)}." if entries else "."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def of_layer(layer: str) -> pl.Expr:
    """Rows whose channel belongs to a layer."""
    return pl.col("channel").str.split("_").list.first().eq(layer)
