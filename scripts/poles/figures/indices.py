"""Figure: z of the link between two poles beside plain indices of the same link, by year."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.nulls.scores import pair_means

INDICES = {
    "affinity": "Affinity (1: as partners' strengths give)",
    "collaboration_index": "Index of collaboration (1: as the world)",
    "salton": "Salton's cosine",
    "jaccard": "Jaccard's index",
}
"""Title of the plot of each index of collaboration. The first has a line of citations, too."""
NEUTRAL = {"affinity": 1, "collaboration_index": 1}
"""Value of an index that means neither more nor less than expected."""

PER_ROW = 3
"""Most plots in a row."""


@style.styled
def plot_indices(
    scores_by_layer: Mapping[str, pl.DataFrame],
    indices: pl.DataFrame,
    pair: tuple[str, str],
    years: tuple[int, int],
    null: str,
    intervals: Mapping[str, Mapping[str, pl.DataFrame]] | None = None,
    draws: int | None = None,
) -> Figure:
    """Plot z of one pair by year, and beside it each plain index of the pair.

    Parameters
    ----------
    scores_by_layer : Mapping
        Table `SCORES` of one or more layers.
    indices : pl.DataFrame
        Table `poles.networks.tables.INDICES`.
    pair : (str, str)
        Country codes in any order.
    years : tuple of int
        First and last year shown.
    null : str
        The null model of the scores.
    intervals : Mapping, optional
        Intervals by name of the index, or ``z``, and layer, see `poles.figures.bands`.
    draws : int, optional
        Number of draws behind them.

    Returns
    -------
    matplotlib.figure.Figure
        A plot of z and one for each index that the data have. A citation line is the mean of both
        directions.
    """
    title = f"{style.country_list(pair)}: z beside plain indices, {style.year_range(*years)}"
    of_pair = (pl.col("source") == min(pair)) & (pl.col("target") == max(pair))
    shown = of_pair & pl.col("year").is_between(*years)
    z = {layer: pair_means(scores).filter(shown) for layer, scores in scores_by_layer.items()}
    citation = (pl.col("citation_affinity_out") + pl.col("citation_affinity_in")) / 2
    rows = indices.filter(shown).with_columns(citation_affinity=citation)
    lines = {"z": {layer: frame.select("year", value="z") for layer, frame in z.items()}}
    for name in INDICES:
        by_index = {"collaboration": name} | ({"citation": "citation_affinity"} if name == "affinity" else {})
        frames = {layer: rows.select("year", value=column).drop_nulls() for layer, column in by_index.items()}
        lines[name] = {layer: frame for layer, frame in frames.items() if len(frame)}
    lines = {name: by_layer for name, by_layer in lines.items() if any(map(len, by_layer.values()))}
    if not lines:
        return style.empty(title, "the pair has no link in these years")
    columns = min(PER_ROW, len(lines))
    around = {
        name: {layer: frame.filter(shown) for layer, frame in by_layer.items()}
        for name, by_layer in (intervals or {}).items()
    }
    figure = style.canvas(
        title,
        f"By year. z compares the link with the null model {null}, in standard deviations. An index compares "
        "it with the activity of both countries. Dotted: as expected. Vertical scales differ."
        + bands.note(draws if any(around.values()) else None),
        width=10.5,
        height=1.3 + 2.3 * -(-len(lines) // columns),
        colours={layer: style.LAYERS[layer] for layer in scores_by_layer},
    )
    grid = figure.subplots(-(-len(lines) // columns), columns, squeeze=False)
    for axes, (name, by_layer) in zip(grid.flat, lines.items(), strict=False):
        axes.set_title(INDICES.get(name, "z"))
        for layer, frame in by_layer.items():
            _line(axes, frame, style.LAYERS[layer], layer)
            bands.draw(axes, around.get(name, {}).get(layer), pair, style.LAYERS[layer])
        neutral = 0 if name == "z" else NEUTRAL.get(name)
        if neutral is not None:
            axes.axhline(neutral, color=style.GREY, lw=1, ls=":")
        if name != "z":
            axes.set_ylim(bottom=0)
        style.years_on_x(axes, years)
    for axes in grid.flat[len(lines) :]:
        axes.set_axis_off()
    return figure


def _line(axes: Axes, frame: pl.DataFrame, colour: str, label: str) -> None:
    """Plot values by year, with a gap in a year without one."""
    values = dict(frame.select("year", "value").iter_rows())
    if values:
        years: Sequence[int] = range(min(values), max(values) + 1)
        line = [np.nan if values.get(year) is None else values[year] for year in years]
        axes.plot(years, line, color=colour, lw=1.8, marker=".", ms=4, label=label)
