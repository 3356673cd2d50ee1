"""Bands in figures: intervals of z and of plain indices around the lines of single pairs.

They come from a bootstrap over works (`poles.nulls.uncertainty`). A study without it has no bands.
"""

import numpy as np
import polars as pl
from matplotlib.axes import Axes

OPACITY = 0.25
KEY = ("source", "target", "year")


def of_layers(intervals: pl.DataFrame, null: str) -> dict[str, pl.DataFrame]:
    """Intervals of z of each pair, by layer.

    Parameters
    ----------
    intervals : pl.DataFrame
        `poles.nulls.tables.Z_INTERVALS`.
    null : str
        Null model of z.

    Returns
    -------
    dict
        source < target, year, low, high. Those of a directed layer are of the mean of both directions.
    """
    found = intervals.filter(
        pl.col("null") == null, pl.col("source") < pl.col("target"), pl.col("pair_low").is_not_null()
    )
    return {
        str(layer): frame.select(*KEY, low="pair_low", high="pair_high")
        for (layer,), frame in found.group_by("layer", maintain_order=True)
    }


def of_index(intervals: pl.DataFrame, index: str) -> pl.DataFrame:
    """Intervals of a plain index of each pair.

    Parameters
    ----------
    intervals : pl.DataFrame
        `poles.networks.tables.index_intervals`.
    index : str
        Name of the index.

    Returns
    -------
    pl.DataFrame
        source < target, year, low, high.
    """
    return intervals.select(*KEY, low=f"{index}_low", high=f"{index}_high").drop_nulls()


def note(draws: object, mark: str = "Band along a line") -> str:
    """Sentence of a subtitle that says what the bands are; empty if there are none.

    Parameters
    ----------
    draws : int or None
        Number of draws behind the intervals.
    mark : str
        What shows an interval.
    """
    return f" {mark}: 95 % interval, by a bootstrap over works ({draws} draws)." if draws else ""


def draw(
    axes: Axes,
    frame: pl.DataFrame | None,
    pair: tuple[str, str],
    colour: str,
    opacity: float = OPACITY,
) -> int:
    """Draw the band of a pair, with gaps in years without an interval.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    frame : pl.DataFrame, optional
        As `of_layers` and `of_index` give it, of the years that are shown; None draws nothing.
    pair : (str, str)
        Country codes in any order.
    colour : str
        Colour of the line.
    opacity : float
        Opacity of the band, less where many cover each other.

    Returns
    -------
    int
        Number of years with an interval.
    """
    if frame is None:
        return 0
    first, second = sorted(pair)
    rows = frame.filter(pl.col("source") == first, pl.col("target") == second)
    if rows.is_empty():
        return 0
    ends = {year: (low, high) for year, low, high in rows.select("year", "low", "high").iter_rows()}
    years = np.arange(min(ends), max(ends) + 1)
    low, high = np.array([ends.get(int(year), (np.nan, np.nan)) for year in years]).T
    # The edge shows a year between two without an interval, which has no area.
    axes.fill_between(years, low, high, color=colour, alpha=opacity, lw=0.6, zorder=1.5)
    return len(rows)
