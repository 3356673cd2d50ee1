"""Figure: the link between two poles by year, under every null model."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.nulls.scores import pair_means

COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#CC79A7")
"""Colours by place in the list of null models (Okabe and Ito 2008)."""


@style.styled
def plot_nulls(
    scores: Mapping[str, Mapping[str, pl.DataFrame]],
    pair: tuple[str, str],
    years: tuple[int, int],
    intervals: Mapping[str, Mapping[str, pl.DataFrame]] | None = None,
    draws: int | None = None,
) -> Figure:
    """Plot z of one pair by year, with a line per null model and a plot per layer.

    Parameters
    ----------
    scores : Mapping
        Table `SCORES` by layer and null model.
    pair : (str, str)
        Country codes.
    years : tuple of int
        First and last year shown.
    intervals : Mapping, optional
        Intervals of z by null model and layer, see `poles.figures.bands.of_layers`.
    draws : int, optional
        Number of draws behind them.

    Returns
    -------
    matplotlib.figure.Figure
        The z of a directed layer is the mean of both directions. The scale is linear between -1 and 1 and
        logarithmic beyond, because null models differ by orders of magnitude.
    """
    title = f"{style.country_list(pair)} under each null model, {style.year_range(*years)}"
    lines = {
        layer: {null: _z_of_pair(frame, pair, years) for null, frame in by_null.items()}
        for layer, by_null in scores.items()
    }
    if not any(len(z) for by_null in lines.values() for z in by_null.values()):
        return style.empty(title, "the pair has no z-score in these years")
    null_models = list(dict.fromkeys(null for by_null in scores.values() for null in by_null))
    around = {
        null: {layer: frame.filter(pl.col("year").is_between(*years)) for layer, frame in by_layer.items()}
        for null, by_layer in (intervals or {}).items()
    }
    colours = {null: COLOURS[place % len(COLOURS)] for place, null in enumerate(null_models)}
    figure = style.canvas(
        title,
        "z by year; the scale is linear between −1 and 1 and logarithmic beyond. Above zero, the link is "
        "stronger than the activity of both countries explains; below zero, it is weaker."
        + bands.note(draws if any(around.values()) else None),
        width=10.0,
        height=4.6,
        colours=colours,
    )
    for axes, (layer, by_null) in zip(
        figure.subplots(1, len(lines), squeeze=False).flat, lines.items(), strict=True
    ):
        for place, (null, z) in enumerate(by_null.items()):
            # Every other line is dashed, because two models may give the same z.
            form = {"ls": "-" if place % 2 == 0 else (0, (4, 2)), "lw": 1.8, "marker": ".", "ms": 4}
            axes.plot(z["year"], z["z"], color=colours[null], label=null, **form)
            bands.draw(axes, around.get(null, {}).get(layer), pair, colours[null])
        axes.axhline(0, color=style.GREY, lw=0.8)
        axes.set_yscale("symlog", linthresh=1, linscale=1.2)
        style.round_numbers(axes.yaxis)
        style.years_on_x(axes, years)
        axes.set_title(layer)
        axes.set_ylabel("z")
        if not any(len(z) for z in by_null.values()):
            style.blank(axes, "no z-score")
    return figure


def _z_of_pair(scores: pl.DataFrame, pair: tuple[str, str], years: tuple[int, int]) -> pl.DataFrame:
    """Year and z of one pair; z is null in a year without z between two years with one."""
    first, second = sorted(pair)
    z = pair_means(scores).filter(
        (pl.col("source") == first) & (pl.col("target") == second) & pl.col("year").is_between(*years)
    )
    if z.is_empty():
        return pl.DataFrame({"year": [], "z": []}, schema={"year": pl.Int16, "z": pl.Float64})
    present = z["year"].to_list()
    all_years = pl.DataFrame({"year": np.arange(min(present), max(present) + 1, dtype=np.int16)})
    return all_years.join(z.select("year", "z"), on="year", how="left", maintain_order="left")
