"""The paper's claims, each judged by one rule in every branch, and the page that says so."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from poles.archetypes.tables import CLUSTERS, SELECTION, SIGNAL
from poles.blocs.tables import HUBS, POLARIZATION_TRENDS, POLES, TRENDS, alignment_table
from poles.claims.tables import CLAIMS
from poles.claims.verdicts import (
    CONTRADICTED,
    INCONCLUSIVE,
    JUDGES,
    NOT_TESTABLE,
    REPRODUCED,
    Branch,
    judge_robust,
)
from poles.networks import links
from poles.networks.tables import COUNTRIES
from poles.nulls.scores import significant_links
from poles.nulls.tables import SCORES
from poles.study import tables

MADE_UP = "The data are a made-up world: verdicts say whether the method works, nothing about real countries."
COLOURS = {REPRODUCED: "#007a56", CONTRADICTED: "#b34700", INCONCLUSIVE: "#555555", NOT_TESTABLE: "#888888"}
"""Colour of each verdict, in the order in which verdicts are counted."""
TITLE = "What the data say to the paper's claims"
ALL = "all"
"""What stands for the null model of a claim about several."""


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
        Paths as attributes, in the order of the branches: ``trends``, ``alignment``, ``clusters``,
        ``countries``, ``polarization``, ``hubs``, ``candidates``, ``selection``, ``signal``, and ``scores``
        (of each layer in turn).
    branches : sequence of str
        Names "variant/null".
    layers, poles : sequence of str
        Layers of the study, and its poles.
    significance : Mapping
        ``first`` and ``last`` of the recent years, and ``threshold``.

    Returns
    -------
    dict
        Branches by (variant, null model).
    """
    found = {}
    for place, name in enumerate(branches):
        variant, null = name.split("/")
        of_branch = files.scores[place * len(layers) : (place + 1) * len(layers)]
        scores = {layer: tables.read(path, SCORES) for layer, path in zip(layers, of_branch, strict=True)}
        members = tables.read(files.clusters[place], CLUSTERS)
        found[variant, null] = Branch(
            layers=layers,
            poles=poles,
            trends=tables.read(files.trends[place], TRENDS),
            alignment=tables.read(files.alignment[place], alignment_table(poles)),
            significant=significant_links(scores, significance["first"], significance["last"]),
            threshold=significance["threshold"],
            k=members["cluster"].n_unique(),
            members=members,
            sizes=links.sizes(tables.read(files.countries[place], COUNTRIES)),
            polarization=tables.read(files.polarization[place], POLARIZATION_TRENDS),
            hubs=tables.read(files.hubs[place], HUBS),
            candidates=tables.read(files.candidates[place], POLES),
            selection=tables.read(files.selection[place], SELECTION),
            signal=tables.read(files.signal[place], SIGNAL),
        )
    return found


def judge(claims: Sequence[Mapping[str, Any]], branches: Mapping[tuple[str, str], Branch]) -> pl.DataFrame:
    """Judge every claim in every branch; a claim about several null models once for each variant.

    Parameters
    ----------
    claims : sequence of Mapping
        Checked claims.
    branches : Mapping
        Results by (variant, null model).

    Returns
    -------
    pl.DataFrame
        `CLAIMS`, in the order of the claims.
    """

    def row(claim: Mapping[str, Any], variant: str, null: str, verdict: tuple) -> dict[str, Any]:
        named = {"claim": claim["id"], "statement": claim["statement"], "variant": variant, "null": null}
        return named | verdict._asdict()

    schema = dict(CLAIMS.columns)
    single = pl.DataFrame(
        [
            row(claim, variant, null, JUDGES[claim["kind"]](claim, branch))
            for claim in claims
            if claim["kind"] in JUDGES
            for (variant, null), branch in branches.items()
        ],
        schema=schema,
    )
    several = pl.DataFrame(
        [
            row(claim, variant, ALL, judge_robust(claim, single, variant))
            for claim in claims
            if claim["kind"] not in JUDGES
            for variant in dict.fromkeys(variant for variant, _ in branches)
        ],
        schema=schema,
    )
    order = pl.DataFrame({"claim": [claim["id"] for claim in claims]})
    return order.join(pl.concat([single, several]), on="claim", maintain_order="left_right").select(*schema)


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


def basis(branches: Mapping[tuple[str, str], Branch], choices: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: what the archetypes of each branch rest on.

    Parameters
    ----------
    branches : Mapping
        Results by (variant, null model).
    choices : Mapping
        Choices of each branch, see `poles.study.branches.declared`.

    Returns
    -------
    list of str
    """
    headline = next(iter(choices.values()))
    lines = [
        "## What the archetypes rest on",
        "",
        "Change over noise: what a pair's trend adds up to over all years, in units of its year-to-year "
        "noise, as the median of the pairs; white noise alone gives 0.5 over 22 years. Where most pairs have "
        "no trend, or no number of clusters is both stable and above data without archetypes, archetypes are "
        "mostly chance.",
        "",
        "| branch | differs from the first by | pairs | change over noise | pairs without any trend | "
        "clusters preferred |",
        "|---|---|---|---|---|---|",
    ]
    for (variant, null), branch in branches.items():
        known = branch.signal.drop_nulls("signal")
        over = ", ".join(
            f"{name} {value:.1f}" for name, value in known.select("channel", "signal").iter_rows()
        )
        preferred = branch.selection.filter(pl.col("preferred"))["k"].max()
        pairs, trendless = branch.signal.select("pairs", "trendless_in_all").row(0)
        own = choices[f"{variant}/{null}"]
        apart = ", ".join(f"{name} {value}" for name, value in own.items() if value != headline[name])
        lines.append(
            f"| {variant}, {null} | {apart} | {pairs} | {over} | {trendless} | {preferred or 'none'} |"
        )
    return lines


def page(claims: pl.DataFrame, note: str = "", more: Sequence[str] = ()) -> str:
    """Claims as a Markdown page: all verdicts at a glance, then each claim with one sentence why.

    Parameters
    ----------
    claims : pl.DataFrame
        `CLAIMS`.
    note : str
        What a reader must know of the data first.
    more : sequence of str
        Further lines, between the overview and the claims.
    """
    lines = [f"# {TITLE}", "", _overview(claims)]
    lines += ["", f"**{note}**"] if note else []
    columns, rows = _glance(claims)
    lines += [
        "",
        "## At a glance",
        "",
        f"| claim | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    lines += [f"| {claim} | {' | '.join(cells)} |" for claim, cells in rows]
    lines += ["", *more] if more else []
    for (claim, statement), judged in claims.group_by("claim", "statement", maintain_order=True):
        lines += ["", f"## {statement}", "", f"`{claim}`", ""]
        lines += ["| data | null model | verdict | why |", "|---|---|---|---|"]
        lines += [
            f"| {row['variant']} | {row['null']} | **{row['verdict']}** | {row['why']} |"
            for row in judged.iter_rows(named=True)
        ]
    return "\n".join(lines)


def html_page(claims: pl.DataFrame, note: str = "") -> str:
    """The same as an HTML page that stands by itself, for the report."""
    columns, glance = _glance(claims)
    head = "".join(f"<th>{escape(name)}</th>" for name in ("claim", *columns))
    overview = [f"<tr>{head}</tr>"]
    for claim, cells in glance:
        shown = "".join(f'<td style="color:{COLOURS.get(cell, "")}">{escape(cell)}</td>' for cell in cells)
        overview.append(f"<tr><td>{escape(claim)}</td>{shown}</tr>")
    rows = []
    for (_, statement), judged in claims.group_by("claim", "statement", maintain_order=True):
        rows.append(f'<tr><th colspan="4">{escape(statement)}</th></tr>')
        for row in judged.iter_rows(named=True):
            cells = "".join(f"<td>{escape(row[name])}</td>" for name in ("variant", "null"))
            colour = COLOURS[row["verdict"]]
            cells += f'<td style="color:{colour}"><b>{row["verdict"]}</b></td><td>{escape(row["why"])}</td>'
            rows.append(f"<tr>{cells}</tr>")
    style = (
        "body{font:16px/1.5 sans-serif;max-width:64em;margin:2em} th{text-align:left;padding-top:1em} "
        "td{padding:0 1em 0 0;vertical-align:top}"
    )
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{TITLE}</title>',
            f"<style>{style}</style>",
            f"<h1>{TITLE}</h1>\n<p>{_overview(claims)}</p>\n<p><b>{escape(note)}</b></p>",
            *("<table>", *overview, "</table>"),
            *("<table>", *rows, "</table></html>"),
        ]
    )


def _glance(claims: pl.DataFrame) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Names of the branches, and for each claim its verdicts in them; one about several stands in each."""
    single = claims.filter(pl.col("null") != ALL)
    branches = list(dict.fromkeys(single.select("variant", "null").iter_rows()))
    rows = []
    for (claim,), judged in claims.group_by("claim", maintain_order=True):
        found = {(row["variant"], row["null"]): row["verdict"] for row in judged.iter_rows(named=True)}
        rows.append((claim, [found.get((v, n), found.get((v, ALL), "")) for v, n in branches]))
    return [f"{variant}, {null}" for variant, null in branches], rows


def _overview(claims: pl.DataFrame) -> str:
    """One sentence: how many claims in how many branches, and how many of each verdict."""
    found = dict(claims.group_by("verdict").len().iter_rows())
    branches = claims.filter(pl.col("null") != ALL).select("variant", "null").n_unique()
    return (
        f"{claims['claim'].n_unique()} claims in {branches} {'branch' if branches == 1 else 'branches'} "
        "(a choice about the data and a null model): "
        + ", ".join(f"{found[verdict]} {verdict}" for verdict in COLOURS if verdict in found)
        + "."
    )
