"""Figure: the trajectories of each cluster."""

import math
import textwrap

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style
from poles.trajectories.preprocessing import CLIP

BANDS = {("0.1", "0.9"): 0.18, ("0.25", "0.75"): 0.35}
"""Opacity of the band between two quantiles."""


@style.styled
def plot_archetypes(trajectories: pl.DataFrame, clusters: pl.DataFrame) -> Figure:
    """Plot the preprocessed trajectories of each cluster by calendar year.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Columns source, target, year, and ``x_<channel>`` for each preprocessed channel.
    clusters : pl.DataFrame
        Columns source, target, cluster, archetype, and distance to the centroid.

    Returns
    -------
    matplotlib.figure.Figure
        A column per cluster and a row per channel: the median of the members, and bands that hold 50 and
        80 % of them. These are quantiles of each calendar year, not the barycentre of dynamic time warping,
        which is no yearly mean.
    """
    channels = [column for column in trajectories.columns if column.startswith("x_")]
    members = trajectories.join(clusters, on=["source", "target"])
    if members.is_empty() or not channels:
        return style.empty("Archetypes of trajectories", "no pair of countries has been clustered")
    groups = clusters.select("cluster", "archetype").unique().rows()
    groups.sort(key=lambda group: (style.archetype_order(group[1]), group[0]))
    years = members["year"].to_list()
    limits = {channel: _limit(trajectories[channel].to_numpy()) for channel in channels}
    clipped = {limit for limit in limits.values() if limit is not None}
    figure = style.canvas(
        f"How links between countries develop: {len(groups)} clusters of {len(clusters):,} pairs, "
        f"{style.year_range(min(years), max(years))}",
        "Preprocessed z by year: median of the members, and bands that hold 50 and 80 % of them. "
        "Below: the pair nearest to the centroid."
        + (" Dotted: values are clipped here, so a line on it may stand for more." if clipped else ""),
        width=min(max(8.0, 2.5 * len(groups)), 11.0),
        height=1.4 + 2.2 * len(channels),
    )
    grid = figure.subplots(len(channels), len(groups), sharex=True, sharey=True, squeeze=False)
    for column, (cluster, archetype) in zip(grid.T, groups, strict=True):
        cluster_pairs = clusters.filter(pl.col("cluster") == cluster)
        noun = "pair" if len(cluster_pairs) == 1 else "pairs"
        colour = style.ARCHETYPES.get(archetype, style.GREY)
        for axes, channel in zip(column, channels, strict=True):
            _plot_channel(axes, quantiles(members.filter(pl.col("cluster") == cluster), channel), colour)
            style.years_on_x(axes, years)
            if limit := limits[channel]:
                axes.hlines([-limit, limit], *axes.get_xlim(), color=style.GREY, lw=1, ls=":")
        column[0].set_title(
            _wrapped(f"{archetype}\n{len(cluster_pairs):,} {noun}", len(groups)),
            color=colour,
            weight="bold",
        )
        column[-1].set_xlabel(_wrapped(_medoid(cluster_pairs), len(groups)), fontsize=8.5)
    for axes, channel in zip(grid[:, 0], channels, strict=True):
        note = "" if limits[channel] is None else f"\n(clipped at ±{limits[channel]:.3g})"
        axes.set_ylabel(channel.removeprefix("x_").replace("_", " ") + note)
    return figure


def quantiles(members: pl.DataFrame, channel: str) -> pl.DataFrame:
    """Quantiles of a channel by year, in columns named 0.1, 0.25, 0.5, 0.75 and 0.9."""
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    columns = [pl.col(channel).quantile(level, "linear").alias(str(level)) for level in levels]
    return members.filter(pl.col(channel).is_finite()).group_by("year").agg(columns).sort("year")


def _limit(values: np.ndarray) -> float | None:
    """Limit at which preprocessing clipped the values of a channel; None if it clipped none.

    Where citation has two channels, preprocessing divides each by the square root of 2.
    """
    largest = float(np.abs(values).max(initial=0))
    return largest if any(math.isclose(largest, CLIP * weight) for weight in (1, 2**-0.5)) else None


def _wrapped(text: str, columns: int) -> str:
    """Break lines that are too long for a figure with this number of columns."""
    width = 120 // columns
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, width))


def _medoid(members: pl.DataFrame) -> str:
    """Name the pair with the least distance to the centroid."""
    source, target = members.sort("distance", "source", "target").row(0)[:2]
    return f"{style.country_name(source)} – {style.country_name(target)}"


def _plot_channel(axes: Axes, by_year: pl.DataFrame, colour: str) -> None:
    """Plot the quantiles of one channel of one cluster."""
    year = by_year["year"].to_numpy()
    for (low, high), opacity in BANDS.items():
        axes.fill_between(
            year, by_year[low].to_numpy(), by_year[high].to_numpy(), color=colour, alpha=opacity, lw=0
        )
    axes.axhline(0, color=style.GREY, lw=0.8)
    axes.plot(year, by_year["0.5"].to_numpy(), color=colour, lw=2.2)
