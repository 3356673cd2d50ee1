"""Figure: the specification curve of every claim, its statistic and verdict in every branch of the study.

Simonsohn, Simmons and Nelson (2020, Nature Human Behaviour 4:1208) order branches by effect. Here all claims
share one order of the branches, so that one column is one branch throughout.
"""

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from poles.claims.verdicts import NOT_TESTABLE, VERDICTS
from poles.figures import style
from poles.figures.palette import VERDICTS as COLOURS

MARKS = dict(zip(VERDICTS, ("o", "X", "s", "d"), strict=True))
"""Mark of each verdict."""
ROW = 0.31
"""Height of a claim in inches."""
COLUMN = 0.27
"""Width of a branch in inches."""
STATEMENT, RANGE, ABOVE = 3.8, 1.15, 1.45
"""Room in inches for statements, for ranges of values, and for the names of null models."""
LINE = 70
"""Number of characters of a line of a statement."""
LINES = 2
"""Lines of a statement at most."""
REACH = 0.36
"""Half the height that the values of a claim fill, as a share of its row."""


@style.styled
def plot_specification(
    judged: pl.DataFrame, claims: Sequence[str], branches: Sequence[tuple[str, str]]
) -> Figure:
    """Plot the statistic and the verdict of every claim in every branch.

    Parameters
    ----------
    judged : pl.DataFrame
        `poles.claims.tables.CLAIMS`.
    claims : sequence of str
        Identifiers of the claims, from top to bottom.
    branches : sequence of (str, str)
        Variant and null model of each branch, from left to right.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each claim and a column for each branch. Every row has its own scale, from its lowest to its
        highest value. A claim about several null models has one value for each variant.
    """
    if judged.is_empty() or not claims:
        return style.empty("Claims in all branches", "the study judges no claim")
    places = _places(branches)
    rows = {claim: judged.filter(claim=claim).rows(named=True) for claim in claims}
    same = sum(len({row["verdict"] for row in of_claim}) == 1 for of_claim in rows.values())
    width = COLUMN * (max(places.values()) + 1.4)
    below = 0.3 + 0.075 * max((len(name) for name in _upright(places)), default=0)
    statements = {claim: _wrapped(of_claim[0]["statement"]) for claim, of_claim in rows.items()}
    present = set(judged["verdict"])
    figure = style.canvas(
        f"{style.count(len(claims), 'claim')} in {style.count(len(branches), 'branch')}: "
        f"{same} with one verdict throughout",
        "A column is a branch, a variant of the data under a null model. Height: the statistic of the claim, "
        "on a scale of its own from the least to the greatest value, which stand on the right. Dashed: zero. "
        "Bars: the statistic at both ends of the 95 % intervals of links; hollow if the verdict differs.",
        width=max(8.0, STATEMENT + width + RANGE),
        height=ROW * len(claims) + ABOVE + below,
        fixed=True,
        colours={name: COLOURS[name] for name in VERDICTS if name in present},
        marks=MARKS,
    )
    axes = style.axes_at(figure, STATEMENT, below, width, ROW * len(claims))
    drawn = [
        value
        for number, of_claim in enumerate(rows.values())
        for value in _values_of_claim(number, of_claim, places)
    ]
    _plot_values(axes, drawn)
    for number, of_claim in enumerate(rows.values()):
        low, high = _range(of_claim)
        text = "" if low is None else f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        axes.text(
            1.01, number, text.replace("-", "−"), transform=axes.get_yaxis_transform(), va="center",
            fontsize=7, color="#555555",
        )  # fmt: skip
    right = max(places.values()) + 0.7
    axes.set_xlim(-0.7, right)
    axes.set_ylim(len(claims) - 0.5, -0.5)
    axes.barh(range(1, len(claims), 2), right + 0.7, height=1, left=-0.7, color="#F4F4F4", lw=0, zorder=-2)
    axes.set_yticks(range(len(claims)), statements.values(), fontsize=7)
    axes.set_xticks(list(places.values()), [null for _, null in places], rotation=90, fontsize=7.5)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)
    axes.spines[:].set_visible(False)
    _name_variants(axes, places)
    return style.based_on(figure, style.count(len(judged), "verdict"))


class _Value(NamedTuple):
    """What is drawn of a verdict: its place, the place of zero, the ends of its bars, its verdict."""

    x: float
    y: float
    zero: float | None
    ends: tuple[float, float] | None
    wide: tuple[float, float] | None
    verdict: str
    differs: bool


def _places(branches: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Horizontal place of every branch, with a space between two variants."""
    places: dict[tuple[str, str], float] = {}
    for variant, null in branches:
        apart = bool(places) and variant != list(places)[-1][0]
        places[variant, null] = max(places.values(), default=-1.0) + 1 + 0.6 * apart
    return places


def _wrapped(statement: str) -> str:
    """Statement of a claim on a few lines, as it was written."""
    return style.literal(
        "\n".join(textwrap.wrap(statement, LINE, max_lines=LINES, placeholder=" …", break_on_hyphens=False))
    )


def _range(of_claim: Sequence[Mapping[str, Any]]) -> tuple[float | None, float | None]:
    """Least and greatest value of a claim over all branches, ends of intervals included."""
    values = [value for row in of_claim for value in _values(row)]
    return (min(values), max(values)) if values else (None, None)


def _values(row: Mapping[str, Any]) -> list[float]:
    """Statistic of a verdict, and its values at the ends of intervals; nothing without a statistic."""
    if row["verdict"] == NOT_TESTABLE:
        return []
    found = (row[name] for name in ("low", "statistic", "high"))
    return [value for value in found if value is not None and math.isfinite(value)]


def _values_of_claim(
    number: int, of_claim: Sequence[Mapping[str, Any]], places: Mapping[tuple[str, str], float]
) -> Iterator[_Value]:
    """Values of a claim at the height of its row; greater ones stand higher, a single one in the middle."""
    low, high = _range(of_claim)

    def height(value: float) -> float:
        if low is None or high is None or low == high:
            return number
        return number - REACH * (2 * (value - low) / (high - low) - 1)

    zero = height(0.0) if low is not None and high is not None and low < 0 < high else None
    for row in of_claim:
        of_variant = [x for (variant, _), x in places.items() if variant == row["variant"]]
        about_all = (row["variant"], row["null"]) not in places
        x = sum(of_variant) / len(of_variant) if about_all else places[row["variant"], row["null"]]
        values = _values(row)
        yield _Value(
            x,
            height(row["statistic"]) if values and row["statistic"] is not None else number,
            zero,
            (height(min(values)), height(max(values))) if len(values) > 1 else None,
            (min(of_variant) - 0.3, max(of_variant) + 0.3) if about_all else None,
            row["verdict"],
            any(row[end] not in (None, row["verdict"]) for end in ("verdict_low", "verdict_high")),
        )


def _plot_values(axes: Axes, values: Sequence[_Value]) -> None:
    """Plot marks, bars and lines of zero, a few artists for all of them."""
    zeros = sorted({value.zero for value in values if value.zero is not None})
    axes.hlines(zeros, -0.7, 1e4, color=style.GREY, lw=0.5, ls=(0, (4, 3)), zorder=-1)
    lines = [[(v.x, v.ends[0]), (v.x, v.ends[1])] for v in values if v.ends]
    colours = [COLOURS[v.verdict] for v in values if v.ends]
    lines += [[(v.wide[0], v.y), (v.wide[1], v.y)] for v in values if v.wide]
    colours += [style.LIGHT] * (len(lines) - len(colours))
    axes.add_collection(LineCollection(lines, colors=colours, lw=1.1, zorder=1))
    for verdict, differs in product(VERDICTS, (False, True)):
        chosen = [v for v in values if (v.verdict, v.differs) == (verdict, differs)]
        if chosen:
            axes.scatter(
                [v.x for v in chosen], [v.y for v in chosen], s=24, marker=MARKS[verdict], linewidths=1.1,
                edgecolors=COLOURS[verdict], facecolors="white" if differs else COLOURS[verdict], zorder=2,
                label=f"{verdict}{', but not at an end' if differs else ''}",
            )  # fmt: skip


def _upright(places: Mapping[tuple[str, str], float]) -> set[str]:
    """Variants whose name is wider than their columns, and so stands upright and covers no other."""
    columns = Counter(variant for variant, _ in places)
    return {variant for variant, number in columns.items() if 0.085 * len(variant) > COLUMN * (number + 0.5)}


def _name_variants(axes: Axes, places: Mapping[tuple[str, str], float]) -> None:
    """Write the names of the variants at the foot of their columns, and lines between them."""
    by_variant: dict[str, list[float]] = {}
    for (variant, _), x in places.items():
        by_variant.setdefault(variant, []).append(x)
    below = axes.get_ylim()[0]
    upright = _upright(places)
    for variant, columns in by_variant.items():
        axes.text(
            sum(columns) / len(columns), below + 0.1, style.literal(variant), ha="center", va="top",
            fontsize=8, fontweight="bold", rotation=90 if variant in upright else 0,
        )  # fmt: skip
        if columns[0] > 0:
            axes.axvline(columns[0] - 0.8, color=style.LIGHT, lw=1, zorder=-1)
