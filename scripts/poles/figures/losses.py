"""Figure: works and references that are left after each step of the selection."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import matplotlib
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from poles.figures import style

YEAR_STEP = "year in the study"
"""The step of the selection that drops works of other years."""
COUNTRY_STEP = "with a country"
"""The step that drops works without a country."""
COMPLETE_STEP = "with complete lists"
"""The step that counts works whose records hold what they state."""
FIELD_STEPS = "topic score", "most cited"
"""The steps at which a work can leave the field. The second drops nothing unless it is asked for."""
NAMES = {"in the field or citing a selected work": "citing a selected work"}
"""Other names of steps, because these drop only works outside the field."""
TITLE = "Works and references left after each step of the selection, by year of publication"


@style.styled
def plot_losses(losses: pl.DataFrame) -> Figure:
    """Plot what is left after each step of the selection, by year.

    Parameters
    ----------
    losses : pl.DataFrame
        Table `LOSSES`.

    Returns
    -------
    matplotlib.figure.Figure
        Records; works and references of the field; works and references outside the field that cite it; and
        the share of works without a known country.
    """
    studied = (
        losses.filter((pl.col("step") == YEAR_STEP) & (pl.col("left") > 0))["year"].drop_nulls().to_list()
    )
    if not studied:
        return style.empty(TITLE, "no works of the years of the study have been read")
    works = losses.filter(unit="works").group_by("order", "step").agg(pl.col("left").sum()).sort("order")
    if works["step"][-1] == COMPLETE_STEP and works["left"][-1] == works["left"][-2]:
        losses = losses.filter(pl.col("step") != COMPLETE_STEP)
    first, last = min(studied), max(studied)
    in_study = losses.filter(pl.col("year").is_between(first, last)).sort("order", "year")
    read = pl.col("left").filter(pl.col("order") == 0).sum()
    not_shown = losses.select(read).item() - in_study.select(read).item()
    steps = _steps_by_title(in_study)
    most = [max(frame["order"].n_unique() for _, frame in row) for row in (steps[:2], steps[2:])]
    figure = style.canvas(
        TITLE,
        "Colours from light to dark: what is left after each step that drops something. Numbers: totals over "
        f"the years, and the share that the step drops. Not shown: {not_shown:,} records of other years than "
        f"{style.year_range(first, last)}, or without a year.",
        width=11.0,
        height=5.9 + 0.17 * sum(most),
    )
    heights = [2.3 + 0.17 * number for number in most]
    grid = figure.subplots(2, 3, height_ratios=heights)
    for row, (left, right) in zip(grid, (steps[:2], steps[2:]), strict=True):
        for axes, (title, frame) in zip(row[1:], (left, right), strict=True):
            axes.set_title(title, fontweight="bold")
            _plot_steps(axes, frame)
    grid[0, 0].set_title("records and works, on a log scale", fontweight="bold")
    _plot_records(grid[0, 0], in_study.filter(pl.col("unit") == "works"))
    grid[1, 0].set_title("works without a country", fontweight="bold")
    _plot_without_country(grid[1, 0], in_study.filter(pl.col("unit") == "works"))
    for axes in grid.flat:
        style.years_on_x(axes, (first, last))
    records = style.count(in_study.select(read).item(), "record")
    return style.based_on(figure, f"{style.year_range(first, last)}, {records}")


def _steps_by_title(losses: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Title of each plot and its steps (year, order, step, number): two of works, two of references."""
    last_order = _last_exit(losses)
    core, other = pl.col("left_core"), pl.col("left") - pl.col("left_core")
    plots = {
        "works of the field": losses.filter(unit="works").with_columns(number=core),
        # A work that leaves the field counts among the others from the next step on.
        "works outside that cite it": losses.filter(
            (pl.col("unit") == "works") & (pl.col("order") >= last_order)
        ).with_columns(number=other),
        "references of the field": losses.filter(unit="references").with_columns(number=core),
        "references of works outside": losses.filter(unit="references").with_columns(number=other),
    }
    return [(title, _effective(frame.drop_nulls("number"))) for title, frame in plots.items()]


def _last_exit(losses: pl.DataFrame) -> int:
    """Order of the last step at which works left the field; of the first such step if none did."""
    works = losses.filter(unit="works").group_by("order", "step").agg(pl.col("left_core").sum()).sort("order")
    exits: list[int] = []
    for (_, _, before), (order, step, left) in pairwise(works.rows()):
        if step in FIELD_STEPS and (left < before or not exits):
            exits.append(order)
    return exits[-1]


def _effective(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps that drop something, and the first, the last and the one about countries."""
    totals = steps.group_by("order", "step").agg(pl.col("number").sum()).sort("order")
    drops = pl.col("number") != pl.col("number").shift()
    ends = pl.col("order").is_in([totals["order"].min(), totals["order"].max()])
    kept = totals.filter(drops | ends | (pl.col("step") == COUNTRY_STEP))
    return steps.filter(pl.col("order").is_in(kept["order"].implode()))


def step_colour(place: int, places: int) -> str:
    """Colour of a step, darker for later steps, which all kinds of colour vision can distinguish."""
    return to_hex(matplotlib.colormaps["viridis"](0.95 * (1 - place / max(1, places - 1))))


def _legend(axes: Axes) -> None:
    """Add a legend below the axes, one entry per line."""
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, -0.1), fontsize=8, handlelength=1.2, handleheight=0.9,
        borderpad=0, labelspacing=0.35,
    )  # fmt: skip


def _plot_steps(axes: Axes, frame: pl.DataFrame) -> None:
    """Plot what each step leaves as areas on top of each other: the visible part is lost at the next step."""
    if not frame["number"].sum():
        style.blank(axes, "none in the source")
        return
    steps = frame.select("order", "step").unique().sort("order").rows()
    before = 0
    for place, (order, step) in enumerate(steps):
        line = frame.filter(pl.col("order") == order).sort("year")
        total = int(line["number"].sum())
        first = not place and line["unit"][0] == "works" and step != FIELD_STEPS[-1]
        label = f"{'in the source' if first else NAMES.get(step, step)}: {total:,}"
        if place and total < before:
            lost = 100 * (1 - total / before)
            label += f" (−{lost:.1f} %)" if lost >= 0.05 else " (< 0.1 %)"
        edges = [line["year"][0] - 0.5, *(line["year"] + 0.5)]
        colour = step_colour(place, len(steps))
        axes.stairs(line["number"].to_numpy(), edges, fill=True, color=colour, label=label)
        before = total
    axes.set_ylim(bottom=0)
    _legend(axes)
    style.numbers(axes.yaxis)


def _plot_records(axes: Axes, works: pl.DataFrame) -> None:
    """Plot the number of records read, and the first and the last number of works."""
    orders = works["order"].unique().sort().to_list()
    first_of_works = works.filter(pl.col("left_core").is_not_null())["order"].min()
    chosen_orders = sorted({orders[0], first_of_works, orders[-1]})
    for place, order in enumerate(chosen_orders):
        line = works.filter(pl.col("order") == order).sort("year")
        label = f"{line['step'][0]}: {line['left'].sum():,}"
        line = line.filter(pl.col("left") > 0)
        colour = step_colour(place + 1, len(chosen_orders) + 1)
        axes.plot(
            line["year"].to_numpy(),
            line["left"].to_numpy(),
            color=colour,
            lw=1.8,
            marker=".",
            ms=3,
            label=label,
        )
    axes.set_yscale("log")
    style.round_numbers(axes.yaxis)
    _legend(axes)


def _percentage_lost(after: Iterable[int], before: Iterable[int]) -> list[float]:
    """Percentage lost between two steps; NaN where there was nothing to lose."""
    return [100 * (1 - a / b) if b else float("nan") for a, b in zip(after, before, strict=True)]


def _plot_without_country(axes: Axes, works: pl.DataFrame) -> None:
    """Plot the share of works that the step about countries drops."""
    works = works.with_columns(other=pl.col("left") - pl.col("left_core"))
    after = works.filter(pl.col("step") == COUNTRY_STEP)
    before = works.filter(pl.col("order") == after["order"][0] - 1)
    lines: dict[str, tuple[str, dict[str, Any]]] = {
        "left_core": ("of the field", {"color": style.INK, "marker": ".", "zorder": 3}),
        "other": ("outside that cite it", {"color": style.GREY, "marker": "."}),
    }
    top = 10.0
    for column, (name, form) in lines.items():
        if before[column].sum():
            by_year = _percentage_lost(after[column], before[column])
            (overall,) = _percentage_lost([int(after[column].sum())], [int(before[column].sum())])
            axes.plot(after["year"].to_numpy(), by_year, lw=1.8, label=f"{name}: {overall:.1f} %", **form)
            top = max(top, *(share for share in by_year if share == share))
    axes.set_ylim(0, min(100, 1.2 * top))
    axes.set_ylabel("% of the works")
    _legend(axes)
