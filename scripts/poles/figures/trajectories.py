"""Figure: z of chosen pairs by year, against the range of all pairs and what growth alone makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style
from poles.nulls import gravity
from poles.nulls.scores import pair_means

COLUMNS = 4
"""Panels in a row."""


@style.styled
def trajectories(
    scores_by_layer: Mapping[str, pl.DataFrame], chosen: Sequence[tuple[str, str]], years: tuple[int, int]
) -> Figure:
    """Draw z by year for chosen pairs, one line per layer, and as it would be had no affinity changed.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` by layer; one layer is enough.
    chosen : sequence of (str, str)
        Pairs of country codes in any order; one panel each.
    years : tuple of int
        First and last year shown.

    Returns
    -------
    matplotlib.figure.Figure
        The z of a directed layer is the mean of both directions. A year without z leaves a gap. Dashed lines
        hold with constant affinities. The grey band spans 10-90 % of all pairs of the first layer, by year.
    """
    shown = pl.col("year").is_between(*years) & pl.col("z").is_finite()
    series = {layer: pair_means(scores).filter(shown) for layer, scores in scores_by_layer.items()}
    span = style.span(*years)
    if not chosen or all(frame.is_empty() for frame in series.values()):
        return style.empty("Chosen pairs by year", f"no pair chosen, or none with a z-score in {span}")
    still = {
        layer: pair_means(gravity.constant_affinity(scores, *years)).filter(shown)
        for layer, scores in scores_by_layer.items()
    }
    rows = -(-len(chosen) // COLUMNS)
    figure = style.canvas(
        f"Chosen pairs against what country sizes explain, {span}",
        "z by year. Dashed: what the growth of countries alone makes of it, had no affinity changed. "
        f"Grey band: 10–90 % of all pairs, {next(iter(series))}. Vertical scales differ.",
        width=11.0,
        height=1.1 + 1.9 * rows,
        colours={layer: style.LAYERS.get(layer, style.GREY) for layer in series},
    )
    grid = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
    band = _band(next(iter(series.values())))
    for axes, pair in zip(grid.flat, chosen, strict=False):
        axes.set_title(f"{style.name(pair[0], 18)} – {style.name(pair[1], 18)}", fontsize=9)
        axes.set_xlim(*years)
        if _lines(axes, series, pair, "", lw=1.8, marker=".", ms=4):
            _lines(axes, still, pair, ", unchanged", lw=1.0, ls=(0, (4, 2)))
            axes.axhline(0, color=style.GREY, lw=0.8)
            axes.fill_between(*band, color=style.LIGHT, lw=0)
        else:
            style.blank(axes, "no z-score")
    for axes in grid.flat[len(chosen) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("z")
    return figure


def _band(frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Years, and the 10 and 90 % quantiles of z over all pairs in each."""
    z = pl.col("z")
    ends = frame.group_by("year").agg(
        z.quantile(0.1, "linear").alias("low"), z.quantile(0.9, "linear").alias("high")
    )
    return tuple(ends.sort("year")[column].to_numpy() for column in ("year", "low", "high"))


def _lines(
    axes: Axes, series: Mapping[str, pl.DataFrame], pair: tuple[str, str], note: str, **form: Any
) -> int:
    """Draw one pair, a line per layer, and count the lines; years without z are gaps."""
    first, second = sorted(pair)
    drawn = 0
    for layer, frame in series.items():
        values = dict(
            frame.filter((pl.col("source") == first) & (pl.col("target") == second))
            .select("year", "z")
            .iter_rows()
        )
        if values:
            years = range(min(values), max(values) + 1)
            colour = style.LAYERS.get(layer, style.GREY)
            z = [values.get(year, np.nan) for year in years]
            axes.plot(years, z, color=colour, label=layer + note, **form)
            drawn += 1
    return drawn
