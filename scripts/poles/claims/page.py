"""The page of the claims, as Markdown and as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from poles.claims import ends, robustness, ties
from poles.claims.judging import ALL
from poles.claims.verdicts import VERDICTS, Claim
from poles.stats.trends import change_of_white_noise
from poles.study import embedding, windows

TITLE = "What the data say to the claims"
TITLE_OF_PAPER = "What the data say to the paper's claims"
ABOUT_BASIS = (
    "The panel holds {rules}. "
    "The signal of a pair is the change of its z over all years, divided by its yearly noise. "
    "The table shows the median of the pairs. White noise alone gives {white_noise:.1f} over {years} years. "
    "The archetypes are mostly chance if most pairs have no trend, or if no number of clusters is stable and "
    "stands out from data without archetypes."
)
ABOUT_CONTRADICTIONS = (
    "The group of a country follows from the archetypes of its pairs with the poles, and these from "
    "clusters. The own trends of a pair may be too unclear for the same group. If they clearly "
    "go the other way, they contradict the archetype. Claims on groups then "
    "count the country neither way."
)
ABOUT_SCANS = (
    "How many links of a pole are above expectation hangs on the threshold, on the null model, and on the "
    "countries that are counted. Each cell is the number of countries whose mean z with the pole in the "
    "recent years is above the threshold. A smaller set of countries leaves out partners; the null model is "
    "still fitted to all countries. Bold numbers are within the tolerance of the claim."
)
ABOUT_ENDS = (
    "Other works of the same kind would give other z. Claims that rest on z of links are judged again with z "
    "at the lower and at the upper ends of 95 % intervals, which come from a bootstrap over works. The "
    "column 'with other works' gives the statistic at both ends, and says whether the verdict is the same. "
    "{differ} of {all} such verdicts would be others at an end."
)
ABOUT_WARNINGS = (
    "The jobs that these verdicts rest on gave warnings. results/warnings.json has those of all jobs."
)
MADE_UP = (
    "The data are a made-up world. The verdicts show whether the method works; they say nothing about real "
    "countries."
)
NETWORKS = "The data are ready-made networks. The study does not know whether they are of research on AI."
OTHER_FIELD = "The paper is about research on AI, but these works are of another field."
PLACES = {
    "explorer.html": "look at any two countries, any country, a map and the claims",
    "claims.html": "every claim in every branch, and why",
    "figures.html": "every figure in every branch, with its caption, its data, and how to cite it",
    "methods.html": "what was done, as it was configured, with references",
    "report.html": "all figures with their captions; make study writes it, or snakemake --report",
    "tables/dictionary.md": "the tables as CSV, and what every column is",
    "run.json": "what was run, on what, with which versions, and how long it took",
    "ro-crate-metadata.json": "every file with the job that made it, for archives and programs",
    "README.md": "what every other file holds",
}
"""Where a reader may look, in the folder of the results, with what stands there."""
AI = 1702
"""Artificial Intelligence among the subfields of OpenAlex."""

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=lambda name: name is not None and name.endswith(".html.j2"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")


def caveat(kind: str, subfields: Sequence[int] | None, of_paper: bool) -> str:
    """What a reader must know of the data before reading the verdicts.

    Parameters
    ----------
    kind : str
        ``source.kind`` of the configuration.
    subfields : sequence of int or None
        ``field.subfields`` of the headline.
    of_paper : bool
        Whether the claims are those of the paper.

    Returns
    -------
    str
        Empty if the data are works of the field of the paper, or the claims are others.
    """
    if kind == "demo":
        return MADE_UP
    if kind == "networks":
        return NETWORKS
    return "" if not of_paper or list(subfields or []) == [AI] else OTHER_FIELD


def content(
    judged: pl.DataFrame,
    basis: pl.DataFrame,
    moved: pl.DataFrame,
    stages: Mapping[str, str | None],
    declared: Iterable[Claim],
    choices: Mapping[str, Mapping[str, Any]],
    homes: Mapping[str, Mapping[str, str]],
    scans: pl.DataFrame,
    period: tuple[int, int],
    data: Mapping[str, Any],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything that the page shows.

    Parameters
    ----------
    judged, basis, moved : pl.DataFrame
        `CLAIMS` in the order of the page, `BASIS` and `ROBUSTNESS`.
    stages : Mapping
        Stage on which each claim rests, by its id; None for a claim about several null models.
    declared : iterable of Claim
        All claims.
    choices : Mapping
        Choices of every branch by "variant/null", see `poles.study.branches.declared`; the first branch is
        the headline, with which the others are compared.
    homes : Mapping
        Where the results of every branch stand, see `poles.study.branches.homes`. A verdict on results that
        branches share is shown once.
    scans : pl.DataFrame
        `TIES`.
    period : (int, int)
        First and last year of the trajectories.
    data : Mapping
        Arguments of `caveat`.
    warnings : sequence of str
        Warnings of the jobs that the verdicts rest on.

    Returns
    -------
    dict
        Values for the templates.
    """
    branches = [(variant, null) for variant, null in (name.split("/") for name in choices)]
    kinds = {claim["id"]: claim["kind"] for claim in declared}
    claims = [
        _claim(rows, branches, stages[rows["claim"][0]], homes, kinds[rows["claim"][0]])
        for _, rows in judged.group_by("claim", maintain_order=True)
    ]
    statements = dict(judged.select("claim", "statement").iter_rows())
    choice_names = robustness.by_choice(moved)["choice"].to_list()
    return {
        "title": TITLE_OF_PAPER if data["of_paper"] else TITLE,
        "overview": _overview(len(claims), len(branches)),
        "verdicts": VERDICTS,
        "counts": _counts(claims, branches),
        "note": caveat(**data),
        "about_warnings": ABOUT_WARNINGS,
        "warnings": warnings,
        "about_basis": _about_basis(*period, basis["rule"].unique(maintain_order=True)),
        "about_contradictions": ABOUT_CONTRADICTIONS,
        "about_choices": _about_choices(moved),
        "about_ends": _about_ends(claims),
        "branches": [_name(*branch) for branch in branches],
        "claims": claims,
        "basis": [_basis(basis.filter(variant=branch[0], null=branch[1]), choices) for branch in branches],
        "choices": choice_names,
        "moved": _moved(moved, choice_names, statements),
        "about_scans": ABOUT_SCANS,
        "scans": _scans(scans, branches, homes, statements),
    }


def markdown(values: Mapping[str, Any]) -> str:
    """The page as Markdown; `values` as `content` returns them."""
    return _TEMPLATES.get_template("page.md.j2").render(values)


def html(values: Mapping[str, Any]) -> str:
    """The page as HTML that needs no other file; `values` as `content` returns them."""
    return _TEMPLATES.get_template("page.html.j2").render(values)


def write(values: Mapping[str, Any], files: Any, record: Mapping[str, Any]) -> None:
    """Write the page in both formats, with its provenance.

    Parameters
    ----------
    values : Mapping
        As `content` returns them.
    files : object
        Paths as attributes: ``page`` (Markdown) and ``html``.
    record : Mapping
        Provenance of the job.
    """
    embedding.write_text(markdown(values), files.page, record)
    embedding.write_text(html(values), files.html, record)


def _name(variant: str, null: str) -> str:
    return f"{variant}, {null}"


def _claim(
    rows: pl.DataFrame,
    branches: Sequence[tuple[str, str]],
    stage: str | None,
    homes: Mapping[str, Mapping[str, str]],
    kind: str,
) -> dict[str, Any]:
    """A claim with its verdicts; a verdict on several null models stands for every branch of its variant.

    Branches that share the results on which the claim rests have one row, and the verdicts of all but the
    first of them are marked as shared.
    """
    by_branch = {(row["variant"], row["null"]): row for row in rows.iter_rows(named=True)}
    shown: dict[str, dict[str, Any]] = {}
    cells = []
    for variant, null in branches:
        row = by_branch.get((variant, null)) or by_branch.get((variant, ALL))
        if row is None:
            cells.append({"verdict": "", "shared": False})
            continue
        home = f"{variant}/{ALL}" if stage is None else homes[f"{variant}/{null}"][stage]
        first = shown.setdefault(home, row | {"variants": []})
        cells.append({"verdict": row["verdict"], "shared": stage is not None and bool(first["variants"])})
        first["variants"] += [] if variant in first["variants"] else [variant]
    return {
        "id": rows["claim"][0],
        "statement": rows["statement"][0],
        "by_branch": cells,
        "rows": [
            row | {"variant": _shared(row["variants"]), "ends": ends.describe(row, kind)}
            for row in shown.values()
        ],
    }


def _shared(variants: Sequence[str]) -> str:
    """Variants of one row of results."""
    return variants[0] if len(variants) == 1 else f"{', '.join(variants)} (shared)"


def _counts(claims: Sequence[Mapping[str, Any]], branches: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """How many claims have each verdict in a branch, and how many of these it shares with an earlier one."""
    counts = []
    for place, branch in enumerate(branches):
        cells = [claim["by_branch"][place] for claim in claims]
        numbers = [sum(cell["verdict"] == verdict for cell in cells) for verdict in VERDICTS]
        shared = sum(cell["shared"] for cell in cells)
        counts.append({"branch": _name(*branch), "numbers": numbers, "shared": shared})
    return counts


def _basis(rows: pl.DataFrame, choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the archetypes of one branch rest on."""
    row = rows.row(0, named=True)
    first, own = next(iter(choices.values())), choices[f"{row['variant']}/{row['null']}"]
    signals = rows.drop_nulls("signal").select("channel", "signal").iter_rows()
    return row | {
        "branch": _name(row["variant"], row["null"]),
        "differs": ", ".join(f"{name} {value}" for name, value in own.items() if value != first[name]),
        "same_group": f"{row['same_group']} of {row['countries']}",
        "signal": ", ".join(f"{channel} {signal:.1f}" for channel, signal in signals),
    }


def _moved(
    moved: pl.DataFrame, choices: Sequence[str], statements: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Changed verdicts / comparisons of each compared claim, by choice."""
    compared = moved.filter(pl.col("comparisons") > 0)
    cells = {
        (row["claim"], row["choice"]): f"{row['changed']}/{row['comparisons']}"
        for row in compared.iter_rows(named=True)
    }
    return [
        {
            "claim": claim,
            "statement": statements[claim],
            "cells": [cells.get((claim, choice), "") for choice in choices],
        }
        for claim in compared["claim"].unique(maintain_order=True)
    ]


def _scans(
    scans: pl.DataFrame,
    branches: Sequence[tuple[str, str]],
    homes: Mapping[str, Mapping[str, str]],
    statements: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The scan of each claim on a number of ties, once for branches that share their links."""
    first: dict[str, tuple[str, str]] = {}
    sharers: dict[str, list[str]] = {}
    for variant, null in branches:
        home = homes[f"{variant}/{null}"]["links"]
        first.setdefault(home, (variant, null))
        sharers.setdefault(home, []).append(variant)
    tables = []
    for claim, statement in statements.items():
        of_claim = scans.filter(claim=claim)
        if of_claim.is_empty():
            continue
        cells = of_claim.sort("threshold").unique(["threshold"], keep="first", maintain_order=True)
        stated = of_claim.filter("stated")["threshold"].to_list()
        rows = [
            {
                "variant": _shared(sharers[home]),
                "null": null,
                "countries": ties.SETS[name],
                "linked": counts["linked"][0],
                "cells": list(counts.sort("threshold").select("partners", "about").iter_rows(named=True)),
            }
            for home, (variant, null) in first.items()
            for name in ties.SETS
            if len(counts := of_claim.filter(variant=variant, null=null, countries=name))
        ]
        heads = [f"z > {value:g}{' (stated)' if value in stated else ''}" for value in cells["threshold"]]
        tables.append({"statement": statement, "thresholds": heads, "rows": rows})
    return tables


def _overview(claims: int, branches: int) -> str:
    """Sentences that count claims and branches, and say how shared verdicts are marked."""
    text = (
        f"{claims} claims in {branches} {'branch' if branches == 1 else 'branches'} "
        "(a branch is a variant of the data and a null model)"
    )
    if branches == 1:
        return f"{text}."
    return (
        f"{text}. The first branch is the headline. A verdict in brackets rests on the same results as that "
        "of an earlier branch. It is no further evidence."
    )


def _about_basis(first: int, last: int, rules: Iterable[str]) -> str:
    """Sentences on the panel, on the signal, and on what noise alone gives."""
    if reason := windows.too_short(first, last):
        return f"There are no archetypes: {reason}."
    years = last - first + 1
    return ABOUT_BASIS.format(
        white_noise=change_of_white_noise(years), years=years, rules="; or else ".join(rules)
    )


def _about_ends(claims: Sequence[Mapping[str, Any]]) -> str:
    """Sentences on verdicts at the ends of intervals; empty if there are none."""
    rows = [row for claim in claims for row in claim["rows"] if row["ends"]]
    return ABOUT_ENDS.format(differ=sum(map(ends.differs, rows)), all=len(rows)) if rows else ""


def _about_choices(moved: pl.DataFrame) -> str:
    """Sentences on how often each choice changes a verdict."""
    parts = ", ".join(
        f"{row['choice']} {row['changed']} of {row['comparisons']}"
        for row in robustness.by_choice(moved).iter_rows(named=True)
    )
    return (
        "Two branches are compared if they differ in one choice alone and do not share the results. "
        "Changed verdicts, over all claims: "
        f"{parts}. The table shows changed verdicts / comparisons of each claim."
    )
