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

import operator
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
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


RELATIONS = {
    "above": operator.gt,
    "below": operator.lt,
    "at least": operator.ge,
    "at most": operator.le,
    "equal to": operator.eq,
}
"""How a condition may compare a value with its limit."""


class Condition(NamedTuple):
    """What a verdict needs, and whether it has it.

    Attributes
    ----------
    verdict : str
        The verdict that needs it. A claim gets the first verdict all of whose conditions hold (`decide`).
    what : str
        What is compared.
    value : float
        What it is.
    relation : str
        One of `RELATIONS`, or other words where a kind compares in its own way.
    limit : float
        What it is compared with.
    holds : bool
        Whether the comparison is true.
    total : int or None
        Number of countries, pairs or claims of which the value and the limit are shares; None for no share.
    """

    verdict: str
    what: str
    value: float
    relation: str
    limit: float
    holds: bool
    total: int | None = None


def needs(
    verdict: str, what: str, value: float, relation: str, limit: float, total: int | None = None
) -> Condition:
    """Condition that compares a value with a limit by one of `RELATIONS`."""
    return Condition(verdict, what, value, relation, limit, bool(RELATIONS[relation](value, limit)), total)


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
    conditions : sequence of Condition
        What the verdict follows from (`decide`). Those of `NOT_TESTABLE` say what there would be too few of.
    rows : Mapping
        Rows that the values were read from, by the name of the attribute of `Branch` that holds them, or
        ``ties`` for the scan of `poles.claims.ties`. Added columns say what each row counts for.
    """

    verdict: str
    statistic: float | None
    why: str
    conditions: Sequence[Condition] = ()
    rows: Mapping[str, pl.DataFrame] = MappingProxyType({})


def decide(
    conditions: Sequence[Condition],
    statistic: float | None,
    why: str,
    rows: Mapping[str, pl.DataFrame] = MappingProxyType({}),
) -> Verdict:
    """Verdict that follows from conditions.

    A claim is reproduced or contradicted if all conditions of that verdict hold. Otherwise it is open.

    Parameters
    ----------
    conditions : sequence of Condition
        Those of one verdict must not all hold together with those of the other. Where they do, the claim is
        reproduced.
    statistic, why, rows
        As in `Verdict`.
    """
    for outcome in (REPRODUCED, CONTRADICTED):
        own = [condition.holds for condition in conditions if condition.verdict == outcome]
        if own and all(own):
            return Verdict(outcome, statistic, why, conditions, rows)
    return Verdict(INCONCLUSIVE, statistic, why, conditions, rows)


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


def untestable(why: str, *conditions: Condition) -> Verdict:
    """Verdict on a claim for which the study lacks something."""
    return Verdict(NOT_TESTABLE, None, why, conditions)


def fewer(claim: Claim, count: int, of_what: str) -> Condition:
    """Condition under which a claim is not testable: fewer of something than it needs.

    Parameters
    ----------
    claim : Claim
        With ``at_least``.
    count : int
        What the study has.
    of_what : str
        What is counted, in the plural.
    """
    return needs(NOT_TESTABLE, f"number of {of_what}", count, "below", claim["at_least"])


def too_few(claim: Claim, count: int, of_what: str) -> Verdict | None:
    """Verdict if the study has fewer of something than a claim needs, see `fewer`; None if it has enough."""
    condition = fewer(claim, count, of_what)
    if not condition.holds:
        return None
    why = f"The claim needs at least {claim['at_least']} {of_what}; there are {count}."
    return untestable(why, condition)


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


def by_share(
    share: float,
    threshold: float,
    why: str,
    undecided: float = 0.0,
    *,
    of: int,
    conditions: Sequence[Condition] = (),
    rows: Mapping[str, pl.DataFrame] = MappingProxyType({}),
) -> Verdict:
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
    of : int
        Number of which these are shares.
    conditions : sequence of Condition
        Further ones, such as `fewer`.
    rows : Mapping
        As in `Verdict`.
    """
    low = min(1 - threshold, threshold / 2)
    agreeing = "share that agrees with the claim"
    tests = (
        needs(REPRODUCED, agreeing, share, "at least", threshold, of),
        needs(CONTRADICTED, f"{agreeing}, or is open", share + undecided, "below", low, of),
    )
    return decide((*tests, *conditions), share, why, rows)


def by_interval(
    low: float,
    high: float,
    statistic: float,
    direction: str,
    why: str,
    least: float = 0.0,
    *,
    conditions: Sequence[Condition] = (),
    rows: Mapping[str, pl.DataFrame] = MappingProxyType({}),
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
    conditions : sequence of Condition
        Further ones, such as `fewer`.
    rows : Mapping
        As in `Verdict`.
    """
    lower, upper = ((f"{end} end of the 95 % interval of the slope", value) for end, value in
                    (("lower", low), ("upper", high)))  # fmt: skip
    if direction == "falls":
        limit = 0.0 - least
        tests = (needs(REPRODUCED, *upper, "below", limit), needs(CONTRADICTED, *lower, "above", limit))
    else:
        tests = (needs(REPRODUCED, *lower, "above", least), needs(CONTRADICTED, *upper, "below", least))
    return decide((*tests, *conditions), statistic, why, rows)


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
    sure = f"whether {branch.k} clusters are stable and stand out from data without archetypes"
    conditions = [
        needs(outcome, sure, branch.k in passing, "equal to", True) for outcome in (REPRODUCED, CONTRADICTED)
    ]
    rows = {**verdict.rows, "selection": branch.selection.filter(k=branch.k)}
    sure_verdict = decide((*verdict.conditions, *conditions), verdict.statistic, verdict.why, rows)
    if verdict.verdict == sure_verdict.verdict:
        return sure_verdict
    reason = f"But {branch.k} clusters are not stable, or do not stand out from data without archetypes."
    return sure_verdict._replace(why=f"{verdict.why} {reason}")


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


def missing(claim: Claim, countries: Sequence[str]) -> list[Condition]:
    """Condition under which too many countries of a claim would be missing, see `judged_countries`."""
    of_claim = claim["countries"]
    least = claim.get("at_least", 1 if of_claim == OTHERS else len(of_claim))
    return [fewer({"at_least": least}, len(countries), "countries of the claim in the panel")]


def others(entries: Sequence[str]) -> str:
    """End of a sentence that names the countries that do not agree with a claim."""
    return f"; others: {_some(entries)}." if entries else "."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def of_layer(layer: str) -> pl.Expr:
    """Rows whose channel belongs to a layer."""
    return pl.col("channel").str.split("_").list.first().eq(layer)
