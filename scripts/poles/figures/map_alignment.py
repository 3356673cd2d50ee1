"""Figure: a map of the alignment of every country with the poles."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure

from poles.blocs.tables import UNCLUSTERED, UNKNOWN
from poles.figures import maps, style
from poles.figures.alignment import excludes_zero, group_colours, group_names
from poles.nulls.scores import partners_of


@style.styled
def plot_map_alignment(
    alignment: pl.DataFrame, poles: Sequence[str], stability: pl.DataFrame | None = None
) -> Figure:
    """Map the group of every country by its archetypes with the poles, and its alignment index.

    Parameters
    ----------
    alignment : pl.DataFrame
        Columns country, group, index, index_low and index_high.
    poles : sequence of str
        Country codes.
    stability : pl.DataFrame, optional
        `poles.archetypes.tables.STABILITY`. A country is hatched if one of its pairs with the poles is no
        core pair.

    Returns
    -------
    matplotlib.figure.Figure
        A map of the groups and, with two poles, one of the index.
    """
    title = "Alignment of countries on the map"
    if alignment.is_empty() or len(poles) < 2:
        return style.empty(title, "fewer than two poles, or no country with a trend")
    colours = {group: colour for group, colour in group_colours(poles).items() if group != UNKNOWN}
    group_of = dict(alignment.select("country", "group").iter_rows())
    groups = [group for group in colours if group in group_of.values()]
    indexed = alignment.drop_nulls("index")
    both = len(poles) == 2 and len(indexed) > 0
    names = group_names(poles)
    legend = {names.get(group, "with some" if "+" in group else group): colours[group] for group in groups}
    unclustered = UNCLUSTERED in group_of.values()
    placed = {country for country, group in group_of.items() if group not in ("pole", UNKNOWN, UNCLUSTERED)}
    unsure = set() if stability is None else _unsure(stability, poles) & placed
    figure = maps.canvas(
        f"{title}: {style.country_list(poles)}",
        ("Left: group" if both else "Group")
        + " of each country by its archetypes with the poles"
        + ("; hatched where resampling may change one of them. " if unsure else ". ")
        + ("There are no clusters, so no groups. " if unclustered else "")
        + ("Right: alignment index; hatched where its 95 % interval contains zero. " if both else ""),
        rows=1,
        columns=1 + both,
        legend=legend | {UNKNOWN: maps.NO_DATA, "a pole": style.INK},
        data=set(alignment["country"]) | set(poles),
        marks={"a pole": "*"},
    )
    first, *rest = figure.subplots(1, 1 + both, squeeze=False)[0]
    own = dict(zip(poles, style.POLES, strict=False))
    fills = {country: colours.get(group, maps.NO_DATA) for country, group in group_of.items()}
    maps.draw(first, fills | own, unsure, stars=poles)
    sure = f": {len(placed - unsure)} of {len(placed)} are sure"
    first.set_title("groups" + ("" if stability is None else sure))
    for axes in rest:
        _map_index(figure, axes, indexed.filter(~pl.col("country").is_in(list(poles))), poles)
    return figure


def _unsure(stability: pl.DataFrame, poles: Sequence[str]) -> set[str]:
    """Countries one of whose pairs with the poles is no core pair: resampling may change its archetype."""
    unsure = stability.filter(~pl.col("core"))
    return {
        country for pole in poles for country in partners_of(pole, unsure)["country"] if country not in poles
    }


def _map_index(figure: Figure, axes: Axes, indexed: pl.DataFrame, poles: Sequence[str]) -> None:
    """Map the alignment index, which is white at zero and has the colours of the poles at its ends."""
    first, second = (to_hex(style.POLES[place]) for place in (0, 1))
    scale = LinearSegmentedColormap.from_list("poles", [second, "#FAFAFA", first])
    end = float(indexed["index"].abs().quantile(0.9) or 1.0)
    shades = ScalarMappable(Normalize(-end, end, clip=True), scale)
    rows = indexed.select("country", "index", "index_low", "index_high").rows(named=True)
    open_ones = {row["country"] for row in rows if not excludes_zero(row)}
    fills = {
        row["country"]: to_hex(scale(float(np.clip((row["index"] / end + 1) / 2, 0, 1)))) for row in rows
    }
    maps.draw(axes, fills | dict(zip(poles, (first, second), strict=True)), open_ones, poles)
    axes.set_title(f"index: {len(rows) - len(open_ones)} of {len(rows)} intervals exclude zero")
    bar = figure.colorbar(shades, ax=axes, orientation="horizontal", shrink=0.55, aspect=30, extend="both")
    bar.set_label(
        f"← {style.country_name(poles[1])}      {style.country_name(poles[0])} →  (noise units per decade)"
    )
    style.numbers(bar.ax.xaxis)
