"""Figure: z of the largest countries with every pole by year, one plot for each country."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.nulls.scores import pair_means

COLUMNS = 4
"""Number of plots in a row."""
PLOT = 1.6
"""Height of a plot with its title and its years, in inches."""
LINES: dict[str, Any] = {"collaboration": "-", "citation": (0, (3.5, 1.5))}
"""Line style of each layer. The colour says the pole."""
OPACITY = 0.15
"""Opacity of the bands of two layers with every pole, which may cover each other."""


@style.styled
def plot_partners(
    scores_by_layer: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    sizes: Mapping[str, float],
    years: tuple[int, int],
    most: int,
    intervals: Mapping[str, pl.DataFrame] | None = None,
    draws: int | None = None,
) -> Figure:
    """Plot z by year of the largest countries with every pole, with a line per pole and layer.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` of one or more layers.
    poles : sequence of str
        Country codes.
    sizes : Mapping
        Output by country, see `poles.networks.country_table.country_sizes`.
    years : tuple of int
        First and last year shown.
    most : int
        Number of countries, the largest. The poles are not among them.
    intervals : Mapping, optional
        Intervals of z by layer, see `poles.figures.bands.of_layers`.
    draws : int, optional
        Number of draws behind them.

    Returns
    -------
    matplotlib.figure.Figure
        The z of a directed layer is the mean of both directions. A year without z leaves a gap. Bands in the
        colour of a pole are intervals.
    """
    shown = pl.col("year").is_between(*years) & pl.col("z").is_finite()
    of_poles = pl.col("source").is_in(list(poles)) | pl.col("target").is_in(list(poles))
    series = {
        layer: _by_pair(pair_means(scores.filter(of_poles)).filter(shown))
        for layer, scores in scores_by_layer.items()
    }
    around = {
        layer: frame.filter(of_poles, pl.col("year").is_between(*years))
        for layer, frame in (intervals or {}).items()
    }
    linked = {country for pairs in series.values() for pair in pairs for country in pair} - set(poles)
    countries = sorted(linked, key=lambda country: (-sizes.get(country, 0.0), country))[:most]
    period = style.year_range(*years)
    if not countries:
        return style.empty("Largest countries with the poles", f"no link with a pole has a z in {period}")
    colours = dict(zip(poles, style.POLES, strict=False))
    rows = -(-len(countries) // COLUMNS)
    layers = "; ".join(
        f"{'solid' if LINES.get(layer, '-') == '-' else 'dashed'}: {layer}" for layer in series
    )
    figure = style.canvas(
        f"The {style.count(len(countries), 'largest country')} with {style.country_list(poles)}, {period}"
        if len(countries) > 1
        else f"{style.country_name(countries[0])} with {style.country_list(poles)}, {period}",
        f"z by year, {layers}. Above zero, the link is stronger than the activity of both countries "
        f"explains. The largest output comes first; {style.count(len(linked) - len(countries), 'country')} "
        "with smaller output not shown. Vertical scales differ." + bands.note(draws if around else None),
        width=11.0,
        height=PLOT * rows + 0.05,
        fixed=True,
        colours={style.country_name(pole): colours.get(pole, style.GREY) for pole in poles},
    )
    plots = [
        style.axes_at(
            figure, 0.58 + 2.64 * (number % COLUMNS), PLOT * (rows - 1 - number // COLUMNS) + 0.3, 2.25, 1.2
        )
        for number in range(len(countries))
    ]
    for axes, country in zip(plots, countries, strict=True):
        axes.set_title(style.country_name(country, 28), fontsize=9, pad=3)
        axes.axhline(0, color=style.GREY, lw=0.8)
        for pole in poles:
            _plot_pair(axes, series, around, (pole, country), colours.get(pole, style.GREY))
        style.years_on_x(axes, years)
    for axes in plots[:-COLUMNS]:
        axes.tick_params(labelbottom=False)
    return figure


def _by_pair(means: pl.DataFrame) -> dict[tuple[str, str], dict[int, float]]:
    """Z of each pair by year."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for source, target, year, z in means.select("source", "target", "year", "z").iter_rows():
        found.setdefault((source, target), {})[year] = z
    return found


def _plot_pair(
    axes: Axes,
    series: Mapping[str, Mapping[tuple[str, str], Mapping[int, float]]],
    around: Mapping[str, pl.DataFrame],
    pair: tuple[str, str],
    colour: str,
) -> None:
    """Plot a pair of a pole and a country in every layer, with gaps in years without z."""
    first, second = sorted(pair)
    for layer, by_pair in series.items():
        values = by_pair.get((first, second))
        if not values:
            continue
        years = range(min(values), max(values) + 1)
        z = [values.get(year, np.nan) for year in years]
        marker = "." if len(years) == 1 else None
        label = f"{layer} with {pair[0]}"
        axes.plot(years, z, color=colour, ls=LINES.get(layer, "-"), lw=1.6, marker=marker, label=label)
        bands.draw(axes, around.get(layer), pair, colour, OPACITY)
