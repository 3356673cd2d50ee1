"""The paper's claims, each judged by one rule on the results of one branch."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from poles import tables
from poles.alignment import UNKNOWN
from poles.layers import LAYERS
from poles.scores import significant_links

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
INCONCLUSIVE, NOT_TESTABLE = "inconclusive", "not testable"
MADE_UP = "The data are a made-up world: verdicts say whether the method works, nothing about real countries."
COLOURS = {REPRODUCED: "#007a56", CONTRADICTED: "#b34700", INCONCLUSIVE: "#555555", NOT_TESTABLE: "#888888"}
"""Colour of each verdict, in the order in which verdicts are counted."""


class Verdict(NamedTuple):
    """Outcome of one claim: the statistic behind it (None where there is none) and one sentence why."""

    verdict: str
    statistic: float | None
    why: str


class Branch(NamedTuple):
    """Results of one branch (variant, null model) that claims are judged on.

    Attributes
    ----------
    layers : sequence of str
        Layers of the study.
    poles : sequence of str
        Country codes of the poles.
    trends, alignment : pl.DataFrame
        See `poles.alignment.align`.
    significant : pl.DataFrame
        See `poles.scores.significant_links`.
    threshold : float
        Mean z above which a link is significant.
    """

    layers: Sequence[str]
    poles: Sequence[str]
    trends: pl.DataFrame
    alignment: pl.DataFrame
    significant: pl.DataFrame
    threshold: float


def read_branches(
    files: Any,
    branches: Sequence[str],
    layers: Sequence[str],
    poles: Sequence[str],
    significance: Mapping[str, float],
) -> dict[tuple[str, str], Branch]:
    """Read the results of every branch.

    Parameters
    ----------
    files : object
        Paths as attributes: ``trends`` and ``alignment`` (per branch), ``scores`` (per layer, too).
    branches : sequence of str
        Names "variant/null", in the order of the files.
    layers, poles : sequence of str
        Layers of the study, and its poles.
    significance : Mapping
        ``first`` and ``last`` of the recent years, and ``threshold``.

    Returns
    -------
    dict
        Branches by (variant, null model).
    """
    scores = {tuple(Path(path).parts[-4:]): path for path in files.scores}
    found = {}
    for name, trends, aligned in zip(branches, files.trends, files.alignment, strict=True):
        variant, null = name.split("/")
        frames = {
            layer: tables.read(scores[variant, layer, "scores", f"{null}.parquet"], tables.SCORES)
            for layer in layers
        }
        found[variant, null] = Branch(
            layers,
            poles,
            tables.read(trends, tables.TRENDS),
            tables.read(aligned, tables.alignment(poles)),
            significant_links(frames, significance["first"], significance["last"]),
            significance["threshold"],
        )
    return found


def _without(layer: str) -> Verdict:
    return Verdict(NOT_TESTABLE, None, f"The study has no {layer} layer.")


def judge_trend(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether the z-score of a pair with a pole rises or falls."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    pair = claim["pair"]
    rows = branch.trends.filter(
        pl.col("pole").is_in(pair)
        & pl.col("country").is_in(pair)
        & pl.col("channel").str.split("_").list.first().eq(claim["layer"])
    ).unique("channel", keep="first", maintain_order=True)
    if not len(rows):
        return Verdict(NOT_TESTABLE, None, f"{'-'.join(pair)} is not among the trajectories with a pole.")
    sign = 1 if claim["direction"] == "rises" else -1
    slopes = [sign * value for value in rows["slope"]]
    low = min(min(sign * row["slope_low"], sign * row["slope_high"]) for row in rows.iter_rows(named=True))
    high = max(max(sign * row["slope_low"], sign * row["slope_high"]) for row in rows.iter_rows(named=True))
    slope = sum(slopes) / len(slopes) * sign
    bounds = sorted((sign * low, sign * high))
    why = f"z changes by {slope:+.2f} a decade (95 % interval {bounds[0]:+.2f} to {bounds[1]:+.2f})."
    if low > 0:
        return Verdict(REPRODUCED, slope, why)
    return Verdict(CONTRADICTED if high < 0 else INCONCLUSIVE, slope, why)


def judge_group(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge which share of the named countries stands where the claim says."""
    if set(claim["poles"]) != set(branch.poles):
        return Verdict(NOT_TESTABLE, None, f"The study's poles are {', '.join(branch.poles)}.")
    if set(branch.layers) != set(LAYERS):
        return Verdict(
            NOT_TESTABLE, None, f"It needs both layers; the study has {', '.join(branch.layers)} only."
        )
    groups = dict(branch.alignment.select("country", "group").iter_rows())
    missing = [country for country in claim["countries"] if groups.get(country, UNKNOWN) == UNKNOWN]
    if missing:
        return Verdict(NOT_TESTABLE, None, f"Not in the panel with both poles: {', '.join(missing)}.")
    there = [country for country in claim["countries"] if groups[country] == claim["group"]]
    others = [f"{country} ({groups[country]})" for country in claim["countries"] if country not in there]
    share = len(there) / len(claim["countries"])
    why = f"{len(there)} of {len(claim['countries'])} in the group '{claim['group']}'"
    why += f"; elsewhere: {', '.join(others)}." if others else "."
    if share >= claim["share"]:
        return Verdict(REPRODUCED, share, why)
    return Verdict(CONTRADICTED if share < 1 - claim["share"] else INCONCLUSIVE, share, why)


def judge_significant(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge the number of countries with a significant tie to a pole."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    ties = branch.significant.filter(
        pl.col("layer").eq(claim["layer"])
        & (pl.col("source").eq(claim["pole"]) | pl.col("target").eq(claim["pole"]))
    )
    if not len(ties):
        return Verdict(NOT_TESTABLE, None, f"{claim['pole']} has no link in these years.")
    count = ties.filter(pl.col("z") > branch.threshold).height
    error = abs(count - claim["expected"]) / claim["expected"]
    why = f"{count} of {len(ties)} possible partners, against {claim['expected']} in the paper."
    if error <= claim["tolerance"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if error > 2 * claim["tolerance"] else INCONCLUSIVE, float(count), why)


JUDGES: Mapping[str, Callable[[Mapping[str, Any], Branch], Verdict]] = {
    "trend": judge_trend,
    "group": judge_group,
    "significant": judge_significant,
}


def judge(claims: Sequence[Mapping[str, Any]], branches: Mapping[tuple[str, str], Branch]) -> pl.DataFrame:
    """Judge every claim in every branch.

    Parameters
    ----------
    claims : sequence of Mapping
        Checked claims.
    branches : Mapping
        Results by (variant, null model).

    Returns
    -------
    pl.DataFrame
        `tables.CLAIMS`.
    """
    return pl.DataFrame(
        [
            {"claim": claim["id"], "statement": claim["statement"], "variant": variant, "null": null}
            | JUDGES[claim["kind"]](claim, branch)._asdict()
            for claim in claims
            for (variant, null), branch in branches.items()
        ],
        schema=dict(tables.CLAIMS.columns),
    )


def caveat(kind: str, subfields: Sequence[int] | None) -> str:
    """What a reader of the claims must know of the data first, by the kind of source and the field.

    Parameters
    ----------
    kind : str
        ``source.kind`` of the configuration.
    subfields : sequence of int or None
        ``field.subfields`` of the configuration.

    Returns
    -------
    str
        Empty where the data are works of the paper's field.
    """
    if kind == "demo":
        return MADE_UP
    if kind == "networks":
        return "The data are ready networks: whether they are of research on AI, the study does not know."
    return (
        ""
        if list(subfields or []) == [1702]
        else "The paper is about research on AI; these works are of another field."
    )


def page(claims: pl.DataFrame, note: str = "") -> str:
    """Claims as a Markdown page: each claim, its verdict in every branch, and one sentence why.

    Parameters
    ----------
    claims : pl.DataFrame
        `tables.CLAIMS`.
    note : str
        What a reader must know of the data first.
    """
    lines = ["# What the data say to the paper's claims", "", _overview(claims)]
    lines += ["", f"**{note}**"] if note else []
    for (_, statement), rows in claims.group_by("claim", "statement", maintain_order=True):
        lines += ["", f"## {statement}", "", "| data | null model | verdict | why |", "|---|---|---|---|"]
        lines += [
            f"| {row['variant']} | {row['null']} | **{row['verdict']}** | {row['why']} |"
            for row in rows.iter_rows(named=True)
        ]
    return "\n".join(lines)


def html_page(claims: pl.DataFrame, note: str = "") -> str:
    """The same as an HTML page that stands by itself, for the report."""
    rows = []
    for (_, statement), group in claims.group_by("claim", "statement", maintain_order=True):
        rows.append(f'<tr><th colspan="4">{escape(statement)}</th></tr>')
        for row in group.iter_rows(named=True):
            cells = "".join(f"<td>{escape(row[name])}</td>" for name in ("variant", "null"))
            colour = COLOURS[row["verdict"]]
            cells += f'<td style="color:{colour}"><b>{row["verdict"]}</b></td><td>{escape(row["why"])}</td>'
            rows.append(f"<tr>{cells}</tr>")
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em} th{text-align:left;padding-top:1em} "
        "td{padding:0 1em 0 0;vertical-align:top}"
    )
    title = "What the data say to the paper's claims"
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{title}</title><style>{style}</style>\n<h1>{title}</h1>\n<p>{_overview(claims)}</p>\n<p><b>{escape(note)}</b></p>\n<table>\n"
        + "\n".join(rows)
        + "\n</table></html>"
    )


def _overview(claims: pl.DataFrame) -> str:
    """One sentence: how many claims in how many branches, and how many of each verdict."""
    found = dict(claims.group_by("verdict").len().iter_rows())
    branches = claims.select("variant", "null").n_unique()
    return (
        f"{claims['claim'].n_unique()} claims in {branches} {'branch' if branches == 1 else 'branches'} "
        "(a choice about the data and a null model): "
        + ", ".join(f"{found[verdict]} {verdict}" for verdict in COLOURS if verdict in found)
        + "."
    )
