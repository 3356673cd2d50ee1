"""Figure of the number of clusters: lines, bands and the title."""

import numpy as np
import polars as pl
import pytest

from poles.archetypes import surrogates
from poles.archetypes.tables import SELECTION
from poles.figures import style
from poles.figures.selection import PLOTS, SURROGATES, plot_selection
from poles.study import tables


def table(preferred: int | None, names=surrogates.NAMES) -> pl.DataFrame:
    """Measures whose value is k / 10, and one less for each kind of surrogate."""
    rows = [
        (
            data,
            over,
            measure,
            k,
            k / 10 - less,
            k / 10 - less - 0.05,
            k / 10 - less + 0.05,
            3,
            *(data == "observed" and k == preferred,) * 2,
        )
        for less, data in enumerate(("observed", *names))
        for over, measure, *_ in PLOTS
        for k in (2, 3, 4, 5)
    ]
    return tables.conform(pl.DataFrame(rows, list(SELECTION.columns), orient="row"), SELECTION)


def title(figure) -> str:
    return figure.texts[0].get_text()


def test_the_data_are_a_line_and_surrogates_are_bands():
    figure = plot_selection(table(4), 4)
    assert len(figure.axes) == 6
    axes = figure.axes[0]
    line = axes.lines[len(SURROGATES)]
    assert line.get_color() == style.INK
    assert line.get_xydata().tolist() == [[k, k / 10] for k in (2, 3, 4, 5)]
    band = axes.collections[0].get_paths()[0].vertices
    assert sorted(set(np.round(band[band[:, 0] == 3, 1], 9))) == [-0.75, -0.65]
    assert [line.get_color() for line in axes.lines[: len(SURROGATES)]] == [
        colour for _, colour, _ in SURROGATES.values()
    ]
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("preferred", "names", "text"),
    [
        (4, ("signed_steps",), "The data prefer 4 clusters, the number in the headline"),
        (5, ("signed_steps",), "The data prefer 5 clusters; the headline has 4"),
        (None, ("signed_steps",), "No number of clusters is both stable and beyond all surrogates"),
        (None, (), "not compared with surrogates"),
    ],
)
def test_the_title_says_what_the_data_prefer(preferred, names, text):
    assert text in title(plot_selection(table(preferred, names), 4))


def test_every_kind_of_surrogate_has_its_own_colour():
    assert set(SURROGATES) == set(surrogates.NAMES)
    colours = {colour.lower() for _, colour, _ in SURROGATES.values()}
    others = {*style.ARCHETYPES.values(), *style.LAYERS.values(), *style.POLES, style.BRIDGE, style.SOME}
    assert len(colours) == len(SURROGATES) and not colours & {colour.lower() for colour in others}


def test_a_measure_without_values_has_an_empty_plot():
    figure = plot_selection(table(4).filter(pl.col("over") != "seeds"), 4)
    assert [text.get_text() for text in figure.axes[2].texts] == ["not tried"]
    assert "Nothing to show" in " ".join(
        text.get_text() for text in plot_selection(table(4).head(0), 4).texts
    )
