"""Figure: what the selection of works keeps."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

COUNTRY_STEP = "with a country"
"""The step of the selection that drops works without a country."""


@style.styled
def losses(losses: pl.DataFrame) -> Figure:
    """Draw what is left after each step of the selection, by year.

    Parameters
    ----------
    losses : pl.DataFrame
        Table `tables.LOSSES`.

    Returns
    -------
    matplotlib.figure.Figure
        Works, references, and the share of works of the field that no country can be given to.
    """
    dated = losses.filter(pl.col("year").is_not_null())
    if dated.is_empty():
        return style.empty("What the selection keeps", "no works have been read")
    dated = _telling(dated)
    units = [unit for unit in ("works", "references") if unit in dated["unit"]]
    undated = losses.filter(pl.col("year").is_null()).sort("order")["left"]
    figure = style.canvas(
        "What the selection of works keeps, by year of publication",
        "Left after each step that drops any, with totals over the years. Works read that have no year: "
        f"{undated[0] if len(undated) else 0:,}.",
        width=11.0,
        height=3.8 + 0.18 * max(dated.filter(pl.col("unit") == unit)["order"].n_unique() for unit in units),
    )
    grid = figure.subplots(1, len(units) + 1, squeeze=False)[0]
    for axes, unit in zip(grid, units, strict=False):
        _steps(axes, dated.filter(pl.col("unit") == unit))
        axes.set_title(f"{unit} left", fontweight="bold")
    grid[-1].set_title("works of the field without a country", fontweight="bold")
    _without_country(grid[-1], dated.filter((pl.col("unit") == "works") & pl.col("left_core").is_not_null()))
    return figure


def _telling(losses: pl.DataFrame) -> pl.DataFrame:
    """Leave out steps that drop nothing, except the first and the last of a unit and that about countries."""
    totals = losses.group_by("unit", "order", "step").agg(pl.col("left").sum()).sort("unit", "order")
    drops = pl.col("left") != pl.col("left").shift().over("unit")
    ends = (pl.col("order") == pl.col("order").min().over("unit")) | (
        pl.col("order") == pl.col("order").max().over("unit")
    )
    kept = totals.filter(drops | ends | (pl.col("step") == COUNTRY_STEP))
    return losses.filter(pl.col("order").is_in(kept["order"].implode()))


def _steps(axes: Axes, frame: pl.DataFrame) -> None:
    """Draw a line per step, the darker the later."""
    steps = frame.select("order", "step").unique().sort("order").rows()
    for place, (order, step) in enumerate(steps):
        line = frame.filter(pl.col("order") == order).sort("year")
        shade = str(round(0.75 * (1 - place / max(1, len(steps) - 1)), 2))
        label = f"{step}: {line['left'].sum():,}"
        axes.plot(line["year"].to_numpy(), line["left"].to_numpy(), color=shade, lw=1.8, label=label)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), fontsize=8, handlelength=1.4, borderpad=0)
    style.thousands(axes)


def _without_country(axes: Axes, works: pl.DataFrame) -> None:
    """Draw the share that the step about countries drops of what the step before it left."""
    after = works.filter(pl.col("step") == COUNTRY_STEP)
    if after.is_empty():
        style.blank(axes, "not known: no step of the selection asks for a country")
        return
    before = works.filter(pl.col("order") < after["order"].min()).sort("year", "order")
    before = before.group_by("year", maintain_order=True).last()
    share = (
        after.join(before, on="year", suffix="_before").filter(pl.col("left_core_before") > 0).sort("year")
    )
    lost = 100 * (1 - share["left_core"] / share["left_core_before"])
    axes.plot(share["year"].to_numpy(), lost.to_numpy(), color=style.INK, lw=1.8, marker=".")
    axes.set_ylim(0, min(100, 1.2 * max(10, lost.max())))
    axes.set_ylabel("% of the works of the field")
