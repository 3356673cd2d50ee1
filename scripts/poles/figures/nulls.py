"""Figure: the link between two poles by year, under every null model."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from poles.figures import style
from poles.nulls.scores import pair_means

COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#CC79A7")
"""By place in the list of null models (Okabe and Ito 2008)."""


@style.styled
def nulls(
    scores: Mapping[str, Mapping[str, pl.DataFrame]], pair: tuple[str, str], years: tuple[int, int]
) -> Figure:
    """Draw z of one pair by year, a line per null model and a panel per layer.

    Parameters
    ----------
    scores : Mapping
        Table `SCORES` by layer and null model.
    pair : (str, str)
        Country codes.
    years : tuple of int
        First and last year shown.

    Returns
    -------
    matplotlib.figure.Figure
        The z of a directed layer is the mean of both directions. The scale is linear between -1 and 1 and
        logarithmic beyond, as null models differ by orders of magnitude.
    """
    title = f"{style.name(pair[0])} and {style.name(pair[1])} under each null model, {style.span(*years)}"
    lines = {
        layer: {null: _course(frame, pair, years) for null, frame in by_null.items()}
        for layer, by_null in scores.items()
    }
    if not any(len(course) for by_null in lines.values() for course in by_null.values()):
        return style.empty(title, "the pair has no z-score in these years")
    names = list(dict.fromkeys(null for by_null in scores.values() for null in by_null))
    colours = {null: COLOURS[place % len(COLOURS)] for place, null in enumerate(names)}
    figure = style.canvas(
        title,
        "z by year: linear between -1 and 1, logarithmic beyond. Above zero the link is stronger than the "
        "activity of both countries explains, below zero weaker.",
        width=10.0,
        height=4.6,
        colours=colours,
    )
    for axes, (layer, by_null) in zip(
        figure.subplots(1, len(lines), squeeze=False).flat, lines.items(), strict=True
    ):
        for place, (null, course) in enumerate(by_null.items()):
            # Every other line is dashed: two models may give the same z.
            form = {"ls": "-" if place % 2 == 0 else (0, (4, 2)), "lw": 1.8, "marker": ".", "ms": 4}
            axes.plot(course["year"], course["z"], color=colours[null], label=null, **form)
        axes.axhline(0, color=style.GREY, lw=0.8)
        axes.set_yscale("symlog", linthresh=1, linscale=1.2)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(*years)
        axes.set_title(layer)
        axes.set_ylabel("z")
        if not any(len(course) for course in by_null.values()):
            style.blank(axes, "no z-score")
    return figure


def _course(frame: pl.DataFrame, pair: tuple[str, str], years: tuple[int, int]) -> pl.DataFrame:
    """Year and z of one pair, with a gap where there is none."""
    first, second = sorted(pair)
    held = pair_means(frame).filter(
        (pl.col("source") == first) & (pl.col("target") == second) & pl.col("year").is_between(*years)
    )
    if held.is_empty():
        return pl.DataFrame({"year": [], "z": []}, schema={"year": pl.Int16, "z": pl.Float64})
    span = pl.DataFrame({"year": np.arange(held["year"].min(), held["year"].max() + 1, dtype=np.int16)})
    return span.join(held.select("year", "z"), on="year", how="left", maintain_order="left")
