"""Figure: measures of polarization by year."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

TITLES = {
    "correlation": "correlation of z with the poles",
    "rank_correlation": "rank correlation of the same",
    "pole_modularity": "modularity of the poles' camps",
    "modularity": "modularity of the best split",
}
"""Title of each measure, in the order in which they are drawn."""
COLOUR = "#AA4499"
LINES = ("-", "--", ":", "-.")
"""Line styles by place of the pair of poles."""


@style.styled
def plot_polarization(by_year: pl.DataFrame, trends: pl.DataFrame) -> Figure:
    """Plot every measure of polarization by year, beside chance and constant affinities.

    Parameters
    ----------
    by_year : pl.DataFrame
        `POLARIZATION`.
    trends : pl.DataFrame
        `POLARIZATION_TRENDS`.

    Returns
    -------
    matplotlib.figure.Figure
        A row per channel and a column per measure. Below each plot stand the slope and its excess with an
        interval.
    """
    if by_year.is_empty():
        return style.empty("Polarization by year", "no pair of countries is in the panel")
    channels = sorted(by_year["channel"].unique(), key=lambda channel: (channel != "collaboration", channel))
    measures = [name for name in TITLES if name in by_year["measure"]]
    years = by_year["year"].to_list()
    figure = style.canvas(
        f"Polarization by year, {style.year_range(min(years), max(years))}",
        "Coloured: observed, with its 95 % interval over countries. Grey: by chance, at the same strengths. "
        "Dashed: with constant affinities. Polarization is a falling correlation or a rising modularity.",
        width=max(8.0, 2.9 * len(measures)),
        height=1.1 + 2.9 * len(channels),
    )
    grid = figure.subplots(len(channels), len(measures), sharex=True, squeeze=False)
    for axes, measure in zip(grid[0], measures, strict=True):
        axes.set_title(TITLES[measure], fontweight="bold")
    for row, channel in zip(grid, channels, strict=True):
        for axes, measure in zip(row, measures, strict=True):
            selected = (pl.col("channel") == channel) & (pl.col("measure") == measure)
            if by_year.filter(selected).is_empty():
                style.blank(axes, "needs two poles and three\ncountries in the panel")
                continue
            _plot_measure(axes, by_year.filter(selected), trends.filter(selected))
        row[0].set_ylabel(channel.replace("_", " "))
    return figure


def _plot_measure(axes: Axes, by_year: pl.DataFrame, trends: pl.DataFrame) -> None:
    """Plot one measure of one channel, with a line for each pair of poles."""
    axes.axhline(0, color=style.GREY, lw=0.8)
    notes = []
    several = by_year["poles"].n_unique() > 1
    groups = by_year.group_by("poles", maintain_order=True)
    for number, ((poles,), rows) in enumerate(groups):
        rows = rows.sort("year")
        year, value = rows["year"].to_numpy(), rows["value"].to_numpy()
        if number == 0:
            axes.fill_between(year, rows["chance_low"], rows["chance_high"], color=style.LIGHT, lw=0)
            axes.plot(year, rows["chance"], color=style.GREY, lw=1)
            axes.fill_between(year, rows["low"], rows["high"], color=COLOUR, alpha=0.25, lw=0)
            axes.plot(year, rows["constant_affinity"], color=style.INK, lw=1, ls=(0, (4, 2)))
        axes.plot(year, value, color=COLOUR, lw=2, ls=LINES[number % len(LINES)], label=poles)
        apart = rows["apart"].fill_null(False).to_numpy()
        if apart.any():
            axes.scatter(year[apart], value[apart], s=18, color=COLOUR, zorder=3)
        if rows["apart"].is_not_null().any():
            notes.append(f"poles in different camps: {apart.sum()} of {len(year)} years")
        (trend,) = trends.filter(poles=poles).iter_rows(named=True)
        label = f"{poles}: " if several else ""
        notes.append(f"{label}{trend['slope']:+.2f} per decade; beyond dashed {trend['excess_slope']:+.2f}")
        notes.append(f"({trend['excess_low']:+.2f} to {trend['excess_high']:+.2f})")
    if several:
        axes.legend(loc="best", fontsize=7.5)
    style.years_on_x(axes, by_year["year"])
    axes.set_xlabel("\n".join(notes).replace("-0", "−0"), fontsize=8)
