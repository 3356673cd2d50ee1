"""Figure: a map of the partners whose link with a pole is above expectation."""

from collections.abc import Mapping, Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import maps, shapes, style
from poles.nulls import scores
from poles.stats.false_discovery import LEVEL

MOST = 60
"""Number of links drawn as lines on each map, the strongest."""


@style.styled
def plot_map_links(
    scores_by_layer: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    years: tuple[int, int] = (2017, 2021),
    threshold: float = 2.0,
    intervals: pl.DataFrame | None = None,
) -> Figure:
    """Map the partners whose link with a pole is above expectation, and those links that are significant.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` of one or more layers.
    poles : sequence of str
        Country codes.
    years : tuple of int
        First and last year of the mean z.
    threshold : float
        Mean z above which a link is above expectation.
    intervals : pl.DataFrame, optional
        `poles.nulls.tables.RECENT_INTERVALS` of the null model of the scores. A link above expectation is
        hatched if its interval reaches the threshold or less.

    Returns
    -------
    matplotlib.figure.Figure
        One map per layer and pole, from the same links as `strong_links.plot_strong_links`. The strongest
        `MOST` significant links are lines.
    """
    links = scores.recent_links(scores_by_layer, *years) if scores_by_layer else pl.DataFrame()
    period = style.year_range(*years)
    if links.is_empty():
        return style.empty("Map of links above expectation", f"no pair has a z-score in {period}")
    known = intervals is not None and len(intervals) > 0
    if intervals is not None:
        links = links.join(
            intervals.select("layer", "source", "target", "z_low"),
            on=["layer", "source", "target"],
            how="left",
            maintain_order="left",
        )
    colours = dict(zip(poles, style.POLES, strict=False))
    legend: dict[str, str] = {}
    for pole, colour in colours.items():
        legend |= {
            f"{style.country_name(pole)}: significant": colour,
            "above only" + " " * len(legend): maps.tint(colour),
        }
    legend |= {"not above": maps.BELOW, maps.WITHOUT: maps.NO_DATA}
    figure = maps.canvas(
        f"Where the links above expectation lie (mean z > {threshold:g}), {period}",
        f"Dark: the link with the pole is above expectation and significant (q < {LEVEL:g}); lines show "
        f"at most the strongest {MOST} of them. Light in the colour of the pole: above expectation only."
        + (
            " Hatched: the 95 % interval of the mean z (bootstrap over works) reaches below." if known else ""
        ),
        rows=len(scores_by_layer),
        columns=len(poles),
        legend=legend,
        data=set(links["source"]) | set(links["target"]),
    )
    grid = figure.subplots(len(scores_by_layer), len(poles), squeeze=False)
    for row, layer in zip(grid, scores_by_layer, strict=True):
        for axes, pole in zip(row, poles, strict=True):
            partners = scores.partners_of(pole, links.filter(pl.col("layer") == layer))
            counts = _map_partners(axes, partners, pole, colours.get(pole, style.GREY), threshold)
            axes.set_title(f"{layer} with {style.country_name(pole)}\n{counts}")
    return figure


def _map_partners(axes: Axes, partners: pl.DataFrame, pole: str, colour: str, threshold: float) -> str:
    """Map the partners of one pole in one layer; return how many are above expectation."""
    above = partners.filter(pl.col("z") > threshold).sort("z", "country", descending=[True, False])
    significant = above.filter((pl.col("q") < LEVEL).fill_null(False))
    fills = dict.fromkeys(partners["country"], maps.BELOW)
    fills |= dict.fromkeys(above["country"], maps.tint(colour))
    fills |= dict.fromkeys(significant["country"], colour)
    reaching = above.filter(pl.col("z_low") <= threshold) if "z_low" in above.columns else above.clear()
    maps.draw(axes, fills | {pole: style.INK}, reaching["country"])
    strongest = significant.head(MOST)
    outlines = shapes.load()[0]
    for country, z in strongest.select("country", "z").iter_rows():
        if country in outlines and pole in outlines:
            for line in shapes.great_circle(outlines[pole].centre, outlines[country].centre):
                axes.plot(
                    *line.T, color=colour, lw=0.5 + 1.2 * z / strongest["z"].max(), alpha=0.75, zorder=4
                )
    return f"{len(above)} of {len(partners)} partners above, {len(significant)} of them significant"
