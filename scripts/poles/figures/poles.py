"""Figure: the partners that each country attracts and repels, taken as a pole."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from poles.figures import style
from poles.stats.false_discovery import LEVEL

MOST = 30
"""Number of countries drawn, the strongest."""
COLOURS = {
    "attracts": style.ARCHETYPES["Scientific Convergence"],
    "repels": style.ARCHETYPES["Scientific Divergence"],
}
"""Colours of the archetypes with the same directions."""


@style.styled
def plot_poles(countries: pl.DataFrame, poles: Sequence[str]) -> Figure:
    """Plot the shares of partners that each country attracts and repels.

    Parameters
    ----------
    countries : pl.DataFrame
        `POLES`.
    poles : sequence of str
        Codes of the poles of the study. Their names are bold.

    Returns
    -------
    matplotlib.figure.Figure
        The `MOST` strongest countries, the strongest on top.
    """
    if countries.is_empty():
        return style.empty("Attraction and repulsion", "no pair of countries is in the panel")
    rows = countries.sort("strength", "country", descending=[True, False]).head(MOST)
    places = np.arange(len(rows))
    none = (rows.select(pl.min_horizontal("q_attracts", "q_repels")).to_series() >= LEVEL).all()
    figure = style.canvas(
        "Attraction and repulsion: every country taken as a pole"
        + (f"; none is significant (q < {LEVEL:g})" if none else ""),
        "Share of a country's partners whose link with it rises (right) or falls (left) in every layer. "
        "Tick: the share expected from what these partners give to others. Full colour: significantly more "
        f"(q < {LEVEL:g}).",
        width=8.0,
        height=1.4 + 0.2 * len(rows),
        colours={"attracts": COLOURS["attracts"], "repels": COLOURS["repels"]},
    )
    axes = figure.subplots()
    for verb, participle, excess, sign in (
        ("attracts", "attracted", "excess", 1),
        ("repels", "repelled", "excess_repelled", -1),
    ):
        share = (rows[participle] / rows["partners"]).to_numpy()
        significant = (rows[f"q_{verb}"] < LEVEL).to_numpy()
        for drawn, opacity in ((significant, 1.0), (~significant, 0.35)):
            axes.barh(
                places[drawn], sign * share[drawn], height=0.72, color=COLOURS[verb], alpha=opacity, lw=0
            )
        expected = sign * (share - rows[excess].to_numpy())
        axes.vlines(expected, places - 0.4, places + 0.4, color=style.INK, lw=1.2)
    axes.axvline(0, color=style.GREY, lw=0.8)
    axes.set_yticks(places, [style.country_name(code) for code in rows["country"]])
    for label, code in zip(axes.get_yticklabels(), rows["country"], strict=True):
        label.set_fontweight("bold" if code in poles else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.0f} %")
    axes.set_xlabel("share of the partners in the panel")
    return figure
