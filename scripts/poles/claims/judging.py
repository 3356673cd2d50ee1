"""Claims judged on one branch, and over all branches."""

import importlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from poles.archetypes.tables import CLUSTERS, SELECTION, SIGNAL
from poles.blocs.tables import COURSES, HUBS, POLARIZATION_TRENDS, POLES, TRENDS, alignment_table
from poles.claims import contradictions, ends, ties
from poles.claims.tables import BASIS, CLAIMS, TIES
from poles.claims.verdicts import NOT_TESTABLE, Branch, Claim, Verdict, untestable
from poles.networks.country_table import country_sizes
from poles.networks.tables import COUNTRIES
from poles.nulls.scores import recent_links
from poles.nulls.tables import SCORES
from poles.study import tables, windows
from poles.trajectories.construction import core_countries

log = logging.getLogger(__name__)

ALL = "all"
"""Stands for the null model of a claim about several null models."""


def read_branch(
    files: Any,
    layers: Sequence[str],
    poles: Sequence[str],
    period: tuple[int, int],
    significance: Mapping[str, float],
    core: Mapping[str, Any],
) -> Branch:
    """Read the results of a branch.

    Parameters
    ----------
    files : object
        Paths as attributes: ``trends``, ``courses``, ``alignment``, ``clusters``, ``countries``,
        ``polarization``, ``hubs``, ``candidates``, ``selection``, ``signal``, and ``scores`` (one path for
        each layer). Without trajectories there are only ``scores`` and ``countries``.
    layers, poles : sequence of str
        Layers of the study, and its poles.
    period : (int, int)
        First and last year of the trajectories.
    significance : Mapping
        ``first`` and ``last`` of the recent years, and ``threshold``.
    core : Mapping
        Options of `poles.trajectories.construction.core_countries`.

    Returns
    -------
    Branch

    Raises
    ------
    StudyError
        If a file is missing or holds another table.
    """
    scores = {layer: tables.read(path, SCORES) for layer, path in zip(layers, files.scores, strict=True)}
    members = _read(files, "clusters", CLUSTERS)
    signal = _read(files, "signal", SIGNAL)
    if reason := windows.too_short(*period):
        log.warning("%s; claims that need them are not testable", reason)
        counts = {"pairs": 0, "trendless": 0, "trendless_in_all": 0}
        unknown = dict.fromkeys(SIGNAL.columns) | counts
        signal = tables.conform(pl.DataFrame([unknown | {"channel": layer} for layer in layers]), SIGNAL)
    return Branch(
        layers=layers,
        poles=poles,
        period=(period[0], period[1]),
        trends=_read(files, "trends", TRENDS),
        courses=_read(files, "courses", COURSES),
        alignment=_read(files, "alignment", alignment_table(poles)),
        recent=recent_links(scores, int(significance["first"]), int(significance["last"])),
        threshold=significance["threshold"],
        panel=core_countries(scores, **core),
        k=members["cluster"].n_unique(),
        members=members,
        sizes=country_sizes(tables.read(files.countries, COUNTRIES)),
        polarization=_read(files, "polarization", POLARIZATION_TRENDS),
        hubs=_read(files, "hubs", HUBS),
        candidates=_read(files, "candidates", POLES),
        selection=_read(files, "selection", SELECTION),
        signal=signal,
    )


def _read(files: Any, name: str, table: tables.Table) -> pl.DataFrame:
    """Read a result; an empty table where the study has none, as it has too few years."""
    path = getattr(files, name, None)
    return pl.DataFrame(schema=dict(table.columns)) if path is None else tables.read(path, table)


def verdict_on(claim: Claim, branch: Branch) -> Verdict:
    """Verdict of a claim on one branch, with the conditions and rows that it follows from."""
    return _without_data(claim, branch) or _module(claim["kind"]).judge(claim, branch)


def verdict_over(claim: Claim, verdicts: pl.DataFrame, variant: str) -> Verdict:
    """Verdict of a claim about several null models; `verdicts` are the `CLAIMS` of all branches."""
    return _module(claim["kind"]).judge(claim, verdicts, variant)


def judge_branch(
    claims: Iterable[Claim], branch: Branch, variant: str, null: str, uncertain: ends.Uncertain | None = None
) -> pl.DataFrame:
    """Judge claims on one branch.

    Parameters
    ----------
    claims : iterable of Claim
        Claims of the kinds that one branch decides.
    branch : Branch
        Results.
    variant, null : str
        Names of the branch.
    uncertain : Uncertain, optional
        Intervals of z, at whose ends claims are judged again.

    Returns
    -------
    pl.DataFrame
        `CLAIMS`, in the order of the claims.
    """
    rows = []
    for claim in claims:
        verdict = verdict_on(claim, branch)
        at_ends = _at_ends(claim, verdict, branch, uncertain)
        rows.append(_row(claim, variant, null, verdict) | at_ends)
    return pl.DataFrame(rows, schema=dict(CLAIMS.columns))


def _at_ends(
    claim: Claim, verdict: Verdict, branch: Branch, uncertain: ends.Uncertain | None
) -> dict[str, Any]:
    """Columns of `CLAIMS` for the verdicts at both ends of the intervals."""
    if uncertain is None or verdict.verdict == NOT_TESTABLE:
        return ends.columns_of([])
    there = ends.at_ends(claim, _module(claim["kind"]).STAGE, branch, uncertain)
    return ends.columns_of([verdict_on(claim, moved) for moved in there])


def scan_ties(claims: Iterable[Claim], branch: Branch, variant: str, null: str) -> pl.DataFrame:
    """Scan what the numbers of ties hang on that claims of the kind ``significant`` state.

    Parameters
    ----------
    claims : iterable of Claim
        Claims of any kind; others are left out.
    branch : Branch
        Results.
    variant, null : str
        Names of the branch.

    Returns
    -------
    pl.DataFrame
        `TIES`, in the order of the claims, see `poles.claims.ties.scan`.
    """
    scans = [
        ties.scan(claim, branch).with_columns(
            claim=pl.lit(claim["id"]),
            variant=pl.lit(variant),
            null=pl.lit(null),
            pole=pl.lit(claim["pole"]),
            layer=pl.lit(claim["layer"]),
            expected=pl.lit(float(claim["expected"])),
        )
        for claim in claims
        if claim["kind"] == "significant"
    ]
    return pl.concat([pl.DataFrame(schema=dict(TIES.columns)), *(s.select(*TIES.columns) for s in scans)])


def judge_variants(claims: Iterable[Claim], verdicts: pl.DataFrame) -> pl.DataFrame:
    """Judge claims about several null models, once for each variant.

    Parameters
    ----------
    claims : iterable of Claim
        Claims of the kinds that compare branches.
    verdicts : pl.DataFrame
        `CLAIMS` of all branches.

    Returns
    -------
    pl.DataFrame
        `CLAIMS`, in the order of the claims.
    """
    rows = [
        _row(claim, variant, ALL, verdict_over(claim, verdicts, variant))
        for claim in claims
        for variant in verdicts["variant"].unique(maintain_order=True)
    ]
    return pl.DataFrame(rows, schema=dict(CLAIMS.columns))


def collect(
    claims: Sequence[Claim], stages: Mapping[str, str | None], verdicts: pl.DataFrame
) -> pl.DataFrame:
    """Verdicts on all claims, those about several null models included.

    Parameters
    ----------
    claims : sequence of Claim
        All claims.
    stages : Mapping
        Stage on which each claim rests, by its id; None for a claim about several null models.
    verdicts : pl.DataFrame
        `CLAIMS` of all branches.

    Returns
    -------
    pl.DataFrame
        `CLAIMS`, in the order of the claims, then of the branches.
    """
    several = judge_variants((claim for claim in claims if stages[claim["id"]] is None), verdicts)
    order = pl.DataFrame({"claim": [claim["id"] for claim in claims]}, schema={"claim": pl.String})
    judged = pl.concat([verdicts, several])
    return order.join(judged, on="claim", maintain_order="left_right").select(*CLAIMS.columns)


def basis(branch: Branch, variant: str, null: str, rule: str) -> pl.DataFrame:
    """What the archetypes of a branch rest on.

    Parameters
    ----------
    branch : Branch
        Results.
    variant, null : str
        Names of the branch.
    rule : str
        Which pairs are in the panel.

    Returns
    -------
    pl.DataFrame
        `BASIS`, one row for each channel.
    """
    compared = contradictions.compare(branch)
    sentences = pl.Series([[*compared.contradictions.values()]], dtype=BASIS.columns["contradictions"])
    preferred = branch.selection.filter(pl.col("preferred"))["k"].max()
    return branch.signal.select(
        pl.lit(variant).alias("variant"),
        pl.lit(null).alias("null"),
        "channel",
        "signal",
        "pairs",
        pl.lit(rule).alias("rule"),
        pl.col("trendless_in_all").alias("trendless"),
        pl.lit(preferred, dtype=BASIS.columns["preferred"]).alias("preferred"),
        pl.lit(compared.countries).alias("countries"),
        pl.lit(compared.same).alias("same_group"),
        pl.lit(sentences).first().alias("contradictions"),
    )


def _without_data(claim: Claim, branch: Branch) -> Verdict | None:
    """Verdict if the branch has no pair or no clusters and the claim rests on them; None otherwise."""
    stage = _module(claim["kind"]).STAGE
    if stage != "links" and not branch.signal["pairs"].sum():
        if reason := windows.too_short(*branch.period):
            return untestable(f"{reason[0].upper()}{reason[1:]}.")
        return untestable("No pair is in the panel; the log of the rule build_trajectories says why.")
    if stage == "clusters" and branch.members.is_empty():
        return untestable("The panel has too few pairs for the clusters.")
    return None


def _module(kind: str) -> Any:
    """Module of a kind of claims."""
    return importlib.import_module(f"poles.claims.kinds.{kind}")


def _row(claim: Claim, variant: str, null: str, verdict: Verdict) -> dict[str, Any]:
    """Row of `CLAIMS`."""
    names = {"claim": claim["id"], "statement": claim["statement"], "variant": variant, "null": null}
    return (
        ends.columns_of([])
        | names
        | {"verdict": verdict.verdict, "statistic": verdict.statistic, "why": verdict.why}
    )
