"""Figures can be read: whole years, short numbers, nothing cut without a sign, distinct colours."""

import re
from itertools import combinations

import matplotlib
import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from poles import countries
from poles.archetypes.tables import SELECTION
from poles.blocs.tables import HUBS
from poles.figures import bands, hubs, maps, nulls, selection, style
from poles.figures.alignment import plot_alignment
from poles.figures.archetypes import plot_archetypes
from poles.figures.diagnostics import plot_diagnostics
from poles.figures.hubs import plot_hubs
from poles.figures.losses import plot_losses, step_colour
from poles.figures.map_alignment import plot_map_alignment
from poles.figures.map_links import plot_map_links
from poles.figures.matrix import plot_matrix
from poles.figures.nulls import plot_nulls
from poles.figures.palette import VERDICTS
from poles.figures.partners import plot_partners
from poles.figures.polarization import plot_polarization
from poles.figures.poles import plot_poles
from poles.figures.selection import plot_selection
from poles.figures.sides import plot_sides
from poles.figures.specification import plot_specification
from poles.figures.strong_links import plot_strong_links
from poles.figures.trajectories import largest_pairs, plot_trajectories
from poles.figures.world import plot_world
from poles.study import tables
from poles.trajectories.preprocessing import CLIP
from test_figures import (
    LAYERS,
    MOMENTS,
    STEPS,
    aligned,
    all_text,
    clustered,
    fitted,
    intervals_of,
    lost,
    scores,
    titles,
)
from test_figures_polarization import by_year, pole_row, region, trend
from test_figures_selection import table
from test_figures_study import (
    ARCHETYPES,
    BRANCHES,
    CHANNELS,
    SIZES,
    VERDICTS_OF_BRANCHES,
    WORLD,
    grown,
    judged,
    moving,
    panel,
)
from test_figures_study import clustered as pairs_of
from test_maps import index_of_countries

NUMBER = re.compile(r"−?\d{1,3}(,?\d{3})*(\.\d{1,3})?( %)?")
"""Text of a tick: at most three decimals. Years have no comma."""
YEAR = re.compile(r"(19|20)\d\d")


def tick_labels(axis):
    """Labels of the ticks in the visible part of an axis."""
    low, high = sorted(axis.get_view_interval())
    marks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=False)
    return [label for place, label in marks if low <= place <= high and label.get_text()]


def ticks(axis):
    """Their texts."""
    return [label.get_text() for label in tick_labels(axis)]


def is_numeric(axis):
    """Whether an axis has numbers at ticks, not names at fixed places or powers of ten."""
    names = isinstance(axis.get_major_locator(), matplotlib.ticker.FixedLocator)
    return not names and not any("mathdefault" in text for text in ticks(axis))


def visible_texts(figure):
    """All texts that are drawn."""
    yield from figure.texts
    for legend in [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]:
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from axes.texts
        if axes.axison:
            yield axes._left_title
            for axis in (axes.xaxis, axes.yaxis):
                yield axis.label
                yield from (label for label in tick_labels(axis) if label.get_visible())


def faults(figure: Figure) -> list[str]:
    """What makes a figure hard to read."""
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        shown = [axis for axis in (axes.xaxis, axes.yaxis) if axes.axison and is_numeric(axis)]
        for texts in filter(None, map(ticks, shown)):
            if all(YEAR.fullmatch(text) for text in texts):
                continue
            found += [f"tick {text}" for text in texts if not NUMBER.fullmatch(text)]
            found += [f"only ticks {texts}"] if len(texts) < 3 else []
    width, height = figure.bbox.size
    for text in visible_texts(figure):
        left, bottom, right, top = matplotlib.text.Text.get_window_extent(text).extents
        if text.get_text() and (left < -1 or bottom < -1 or right > width + 1 or top > height + 1):
            found.append(f"cut: {text.get_text()!r}")
    return found


def overlaps(figure: Figure) -> list[str]:
    """Pairs of texts that cover a part of each other."""
    figure.draw_without_rendering()
    texts = [text for text in visible_texts(figure) if text.get_text().strip() and text.get_visible()]
    boxes = np.array([matplotlib.text.Text.get_window_extent(text).extents for text in texts])
    found = []
    for number, box in enumerate(boxes):
        shared = np.minimum(box[2:], boxes[number + 1 :, 2:]) - np.maximum(box[:2], boxes[number + 1 :, :2])
        area = shared.clip(0).prod(axis=1)
        for other in np.flatnonzero(area > 0.1 * (box[2:] - box[:2]).prod()):
            found.append(f"{texts[number].get_text()!r} on {texts[number + 1 + other].get_text()!r}")
    return found


def heading(figure: Figure) -> str:
    """Title of a figure on one line."""
    return " ".join(figure.texts[0].get_text().split())


def short_series(first, last, low, high):
    """Scores of a pair whose z moves from one value to another."""
    z = np.linspace(low, high, last - first + 1)
    return scores([(first + n, "CN", "US", value, 0.5) for n, value in enumerate(z)])


def drawn_z(first, last, low, high):
    """Figure of null models with one line."""
    scores_by_null = {"max_entropy": short_series(first, last, low, high)}
    return plot_nulls({"citation": scores_by_null}, ("US", "CN"), (first, last))


def three_years(measure="correlation"):
    pair = ("collaboration", measure, "US-CN")
    return by_year(*pair), trend(*pair)


def narrow(values):
    """Alignment of countries whose trends have given sizes."""
    frame, trends = aligned()
    sizes = pl.Series("slope", np.resize(values, len(trends)))
    return frame, trends.with_columns(sizes)


def many_pairs():
    """Archetypes of all pairs of 45 countries, among them those with the longest names."""
    names = countries.names()
    longest = sorted(names, key=lambda code: (-len(names[code]), code))[:45]
    kinds = list(style.ARCHETYPES)
    return {
        f"{min(pair)}-{max(pair)}" + "*" * (number % 7 == 0): kinds[number % len(kinds)]
        for number, pair in enumerate(combinations(longest, 2))
    }


def many_verdicts():
    """Twenty claims in four variants, one of them with one null model and a long name."""
    models = ["max_entropy", "enhanced_max_entropy", "variance_corrected", "local_rewiring"]
    branches = [(variant, null) for variant in ("full", "beyond_growth", "literal") for null in models]
    branches.append(("fractional_counting_of_works", "max_entropy"))
    claims = [f"{'claim ' * (3 * (number % 9))}{number}" for number in range(20)]
    rows = [
        (claim, *branch, 1e3 * np.sin(7 * place), "reproduced")
        for claim in claims
        for place, branch in enumerate(branches)
    ]
    return judged(rows), claims, branches


LONG = [(year, "AE", "BA", 3.0, 0.5) for year in range(2017, 2022)]
BANDS = bands.of_layers(pl.concat(map(intervals_of, LAYERS)), "max_entropy"), 100
FIGURES = {
    "one pole": lambda: plot_strong_links(LAYERS, ["US"]),
    "two poles": lambda: plot_strong_links(LAYERS, ["US", "CN"]),
    "long names": lambda: plot_strong_links({"collaboration": scores(LONG)}, ["AE", "BA", "US"]),
    "one long name": lambda: plot_strong_links({"collaboration": scores(LONG)}, ["BA"]),
    "four years": lambda: plot_trajectories(LAYERS, [("US", "FR")], (2018, 2021)),
    "bands": lambda: plot_trajectories(LAYERS, [("US", "FR")], (2016, 2021), *BANDS),
    "one year": lambda: plot_trajectories(LAYERS, [("US", "FR")], (2018, 2018)),
    "six years of archetypes": lambda: plot_archetypes(*clustered()),
    "small z": lambda: drawn_z(2010, 2014, -0.0349, 0.27),
    "z near one": lambda: drawn_z(2010, 2013, 1.1, 1.9),
    "large z": lambda: drawn_z(2000, 2021, -0.9, 152.0),
    "map of one pole": lambda: plot_map_links({"collaboration": LAYERS["collaboration"]}, ["US"]),
    "map of two poles": lambda: plot_map_links(LAYERS, ["US", "CN"]),
    "map of three poles": lambda: plot_map_links({"collaboration": scores(LONG)}, ["AE", "BA", "US"]),
    "partners": lambda: plot_partners(LAYERS, ["US", "CN"], {}, (2016, 2021), 12, *BANDS),
    "partners of one pole": lambda: plot_partners({"citation": scores(LONG)}, ["BA"], {}, (2017, 2021), 3),
    "matrix": lambda: plot_matrix(*pairs_of(ARCHETYPES), SIZES, ["US"], 0.9),
    "matrix of one pair": lambda: plot_matrix(*pairs_of({"BA-VC": "Stable"}), SIZES, ["US"], 0.9),
    "matrix of long names": lambda: plot_matrix(*pairs_of(many_pairs()), {}, [], 0.9),
    "sides": lambda: plot_sides(panel(moving()[0]), CHANNELS, ["US", "CN"], {}, (2000, 2001), (2008, 2009)),
    "claims": lambda: plot_specification(VERDICTS_OF_BRANCHES, ["b", "a"], BRANCHES),
    "claims of many branches": lambda: plot_specification(*many_verdicts()),
    "growth": lambda: plot_world(WORLD, grown((2000, 2001, 2002))),
    "growth of a year": lambda: plot_world(WORLD[:1], grown((2000,))),
    "map of groups": lambda: plot_map_alignment(index_of_countries(), ["US", "CN"]),
    "alignment": lambda: plot_alignment(*aligned(), ["US", "CN"]),
    "small trends": lambda: plot_alignment(*narrow([0.034, -0.021, 0.3, 0.05]), ["US", "CN"]),
    "uneven trends": lambda: plot_alignment(*narrow([2.0, 3.3, 1.5, 2.5, -0.1]), ["US", "CN"]),
    "three poles": lambda: plot_alignment(*aligned(("US", "CN", "IN")), ["US", "CN", "IN"]),
    "polarization": lambda: plot_polarization(*three_years()),
    "losses": lambda: plot_losses(lost(STEPS)),
    "fit": lambda: plot_diagnostics({"citation": MOMENTS}, {"citation": fitted()}),
    "number of clusters": lambda: plot_selection(table(4), 4),
    "regions": lambda: plot_hubs(tables.conform(region("EU", "z", -1.0, 0.5, 0.25, 0.2, ["DE"]), HUBS)),
    "poles": lambda: plot_poles(pole_row("BA", 0.5, 3, 6), ["BA"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FIGURES)
def test_ticks_are_short_and_no_text_is_cut_or_covered(case):
    figure = FIGURES[case]()
    assert faults(figure) == []
    assert overlaps(figure) == []


def test_a_text_that_covers_another_is_found():
    figure = style.canvas("t", "s", 8, 4)
    axes = figure.add_subplot()
    axes.text(0.5, 0.5, "above")
    axes.text(0.5, 0.505, "below")
    assert overlaps(figure) == ["'above' on 'below'"]


@pytest.mark.parametrize(("first", "last"), [(2011, 2014), (2012, 2013), (2018, 2018), (1990, 2023)])
def test_ticks_of_years_are_whole_years(first, last):
    figure = plot_trajectories({"citation": short_series(first, last, 0, 1)}, [("US", "CN")], (first, last))
    figure.draw_without_rendering()
    texts = ticks(figure.axes[0].xaxis)
    assert texts and all(first <= int(text) <= last for text in texts)


@pytest.mark.parametrize(
    ("scale", "low", "high"),
    [
        ("asinh", -3.3, 2.7),
        ("asinh", 0.5, 0.9),
        ("symlog", -0.035, 0.03),
        ("symlog", -1, 200),
        ("log", 7e2, 3e3),
    ],
)
def test_round_numbers_cover_any_range(scale, low, high):
    axes = Figure().add_subplot()
    axes.set_yscale(scale)
    axes.set_ylim(low, high)
    style.round_numbers(axes.yaxis)
    texts = ticks(axes.yaxis)
    assert len(texts) >= 4
    assert all(NUMBER.fullmatch(text) for text in texts)
    assert all(low <= place <= high for place in axes.yaxis.get_majorticklocs())


def test_an_arrow_marks_where_an_interval_leaves_the_frame():
    frame = tables.conform(
        region("EU", "z", -1.0, 0.5, 0.25, 0.2, ["DE"]).with_columns(
            hubs_low=-9.0, hubs_high=0.0, spokes_low=-0.5, spokes_high=9.0, small_low=-9.0, small_high=9.0
        ),
        HUBS,
    )
    axes = plot_hubs(frame).axes[0]
    left, right = axes.get_xlim()
    arrows = {mark: [] for mark in "<>"}
    for line in axes.lines:
        if line.get_marker() in arrows:
            arrows[line.get_marker()].append((line.get_xdata()[0], line.get_color()))
        assert left <= min(line.get_xdata()) and max(line.get_xdata()) <= right
    large, both, small = (colour for _, colour, _ in hubs.KINDS.values())
    assert arrows == {"<": [(left, large), (left, small)], ">": [(right, both), (right, small)]}


def test_intervals_of_the_index_and_bars_of_the_data_stay_in_the_frame():
    index = plot_alignment(*aligned(), ["US", "CN"]).axes[2]
    left, right = index.get_xlim()
    assert left < -3 and right > 7
    assert not [line for line in index.lines if line.get_marker() in "<>"]
    low = table(4).with_columns(low=pl.when(data="observed").then(-0.4).otherwise("low"))
    bottom, _ = plot_selection(tables.conform(low, SELECTION), 4).axes[0].get_ylim()
    assert bottom < -0.4


def test_outliers_have_names(monkeypatch):
    monkeypatch.setattr("poles.figures.alignment.LABELLED", 1)
    monkeypatch.setattr("poles.figures.alignment.OUTLIERS", 1)
    frame, trends = aligned()
    axes = plot_alignment(frame, trends, ["US", "CN"], {"BR": 9.0, "FR": 3.0, "DE": 1.0}).axes[0]
    names = {"Brazil", "Germany", "France", "Kenya", "FR", "DE"} & {text.get_text() for text in axes.texts}
    # Brazil is the largest; Kenya has the largest trends of the others, which have codes.
    assert names == {"Brazil", "Kenya", "FR", "DE"}


def test_every_linked_pair_is_visible_and_the_furthest_have_names():
    axes = plot_diagnostics({"citation": MOMENTS}, {"citation": fitted()}).axes[1]
    hexagons = axes.collections[0]
    hexagons.update_scalarmappable()
    assert hexagons.get_facecolors()[:, :3].max() < 0.9
    assert {text.get_text() for text in axes.texts} == {"AA→BB", "BB→CC"}


def test_archetypes_say_where_values_are_clipped():
    trajectories, clusters = clustered()
    clipped = trajectories.with_columns(pl.col("x_collaboration").clip(-CLIP, CLIP))
    clipped = clipped.with_columns(
        x_collaboration=pl.when(year=2003).then(CLIP).otherwise("x_collaboration"),
        x_citation=pl.col("x_citation") * 3.1,
    )
    figure = plot_archetypes(clipped, clusters)
    labels = [axes.get_ylabel() for axes in figure.axes[::3]]
    assert labels == ["collaboration\n(clipped at ±2)", "citation"]
    dotted = [
        [segment[0, 1] for lines in axes.collections[2:] for segment in lines.get_segments()]
        for axes in figure.axes
    ]
    assert dotted == [[-2.0, 2.0]] * 3 + [[]] * 3
    assert "Dotted: values are clipped here" in all_text(figure)
    assert "clipped" not in all_text(plot_archetypes(trajectories, clusters))


@pytest.mark.parametrize(
    ("q", "verdict"), [(None, "none significant"), (0.2, "none significant"), (0.01, "all significant")]
)
def test_the_title_says_how_many_links_above_expectation_are_significant(q, verdict):
    rows = [(year, "FR", "US", 3.0, q) for year in range(2017, 2022)]
    figure = plot_strong_links({"collaboration": scores(rows)}, ["US"])
    assert heading(figure) == f"Links above expectation (mean z > 2), 2017–2021: {verdict} (q < 0.05)"
    assert heading(plot_strong_links(LAYERS, ["US", "CN"])).endswith("1 of 4 significant (q < 0.05)")


def test_titles_say_if_nothing_is_significant():
    nothing = pole_row("US", 0.5, 1, 6)
    assert "none is significant (q < 0.05)" in heading(plot_poles(nothing, ["US"]))
    assert "significant" not in heading(plot_poles(pole_row("US", 0.5, 1, 6, q=0.01), ["US"]))
    for p, end in ((0.2, "no difference is significant (p < 0.05)"), (None, "too few countries for a test")):
        frame = tables.conform(region("EU", "z", -1.0, 0.5, 0.25, p, ["DE"]), HUBS)
        assert heading(plot_hubs(frame)).endswith(end)
    assert "significant" not in heading(
        plot_hubs(tables.conform(region("EU", "z", -1.0, 0.5, 0.25, 0.01, ["DE"]), HUBS))
    )
    frame, trends = aligned()
    wide = frame.with_columns(index_low=pl.col("index") - 9, index_high=pl.col("index") + 9)
    assert titles(plot_alignment(wide, trends, ["US", "CN"]))[2] == "index:\nno interval excludes zero"


def test_pairs_are_those_of_the_poles_of_the_study():
    weights = {("JP", "KR"): 1.0, ("JP", "US"): 5.0, ("FR", "JP"): 7.0, ("FR", "KR"): 2.0, ("DE", "US"): 99.0}
    frame = scores([(2018, *pair, 0.5, 0.5) for pair in sorted(weights)])
    frame = frame.with_columns(observed=pl.Series([weights[pair] for pair in sorted(weights)]))
    early = frame.with_columns(year=pl.lit(2001, pl.Int16), observed=pl.lit(50.0))
    pairs = largest_pairs(pl.concat([frame, early]), ["JP", "KR"], (2017, 2021))
    assert pairs == [("JP", "KR"), ("JP", "FR"), ("JP", "US"), ("KR", "FR")]
    world = [(2018, "AA", f"B{n:02}", 0.5, 0.5) for n in range(20)] + [(2018, "A0", "B01", 0.5, 0.5)]
    assert len(largest_pairs(scores(world), ["AA", "A0"], (2017, 2021))) == 1 + 6 + 1
    assert len(largest_pairs(scores(world), ["AA"], (2017, 2021))) == 12


MACHADO = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}
"""What colour vision makes of linear RGB (Machado, Oliveira and Fernandes 2009)."""
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, vision):
    """CIE L*a*b* of a colour as seen with a kind of colour vision."""
    value = np.array(to_rgb(colour))
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(MACHADO[vision]) @ linear, 0, 1)
    x, y, z = TO_XYZ @ seen / (0.9505, 1.0, 1.089)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize(
    ("colours", "least"),
    [
        ([step_colour(place, 7) for place in range(7)], 12),
        ([maps.BELOW, maps.NO_DATA, *style.POLES[:2], *map(maps.tint, style.POLES[:2])], 8),
        ([*style.POLES, style.BRIDGE, style.SOME, style.GREY], 20),
        ([colour for _, colour, _ in hubs.KINDS.values()], 20),
        ([style.INK, *(colour for _, colour, _ in selection.SURROGATES.values())], 15),
        (nulls.COLOURS, 15),
        (style.LAYERS.values(), 20),
        (VERDICTS.values(), 15),
    ],
)
def test_colours_of_a_figure_can_be_told_apart(colours, least, vision):
    distances = [np.linalg.norm(lab(a, vision) - lab(b, vision)) for a, b in combinations(colours, 2)]
    assert min(distances) >= least
