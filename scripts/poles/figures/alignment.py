"""Figure: which countries draw nearer to which pole, and how sure that is."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from poles.blocs.alignment import BOTH, NEITHER, UNKNOWN
from poles.figures import labels, style

LABELLED = 25
"""Countries named in each panel."""
RANKED = 40
"""Countries whose index is drawn, the largest."""
INDEX_WORDS = (
    "Index: trend with the first pole less that with the second, 95 % interval; hollow where it holds zero."
)


@style.styled
def alignment(
    alignment: pl.DataFrame,
    trends: pl.DataFrame,
    poles: Sequence[str],
    sizes: Mapping[str, float] | None = None,
) -> Figure:
    """Draw each country's trend with one pole over its trend with another, and its index between the two.

    Parameters
    ----------
    alignment : pl.DataFrame
        Columns country, group (as `poles.blocs.alignment.group_of` has it), index, index_low and index_high.
    trends : pl.DataFrame
        Table `TRENDS`.
    poles : sequence of str
        Country codes: the first is on the horizontal axis, each further one gives a row of panels.
    sizes : Mapping, optional
        Output by country; the largest are named. Without it, those with the largest trends are.

    Returns
    -------
    matplotlib.figure.Figure
        A panel per further pole and channel; of two poles, one more with the index of the `RANKED` largest
        countries.
    """
    channels = sorted(trends["channel"].unique(), key=lambda channel: (channel != "collaboration", channel))
    if not channels or alignment.is_empty() or len(poles) < 2:
        return style.empty("Trends with the poles", "fewer than two poles, or no country with a trend")
    colours = _colours(poles)
    with_one = "integrates with {} only" if len(poles) < 3 else "with {}"
    words = {f"only {pole}": with_one.format(style.name(pole)) for pole in poles}
    words |= {BOTH: "with both" if len(poles) == 2 else "with all", NEITHER: "with none"}
    present = set(alignment["group"])
    ranked = len(poles) == 2 and alignment["index"].is_not_null().any()
    figure = style.canvas(
        f"Who draws nearer: trends of links with {style.listing(poles)}",
        "Change of z per decade (scales: linear near zero, logarithmic outward). A mark per country; "
        "colour: group by archetype. " + (INDEX_WORDS if ranked else ""),
        width=max(8.0, 5.3 * len(channels) + (3.4 if ranked else 0)),
        height=1.0 + (6.2 if ranked else 5.2 * (len(poles) - 1)),
        colours={
            words.get(group, "with some" if "+" in group else group): colour
            for group, colour in colours.items()
            if group in present
        },
    )
    widths = [5.3] * len(channels) + ([3.4] if ranked else [])
    whole = figure.subplots(len(poles) - 1, len(widths), squeeze=False, width_ratios=widths)
    grid = whole[:, : len(channels)]
    if ranked:
        _ranking(whole[0, -1], alignment, colours, poles, sizes)
    named = {}
    for row, pole in zip(grid, poles[1:], strict=True):
        for axes, channel in zip(row, channels, strict=True):
            axes.set_title(channel.replace("_", " "), fontweight="bold")
            wide = _wide(alignment, trends.filter(pl.col("channel") == channel), poles[0], pole)
            if wide.is_empty():
                style.blank(axes, "no country has a trend with both poles")
                continue
            _panel(axes, wide, colours, poles[0], pole)
            named[axes] = _largest(wide, sizes)
    figure.draw_without_rendering()  # fixes the scales that labels are placed on
    for axes, points in named.items():
        labels.place(axes, points)
    return figure


def _colours(poles: Sequence[str]) -> dict[str, str]:
    """Colour of every group; of three poles or more, each group of some of them has the same one."""
    single = {f"only {pole}": colour for pole, colour in zip(poles, style.POLES, strict=False)}
    some = {
        "+".join(group): style.SOME for size in range(2, len(poles)) for group in combinations(poles, size)
    }
    return {**single, BOTH: style.BRIDGE, **some, NEITHER: style.GREY, UNKNOWN: style.LIGHT}


def _wide(alignment: pl.DataFrame, trends: pl.DataFrame, one: str, two: str) -> pl.DataFrame:
    """Columns country, group, x (slope with pole one) and y (with pole two), without the poles."""
    finite = trends.filter(pl.col("slope").is_finite())
    x, y = (
        finite.filter(pl.col("pole") == pole).select("country", pl.col("slope").alias(axis))
        for pole, axis in ((one, "x"), (two, "y"))
    )
    wide = alignment.select("country", "group").join(x, on="country").join(y, on="country")
    return wide.filter(~pl.col("country").is_in([one, two])).sort("country")


def _panel(axes: Axes, frame: pl.DataFrame, colours: Mapping[str, str], one: str, two: str) -> None:
    """Draw one channel against one pair of poles."""
    x, y = frame["x"].to_numpy(), frame["y"].to_numpy()
    _scale(axes, "x", x)
    _scale(axes, "y", y)
    axes.axhline(0, color=style.GREY, lw=0.8)
    axes.axvline(0, color=style.GREY, lw=0.8)
    axes.scatter(x, y, s=22, c=[colours.get(group, style.GREY) for group in frame["group"]], lw=0, alpha=0.85)
    axes.margins(0.1)
    axes.set_xlabel(f"trend with {style.name(one)}")
    axes.set_ylabel(f"trend with {style.name(two)}")
    corners = {
        (0, 0): "from both",
        (0, 1): f"to {style.name(two)}",
        (1, 0): f"to {style.name(one)}",
        (1, 1): "to both",
    }
    for (right, up), words in corners.items():
        axes.text(
            0.99 if right else 0.01, 0.99 if up else 0.01, words, transform=axes.transAxes, color=style.GREY,
            ha="right" if right else "left", va="top" if up else "bottom", fontstyle="italic",
        )  # fmt: skip


def _scale(axes: Axes, axis: str, values: np.ndarray) -> None:
    """Scale an axis so that countries that move little are told apart beside those that move far."""
    typical = float(np.median(np.abs(values))) or 1.0
    steps = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 3)]
    ticks = [sign * step for step in steps if step > 0.8 * typical for sign in (-1, 1)]
    getattr(axes, f"set_{axis}scale")("asinh", linear_width=typical)
    scaled = getattr(axes, f"{axis}axis")
    scaled.set_major_locator(FixedLocator([0.0, *ticks]))
    scaled.set_minor_locator(NullLocator())
    scaled.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def _ranking(
    axes: Axes,
    alignment: pl.DataFrame,
    colours: Mapping[str, str],
    poles: Sequence[str],
    sizes: Mapping[str, float] | None,
) -> None:
    """Draw the index of the largest countries with its interval, that nearest to the first pole on top."""
    rows = alignment.drop_nulls("index").rows(named=True)
    rows.sort(
        key=lambda row: (-(sizes.get(row["country"], 0.0) if sizes else abs(row["index"])), row["country"])
    )
    rows = sorted(rows[:RANKED], key=lambda row: (-row["index"], row["country"]))
    axes.axvline(0, color=style.GREY, lw=0.8)
    for place, row in enumerate(rows):
        colour = colours.get(row["group"], style.GREY)
        sure = row["index_low"] > 0 or row["index_high"] < 0
        axes.plot([row["index_low"], row["index_high"]], [place, place], color=colour, lw=1.4)
        axes.plot([row["index"]], [place], marker="o", ms=4, color=colour, mfc=colour if sure else "white")
    axes.set_yticks(range(len(rows)), [style.name(row["country"], 16) for row in rows], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title("index", fontweight="bold")
    axes.set_xlabel(f"← {style.name(poles[1])}      {style.name(poles[0])} →\nnoise units per decade")


def _largest(frame: pl.DataFrame, sizes: Mapping[str, float] | None) -> dict[str, tuple[float, float]]:
    """Names and positions of the countries to label, most important first."""
    rows = frame.select("country", "x", "y").rows()
    rows.sort(key=lambda row: -(sizes.get(row[0], 0.0) if sizes else abs(row[1]) + abs(row[2])))
    return {style.name(country): (x, y) for country, x, y in rows[:LABELLED]}
