"""Figure: output of the world, and how the networks grow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import style

_Plot = tuple[str, Mapping[str, pl.DataFrame], str, str, bool]

TITLE = "Output of the world, and growth of the networks"


def count_works(files: Sequence[str | Path]) -> pl.DataFrame:
    """Count the works of the field in every year, and those of them that several countries share.

    Parameters
    ----------
    files : sequence of path
        Tables `poles.corpus.tables.WORKS`.

    Returns
    -------
    pl.DataFrame
        year, works, international. A work counts once, whatever its number of countries; works without a
        country do not count.
    """
    schema = pl.Schema({"year": pl.Int16, "works": pl.Int64, "international": pl.Int64})
    if not files:
        return pl.DataFrame(schema=schema)
    number = pl.col("countries").list.len()
    return (
        pl.scan_parquet(list(map(str, files)))
        .filter(pl.col("is_core"), number > 0)
        .group_by("year")
        .agg(pl.len().alias("works"), (number > 1).sum().alias("international"))
        .sort("year")
        .cast(schema)
        .collect()
    )


def measure_networks(countries: pl.DataFrame) -> pl.DataFrame:
    """Measure the network of every layer and year.

    Parameters
    ----------
    countries : pl.DataFrame
        `poles.networks.tables.COUNTRIES`.

    Returns
    -------
    pl.DataFrame
        layer, year, countries (with a link), links (between different countries), weight (of these links)
        and density (links as a share of all that the countries could have). Citation is directed: two
        countries may have two links.
    """
    columns = {
        "collaboration": (["collaboration_links"], "collaboration_strength", 2),
        "citation": (["citation_links_out", "citation_links_in"], "citation_strength_out", 1),
    }
    frames = []
    for layer, (numbers, strength, ends) in columns.items():
        known = countries.drop_nulls(numbers)
        linked = pl.any_horizontal(pl.col(name) > 0 for name in numbers)
        frames.append(
            known.group_by("year")
            .agg(
                linked.sum().cast(pl.Int64).alias("countries"),
                # Both countries of a pair count a link of collaboration, one of them a link of citation.
                (pl.col(numbers[0]).cast(pl.Int64).sum() // ends).alias("links"),
                (pl.col(strength).sort().sum() / ends).alias("weight"),
            )
            .with_columns(
                layer=pl.lit(layer),
                density=ends * pl.col("links") / (pl.col("countries") * (pl.col("countries") - 1)),
            )
        )
    order = ["layer", "year", "countries", "links", "weight", "density"]
    return pl.concat(frames).select(order).sort("layer", "year")


@style.styled
def plot_world(works: pl.DataFrame, countries: pl.DataFrame) -> Figure:
    """Plot works, their international share, and the size of each network by year.

    Parameters
    ----------
    works : pl.DataFrame
        See `count_works`; empty if the networks are those of the user.
    countries : pl.DataFrame
        `poles.networks.tables.COUNTRIES`.

    Returns
    -------
    matplotlib.figure.Figure
        Six plots. A title gives the values of the first and the last year.
    """
    networks = measure_networks(countries)
    if networks.is_empty() or not networks["links"].sum():
        return style.empty(TITLE, "no two countries are linked in any year")
    years = networks["year"].to_list()
    layers = [layer for layer in style.LAYERS if layer in networks["layer"]]
    figure = style.canvas(
        f"{TITLE}, {style.year_range(min(years), max(years))}",
        "Counts of all that was read, no estimates. Links join different countries; those of citation are "
        "directed. Density: links as a share of all possible ones. Below a title: first and last year. "
        + (
            "Edge lists hold no works, so their number and international share are unknown."
            if works.is_empty()
            else "A work counts once, whatever its number of countries."
        ),
        width=11.0,
        height=5.4,
        colours={layer: style.LAYERS[layer] for layer in layers},
    )
    plots = _works_by_year(works) if len(works) else []
    by_layer = {layer: networks.filter(layer=layer) for layer in layers}
    shares = {name: frame.with_columns(pl.col("density") * 100) for name, frame in by_layer.items()}
    plots += [
        ("countries with a link", by_layer, "countries", "", False),
        ("links", by_layer, "links", "", False),
        ("density", shares, "density", " %", False),
        ("weight of links, on a log scale", by_layer, "weight", "", True),
    ]
    for axes, plot in zip(figure.subplots(2, len(plots) // 2).flat, plots, strict=True):
        _plot_lines(axes, *plot)
        style.years_on_x(axes, years)
    return style.based_on(figure, _basis(works, networks))


def _works_by_year(works: pl.DataFrame) -> list[_Plot]:
    """Plots of works: title, frames by layer, column, unit, and whether the scale is logarithmic."""
    share = works.with_columns(share=100 * pl.col("international") / pl.col("works"))
    return [
        ("works", {"": works}, "works", "", False),
        ("share of works of several countries", {"": share}, "share", " %", False),
    ]


def _basis(works: pl.DataFrame, networks: pl.DataFrame) -> str:
    """Numbers at the foot of the figure."""
    weights = [
        f"weight of {layer} {networks.filter(layer=layer)['weight'].sum():,.0f}"
        for layer in networks["layer"].unique().sort(descending=True)
    ]
    return "; ".join([style.count(int(works["works"].sum()), "work")] * (len(works) > 0) + weights)


def _plot_lines(
    axes: Axes, title: str, frames: Mapping[str, pl.DataFrame], column: str, unit: str = "", log: bool = False
) -> None:
    """Plot a column of each layer by year; below the title stands where each line begins and ends."""
    parts, top = [], 0.0
    for layer, frame in frames.items():
        rows = frame.drop_nulls(column).sort("year")
        colour = style.LAYERS.get(layer, style.INK)
        axes.plot(rows["year"], rows[column], color=colour, lw=1.8, marker=".", ms=4, label=layer or title)
        if len(rows):
            top = max(top, float(rows[column].max()))  # type: ignore[arg-type]
            ends = dict.fromkeys((rows[column][0], rows[column][-1]))
            name = f"{layer} " if layer else ""
            parts.append(
                name + " → ".join(f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in ends)
            )
    axes.text(
        0, 1.0, "; ".join(part + unit for part in parts), transform=axes.transAxes, va="bottom", fontsize=7.5
    )
    axes.set_title(title, fontweight="bold", pad=16)
    axes.set_ylabel(unit.strip())
    if log and top:
        axes.set_yscale("log")  # leaves out years without weight
        axes.margins(y=0.1)
        style.round_numbers(axes.yaxis)
    else:
        axes.set_ylim(0, 1.08 * top or 1)
        style.numbers(axes.yaxis)
