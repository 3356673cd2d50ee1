"""Figure: planted archetypes against those that the clustering finds."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from poles.figures import style


@style.styled
def plot_recovery(confusion: pl.DataFrame) -> Figure:
    """Plot planted against recovered archetypes.

    Parameters
    ----------
    confusion : pl.DataFrame
        Table `RECOVERY`: number of pairs by planted and recovered archetype, and the adjusted Rand index of
        the two partitions, which is 1 for perfect agreement and 0 for agreement by chance.

    Returns
    -------
    matplotlib.figure.Figure
        Shades are shares of a row, and numbers are numbers of pairs.
    """
    if confusion.is_empty():
        return style.empty("Recovery of planted archetypes", "no pair with a planted archetype was clustered")
    names = sorted(set(confusion["planted"]) | set(confusion["recovered"]), key=style.archetype_order)
    counts = np.zeros((len(names), len(names)), dtype=int)
    for planted, recovered, pairs in confusion.select("planted", "recovered", "pairs").iter_rows():
        counts[names.index(planted), names.index(recovered)] += pairs
    figure = style.canvas(
        f"Recovery of planted archetypes: adjusted Rand index {confusion['adjusted_rand_index'][0]:.2f}",
        f"{counts.sum():,} pairs of countries of the demo world. Shade: share of the row.",
        width=8.5,
        height=1.8 + 0.7 * len(names),
    )
    axes = figure.add_subplot()
    row_share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.pcolormesh(row_share, vmin=0, vmax=1, cmap="Greys", edgecolors="white", linewidth=1)
    for (row, column), pairs in np.ndenumerate(counts):
        colour = "white" if row_share[row, column] > 0.5 else style.INK
        axes.text(column + 0.5, row + 0.5, f"{pairs:,}", ha="center", va="center", color=colour)
    places = np.arange(len(names)) + 0.5
    axes.set_xticks(places, [label.replace(" ", "\n") for label in names])
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(length=0, rotation=0)
    axes.set_xlabel("recovered")
    axes.set_ylabel("planted")
    return figure
