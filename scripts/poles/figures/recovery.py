"""Figure: whether the clustering finds the archetypes that were planted."""

import numpy as np
import polars as pl
import seaborn
from matplotlib.figure import Figure

from poles.figures import style


@style.styled
def recovery(confusion: pl.DataFrame, adjusted_rand: float) -> Figure:
    """Draw planted against recovered archetypes.

    Parameters
    ----------
    confusion : pl.DataFrame
        Columns planted, recovered, pairs (number of pairs of countries).
    adjusted_rand : float
        Adjusted Rand index of the two partitions: 1 is perfect, 0 is chance.

    Returns
    -------
    matplotlib.figure.Figure
        Shades are shares of a row, figures are numbers of pairs.
    """
    if confusion.is_empty():
        return style.empty("Planted archetypes recovered", "no pair with a planted archetype was clustered")
    names = sorted(set(confusion["planted"]) | set(confusion["recovered"]), key=style.archetype_order)
    counts = np.zeros((len(names), len(names)), dtype=int)
    for planted, recovered, pairs in confusion.select("planted", "recovered", "pairs").iter_rows():
        counts[names.index(planted), names.index(recovered)] += pairs
    figure = style.canvas(
        f"Planted archetypes recovered: adjusted Rand index {adjusted_rand:.2f}",
        f"{counts.sum():,} pairs of countries of the planted world. Shade: share of the row.",
        width=8.5,
        height=1.8 + 0.7 * len(names),
    )
    axes = figure.add_subplot()
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    seaborn.heatmap(
        share, annot=counts, fmt=",d", vmin=0, vmax=1, cmap="Greys", ax=axes, cbar=False, linewidths=1,
        xticklabels=[label.replace(" ", "\n") for label in names], yticklabels=names,
    )  # fmt: skip
    axes.tick_params(length=0, rotation=0)
    axes.set_xlabel("recovered")
    axes.set_ylabel("planted")
    return figure
