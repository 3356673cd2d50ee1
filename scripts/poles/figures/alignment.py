"""Figure: which countries draw closer to which pole, and how certain that is."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles import countries as reference
from poles.blocs.tables import BOTH, NEITHER, UNKNOWN
from poles.figures import labels, style

LABELLED = 25
"""Number of countries named in each plot because they are the largest."""
OUTLIERS = 8
"""Number of other countries named in each plot because they lie furthest from the origin. All others have
their codes, which a key below explains."""
RANKED = 40
"""Number of countries whose index is drawn, the largest."""
INDEX_CAPTION = (
    "Index: trend with the first pole minus trend with the second, with its 95 % interval; hollow if it "
    "contains zero."
)


@style.styled
def plot_alignment(
    alignment: pl.DataFrame,
    trends: pl.DataFrame,
    poles: Sequence[str],
    sizes: Mapping[str, float] | None = None,
) -> Figure:
    """Plot each country's trend with one pole against its trend with another, and its index.

    Parameters
    ----------
    alignment : pl.DataFrame
        Columns country, group (see `poles.blocs.alignment.group_of`), index, index_low and index_high.
    trends : pl.DataFrame
        Table `TRENDS`.
    poles : sequence of str
        Country codes. The first pole is on the horizontal axis; every other pole has a row of plots.
    sizes : Mapping, optional
        Output by country. The largest countries are named, and of the others those with the largest trends.
        The rest are labelled by their codes.

    Returns
    -------
    matplotlib.figure.Figure
        One plot per further pole and channel. With two poles, one more plot ranks the `RANKED` largest
        countries by their index.
    """
    channels = sorted(trends["channel"].unique(), key=lambda channel: (channel != "collaboration", channel))
    if not channels or alignment.is_empty() or len(poles) < 2:
        return style.empty("Trends with the poles", "fewer than two poles, or no country with a trend")
    colours = group_colours(poles)
    legend = group_names(poles)
    groups = set(alignment["group"])
    ranked = len(poles) == 2 and alignment["index"].is_not_null().any()
    compared = {
        (pole, channel): _slopes_with_both(alignment, trends.filter(channel=channel), poles[0], pole)
        for pole in poles[1:]
        for channel in channels
    }
    labelled = {plot: _labelled(countries, sizes) for plot, countries in compared.items()}
    figure = style.canvas(
        f"Trends of links with the poles: {style.country_list(poles)}",
        "Change of z per decade; scales are linear near zero and logarithmic further out. Each mark is a "
        "country; its colour is its group by archetype. Hollow: the 95 % interval of a trend contains zero. "
        + (INDEX_CAPTION if ranked else ""),
        width=max(8.0, 5.3 * len(channels) + (3.4 if ranked else 0)),
        height=1.0 + (6.2 if ranked else 5.2 * (len(poles) - 1)),
        colours={
            legend.get(group, "with some" if "+" in group else group): colour
            for group, colour in colours.items()
            if group in groups
        },
        key=_key(labelled.values()),
    )
    widths = [5.3] * len(channels) + ([3.4] if ranked else [])
    grid = figure.subplots(len(poles) - 1, len(widths), squeeze=False, width_ratios=widths)
    if ranked:
        _plot_ranking(grid[0, -1], alignment, colours, poles, sizes)
    points_to_label = {}
    for row, pole in zip(grid, poles[1:], strict=True):
        for axes, channel in zip(row[: len(channels)], channels, strict=True):
            axes.set_title(channel.replace("_", " "), fontweight="bold")
            countries = compared[pole, channel]
            if countries.is_empty():
                style.blank(axes, "no country has a trend with both poles")
                continue
            _plot_trends(axes, countries, colours, poles[0], pole)
            points_to_label[axes] = labelled[pole, channel]
    figure.draw_without_rendering()  # fixes the scales, on which labels are placed
    for axes, points in points_to_label.items():
        labels.place_labels(axes, points)
    return figure


def group_names(poles: Sequence[str]) -> dict[str, str]:
    """Names of the groups of one pole, of all poles and of none, as legends have them."""
    only = "integrates with {} only" if len(poles) < 3 else "with {}"
    names = {f"only {pole}": only.format(style.country_name(pole)) for pole in poles}
    return names | {BOTH: "with both" if len(poles) == 2 else "with all", NEITHER: "with none"}


def group_colours(poles: Sequence[str]) -> dict[str, str]:
    """Colour of every group; all groups of several but not all poles share one colour."""
    only = {f"only {pole}": colour for pole, colour in zip(poles, style.POLES, strict=False)}
    some = {
        "+".join(group): style.SOME for size in range(2, len(poles)) for group in combinations(poles, size)
    }
    return {**only, BOTH: style.BRIDGE, **some, NEITHER: style.GREY, UNKNOWN: style.LIGHT}


def _slopes_with_both(alignment: pl.DataFrame, trends: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Columns country, group, x (slope with the first pole), y (with the second), sure; without the poles.

    A country is sure if both intervals exclude zero.
    """
    finite = trends.filter(pl.col("slope").is_finite())
    beyond_zero = (pl.col("slope_low") > 0) | (pl.col("slope_high") < 0)
    x, y = (
        finite.filter(pl.col("pole") == pole).select(
            "country", pl.col("slope").alias(axis), beyond_zero.fill_null(False).alias(f"sure_{axis}")
        )
        for pole, axis in ((first, "x"), (second, "y"))
    )
    countries = alignment.select("country", "group").join(x, on="country").join(y, on="country")
    return (
        countries.filter(~pl.col("country").is_in([first, second]))
        .select("country", "group", "x", "y", sure=pl.col("sure_x") & pl.col("sure_y"))
        .sort("country")
    )


def _plot_trends(
    axes: Axes, countries: pl.DataFrame, colours: Mapping[str, str], first: str, second: str
) -> None:
    """Plot the trends of one channel with two poles against each other."""
    x, y = countries["x"].to_numpy(), countries["y"].to_numpy()
    _scale(axes, "x", x)
    _scale(axes, "y", y)
    axes.axhline(0, color=style.GREY, lw=0.8)
    axes.axvline(0, color=style.GREY, lw=0.8)
    edges = [colours.get(group, style.GREY) for group in countries["group"]]
    faces = [edge if sure else "white" for edge, sure in zip(edges, countries["sure"], strict=True)]
    axes.scatter(x, y, s=20, c=faces, edgecolors=edges, linewidths=1.1)
    axes.margins(0.1)
    axes.set_xlabel(f"trend with {style.country_name(first)}")
    axes.set_ylabel(f"trend with {style.country_name(second)}")
    corners = {
        (0, 0): "away from both",
        (0, 1): f"towards {style.country_name(second)}",
        (1, 0): f"towards {style.country_name(first)}",
        (1, 1): "towards both",
    }
    for (right, up), text in corners.items():
        axes.text(
            0.99 if right else 0.01, 0.99 if up else 0.01, text, transform=axes.transAxes, color=style.GREY,
            ha="right" if right else "left", va="top" if up else "bottom", fontstyle="italic",
        )  # fmt: skip


def _scale(axes: Axes, axis: str, values: np.ndarray) -> None:
    """Scale an axis so that countries with small trends stay distinct beside those with large ones."""
    typical = float(np.median(np.abs(values))) or 1.0
    getattr(axes, f"set_{axis}scale")("asinh", linear_width=typical)
    style.round_numbers(getattr(axes, f"{axis}axis"))


def _plot_ranking(
    axes: Axes,
    alignment: pl.DataFrame,
    colours: Mapping[str, str],
    poles: Sequence[str],
    sizes: Mapping[str, float] | None,
) -> None:
    """Plot the index of the largest countries with its interval, the greatest index on top."""
    rows = alignment.drop_nulls("index").rows(named=True)
    rows.sort(
        key=lambda row: (-(sizes.get(row["country"], 0.0) if sizes else abs(row["index"])), row["country"])
    )
    of_all = f" of the {RANKED} largest of {len(rows)}" if len(rows) > RANKED else ""
    rows = sorted(rows[:RANKED], key=lambda row: (-row["index"], row["country"]))
    axes.axvline(0, color=style.GREY, lw=0.8)
    low, high = min(row["index_low"] for row in rows), max(row["index_high"] for row in rows)
    margin = 0.05 * (high - low) or 1.0
    axes.set_xlim(min(low, 0) - margin, max(high, 0) + margin)
    for place, row in enumerate(rows):
        colour = colours.get(row["group"], style.GREY)
        style.plot_interval(axes, row["index_low"], row["index_high"], place, colour, width=1.4)
        fill = colour if excludes_zero(row) else "white"
        axes.plot([row["index"]], [place], marker="o", ms=4, color=colour, mfc=fill)
    axes.set_yticks(range(len(rows)), [style.country_name(row["country"], 16) for row in rows], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    none = "" if any(map(excludes_zero, rows)) else ":\nno interval excludes zero"
    axes.set_title(f"index{of_all}{none}", fontweight="bold")
    first, second = map(style.country_name, poles)
    axes.set_xlabel(f"← {second}      {first} →\nnoise units per decade")


def excludes_zero(row: Mapping[str, float]) -> bool:
    """Whether the interval of a country's index excludes zero."""
    return row["index_low"] > 0 or row["index_high"] < 0


def _labelled(countries: pl.DataFrame, sizes: Mapping[str, float] | None) -> dict[str, tuple[float, float]]:
    """Labels and positions of all countries, the most important first.

    The largest have names, and so have the outliers among the others. The rest have codes.
    """
    rows = countries.select("country", "x", "y").rows()
    typical = [float(np.median(np.abs(countries[axis].to_numpy()))) or 1.0 for axis in ("x", "y") if rows]

    def distance(row: tuple[str, float, float]) -> float:
        """Distance from the origin on the scales of the plot."""
        return float(np.hypot(*np.arcsinh(np.divide(row[1:], typical))))

    rows.sort(key=lambda row: (-(sizes.get(row[0], 0.0) if sizes else distance(row)), row[0]))
    others = sorted(rows[LABELLED:], key=lambda row: (-distance(row), row[0]))
    named = [*rows[:LABELLED], *others[:OUTLIERS]]
    return {style.country_name(country): (x, y) for country, x, y in named} | {
        country: (x, y) for country, x, y in others[OUTLIERS:]
    }


def _key(labelled: Iterable[Mapping[str, object]]) -> str:
    """What the codes in some plots stand for: AL Albania, KE Kenya, ..."""
    names = reference.names()
    codes = sorted({label for labels_of_plot in labelled for label in labels_of_plot if label in names})
    # Blanks within an entry do not break, so that a code stands before its name.
    return ", ".join(f"{code} {names[code]}".replace(" ", "\N{NO-BREAK SPACE}") for code in codes)
