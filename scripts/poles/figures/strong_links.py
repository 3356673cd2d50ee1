"""Figure: the partners whose link with a pole is above expectation, and whether it is significant."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.nulls import scores
from poles.stats.false_discovery import LEVEL

MOST = {1: 25, 2: 15}
"""Number of partners drawn in each plot, by the number of rows of plots."""
NAME_WIDTH = 22
"""Number of characters of a partner's name."""


@style.styled
def plot_strong_links(
    scores_by_layer: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    years: tuple[int, int] = (2017, 2021),
    threshold: float = 2.0,
    intervals: pl.DataFrame | None = None,
) -> Figure:
    """Plot the links of each pole that are above expectation, layer by layer.

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
        `poles.nulls.tables.RECENT_INTERVALS` of the null model of the scores.

    Returns
    -------
    matplotlib.figure.Figure
        One plot per layer and pole, with partners ranked by mean z (`scores.recent_links`). Partners of
        several poles are black. Marks are hollow where a link is not significant, that is, where q is not
        below `LEVEL`. Bars are intervals.
    """
    links = scores.recent_links(scores_by_layer, *years) if scores_by_layer else pl.DataFrame()
    if intervals is not None and not intervals.is_empty():
        key = ["layer", "source", "target"]
        links = links.join(intervals.drop("null"), on=key, how="left", maintain_order="left")
    period = style.year_range(*years)
    if links.is_empty():
        return style.empty("Links above expectation", f"no pair has a z-score in {period}")
    partners_by_plot = {
        (layer, pole): scores.partners_of(pole, links.filter(pl.col("layer") == layer))
        for layer in scores_by_layer
        for pole in poles
    }
    columns = len(partners_by_plot) if len(partners_by_plot) <= 4 else len(poles)
    rows = len(partners_by_plot) // columns
    strong = {
        plot: partners.filter(pl.col("z") > threshold).sort("z", "country", descending=[True, False])
        for plot, partners in partners_by_plot.items()
    }
    most = MOST.get(rows, 10)
    drawn = max(5, min(most, max(map(len, strong.values()))))
    colours = dict(zip(poles, style.POLES, strict=False))
    legend = {f"{style.country_name(pole)} only": colour for pole, colour in colours.items()}
    counts = {plot: (len(ranked), int(_significant(ranked).sum())) for plot, ranked in strong.items()}
    figure = style.canvas(
        f"Links above expectation (mean z > {threshold:g}), {period}: {_verdict(list(counts.values()))}",
        f"Partners whose mean z exceeds {threshold:g}. Titles count all of them; at most the strongest "
        f"{most} are drawn. A hollow mark is not significant (q ≥ {LEVEL:g})."
        + bands.note(None if intervals is None else intervals["draws"].max(), "Bar"),
        width=max(8.0, 3.0 * columns),
        height=1.0 + rows * (1.35 + 0.19 * (drawn + len(poles))),
        colours=legend | ({"several poles": style.BRIDGE} if len(poles) > 1 else {}),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, ((layer, pole), partners) in zip(grid.flat, partners_by_plot.items(), strict=True):
        ranked = strong[layer, pole]
        of_others = [strong[layer, other]["country"] for other in poles if other != pole]
        shared = {country for countries in of_others for country in countries}
        other_poles = partners.filter(pl.col("country").is_in(list(poles)))
        _plot_partners(axes, ranked.head(most), other_poles, shared, colours.get(pole, style.GREY))
        above, significant = counts[layer, pole]
        axes.set_title(
            f"{style.country_name(pole, NAME_WIDTH)}\n{layer}\n{above} of {len(partners)} partners: "
            f"z > {threshold:g}\n{significant} of them: q < {LEVEL:g}"
        )
        axes.set_ylim(drawn + len(other_poles), -0.6)
    style.titles_above_labels(figure)
    return figure


def _significant(links: pl.DataFrame) -> pl.Series:
    """Whether each link is significant."""
    return (links["q"] < LEVEL).fill_null(False)


def _verdict(counts: list[tuple[int, int]]) -> str:
    """End of the title: how many links of the poles above expectation are significant."""
    above, significant = map(sum, zip(*counts, strict=True))
    number = "none" if not significant else "all" if significant == above else f"{significant} of {above}"
    return f"{number} significant (q\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}{LEVEL:g})"


def _plot_partners(
    axes: Axes, ranked: pl.DataFrame, other_poles: pl.DataFrame, shared: set[str], colour: str
) -> None:
    """Plot the partners of one pole in one layer, the strongest on top; below, its z with other poles."""
    z, places = ranked["z"].to_numpy(), np.arange(len(ranked))
    colours = [style.BRIDGE if country in shared else colour for country in ranked["country"]]
    faces = [edge if fill else "white" for edge, fill in zip(colours, _significant(ranked), strict=True)]
    axes.hlines(places, 0, z, color=colours, lw=1.6)
    ends = (
        ranked.select("z_low", "z_high").fill_null(np.nan).to_numpy() if "z_low" in ranked.columns else None
    )
    if ends is not None:
        axes.hlines(places, ends[:, 0], ends[:, 1], color=colours, lw=6, alpha=bands.OPACITY)
    axes.scatter(z, places, s=26, c=faces, edgecolors=colours, linewidths=1.4, zorder=3)
    foot = np.arange(len(other_poles)) + len(ranked) + 0.4
    for place, value in zip(foot, other_poles["z"], strict=True):
        number = f"{value:+.2f}".replace("-", "−")
        axes.text(
            0.02, place, f"z = {number}", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5
        )
    if len(other_poles):
        axes.axhline(len(ranked) - 0.35, color=style.LIGHT, lw=1)
    countries = [*ranked["country"], *other_poles["country"]]
    names = [style.country_name(country, NAME_WIDTH) for country in countries]
    axes.set_yticks(np.concatenate([places, foot]), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    furthest = [*z, *(() if ends is None else ends[np.isfinite(ends)])]
    axes.set_xlim(1.06 * min([0.0, *furthest]), 1.06 * max([1.0, *furthest]))
    axes.set_xlabel("mean z")
