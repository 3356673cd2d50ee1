"""Figure: how many clusters the trajectories have, beside panels that have no archetypes."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from poles.archetypes.resampling import OBSERVED
from poles.archetypes.stability import STABLE
from poles.figures import style

SURROGATES = {
    "signed_steps": ("steps shuffled and turned", "#332288", (0, (5, 1.5))),
    "channel_swap": ("channels of different pairs", "#CC6677", (0, (2, 1.2))),
    "growth_only": ("growth alone", "#999933", (0, (5, 1.5, 1, 1.5))),
    "network_null": ("networks of the null model", "#6699CC", (0, (1, 1))),
}
"""Name of each surrogate for a reader, its colour and its dashes."""
DATA = "the data"

PANELS = (
    ("pairs", "adjusted_rand", "pairs drawn anew", "adjusted Rand index"),
    ("countries", "adjusted_rand", "countries drawn anew", "adjusted Rand index"),
    ("seeds", "adjusted_rand", "other first centres", "adjusted Rand index"),
    ("countries", "lowest_jaccard", "least stable cluster, countries drawn anew", "Jaccard index"),
    ("fit", "silhouette", "how well clusters are set apart", "mean silhouette"),
    ("fit", "explained", "how much clusters explain", "share of the squared distance"),
)
"""What is varied, what is measured, title and vertical axis of each panel."""


@style.styled
def selection(table: pl.DataFrame, k: int) -> Figure:
    """Draw stability, silhouette and distance against the number of clusters.

    Parameters
    ----------
    table : pl.DataFrame
        `SELECTION`.
    k : int
        Number of clusters of the headline.

    Returns
    -------
    matplotlib.figure.Figure
        The data as a black line, with the middle nine tenths of the runs as bars; each kind of surrogate as
        the mean of its panels and the band of `poles.archetypes.stability.COVERAGE`.
    """
    if table.is_empty():
        return style.empty("How many clusters", "no number of clusters was tried")
    best = table.filter(pl.col("preferred"))["k"].unique().to_list()
    known = {name: form for name, form in SURROGATES.items() if name in set(table["data"])}
    figure = style.canvas(
        _title(best, k, bool(known)),
        "How much of a clustering its repetition finds again, and how tight clusters are. Bars: middle nine "
        "tenths of the repetitions. Bands: where one more surrogate would lie with 99 %; what is beyond them "
        f"speaks for groups. Dotted: the {k} clusters of the headline.",
        width=10.5,
        height=6.4,
        colours={DATA: style.INK} | {words: colour for words, colour, _ in known.values()},
    )
    for axes, (over, measure, title, label) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        axes.set_title(title)
        axes.set_ylabel(label)
        rows = table.filter((pl.col("over") == over) & (pl.col("measure") == measure)).sort("k")
        if rows.is_empty():
            style.blank(axes, "not tried")
            continue
        for name, (_, colour, dashes) in known.items():
            _band(axes, rows.filter(pl.col("data") == name), colour, dashes)
        _line(axes, rows.filter(pl.col("data") == OBSERVED), spread=over != "fit")
        axes.axvline(k, color=style.GREY, lw=1, ls=":", zorder=0)
        if measure == "lowest_jaccard":
            axes.axhline(STABLE, color=style.GREY, lw=0.8)
            axes.text(
                rows["k"].max(), STABLE, "stable", ha="right", va="bottom", color=style.GREY, fontsize=8
            )
        if measure in ("adjusted_rand", "lowest_jaccard"):
            axes.set_ylim(-0.05, 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("number of clusters")
    return figure


def _title(best: list[int], k: int, compared: bool) -> str:
    """What the figure says."""
    if not compared:
        return f"How many clusters: not compared with surrogates (the headline has {k})"
    if not best:
        return f"No number of clusters is both stable and beyond all surrogates (the headline has {k})"
    if best == [k]:
        return f"The data prefer {k} clusters, as the headline has"
    return f"The data prefer {best[0]} clusters; the headline has {k}"


def _band(axes: Axes, rows: pl.DataFrame, colour: str, dashes: tuple) -> None:
    """Draw one kind of surrogate."""
    k = rows["k"].to_numpy()
    axes.fill_between(k, rows["low"].to_numpy(), rows["high"].to_numpy(), color=colour, alpha=0.18, lw=0)
    axes.plot(k, rows["value"].to_numpy(), color=colour, lw=1.2, ls=dashes)


def _line(axes: Axes, rows: pl.DataFrame, spread: bool) -> None:
    """Draw the data."""
    k, value = rows["k"].to_numpy(), rows["value"].to_numpy()
    if spread:
        axes.vlines(k, rows["low"].to_numpy(), rows["high"].to_numpy(), color=style.INK, lw=1)
    axes.plot(k, value, color=style.INK, lw=2, marker="o", ms=4)
