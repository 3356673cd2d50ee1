"""Figures of polarization, of hubs and of the search for poles show the values of their tables."""

import matplotlib
import polars as pl
import pytest
from matplotlib.colors import to_hex

from poles.blocs.tables import HUBS, POLARIZATION, POLARIZATION_TRENDS, POLES
from poles.figures import style
from poles.figures.hubs import KINDS, plot_hubs
from poles.figures.polarization import COLOUR, plot_polarization
from poles.figures.poles import COLOURS, plot_poles
from poles.study import tables


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def all_text(figure):
    """All text in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def by_year(channel, measure, pair, apart=None):
    """Values 0.0, 0.1, 0.2 of three years, with intervals of 0.05 to either side.

    Chance is a tenth below each value. The value with constant affinities is half of each.
    """
    rows = [
        (
            *(channel, measure, pair, 2000 + n),
            *(n / 10, n / 10 - 0.05, n / 10 + 0.05),
            *(n / 10 - 0.1, n / 10 - 0.2, n / 10),
            *(0.01, n / 20, 9, apart and n > 0),
        )
        for n in range(3)
    ]
    return pl.DataFrame(rows, POLARIZATION.columns, orient="row")


def trend(channel, measure, pair):
    row = (channel, measure, pair, -0.5, -0.6, -0.4, -0.4, -0.7, -0.1, -0.9, -0.1, 0.02, 9, 1)
    return pl.DataFrame([row], POLARIZATION_TRENDS.columns, orient="row")


def test_polarization_draws_values_intervals_and_chance():
    kinds = [
        ("citation", "correlation", "US-CN"),
        ("citation", "modularity", "none", True),
        ("collaboration", "correlation", "US-CN"),
    ]
    frame = tables.conform(pl.concat(by_year(*kind) for kind in kinds), POLARIZATION)
    figure = plot_polarization(frame, pl.concat(trend(*kind[:3]) for kind in kinds))
    assert titles(figure) == ["correlation of z with the poles", "modularity of the best split", "", ""]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["collaboration", "citation"]
    assert "needs two poles" in all_text(figure)  # collaboration has no modularity here
    axes = figure.axes[3]
    line = next(line for line in axes.lines if to_hex(line.get_color()).upper() == COLOUR)
    assert line.get_xdata().tolist() == [2000, 2001, 2002]
    assert line.get_ydata() == pytest.approx([0, 0.1, 0.2])
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert dashed.get_ydata() == pytest.approx([0, 0.05, 0.1])
    chance, interval, dots = axes.collections
    assert sorted(set(chance.get_paths()[0].vertices[:, 1].round(9))) == pytest.approx(
        [-0.2, -0.1, 0, 0.1, 0.2]
    )
    vertices = interval.get_paths()[0].vertices
    assert sorted(set(vertices[vertices[:, 0] == 2002, 1])) == pytest.approx([0.15, 0.25])
    assert dots.get_offsets().tolist() == [[2001, 0.1], [2002, 0.2]]
    assert axes.get_xlabel() == (
        "poles in different camps: 2 of 3 years\n−0.50 per decade; beyond dashed −0.40\n(−0.70 to −0.10)"
    )


def test_polarization_between_three_poles_has_a_line_for_each_pair():
    pairs = ["US-CN", "US-IN", "CN-IN"]
    frame = pl.concat(by_year("collaboration", "correlation", pair) for pair in pairs)
    figure = plot_polarization(
        frame, pl.concat(trend("collaboration", "correlation", pair) for pair in pairs)
    )
    lines = [line for line in figure.axes[0].lines if to_hex(line.get_color()).upper() == COLOUR]
    assert [line.get_label() for line in lines] == pairs
    assert len({line.get_linestyle() for line in lines}) == 3
    assert len(figure.axes[0].collections) == 2  # bands of the first pair only


def region(name, unit, hub, spoke, small, p, large):
    row = dict.fromkeys(HUBS.columns) | {
        "region": name, "channel": "collaboration", "unit": unit, "countries": 9, "large": large,
        "hub_pairs": 1, "spoke_pairs": 9, "small_pairs": 0 if small is None else 5, "hubs": hub,
        "spokes": spoke, "spokes_low": spoke - 1, "spokes_high": spoke + 1, "small": small, "p": p,
    }  # fmt: skip
    return pl.DataFrame([row], schema=dict(HUBS.columns))


def test_hubs_draws_means_and_p_of_each_region():
    table = pl.concat(
        [
            region("Western Asia", "z", 1.0, 2.0, None, None, ["IL", "TR"]),
            region("EU", "z", -1.0, 0.5, 0.25, 0.0004, ["DE", "FR", "IT", "ES", "NL", "SE"]),
            region("EU", "noise", -9.0, 5.0, 2.0, 0.2, ["DE", "FR", "IT", "ES", "NL", "SE"]),
        ]
    )
    figure = plot_hubs(tables.conform(table, HUBS))
    assert titles(figure) == ["collaboration"] * 2
    axes, noise = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["EU\nDE, FR, IT, ES, NL … / 9", "Western Asia\nIL, TR / 9"]
    marks = {
        kind: [line.get_xdata()[0] for line in axes.lines if line.get_marker() == KINDS[kind][2]]
        for kind in KINDS
    }
    assert marks == {"hubs": [-1.0, 1.0], "spokes": [0.5, 2.0], "small": [0.25]}
    assert [text.get_text() for text in axes.texts] == ["p < 0.001", "too few"]
    assert [text.get_fontweight() for text in axes.texts] == ["bold", "normal"]
    assert [text.get_text() for text in noise.texts] == ["p = 0.200"]


def pole_row(code, strength, attracts, repels, q=0.5):
    row = dict.fromkeys(POLES.columns) | {
        "country": code, "strength": strength, "partners": 10, "attracted": attracts, "repelled": repels,
        "excess": 0.1, "excess_repelled": -0.2, "q_attracts": q, "q_repels": 0.9,
    }  # fmt: skip
    return pl.DataFrame([row], schema=dict(POLES.columns))


def test_poles_draws_shares_of_the_strongest(monkeypatch):
    monkeypatch.setattr("poles.figures.poles.MOST", 2)
    rows = [pole_row("FR", 0.1, 9, 9), pole_row("US", 0.5, 1, 6), pole_row("CN", 0.3, 7, 0, q=0.01)]
    figure = plot_poles(pl.concat(rows), ["US", "CN"])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["United States", "China"]
    bars = {(round(bar.get_y() + bar.get_height() / 2), bar.get_width()): bar for bar in axes.patches}
    assert set(bars) == {(0, 0.1), (1, 0.7), (0, -0.6), (1, 0.0)}
    assert bars[1, 0.7].get_alpha() == 1.0
    assert bars[0, 0.1].get_alpha() < 1
    assert to_hex(bars[0, -0.6].get_facecolor()).upper() == COLOURS["repels"]
    ticks = [line.get_segments() for line in axes.collections]
    # The share expected by chance is the share minus the excess, on either side.
    assert [segment[0, 0] for segment in ticks[0]] == pytest.approx([0.0, 0.6])
    assert [segment[0, 0] for segment in ticks[1]] == pytest.approx([-0.8, -0.2])


@pytest.mark.parametrize(
    "plot",
    [lambda frame: plot_polarization(frame, frame), plot_hubs, lambda frame: plot_poles(frame, ["US"])],
)
def test_a_figure_without_data_says_so(plot):
    names = dict.fromkeys(("channel", "region", "year"), pl.String)
    assert "Nothing to show" in all_text(plot(pl.DataFrame(schema=names)))


def test_colours_are_distinct():
    colours = [COLOUR, *(colour for _, colour, _ in KINDS.values())]
    assert len({*colours, *style.POLES, *style.ARCHETYPES.values(), style.SOME}) == len(colours) - 1 + 11


@pytest.mark.parametrize(("p", "written"), [(0.5, "p = 0.500"), (0.0005, "p = 0.001"), (0.0004, "p < 0.001")])
def test_p_values_are_never_written_as_zero(p, written):
    assert style.format_p(p) == written
