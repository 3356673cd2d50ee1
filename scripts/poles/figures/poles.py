"""Figure: which countries attract whom, each taken as a pole."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from poles.blocs.attraction import LEVEL
from poles.figures import style

MOST = 30
"""Countries drawn, the strongest."""
COLOURS = {
    "attracts": style.ARCHETYPES["Scientific Convergence"],
    "repels": style.ARCHETYPES["Scientific Divergence"],
}
"""As the archetypes that are named by the same directions."""


@style.styled
def poles(found: pl.DataFrame, named: Sequence[str]) -> Figure:
    """Draw the shares of partners that each country attracts and repels.

    Parameters
    ----------
    found : pl.DataFrame
        `POLES`.
    named : sequence of str
        The poles of the study: their names are bold.

    Returns
    -------
    matplotlib.figure.Figure
        The `MOST` strongest countries, the strongest on top.
    """
    if found.is_empty():
        return style.empty("Who attracts whom", "no pair of countries is in the panel")
    rows = found.sort("strength", "country", descending=[True, False]).head(MOST)
    places = np.arange(len(rows))
    figure = style.canvas(
        "Who attracts whom: every country taken as a pole",
        "Share of its partners whose link with it rises (right) or falls (left) in every layer. Tick: what "
        f"these partners give to others. Full colour: beyond that, q < {LEVEL:g}.",
        width=8.0,
        height=1.4 + 0.2 * len(rows),
        colours={"attracts": COLOURS["attracts"], "repels": COLOURS["repels"]},
    )
    axes = figure.subplots()
    for verb, done, excess, sign in (
        ("attracts", "attracted", "excess", 1),
        ("repels", "repelled", "excess_repelled", -1),
    ):
        share = (rows[done] / rows["partners"]).to_numpy()
        sure = (rows[f"q_{verb}"] < LEVEL).to_numpy()
        for chosen, opacity in ((sure, 1.0), (~sure, 0.35)):
            axes.barh(
                places[chosen], sign * share[chosen], height=0.72, color=COLOURS[verb], alpha=opacity, lw=0
            )
        chance = sign * (share - rows[excess].to_numpy())
        axes.vlines(chance, places - 0.4, places + 0.4, color=style.INK, lw=1.2)
    axes.axvline(0, color=style.GREY, lw=0.8)
    axes.set_yticks(places, [style.name(code) for code in rows["country"]])
    for label, code in zip(axes.get_yticklabels(), rows["country"], strict=True):
        label.set_fontweight("bold" if code in named else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.0f} %")
    axes.set_xlabel("share of the partners in the panel")
    return figure
