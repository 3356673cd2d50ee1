"""Figure: whether the countries take sides, year by year."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

TITLES = {
    "correlation": "correlation of z with the poles",
    "rank_correlation": "rank correlation of both",
    "pole_modularity": "modularity of the poles' camps",
    "modularity": "modularity of the best split",
}
"""Measures in their order, and what a panel calls them."""
COLOUR = "#AA4499"
LINES = ("-", "--", ":", "-.")
"""By place of the pair of poles."""


@style.styled
def polarization(by_year: pl.DataFrame, trends: pl.DataFrame) -> Figure:
    """Draw every measure of polarization by year, with what chance and unchanged affinities give.

    Parameters
    ----------
    by_year : pl.DataFrame
        `POLARIZATION`.
    trends : pl.DataFrame
        `POLARIZATION_TRENDS`.

    Returns
    -------
    matplotlib.figure.Figure
        A row per channel, a column per measure; the trends stand below the panels, with their intervals over
        countries.
    """
    if by_year.is_empty():
        return style.empty("Polarization by year", "no pair of countries is in the panel")
    channels = sorted(by_year["channel"].unique(), key=lambda channel: (channel != "collaboration", channel))
    measures = [name for name in TITLES if name in by_year["measure"]]
    figure = style.canvas(
        f"Whether countries take sides, {style.span(by_year['year'].min(), by_year['year'].max())}",
        "Coloured: observed, with its 95 % interval over countries; grey: what chance gives at the same "
        "strengths; dashed: with unchanged affinities. Falling correlation, rising modularity: polarization.",
        width=max(8.0, 2.9 * len(measures)),
        height=1.1 + 2.9 * len(channels),
    )
    grid = figure.subplots(len(channels), len(measures), sharex=True, squeeze=False)
    for axes, measure in zip(grid[0], measures, strict=True):
        axes.set_title(TITLES[measure], fontweight="bold")
    for row, channel in zip(grid, channels, strict=True):
        for axes, measure in zip(row, measures, strict=True):
            own = (pl.col("channel") == channel) & (pl.col("measure") == measure)
            if by_year.filter(own).is_empty():
                style.blank(axes, "needs two poles and three\ncountries in the panel")
                continue
            _panel(axes, by_year.filter(own), trends.filter(own))
        row[0].set_ylabel(channel.replace("_", " "))
    return figure


def _panel(axes: Axes, frame: pl.DataFrame, trends: pl.DataFrame) -> None:
    """Draw one measure of one channel; of several pairs of poles a line each."""
    axes.axhline(0, color=style.GREY, lw=0.8)
    words = []
    groups = frame.group_by("poles", maintain_order=True)
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
            words.append(f"poles in two camps in {apart.sum()} of {len(year)} years")
        (trend,) = trends.filter(poles=poles).iter_rows(named=True)
        named = f"{poles}: " if frame["poles"].n_unique() > 1 else ""
        words.append(f"{named}{trend['slope']:+.2f} a decade; beyond dashed {trend['excess_slope']:+.2f}")
        words.append(f"({trend['excess_low']:+.2f} to {trend['excess_high']:+.2f})")
    if frame["poles"].n_unique() > 1:
        axes.legend(loc="best", fontsize=7.5)
    axes.margins(x=0)
    axes.set_xlabel("\n".join(words).replace("-0", "−0"), fontsize=8)
