"""Figure: what the trajectories of each cluster look like."""

import textwrap

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

BANDS = {("0.1", "0.9"): 0.18, ("0.25", "0.75"): 0.35}
"""Quantiles between which a band is drawn, and its opacity."""


@style.styled
def archetypes(trajectories: pl.DataFrame, clusters: pl.DataFrame) -> Figure:
    """Draw the preprocessed trajectories of each cluster by calendar year.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Columns source, target, year, and ``x_<channel>`` for each preprocessed channel.
    clusters : pl.DataFrame
        Columns source, target, cluster, archetype, distance (to the centroid).

    Returns
    -------
    matplotlib.figure.Figure
        A column per cluster, a row per channel: median, and bands of 50 and 80 % of the members. These are
        quantiles of each calendar year; a barycentre of dynamic time warping is no yearly mean.
    """
    channels = [column for column in trajectories.columns if column.startswith("x_")]
    members = trajectories.join(clusters, on=["source", "target"])
    if members.is_empty() or not channels:
        return style.empty("Archetypes of trajectories", "no pair of countries has been clustered")
    groups = clusters.select("cluster", "archetype").unique().rows()
    groups.sort(key=lambda group: (style.archetype_order(group[1]), group[0]))
    figure = style.canvas(
        f"How links between countries develop: {len(groups)} clusters of {len(clusters):,} pairs, "
        f"{style.span(members['year'].min(), members['year'].max())}",
        "Preprocessed z: median of the members in each year, bands of 50 and 80 % of them. "
        "Below: the pair nearest to the centroid.",
        width=min(max(8.0, 2.5 * len(groups)), 11.0),
        height=1.4 + 2.2 * len(channels),
    )
    grid = figure.subplots(len(channels), len(groups), sharex=True, sharey=True, squeeze=False)
    for column, (cluster, archetype) in zip(grid.T, groups, strict=True):
        inside = clusters.filter(pl.col("cluster") == cluster)
        noun = "pair" if len(inside) == 1 else "pairs"
        colour = style.ARCHETYPES.get(archetype, style.GREY)
        for axes, channel in zip(column, channels, strict=True):
            _panel(axes, quantiles(members.filter(pl.col("cluster") == cluster), channel), colour)
        column[0].set_title(
            _wrapped(f"{archetype}\n{len(inside):,} {noun}", len(groups)), color=colour, weight="bold"
        )
        column[-1].set_xlabel(_wrapped(_medoid(inside), len(groups)), fontsize=8.5)
    for axes, channel in zip(grid[:, 0], channels, strict=True):
        axes.set_ylabel(channel.removeprefix("x_").replace("_", " "))
    return figure


def quantiles(members: pl.DataFrame, channel: str) -> pl.DataFrame:
    """Quantiles 0.1, 0.25, 0.5, 0.75 and 0.9 of a channel by year, in columns so named."""
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    columns = [pl.col(channel).quantile(level, "linear").alias(str(level)) for level in levels]
    return members.filter(pl.col(channel).is_finite()).group_by("year").agg(columns).sort("year")


def _wrapped(text: str, columns: int) -> str:
    """Break lines that are too long for one of so many columns."""
    width = 120 // columns
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, width))


def _medoid(members: pl.DataFrame) -> str:
    """Name the pair with the least distance to the centroid."""
    source, target = members.sort("distance", "source", "target").row(0)[:2]
    return f"{style.name(source)} – {style.name(target)}"


def _panel(axes: Axes, frame: pl.DataFrame, colour: str) -> None:
    """Draw one channel of one cluster."""
    year = frame["year"].to_numpy()
    for (low, high), opacity in BANDS.items():
        axes.fill_between(
            year, frame[low].to_numpy(), frame[high].to_numpy(), color=colour, alpha=opacity, lw=0
        )
    axes.axhline(0, color=style.GREY, lw=0.8)
    axes.plot(year, frame["0.5"].to_numpy(), color=colour, lw=2.2)
