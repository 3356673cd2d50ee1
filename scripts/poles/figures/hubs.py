"""Figure: whether large producers draw closer to their small neighbours than to one another."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

KINDS = {
    "hubs": ("large with large", style.INK, "o"),
    "spokes": ("large with small", "#4477DD", "D"),
    "small": ("small with small", style.GREY, "s"),
}
"""Label, colour and mark of each kind of pairs."""
UNITS = {"z": "z per decade", "noise": "noise units per decade"}
LEVEL = 0.05
"""P-value below which a difference is significant."""
MOST = 12
"""Number of regions drawn, those with the most pairs."""


@style.styled
def plot_hubs(hubs: pl.DataFrame) -> Figure:
    """Plot the mean trends of each kind of pairs, region by region.

    Parameters
    ----------
    hubs : pl.DataFrame
        `HUBS`.

    Returns
    -------
    matplotlib.figure.Figure
        A row per channel and a column per unit of slopes. At most `MOST` regions, the EU on top.
    """
    if hubs.is_empty():
        return style.empty("Hub and spoke", "no region has two large countries and a small one in the panel")
    channels = sorted(hubs["channel"].unique(), key=lambda channel: (channel != "collaboration", channel))
    size = pl.col("hub_pairs") + pl.col("spoke_pairs") + pl.col("small_pairs").fill_null(0)
    sizes = hubs.group_by("region").agg(size.max().alias("size"))
    order = sizes.sort(pl.col("region") != "EU", -pl.col("size"), "region")["region"].to_list()[:MOST]
    p = hubs.filter(pl.col("region").is_in(order))["p"].drop_nulls()
    figure = style.canvas(
        "Trends of links within regions, between large producers and small countries" + _verdict(p),
        "Mean trend of z over each kind of pairs, with its 95 % interval; an arrow marks an interval that "
        "leaves the frame. Right: p of the difference between large-small and large-large pairs, by "
        f"permuting which countries are large; bold below {LEVEL:g}.",
        width=10.5,
        height=1.3 + len(channels) * (0.9 + 0.42 * len(order)),
        colours={label: colour for label, colour, _ in KINDS.values()},
        marks={label: mark for label, _, mark in KINDS.values()},
    )
    grid = figure.subplots(len(channels), len(UNITS), squeeze=False)
    for row, channel in zip(grid, channels, strict=True):
        for axes, unit in zip(row, UNITS, strict=True):
            _plot_regions(axes, hubs.filter(channel=channel, unit=unit), order, names=axes is row[0])
            axes.set_title(channel.replace("_", " "), fontweight="bold")
            axes.set_xlabel(UNITS[unit])
    return figure


def _verdict(p: pl.Series) -> str:
    """End of the title: whether any difference is significant."""
    if p.is_empty():
        return ": too few countries for a test"
    return "" if (p < LEVEL).any() else f": no difference is significant (p < {LEVEL:g})"


def _plot_regions(axes: Axes, hubs: pl.DataFrame, order: list[str], names: bool) -> None:
    """Plot the regions in one channel and one unit; with or without their names."""
    axes.axvline(0, color=style.GREY, lw=0.8)
    rows = {row["region"]: row for row in hubs.iter_rows(named=True)}
    # Intervals of few pairs are wide, so the scale follows the means and may cut intervals.
    means = [abs(row[kind]) for row in rows.values() for kind in KINDS if row[kind] is not None]
    reach = 1.6 * max(means, default=1.0) or 1.0
    axes.set_xlim(-reach, reach)
    labels = []
    for place, region in enumerate(order):
        row = rows.get(region)
        if row is None:
            labels.append(region)
            continue
        for number, (kind, (_, colour, mark)) in enumerate(KINDS.items()):
            if row[kind] is None:
                continue
            height = place + 0.22 * (number - 1)
            if row[f"{kind}_low"] is not None:
                style.plot_interval(axes, row[f"{kind}_low"], row[f"{kind}_high"], height, colour)
            axes.plot([row[kind]], [height], ls="", marker=mark, ms=4.5, color=colour)
        p = row["p"]
        axes.text(
            1.025, place, "too few" if p is None else style.format_p(p), transform=axes.get_yaxis_transform(),
            va="center", fontsize=8, fontweight="bold" if p is not None and p < LEVEL else "normal",
            color=style.GREY if p is None else style.INK,
        )  # fmt: skip
        large = ", ".join(row["large"][:5]) + (" …" if len(row["large"]) > 5 else "")
        labels.append(f"{region if len(region) < 30 else region[:28] + '…'}\n{large} / {row['countries']}")
    axes.set_yticks(range(len(order)), labels if names else [""] * len(order))
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.set_ylim(len(order) - 0.4, -0.6)
