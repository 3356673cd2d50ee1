"""Figure: which countries are near which pole in the first and in the last years, and which have moved."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from poles.blocs.tables import BOTH, NEITHER, group_name
from poles.figures import style
from poles.figures.alignment import group_colours
from poles.nulls.scores import partners_of

TITLE = "Countries near the poles"
BAR = 0.09
"""Width of the bar of a period, as a share of the plot."""
GAP = 0.035
"""Space between two groups, as a share of the countries."""
LINE = 64
"""Number of characters of a line in the list of countries that have moved."""
NAME_WIDTH = 16
"""Number of characters of the name of a pole beside a bar."""
LISTED = 40
"""Number of countries that an entry of the list names at most, the largest."""
UNSTEADY = "~"
"""What stands before the name of a country that is in another group in some year of one of the periods."""


def sides(
    trajectories: pl.DataFrame, channels: Sequence[str], poles: Sequence[str], period: tuple[int, int]
) -> pl.DataFrame:
    """Find the poles that each country is near to in a period.

    A country is near a pole if its mean z with the pole, over the years and over the layers, is above zero.

    Parameters
    ----------
    trajectories : pl.DataFrame
        `poles.trajectories.tables.trajectories_table`.
    channels : sequence of str
        Channels of the trajectories. Layers have equal weights, and so have the channels of a layer.
    poles : sequence of str
        Country codes.
    period : tuple of int
        First and last year.

    Returns
    -------
    pl.DataFrame
        country, group (``only <pole>``, ``both``, ``neither``, or ``US+CN`` for some of three poles or more),
        steady (whether its group by each single year is the same). Countries are those, other than the poles,
        whose pairs with all poles are in the panel.
    """
    by_layer: dict[str, list[str]] = {}
    for name in channels:
        by_layer.setdefault(name.split("_")[0], []).append(f"z_{name}")
    z = pl.mean_horizontal(pl.mean_horizontal(names) for names in by_layer.values())
    inside = trajectories.filter(pl.col("year").is_between(*period)).select("source", "target", "year", z=z)
    with_poles = pl.concat(
        partners_of(pole, inside).select("country", "year", "z", pole=pl.lit(pole)) for pole in poles
    ).filter(~pl.col("country").is_in(list(poles)))
    groups = _groups(with_poles.group_by("country", "pole").agg(pl.col("z").sort().mean()), [], poles)
    steady = (
        _groups(with_poles, ["year"], poles)
        .join(groups.rename({"group": "of_period"}), on="country")
        .group_by("country")
        .agg((pl.col("group") == pl.col("of_period")).all().alias("steady"))
    )
    return groups.join(steady, on="country").sort("country")


def _groups(z: pl.DataFrame, by: list[str], poles: Sequence[str]) -> pl.DataFrame:
    """Group of each country that has z with every pole, for each value of some columns."""
    near = (
        z.group_by(*by, "country")
        .agg(pl.len().alias("poles"), pl.col("pole").filter(pl.col("z") > 0))
        .filter(poles=len(poles))
    )
    names = [group_name([pole for pole in poles if pole in row], poles) for row in near["pole"]]
    return near.select(*by, "country").with_columns(group=pl.Series(names, dtype=pl.String))


@style.styled
def plot_sides(
    trajectories: pl.DataFrame,
    channels: Sequence[str],
    poles: Sequence[str],
    sizes: Mapping[str, float],
    before: tuple[int, int],
    after: tuple[int, int],
) -> Figure:
    """Plot how many countries are near which pole in two periods, and which have changed their group.

    Parameters
    ----------
    trajectories : pl.DataFrame
        `poles.trajectories.tables.trajectories_table`.
    channels : sequence of str
        Channels of the trajectories.
    poles : sequence of str
        Country codes.
    sizes : Mapping
        Output by country, by which lists are ordered.
    before, after : tuple of int
        First and last year of each period.

    Returns
    -------
    matplotlib.figure.Figure
        A flow from the groups of the first period to those of the second, with the numbers of countries, and
        a list of those that have moved.
    """
    if not poles:
        return style.empty(TITLE, "the study has no pole")
    if before[1] >= after[0]:
        periods = f"{style.year_range(*before)} and {style.year_range(*after)}"
        return style.empty(TITLE, f"the two periods overlap, {periods}")
    first, last = (sides(trajectories, channels, poles, period) for period in (before, after))
    moves = first.join(last, on="country", suffix="_after").sort("country")
    if moves.is_empty():
        return style.empty(TITLE, "no country is in the panel with every pole in both periods")
    moved = moves.filter(pl.col("group") != pl.col("group_after"))
    order = _order(poles, {*moves["group"], *moves["group_after"]})
    lines = _list_moves(moved, order, sizes, poles)
    height = max(3.2, 0.09 * len(moves), 0.165 * len(lines) + 0.3)
    figure = style.canvas(
        f"{TITLE}: {len(moved)} of {style.count(len(moves), 'country')} changed sides from "
        f"{style.year_range(*before)} to {style.year_range(*after)}",
        "A country is near a pole if its mean z with it, over the years of the period and the layers, is "
        f"above zero. Hatched, and {UNSTEADY} before a name: in another group in some year of the period. "
        "Numbers count countries.",
        width=10.5,
        height=height,
        fixed=True,
    )
    flow, names = (
        style.axes_at(figure, 0.05, 0, 5.5, height),
        style.axes_at(figure, 5.7, 0, 4.7, height - 0.2),
    )
    _plot_flow(flow, moves, order, (before, after), poles)
    names.set_axis_off()
    names.text(0, 1, "\n".join(lines), transform=names.transAxes, va="top", fontsize=8.5, linespacing=1.25)
    return figure


def _order(poles: Sequence[str], present: set[str]) -> list[str]:
    """Groups from top to bottom: near the first pole, several, the other poles, none."""
    groups = list(group_colours(poles))
    several = [group for group in groups if group == BOTH or "+" in group]
    alone = [f"only {pole}" for pole in poles]
    order = [*alone[:1], *several, *alone[1:], NEITHER]
    return [group for group in order if group in present]


def _words(group: str, poles: Sequence[str], width: int | None = None) -> str:
    """Group in words, with names cut to a number of characters: United States only, both, none."""
    if group == NEITHER:
        return "none" if len(poles) > 1 else "not near"
    if group == BOTH:
        return "both" if len(poles) == 2 else "all"
    codes = group.removeprefix("only ").split("+")
    return " and ".join(style.country_name(code, width) for code in codes) + (
        " only" if len(poles) > 1 and len(codes) == 1 else ""
    )


def _list_moves(
    moved: pl.DataFrame, order: Sequence[str], sizes: Mapping[str, float], poles: Sequence[str]
) -> list[str]:
    """Lines that name the countries of each move, the largest first."""
    lines = []
    for group in order:
        for later in order:
            rows = moved.filter(group=group, group_after=later).rows(named=True)
            if not rows:
                continue
            rows.sort(key=lambda row: (-sizes.get(row["country"], 0.0), row["country"]))
            entries = [
                ("" if row["steady"] and row["steady_after"] else UNSTEADY)
                + style.country_name(row["country"]).replace(" ", "\N{NO-BREAK SPACE}")
                for row in rows[:LISTED]
            ]
            more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
            lines.append(f"{_words(group, poles)} → {_words(later, poles)} ({len(rows)}):")
            lines += textwrap.wrap(
                ", ".join(entries) + more, LINE, initial_indent="   ", subsequent_indent="   "
            )
    return lines or ["No country has changed its group."]


def _plot_flow(
    axes: Axes,
    moves: pl.DataFrame,
    order: Sequence[str],
    periods: tuple[tuple[int, int], tuple[int, int]],
    poles: Sequence[str],
) -> None:
    """Plot the groups of both periods as bars, and between them a band for each move."""
    gap = GAP * len(moves)
    colours = group_colours(poles)
    left, right = (
        _plot_bar(
            axes, x, place, moves.select(group=f"group{suffix}", steady=f"steady{suffix}"), order, poles
        )
        for x, place, suffix in ((0.0, "right", ""), (1 - BAR, "left", "_after"))
    )
    for x, period in zip((0.0, 1 - BAR), periods, strict=True):
        middle = x + BAR / 2
        axes.text(middle, -gap / 2, style.year_range(*period), ha="center", va="bottom", fontweight="bold")
    counts = {(a, b): n for a, b, n in moves.group_by("group", "group_after").len().iter_rows()}
    t = np.linspace(0, 1, 30)
    rise = (1 - np.cos(np.pi * t)) / 2
    for group in order:
        for later in order:
            number = counts.get((group, later), 0)
            if not number:
                continue
            start = left[group]
            upper = start + (right[later] - start) * rise
            axes.fill_between(
                BAR + t * (1 - 2 * BAR), upper, upper + number, color=colours.get(group, style.GREY), lw=0,
                alpha=0.25 if group == later else 0.6, label=f"{group} → {later}",
            )  # fmt: skip
            axes.text(
                BAR + 0.02, start + number / 2, str(number), va="center", fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4},
            )  # fmt: skip
            left[group] += number
            right[later] += number
    axes.set_xlim(-0.7, 1.7)
    axes.set_ylim(len(moves) + gap * (len(order) - 0.5), -2 * gap)
    axes.set_axis_off()


def _plot_bar(
    axes: Axes, x: float, place: str, groups: pl.DataFrame, order: Sequence[str], poles: Sequence[str]
) -> dict[str, float]:
    """Plot the groups of one period on top of each other; return where each begins."""
    colours = group_colours(poles)
    starts: dict[str, float] = {}
    top = 0.0
    for group in order:
        members = groups.filter(group=group)
        starts[group] = top
        steady = int(members["steady"].sum())
        for begin, number, hatch in ((top, steady, None), (top + steady, len(members) - steady, "/////")):
            colour = colours.get(group, style.GREY)
            axes.add_patch(
                Rectangle((x, begin), BAR, number, facecolor=colour, edgecolor="white", lw=0, hatch=hatch)
            )
        if len(members):
            name = _words(group, poles, NAME_WIDTH).replace(" and ", " and\n")
            axes.text(
                x - 0.02 if place == "right" else x + BAR + 0.02, top + len(members) / 2,
                f"{name}: {len(members)}", ha=place, va="center", fontsize=8,
            )  # fmt: skip
        top += len(members) + GAP * len(groups)
    return starts
