"""Figure: with whom each pole is linked more than its size explains."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style
from poles.nulls import scores

MOST = {1: 25, 2: 15}
"""Partners drawn per panel, by rows of panels."""
NAME_WIDTH = 20
"""Characters of a partner's name."""


@style.styled
def significant_links(
    scores_by_layer: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    years: tuple[int, int] = (2017, 2021),
    threshold: float = 2.0,
) -> Figure:
    """Draw the strongest significant links of each pole, layer by layer.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` by layer; one layer is enough.
    poles : sequence of str
        Country codes.
    years : tuple of int
        First and last year of the mean z.
    threshold : float
        The mean z of a significant link is above it.

    Returns
    -------
    matplotlib.figure.Figure
        A panel per layer and pole: partners ranked by mean z, as `scores.significant_links` has it.
        Partners that several poles share are black; hollow marks fail q < 0.05.
    """
    links = scores.significant_links(scores_by_layer, *years) if scores_by_layer else pl.DataFrame()
    span = style.span(*years)
    if links.is_empty():
        return style.empty("Links stronger than country sizes explain", f"no pair has a z-score in {span}")
    panels = {
        (layer, pole): scores.partners_of(pole, links.filter(pl.col("layer") == layer))
        for layer in scores_by_layer
        for pole in poles
    }
    columns = len(panels) if len(panels) <= 4 else len(poles)
    rows = len(panels) // columns
    strong = {
        panel: frame.filter(pl.col("z") > threshold).sort("z", "country", descending=[True, False])
        for panel, frame in panels.items()
    }
    most = MOST.get(rows, 10)
    drawn = max(5, min(most, max(map(len, strong.values()))))
    colours = dict(zip(poles, style.POLES, strict=False))
    words = {f"{style.name(pole)} only": colour for pole, colour in colours.items()}
    figure = style.canvas(
        f"Links stronger than country sizes explain, {span}",
        f"Partners with a mean z above {threshold:g}: titles count all, panels show the strongest {most}. "
        "Hollow mark: q is 0.05 or more.",
        width=max(8.0, 2.75 * columns),
        height=1.0 + rows * (1.0 + 0.19 * (drawn + len(poles))),
        colours=words | ({"shared by poles": style.BRIDGE} if len(poles) > 1 else {}),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, ((layer, pole), frame) in zip(grid.flat, panels.items(), strict=True):
        found = strong[layer, pole]
        shared = {country for other in poles if other != pole for country in strong[layer, other]["country"]}
        between = frame.filter(pl.col("country").is_in(list(poles)))
        _panel(axes, found.head(most), between, shared, colours.get(pole, style.GREY))
        title = f"{style.name(pole)}: {layer}\n{len(found)} of {len(frame)} partners"
        axes.set_title(title, x=-0.3, weight="bold")
        axes.set_ylim(drawn + len(between), -0.6)
    return figure


def _panel(axes: Axes, strong: pl.DataFrame, between: pl.DataFrame, shared: set[str], colour: str) -> None:
    """Draw the partners of one pole in one layer, strongest on top; below, its z with other poles."""
    z, places = strong["z"].to_numpy(), np.arange(len(strong))
    colours = [style.BRIDGE if country in shared else colour for country in strong["country"]]
    sure = (strong["q"] < 0.05).fill_null(False)
    faces = [c if filled else "white" for c, filled in zip(colours, sure, strict=True)]
    axes.hlines(places, 0, z, color=colours, lw=1.6)
    axes.scatter(z, places, s=26, c=faces, edgecolors=colours, linewidths=1.4, zorder=3)
    foot = np.arange(len(between)) + len(strong) + 0.4
    for place, value in zip(foot, between["z"], strict=True):
        number = f"{value:+.2f}".replace("-", "−")
        axes.text(
            0.02, place, f"z = {number}", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5
        )
    if len(between):
        axes.axhline(len(strong) - 0.35, color=style.LIGHT, lw=1)
    names = [style.name(country, NAME_WIDTH) for country in [*strong["country"], *between["country"]]]
    axes.set_yticks(np.concatenate([places, foot]), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, 1.06 * z.max(initial=1.0))
    axes.set_xlabel("mean z")
