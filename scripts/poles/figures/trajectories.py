"""Figure: z of chosen pairs by year, beside the range of all pairs and z under constant affinities."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.nulls import gravity
from poles.nulls.scores import pair_means, partners_of

COLUMNS = 4
"""Number of plots in a row."""
MOST = 12
"""Number of pairs drawn if the configuration names none."""


@style.styled
def plot_trajectories(
    scores_by_layer: Mapping[str, pl.DataFrame],
    pairs: Sequence[tuple[str, str]],
    years: tuple[int, int],
    intervals: Mapping[str, pl.DataFrame] | None = None,
    draws: int | None = None,
) -> Figure:
    """Plot z by year for chosen pairs, with a line per layer, and z under constant affinities.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` of one or more layers.
    pairs : sequence of (str, str)
        Pairs of country codes in any order, with a plot for each. See `largest_pairs`.
    years : tuple of int
        First and last year shown.
    intervals : Mapping, optional
        Intervals of z by layer, see `poles.figures.bands.of_layers`.
    draws : int, optional
        Number of draws behind them.

    Returns
    -------
    matplotlib.figure.Figure
        The z of a directed layer is the mean of both directions. A year without z leaves a gap. Dashed lines
        are z under constant affinities. The grey band holds 10 to 90 % of all pairs of the first layer.
        Bands in the colour of a layer are intervals.
    """
    shown = pl.col("year").is_between(*years) & pl.col("z").is_finite()
    series = {layer: pair_means(scores).filter(shown) for layer, scores in scores_by_layer.items()}
    around = {
        layer: frame.filter(pl.col("year").is_between(*years)) for layer, frame in (intervals or {}).items()
    }
    period = style.year_range(*years)
    if not pairs or all(frame.is_empty() for frame in series.values()):
        return style.empty("Chosen pairs by year", f"no pair chosen, or none with a z-score in {period}")
    constant_affinity = {
        layer: pair_means(gravity.constant_affinity(scores, *years)).filter(shown)
        for layer, scores in scores_by_layer.items()
    }
    rows = -(-len(pairs) // COLUMNS)
    figure = style.canvas(
        f"Links of chosen pairs compared with what country sizes explain, {period}",
        "z by year. Dashed: z under constant affinities, which only the growth of countries moves. "
        f"Grey band: 10–90 % of all pairs, {next(iter(series))}. Vertical scales differ."
        + bands.note(draws if around else None),
        width=11.0,
        height=1.1 + 1.9 * rows,
        colours={layer: style.LAYERS.get(layer, style.GREY) for layer in series},
    )
    grid = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
    band = _band(next(iter(series.values())))
    for axes, pair in zip(grid.flat, pairs, strict=False):
        axes.set_title(" – ".join(style.country_name(code, 18) for code in pair), fontsize=9)
        style.years_on_x(axes, years)
        if _plot_pair(axes, series, pair, "", lw=1.8, marker=".", ms=4):
            _plot_pair(axes, constant_affinity, pair, ", constant affinity", lw=1.0, ls=(0, (4, 2)))
            axes.axhline(0, color=style.GREY, lw=0.8)
            # Bands of collaboration are grey, too, and must stand out from that of all pairs.
            axes.fill_between(*band, color=style.LIGHT, lw=0, alpha=0.5 if around else 1)
            for layer in series:
                bands.draw(axes, around.get(layer), pair, style.LAYERS.get(layer, style.GREY))
        else:
            style.blank(axes, "no z-score")
    for axes in grid.flat[len(pairs) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(0, len(pairs) - COLUMNS) : len(pairs)]:
        axes.tick_params(labelbottom=True)  # the lowest plot of a column may not be in the last row
    for axes in grid[:, 0]:
        axes.set_ylabel("z")
    return figure


def largest_pairs(
    scores: pl.DataFrame, poles: Sequence[str], years: tuple[int, int]
) -> list[tuple[str, str]]:
    """Choose the pairs of the poles with each other, and those of each pole with its largest partners.

    Parameters
    ----------
    scores : pl.DataFrame
        Table `SCORES` of one layer.
    poles : sequence of str
        Country codes.
    years : tuple of int
        First and last year of the observed weights that are added up.

    Returns
    -------
    list of (str, str)
        At most `MOST` pairs. The first poles have one partner more if the number does not divide evenly.
    """
    weights = scores.filter(pl.col("year").is_between(*years) & (pl.col("observed") > 0))
    between_poles = list(combinations(poles, 2))
    partners = {
        pole: partners_of(pole, weights)
        .filter(~pl.col("country").is_in(list(poles)))
        .group_by("country")
        .agg(pl.col("observed").sum())
        .sort("observed", "country", descending=[True, False])["country"]
        for pole in poles
    }
    each, more = divmod(max(0, MOST - len(between_poles)), len(poles))
    with_partners = [
        (pole, partner)
        for place, pole in enumerate(poles)
        for partner in partners[pole].head(each + (place < more))
    ]
    return between_poles[:MOST] + with_partners


def _band(frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Years, and the 10 and 90 % quantiles of z over all pairs in each year."""
    z = pl.col("z")
    quantiles = frame.group_by("year").agg(
        z.quantile(0.1, "linear").alias("low"), z.quantile(0.9, "linear").alias("high")
    )
    years, low, high = (quantiles.sort("year")[column].to_numpy() for column in ("year", "low", "high"))
    return years, low, high


def _plot_pair(
    axes: Axes, series: Mapping[str, pl.DataFrame], pair: tuple[str, str], note: str, **form: Any
) -> int:
    """Plot one pair with a line per layer, with gaps in years without z; return the number of lines."""
    first, second = sorted(pair)
    lines = 0
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
            lines += 1
    return lines
