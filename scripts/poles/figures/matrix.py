"""Figure: the archetype of every pair of large countries, as a matrix ordered by output."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from poles.figures import style

MOST = 40
"""Number of countries drawn, the largest."""
NAME_WIDTH = 22
"""Number of characters of a country's name."""
HALF = {True: 0.46, False: 0.24}
"""Half the side of the square of a core pair and of any other pair; cells have sides of 1."""


@style.styled
def plot_matrix(
    clusters: pl.DataFrame,
    stability: pl.DataFrame,
    sizes: Mapping[str, float],
    poles: Sequence[str],
    core: float,
) -> Figure:
    """Plot the archetype of every pair of the panel in a matrix of countries.

    Parameters
    ----------
    clusters : pl.DataFrame
        `poles.archetypes.tables.CLUSTERS`.
    stability : pl.DataFrame
        `poles.archetypes.tables.STABILITY`. A pair that is no core pair has a small square.
    sizes : Mapping
        Output by country. Rows and columns are in its order, the largest first.
    poles : sequence of str
        Codes of the poles. Their names are bold.
    core : float
        Share of the runs in which a core pair keeps its archetype.

    Returns
    -------
    matplotlib.figure.Figure
        Every pair stands in the matrix twice, above and below the diagonal. At most `MOST` countries.
    """
    if clusters.is_empty():
        return style.empty("Archetypes of pairs of countries", "no pair of countries has been clustered")
    panel = sorted(
        {*clusters["source"], *clusters["target"]},
        key=lambda country: (-sizes.get(country, 0.0), country),
    )
    drawn = panel[:MOST]
    place = {country: number for number, country in enumerate(drawn)}
    pairs = (
        clusters.select("source", "target", "archetype")
        .filter(pl.col("source").is_in(drawn), pl.col("target").is_in(drawn))
        .join(stability.select("source", "target", "core"), on=["source", "target"], how="left")
    )
    counts = dict(pairs.group_by("archetype").len().iter_rows())
    order = sorted(counts, key=style.archetype_order)
    left_out = (
        f" The other {style.count(len(panel) - MOST, 'country')} of the panel, in "
        f"{style.count(len(clusters) - len(pairs), 'pair')}, are left out."
        if len(panel) > MOST
        else ""
    )
    names = [style.country_name(code, NAME_WIDTH) for code in drawn]
    room = 0.15 + 0.062 * max(map(len, names))  # inches that the names of 7.5-point type need
    side = max(3.5, 0.185 * len(drawn))
    figure = style.canvas(
        f"Archetypes of the {style.count(len(pairs), 'pair')} among "
        + (f"the {MOST} largest countries" if left_out else style.count(len(drawn), "country")),
        "Rows and columns are countries by output, the largest first. Each square is a pair, on both sides "
        f"of the diagonal. Small square: it keeps its archetype in less than {core:.0%} of the resampled "
        f"clusterings. Blank: not in the panel.{left_out}",
        width=max(6.0, side + room + 0.2),
        height=side + room + 0.1,
        fixed=True,
        colours={f"{name} ({counts[name]:,})": style.ARCHETYPES.get(name, style.GREY) for name in order},
    )
    axes = style.axes_at(figure, room, 0.05, side, side)
    rows, columns = (
        np.array([place[code] for code in pairs[end]], dtype=float) for end in ("source", "target")
    )
    half = np.array([HALF[bool(sure)] for sure in pairs["core"].fill_null(True)])
    colours = [style.ARCHETYPES.get(name, style.GREY) for name in pairs["archetype"]]
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    centres = np.concatenate([np.stack([columns, rows], 1), np.stack([rows, columns], 1)])
    squares = centres[:, None, :] + corners * np.concatenate([half, half])[:, None, None]
    axes.add_collection(PolyCollection(squares, facecolors=colours * 2, edgecolors="none", lw=0))
    axes.plot([-0.5, len(drawn) - 0.5], [-0.5, len(drawn) - 0.5], color=style.LIGHT, lw=0.8, zorder=0)
    axes.set_xlim(-0.5, len(drawn) - 0.5)
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xticks(range(len(drawn)), names, rotation=90, fontsize=7.5)
    axes.set_yticks(range(len(drawn)), names, fontsize=7.5)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for label, code in zip(labels, drawn, strict=True):
            label.set_fontweight("bold" if code in poles else "normal")
    axes.spines[:].set_visible(False)
    return figure
