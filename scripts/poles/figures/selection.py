"""Figure: how many clusters the trajectories have, compared with panels without archetypes."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from poles.archetypes.tables import OBSERVED, STABLE
from poles.figures import style

SURROGATES = {
    "signed_steps": ("steps shuffled, signs random", "#332288", (0, (5, 1.5))),
    "channel_swap": ("channels of different pairs", "#CC6677", (0, (2, 1.2))),
    "growth_only": ("growth alone", "#999933", (0, (5, 1.5, 1, 1.5))),
    "network_null": ("networks of the null model", "#6699CC", (0, (1, 1))),
}
"""Label, colour and dashes of each kind of surrogate."""
DATA = "the data"

PLOTS = (
    ("pairs", "adjusted_rand", "pairs resampled", "adjusted Rand index"),
    ("countries", "adjusted_rand", "countries resampled", "adjusted Rand index"),
    ("seeds", "adjusted_rand", "other starting centres", "adjusted Rand index"),
    ("countries", "lowest_jaccard", "least stable cluster, countries resampled", "Jaccard index"),
    ("fit", "silhouette", "separation of clusters", "mean silhouette"),
    ("fit", "explained", "distance explained by clusters", "share of the squared distance"),
)
"""What is varied, what is measured, title, and label of the vertical axis of each plot."""


@style.styled
def plot_selection(selection: pl.DataFrame, k: int) -> Figure:
    """Plot stability, silhouette and distance against the number of clusters.

    Parameters
    ----------
    selection : pl.DataFrame
        `SELECTION`.
    k : int
        Number of clusters of the headline.

    Returns
    -------
    matplotlib.figure.Figure
        The data are a black line, with the middle 90 % of the runs as bars. Each kind of surrogate is the
        mean of its panels and the band of `poles.archetypes.selection.COVERAGE`.
    """
    if selection.is_empty():
        return style.empty("How many clusters", "no number of clusters was tried")
    preferred = selection.filter(pl.col("preferred"))["k"].unique().to_list()
    surrogates = {name: form for name, form in SURROGATES.items() if name in set(selection["data"])}
    figure = style.canvas(
        _title(preferred, k, bool(surrogates)),
        "Agreement of repeated clusterings, and how compact clusters are. Bars: middle 90 % of the "
        "repetitions. Bands: one more surrogate would lie within them with a probability of 99 %; values "
        f"beyond them speak for groups. Dotted: the {k} clusters of the headline.",
        width=10.5,
        height=6.4,
        colours={DATA: style.INK} | {label: colour for label, colour, _ in surrogates.values()},
    )
    for axes, (varied, measure, title, label) in zip(figure.subplots(2, 3).flat, PLOTS, strict=True):
        axes.set_title(title)
        axes.set_ylabel(label)
        rows = selection.filter((pl.col("over") == varied) & (pl.col("measure") == measure)).sort("k")
        if rows.is_empty():
            style.blank(axes, "not tried")
            continue
        for name, (_, colour, dashes) in surrogates.items():
            _plot_surrogates(axes, rows.filter(pl.col("data") == name), colour, dashes)
        _plot_data(axes, rows.filter(pl.col("data") == OBSERVED), bars=varied != "fit")
        axes.axvline(k, color=style.GREY, lw=1, ls=":", zorder=0)
        if measure == "lowest_jaccard":
            axes.axhline(STABLE, color=style.GREY, lw=0.8)
            axes.text(
                rows["k"].max(), STABLE, "stable", ha="right", va="bottom", color=style.GREY, fontsize=8
            )
        if measure in ("adjusted_rand", "lowest_jaccard"):
            # Bands of surrogates may reach far below, but the runs on the data stay in the frame.
            axes.set_ylim(min(-0.05, *(rows.filter(data=OBSERVED)["low"].drop_nulls() - 0.02)), 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("number of clusters")
    return figure


def _title(preferred: list[int], k: int, compared: bool) -> str:
    """Title that states the result."""
    if not compared:
        return f"How many clusters: not compared with surrogates (the headline has {k})"
    if not preferred:
        return f"No number of clusters is both stable and beyond all surrogates (the headline has {k})"
    if preferred == [k]:
        return f"The data prefer {k} clusters, the number in the headline"
    return f"The data prefer {preferred[0]} clusters; the headline has {k}"


def _plot_surrogates(axes: Axes, rows: pl.DataFrame, colour: str, dashes: tuple) -> None:
    """Plot one kind of surrogate as a line in a band."""
    k = rows["k"].to_numpy()
    axes.fill_between(k, rows["low"].to_numpy(), rows["high"].to_numpy(), color=colour, alpha=0.18, lw=0)
    axes.plot(k, rows["value"].to_numpy(), color=colour, lw=1.2, ls=dashes)


def _plot_data(axes: Axes, rows: pl.DataFrame, bars: bool) -> None:
    """Plot the data as a line, with or without bars over the runs."""
    k, value = rows["k"].to_numpy(), rows["value"].to_numpy()
    if bars:
        axes.vlines(k, rows["low"].to_numpy(), rows["high"].to_numpy(), color=style.INK, lw=1)
    axes.plot(k, value, color=style.INK, lw=2, marker="o", ms=4)
