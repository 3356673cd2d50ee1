"""Figures: they are reproducible to the byte, carry their provenance, and show the values of their tables."""

from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from conftest import ROOT
from poles.archetypes.names import ARCHETYPES, UNNAMED
from poles.archetypes.tables import RECOVERY
from poles.blocs.tables import TRENDS
from poles.corpus import selection
from poles.corpus.tables import LOSSES
from poles.errors import StudyError
from poles.figures import bands, labels, style
from poles.figures.alignment import plot_alignment
from poles.figures.archetypes import plot_archetypes
from poles.figures.diagnostics import plot_diagnostics
from poles.figures.indices import plot_indices
from poles.figures.losses import COUNTRY_STEP, FIELD_STEPS, NAMES, YEAR_STEP, plot_losses
from poles.figures.nulls import plot_nulls
from poles.figures.recovery import plot_recovery
from poles.figures.strong_links import plot_strong_links
from poles.figures.trajectories import plot_trajectories
from poles.networks.tables import INDICES, index_intervals
from poles.nulls import gravity
from poles.nulls import tables as nulls_tables
from poles.nulls.tables import DIAGNOSTICS, RECENT_INTERVALS, SCORES, Z_INTERVALS
from poles.study import config as configuration
from poles.study import extraction, run_warnings, tables

RECORD = {
    "rule": "draw",
    "wildcards": {},
    "params": {"text": 'a -- "b" <c> & é\n'},
    "log": "",
    "inputs": {"x.parquet": "0" * 64},
}


def scores(rows):
    """Score table from (year, source, target, z, q)."""
    names = ["year", "source", "target", "z", "q"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return tables.conform(frame.with_columns(observed=1.0, expected=1.0, std=1.0, p=0.5), SCORES)


LAYERS = {
    "collaboration": scores(
        [(year, "CN", "US", -1.0, 0.9) for year in range(2017, 2022)]
        + [(year, "FR", "US", 3.0 + year - 2019, 0.01) for year in range(2017, 2022)]
        + [(year, "DE", "US", 2.5, 0.2) for year in range(2017, 2022)]
        + [(year, "CN", "FR", z, None) for year, z in ((2016, 99.0), (2017, 9.0), (2018, 1.0), (2021, 5.0))]
        + [(year, "JP", "US", 2.0, 0.0) for year in range(2017, 2022)]
    ),
    "citation": scores(
        [(2018, "US", "FR", 6.0, 0.0), (2020, "US", "FR", 1.0, 0.5), (2020, "FR", "US", 4.0, 0.5)]
        + [(2021, *pair) for pair in (("US", "FR", 2.0, 0.5), ("FR", "US", None, None))]
    ),
}
NOTHING = LAYERS["collaboration"].head(0)
NO_INDICES = pl.DataFrame(schema=dict(INDICES.columns))


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def all_text(figure):
    """All text in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def axes_of(figure, start):
    """Axes whose title starts with some text."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(start))


def test_the_same_figure_gives_the_same_bytes_under_any_settings(tmp_path, monkeypatch):
    def draw(name):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)  # each file has its path in it
        paths = [Path("figure.svg"), Path("figure.png")]
        style.save(plot_strong_links(LAYERS, ["US", "CN"]), paths, RECORD)
        return [path.read_bytes() for path in paths]

    first = draw("a")
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 33, "svg.hashsalt": None, "axes.grid": True}):
        assert draw("b") == first
    for path in (Path("figure.svg"), Path("figure.png")):
        assert extraction.read(path) == RECORD | {"file": path.name}
        assert extraction.is_intact(path)


def test_the_palette_of_a_png_holds_the_colours_of_few_pixels_too(tmp_path):
    figure = style.canvas("Few pixels", "in the legend alone", 8, 4, colours=style.ARCHETYPES)
    figure.add_subplot().imshow(np.linspace(0, 1, 400).reshape(20, 20), cmap="Purples")
    style.save(figure, [tmp_path / "rare.png"], RECORD)
    with Image.open(tmp_path / "rare.png") as image:
        present = np.array([colour for _, colour in image.convert("RGB").getcolors()])
    for name, colour in style.ARCHETYPES.items():
        wanted = 255 * np.array(to_rgb(colour))
        assert np.abs(present - wanted).max(axis=1).min() <= 20, name


def test_a_figure_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "figure.svg"
    path.write_text("before")

    def half(self, stream, **options):
        stream.write(b"<svg")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        style.save(Figure(), [path], RECORD)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StudyError, match=r"figure\.pdf: figures are written as \.svg or \.png"):
        style.save(Figure(), [tmp_path / "figure.pdf"], RECORD)


def test_the_foot_says_the_source_the_branch_and_what_a_figure_is_based_on(tmp_path):
    record = {
        "params": {"source": "lists a$b$c.csv"},
        "wildcards": {"variant": "full", "null": "max_entropy"},
    }
    figure = style.based_on(plot_strong_links(LAYERS, ["US"]), style.size_of(LAYERS["citation"]))
    style.save(figure, [tmp_path / "signed.svg"], record)
    # The drawing holds its texts as comments.
    foot = r"Source: lists a\$b\$c.csv; data: full; null model: max_entropy; 1 pair of 2 countries"
    assert f"<!-- {foot.replace(chr(92), '')} -->" in (tmp_path / "signed.svg").read_text()
    assert foot in all_text(figure)
    style.save(of_study := style.empty("Nothing", "no data"), [tmp_path / "study.svg"], {})
    assert [text.get_text() for text in of_study.texts[2:]] == [""]


@pytest.mark.parametrize("width", [2.5, 6.0, 12.0])
def test_a_long_foot_fits_below_a_narrow_figure(tmp_path, width):
    record = {
        "params": {"source": "edge lists WWWWWWWWWWWWWWWWWWWWWWWWWW.csv"},
        "wildcards": {"variant": "beyond_growth", "null": "enhanced_max_entropy"},
    }
    figure = style.based_on(style.canvas("A", "b", width, 1.0), style.panel_of(TRAJECTORIES))
    style.save(figure, [tmp_path / "narrow.svg"], record)
    foot = figure.texts[2].get_window_extent()
    assert foot.x1 <= figure.bbox.x1
    assert foot.x1 > 0.5 * min(figure.bbox.x1, 6.0 * figure.dpi), "no smaller than needed"


def test_numbers_of_pairs_and_countries_count_both_directions_once():
    assert style.size_of(LAYERS["collaboration"]) == "5 pairs of 5 countries"
    assert style.panel_of(TRAJECTORIES) == "2000–2005, panel of 12 pairs of 13 countries"
    assert style.panel_of(TRAJECTORIES.clear()) == "no pair in the panel"
    assert [style.count(n, "country") for n in (0, 1, 2000)] == [
        "0 countries",
        "1 country",
        "2,000 countries",
    ]


def test_a_legend_that_is_wider_than_the_figure_has_rows():
    colours = {f"a rather long label of entry {number}": style.INK for number in range(7)}
    for width in (5, 8, 20):
        figure = style.canvas("t", "s", width, 4, colours)
        figure.draw_without_rendering()
        legend = figure.legends[0].get_window_extent().extents
        assert legend[2] < figure.bbox.width, width
        axes = figure.add_subplot()
        figure.draw_without_rendering()
        assert axes.get_window_extent().extents[3] < legend[1], width


def test_every_archetype_has_its_own_colour():
    assert list(style.ARCHETYPES) == [*ARCHETYPES.values(), UNNAMED]
    colours = [*style.ARCHETYPES.values(), *style.POLES, style.BRIDGE, style.SOME]
    assert len(set(colours)) == len(colours)


def test_names_are_cut_and_unknown_codes_kept():
    assert [style.country_name("NA"), style.country_name("OTH")] == ["Namibia", "OTH"]
    assert style.country_name("VC", 12) == "St Vincent…"
    assert style.country_name("VC", 24) == "St Vincent & Grenadines"
    assert style.country_name("KN", 30) == "Saint Kitts and Nevis"
    assert style.country_name("FR", 6) == "France"


def test_strong_links_draws_the_mean_z_of_each_partner():
    figure = plot_strong_links(LAYERS, ["US", "CN"])
    assert titles(figure) == [
        "United States\ncollaboration\n2 of 4 partners: z > 2\n1 of them: q < 0.05",
        "China\ncollaboration\n1 of 2 partners: z > 2\n0 of them: q < 0.05",
        "United States\ncitation\n1 of 1 partners: z > 2\n0 of them: q < 0.05",
        "China\ncitation\n0 of 0 partners: z > 2\n0 of them: q < 0.05",
    ]
    first = figure.axes[0]
    lines, marks = first.collections[:2]
    assert [segment[1, 0] for segment in lines.get_segments()] == pytest.approx([3.0, 2.5])
    assert marks.get_offsets()[:, 0].tolist() == pytest.approx([3.0, 2.5])
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["France", "Germany", "China"]
    # France is shared with China, Germany is not; Germany's q is 0.2.
    assert [to_hex(c).upper() for c in marks.get_edgecolors()] == [style.BRIDGE, style.POLES[0]]
    assert [to_hex(c).upper() for c in marks.get_facecolors()] == [style.BRIDGE, "#FFFFFF"]
    assert "z = −1.00" in [text.get_text() for text in first.texts]
    # China with France: (9 + 1 + 5) / 3, because 2016 is outside the period. Its q is unknown.
    assert figure.axes[1].collections[1].get_offsets()[:, 0].tolist() == [5.0]
    assert to_hex(figure.axes[1].collections[1].get_facecolors()[0]) == "#ffffff"
    # Citation: 6 in 2018, the mean of 1 and 4 in 2020, and the only direction with a z in 2021.
    assert figure.axes[2].collections[1].get_offsets()[:, 0].tolist() == pytest.approx([(6 + 2.5 + 2) / 3])


def test_strong_links_draws_the_interval_of_each_mean():
    rows = [("collaboration", "max_entropy", "FR", "US", -0.5, 4.5, 50)]
    intervals = pl.DataFrame(rows, schema=dict(RECENT_INTERVALS.columns), orient="row")
    figure = plot_strong_links(LAYERS, ["US"], intervals=intervals)
    axes = axes_of(figure, "United States\ncollaboration")
    (bars,) = (lines for lines in axes.collections if lines.get_alpha() == bands.OPACITY)
    # France is first and has the only interval; it stays in the frame.
    ends = [path.vertices[:, 0].tolist() for path in bars.get_paths()]
    assert ends[0] == [-0.5, 4.5] and np.isnan(ends[1:]).all()
    assert axes.get_xlim()[0] < -0.5 and axes.get_xlim()[1] > 4.5
    assert "Bar: 95 % interval, by a bootstrap over works (50 draws)" in " ".join(all_text(figure).split())
    without = plot_strong_links(LAYERS, ["US"], intervals=intervals.clear())
    assert "bootstrap" not in all_text(without)
    assert not any(lines.get_alpha() for axes in without.axes for lines in axes.collections)


@pytest.mark.parametrize("poles", [["US"], ["US", "CN", "FR"], ["BR", "CN"]])
def test_strong_links_of_one_layer_and_any_poles(poles):
    figure = plot_strong_links({"collaboration": LAYERS["collaboration"]}, poles)
    assert len(figure.axes) == len(poles)
    figure.draw_without_rendering()


def test_trajectories_draws_z_with_gaps_and_the_band_of_all_pairs():
    figure = plot_trajectories(LAYERS, [("US", "FR"), ("CN", "FR"), ("BR", "AR")], (2017, 2021))
    assert titles(figure)[:3] == ["United States – France", "China – France", "Brazil – Argentina"]
    first = figure.axes[0]
    by_layer = {line.get_label(): line for line in first.lines}
    assert by_layer["collaboration"].get_ydata().tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert by_layer["citation"].get_xdata().tolist() == [2018, 2019, 2020, 2021]
    assert by_layer["citation"].get_ydata() == pytest.approx([6.0, np.nan, 2.5, 2.0], nan_ok=True)
    constant_affinity = gravity.constant_affinity(LAYERS["collaboration"], 2017, 2021)
    expected = constant_affinity.filter(source="FR", target="US").sort("year")["z"].to_list()
    assert by_layer["collaboration, constant affinity"].get_ydata().tolist() == expected
    z = LAYERS["collaboration"].filter(pl.col("year") == 2018)["z"].to_numpy()
    band = first.collections[0].get_paths()[0].vertices
    assert sorted(set(band[band[:, 0] == 2018, 1])) == pytest.approx(np.quantile(z, [0.1, 0.9]).tolist())
    assert [text.get_text() for text in figure.axes[2].texts] == ["no z-score"]


def clustered(seed=1):
    """Trajectories of twelve pairs in three clusters, the last of which has a single pair."""
    rng = np.random.default_rng(seed)
    pairs = [("AA", f"B{letter}") for letter in "ABCDEFGHIJKL"]
    rows = [(*pair, year, *rng.normal(size=2)) for pair in pairs for year in range(2000, 2006)]
    columns = ["source", "target", "year", "x_collaboration", "x_citation"]
    trajectories = pl.DataFrame(rows, columns, orient="row")
    names = ["Stable"] * 6 + ["Scientific Divergence"] * 5 + ["Unnamed"]
    clusters = pl.DataFrame(pairs, ["source", "target"], orient="row").with_columns(
        cluster=pl.Series([1] * 6 + [2] * 5 + [3]),
        archetype=pl.Series(names),
        distance=pl.Series(rng.random(12)),
    )
    return trajectories, clusters


def test_archetypes_draws_quantiles_of_each_cluster():
    trajectories, clusters = clustered()
    figure = plot_archetypes(trajectories, clusters)
    assert titles(figure)[:3] == ["Scientific Divergence\n5 pairs", "Stable\n6 pairs", "Unnamed\n1 pair"]
    members = clusters.filter(pl.col("cluster") == 2)
    values = (
        trajectories.join(members, on=["source", "target"])
        .sort("target", "year")["x_citation"]
        .to_numpy()
        .reshape(5, 6)
    )
    axes = figure.axes[3]
    assert axes.get_ylabel() == "citation"
    assert axes.lines[-1].get_ydata() == pytest.approx(np.median(values, axis=0))
    assert to_hex(axes.lines[-1].get_color()).upper() == style.ARCHETYPES["Scientific Divergence"]
    for band, levels in zip(axes.collections, ((0.1, 0.9), (0.25, 0.75)), strict=True):
        vertices = band.get_paths()[0].vertices
        drawn = sorted(set(vertices[vertices[:, 0] == 2003, 1]))
        assert drawn == pytest.approx(np.quantile(values[:, 3], levels).tolist())
    nearest = members.sort("distance")["target"][0]
    assert axes.get_xlabel().endswith(f"– {style.country_name(nearest)}")


def test_archetypes_of_one_layer():
    trajectories, clusters = clustered()
    figure = plot_archetypes(trajectories.drop("x_citation"), clusters)
    assert len(figure.axes) == 3


def aligned(poles=("US", "CN")):
    """Groups and trends of six countries with the given poles, and of the poles with each other."""
    groups = {
        "DE": "only US",
        "FR": "both",
        "BR": "only CN",
        "KE": "neither",
        "JP": "not in panel",
        poles[1]: "pole",
    }
    slopes = {
        (country, pole, channel): 1.0 * i + 10 * j
        for i, country in enumerate(sorted(groups))
        for j, pole in enumerate(poles)
        for channel in ("citation", "collaboration")
        if country != pole and not (country == "JP" and pole == "CN")
    }
    trends = pl.DataFrame(
        [(*key, slope, slope - 1, slope + 1, 0.0, 0.0) for key, slope in slopes.items()],
        TRENDS.columns,
        orient="row",
    )
    frame = pl.DataFrame(sorted(groups.items()), ["country", "group"], orient="row")
    index = {"BR": (-2.0, -3.0, -1.0), "DE": (4.0, 1.0, 7.0), "FR": (0.5, -1.0, 2.0)}
    columns = ("index", "index_low", "index_high")
    two = len(poles) == 2
    return frame.with_columns(
        pl.Series(
            column, [index[code][n] if two and code in index else None for code in frame["country"]]
        ).cast(pl.Float64)
        for n, column in enumerate(columns)
    ), trends


def test_alignment_draws_trends_and_names_the_largest(monkeypatch):
    monkeypatch.setattr("poles.figures.alignment.LABELLED", 2)
    monkeypatch.setattr("poles.figures.alignment.OUTLIERS", 0)
    frame, trends = aligned()
    figure = plot_alignment(frame, trends, ["US", "CN"], {"FR": 3.0, "BR": 2.0, "DE": 1.0, "JP": 9.0})
    assert titles(figure) == ["collaboration", "citation", "index"]
    # Japan has no trend with China, and China is a pole. The other four are in the order of their codes.
    marks = figure.axes[0].collections[0]
    assert marks.get_offsets().tolist() == [[0.0, 10.0], [2.0, 12.0], [3.0, 13.0], [5.0, 15.0]]
    expected = [style.POLES[1], style.POLES[0], style.BRIDGE, style.GREY]
    assert [to_hex(colour).upper() for colour in marks.get_edgecolors()] == expected
    # The interval of Brazil's trend with the United States, -1 to 1, contains zero.
    faces = ["#FFFFFF", *expected[1:]]
    assert [to_hex(colour).upper() for colour in marks.get_facecolors()] == faces
    corners = {"away from both", "towards both", "towards China", "towards United States"}
    written = {text.get_text() for text in figure.axes[0].texts} - corners
    # No mark is without a label: the others have codes, which a key explains.
    assert written == {"France", "Brazil", "DE", "KE"}
    assert "DE Germany, KE Kenya" in all_text(figure).replace("\N{NO-BREAK SPACE}", " ")


def test_alignment_ranks_the_largest_countries_by_their_index(monkeypatch):
    monkeypatch.setattr("poles.figures.alignment.RANKED", 3)
    figure = plot_alignment(*aligned(), ["US", "CN"], {"FR": 3.0, "BR": 2.0, "DE": 1.0, "JP": 9.0, "KE": 9.0})
    axes = figure.axes[2]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Germany", "France", "Brazil"]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None"][1:]
    assert [list(line.get_xdata()) for line in lines] == [[1, 7], [-1, 2], [-3, -1]]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [mark.get_xdata()[0] for mark in marks] == [4.0, 0.5, -2.0]
    # Marks are hollow where the interval contains zero.
    assert [mark.get_markerfacecolor() for mark in marks] == [style.POLES[0], "white", style.POLES[1]]
    monkeypatch.setattr("poles.figures.alignment.RANKED", 2)
    fewer = plot_alignment(*aligned(), ["US", "CN"], {"FR": 3.0, "BR": 2.0, "DE": 1.0}).axes[2]
    assert [label.get_text() for label in fewer.get_yticklabels()] == ["France", "Brazil"]


def test_alignment_of_three_poles_has_a_row_for_each_further_pole():
    frame, trends = aligned(("US", "CN", "IN"))
    figure = plot_alignment(frame, trends, ["US", "CN", "IN"])
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["trend with China", "trend with India"]
    assert len(figure.axes[2].collections[0].get_offsets()) == 6


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12, unique=True),
    st.integers(3, 20),
)
def test_labels_keep_apart(places, length):
    figure = style.canvas("t", "s", 9, 9)
    axes = figure.add_subplot(xlim=(-1, 10), ylim=(-1, 10))
    axes.scatter(*zip(*places, strict=True))
    figure.draw_without_rendering()
    labels.place_labels(axes, {f"{number:x>{length}}": place for number, place in enumerate(places)})
    figure.draw_without_rendering()
    # Extent of the text without the line to its mark.
    boxes = [matplotlib.text.Text.get_window_extent(text).extents for text in axes.texts]
    boxes = np.array(boxes)
    shared = sum(labels._overlap(boxes[[place]], boxes[:place]).sum() for place in range(len(boxes)))
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
    assert len(boxes) == len(places)
    assert shared < 0.05 * area


def lost(steps):
    """Losses of two years and of works without a year, from (step, unit, left, left_core) of 2000."""
    rows = []
    for order, (step, unit, left, core) in enumerate(steps):
        rows += [
            (2000, order, step, unit, left, core),
            (2001, order, step, unit, 2 * left, core and 2 * core),
        ]
        rows.append((None, order, step, unit, 5 - order, None))
    return tables.conform(pl.DataFrame(rows, LOSSES.columns, orient="row"), LOSSES)


STEPS = [
    ("read", "works", 1000, None),
    ("in the field or citing it", "works", 90, 60),
    ("distinct", "works", 90, 60),
    ("topic score", "works", 90, 50),
    ("year in the study", "works", 80, 40),
    ("in the field or citing a selected work", "works", 50, 40),
    ("with a country", "works", 39, 30),
    ("with a country and references", "works", 37, 30),
    ("listed", "references", 900, 700),
    ("listed once", "references", 900, 700),
    ("to a selected work", "references", 300, 300),
]


def areas(axes):
    """Labels of the areas in a plot, and their heights in the year 2000."""
    return {patch.get_label(): patch.get_data().values[0] for patch in axes.patches}


def test_losses_draws_what_each_step_leaves_and_the_share_without_a_country():
    figure = plot_losses(lost(STEPS))
    assert titles(figure) == [
        "records and works, on a log scale", "works of the field", "works outside that cite it",
        "works without a country", "references of the field", "references of works outside",
    ]  # fmt: skip
    records, works, others, share, references, other_references = figure.axes
    assert [line.get_ydata().tolist() for line in records.lines] == [[1000, 2000], [90, 180], [37, 74]]
    assert areas(works) == {
        "in the source: 180": 60,
        "topic score: 150 (−16.7 %)": 50,
        "year in the study: 120 (−20.0 %)": 40,
        "with a country: 90 (−25.0 %)": 30,
        "with a country and references: 90": 30,
    }
    # Works that leave the field because of their score count among the works outside.
    assert areas(others) == {
        "in the source: 120": 40,
        "citing a selected work: 30 (−75.0 %)": 10,
        "with a country: 27 (−10.0 %)": 9,
        "with a country and references: 21 (−22.2 %)": 7,
    }
    assert areas(references) == {"listed: 2,100": 700, "to a selected work: 900 (−57.1 %)": 300}
    assert areas(other_references) == {"listed: 600": 200, "to a selected work: 0 (−100.0 %)": 0}
    lines = {line.get_label(): line.get_ydata() for line in share.lines}
    assert lines["of the field: 25.0 %"] == pytest.approx([25, 25])
    assert lines["outside that cite it: 10.0 %"] == pytest.approx([10, 10])
    assert "Not shown: 5 records of other years than 2000–2001, or without a year" in all_text(figure)
    assert "2000–2001, 3,000 records" in all_text(figure)


def test_losses_where_only_the_most_cited_works_are_in_the_field():
    rows = [
        *STEPS[:5],
        ("most cited", "works", 80, 4),
        ("in the field or citing a selected work", "works", 50, 4),
    ]
    rows += [(step, unit, left, 3) for step, unit, left, _ in STEPS[6:]]
    _, works, others, *_ = plot_losses(lost(rows)).axes
    assert areas(works)["most cited: 12 (−90.0 %)"] == 4
    assert areas(others) == {
        "most cited: 228": 76,
        "citing a selected work: 138 (−39.5 %)": 46,
        "with a country: 108 (−21.7 %)": 36,
        "with a country and references: 102 (−5.6 %)": 34,
    }


def test_losses_shows_only_the_years_of_the_study():
    late = pl.col("year").replace({2001: 9999})
    frame = lost(STEPS).with_columns(late)
    frame = frame.with_columns(
        pl.when((pl.col("year") == 9999) & (pl.col("order") >= 4)).then(0).otherwise("left").alias("left")
    )
    figure = plot_losses(frame)
    assert all(axes.get_xlim() == (1999.5, 2000.5) for axes in figure.axes)
    assert "2,005 records of other years than 2000, or without a year" in all_text(figure)


def test_the_steps_that_the_figure_names_are_those_of_the_selection():
    assert {step for step, *_ in STEPS} <= selection.STEPS.keys()
    steps = list(selection.STEPS)
    # The share without a country is relative to what the previous step leaves.
    assert steps[steps.index(COUNTRY_STEP) - 1] == "in the field or citing a selected work"
    assert NAMES.keys() | {YEAR_STEP, *FIELD_STEPS} <= set(steps)


def test_losses_where_every_work_is_in_the_field():
    whole = [(step, unit, left, core and left) for step, unit, left, core in STEPS]
    figure = plot_losses(lost(whole))
    assert all_text(figure).count("none in the source") == 2
    assert [line.get_label() for line in axes_of(figure, "works without").lines] == ["of the field: 22.0 %"]


def test_recovery_writes_the_numbers_of_pairs():
    diverging = "Scientific Divergence"
    rows = [("Stable", "Unnamed", 3), (diverging, diverging, 1200), ("Stable", "Stable", 1)]
    confusion = pl.DataFrame(rows, ["planted", "recovered", "pairs"], orient="row")
    figure = plot_recovery(confusion.with_columns(adjusted_rand_index=0.8149))
    axes = figure.axes[0]
    # Rows and columns have the same three names: divergence, stable, unnamed.
    assert [text.get_text() for text in axes.texts] == ["1,200", "0", "0", "0", "1", "3", "0", "0", "0"]
    shares = axes.collections[0].get_array().ravel().tolist()
    assert shares == pytest.approx([1, 0, 0, 0, 0.25, 0.75, 0, 0, 0])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [diverging, "Stable", "Unnamed"]
    assert "adjusted Rand index 0.81" in all_text(figure)
    assert "1,204 pairs" in all_text(figure)


def fitted(**extra):
    """Diagnostics of three years, the first without links."""
    frame = pl.DataFrame(
        {"year": [1990, 1991, 1992], "residual": [None, 0.0, 1e-12], "nodes": 3, "links": 2, **extra}
    )
    others = {name: pl.lit(None) for name in DIAGNOSTICS.columns if name not in frame.columns}
    return tables.conform(frame.with_columns(**others), DIAGNOSTICS)


MOMENTS = tables.conform(
    pl.DataFrame(
        {
            "year": [1991, 1992, 1992, 1992],
            "source": ["AA", "AA", "AA", "BB"],
            "target": ["BB", "BB", "CC", "CC"],
        }
    ).with_columns(
        observed=pl.Series([50.0, 2.0, 0.0, 3.0]),
        expected=pl.Series([9.0, 1.5, 0.5, 3.5]),
        std=1.0,
        p_upper=0.5,
    ),
    nulls_tables.MOMENTS,
)


def test_diagnostics_draws_residuals_and_the_latest_year():
    figure = plot_diagnostics({"citation": MOMENTS}, {"citation": fitted()})
    residuals, expected = figure.axes
    assert residuals.lines[0].get_xdata().tolist() == [1991, 1992]
    assert residuals.lines[0].get_ydata().tolist() == [1e-16, 1e-12]
    assert residuals.get_xlabel().endswith("1 of 3 years")
    assert expected.get_title(loc="left") == "1992: 2 linked pairs\n(not shown: 1 without a link)"
    assert expected.collections[0].get_array().sum() == 2
    assert expected.lines[0].get_xdata().tolist() == [2.0, 3.0]


def test_diagnostics_shows_the_sample_where_there_is_one():
    sample = {
        "ess_min": [None, 40.0, 30.0],
        "ess_median": [None, 900.0, 800.0],
        "rhat_max": [None, 1.004, 1.02],
        "note": [None, "budget spent", None],
    }
    layers = {"collaboration": fitted(**sample), "citation": fitted(**sample)}
    figure = plot_diagnostics(dict.fromkeys(layers, MOMENTS), layers)
    sizes = axes_of(figure, "effective")
    assert [line.get_ydata().tolist() for line in sizes.lines] == [[900.0, 800.0], [40.0, 30.0]]
    assert sizes.get_title(loc="left").endswith("split R-hat at most 1.020")
    assert sizes.get_xlabel() == "notes in 1 of 2 years; 1991: budget spent"
    assert len(figure.axes) == 6


TRAJECTORIES, CLUSTERS = clustered()
EMPTY = {
    "no scores": (
        lambda: plot_strong_links({"citation": NOTHING}, ["US", "CN"]),
        "no pair has a z-score in 2017–2021",
    ),
    "no layer": (lambda: plot_strong_links({}, ["US", "CN"]), "no pair has a z-score"),
    "no trajectory": (
        lambda: plot_trajectories({"citation": NOTHING}, [("US", "CN")], (2000, 2021)),
        "2000–2021",
    ),
    "no pair": (lambda: plot_trajectories(LAYERS, [], (2017, 2021)), "no pair chosen"),
    "no cluster": (
        lambda: plot_archetypes(TRAJECTORIES.head(0), CLUSTERS.head(0)),
        "no pair of countries has been clustered",
    ),
    "no country": (
        lambda: plot_alignment(*[f.head(0) for f in aligned()], ["US", "CN"]),
        "no country with a trend",
    ),
    "one pole": (lambda: plot_alignment(*aligned(), ["US"]), "fewer than two poles"),
    "no works": (lambda: plot_losses(lost([])), "no works of the years of the study have been read"),
    "no truth": (
        lambda: plot_recovery(pl.DataFrame(schema=RECOVERY.columns)),
        "no pair with a planted archetype",
    ),
    "no fit": (
        lambda: plot_diagnostics({"citation": MOMENTS.head(0)}, {"citation": fitted()}),
        "nothing was fitted",
    ),
}


@pytest.mark.parametrize("case", EMPTY)
def test_a_figure_without_data_says_so(case):
    plot, message = EMPTY[case]
    figure = plot()
    assert message in all_text(figure)
    assert "Nothing to show" in all_text(figure)


def test_nulls_draws_one_pair_under_each_model_with_gaps():
    other = LAYERS["collaboration"].with_columns(pl.col("z") + 100)
    by_null = {"max_entropy": LAYERS["collaboration"], "multi_edge": other}
    directed = {"max_entropy": LAYERS["citation"], "multi_edge": NOTHING}
    figure = plot_nulls({"collaboration": by_null, "citation": directed}, ("US", "FR"), (2016, 2021))
    left, right = figure.axes
    lines = {line.get_label(): line for line in left.lines}
    assert lines["max_entropy"].get_xdata().tolist() == [2017, 2018, 2019, 2020, 2021]
    assert lines["max_entropy"].get_ydata().tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert lines["multi_edge"].get_ydata().tolist() == [101.0, 102.0, 103.0, 104.0, 105.0]
    cited = next(line for line in right.lines if line.get_label() == "max_entropy")
    # 2019 has no z, so the line has a gap there.
    assert np.array_equal(cited.get_ydata(), [6.0, np.nan, 2.5, 2.0], equal_nan=True)
    empty = plot_nulls({"collaboration": by_null}, ("US", "BR"), (2016, 2021))
    assert "the pair has no z-score in these years" in all_text(empty)


def test_indices_are_drawn_beside_z_with_both_directions_of_citations_averaged():
    pair = {"source": "FR", "target": "US"}
    table = pl.DataFrame(
        [
            dict.fromkeys(INDICES.columns) | pair | {"year": year, "salton": salton, "affinity": 2.0}
            | {"citation_affinity_out": 1.0, "citation_affinity_in": 1.5}
            for year, salton in ((2017, 0.25), (2018, None), (2019, 0.5))
        ],
        schema=dict(INDICES.columns),
    )  # fmt: skip
    figure = plot_indices(LAYERS, table, ("US", "FR"), (2016, 2021), "max_entropy")
    assert "null model max_entropy" in " ".join(all_text(figure).split())
    # An index that the data do not have has no plot.
    assert [axes.get_title(loc="left").split(" (")[0] for axes in figure.axes if axes.axison] == [
        "z", "Affinity", "Salton's cosine"
    ]  # fmt: skip
    z, affinity, salton = figure.axes
    assert list(z.lines[0].get_ydata()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    lines = {line.get_label(): list(line.get_ydata()) for line in affinity.lines}
    assert lines["collaboration"] == [2.0] * 3 and lines["citation"] == [1.25] * 3
    assert np.array_equal(salton.lines[0].get_ydata(), [0.25, np.nan, 0.5], equal_nan=True)
    assert "Nothing to show" in all_text(plot_indices({}, table, ("US", "BR"), (2016, 2021), "max_entropy"))


def intervals_of(layer, years=(2017, 2018, 2020)):
    """Intervals of z of one pair: one unit to each side of the year's number in the century."""
    rows = [
        (layer, "max_entropy", year, *pair, 0.0, 0.0, year - 2001.0, year - 1999.0, 50)
        for year in years
        for pair in (("FR", "US"), ("US", "FR"))
    ]
    return pl.DataFrame(rows, schema=dict(Z_INTERVALS.columns), orient="row")


def edges(band):
    """Lower and upper edge of a band in each year."""
    points = {}
    for path in band.get_paths():
        for year, value in path.vertices:
            points.setdefault(int(year), set()).add(float(value))
    return {year: (min(values), max(values)) for year, values in points.items()}


def test_bands_are_the_intervals_of_the_pair_and_the_subtitle_says_what_they_are():
    around = bands.of_layers(pl.concat(map(intervals_of, LAYERS)), "max_entropy")
    expected = {year: (year - 2001, year - 1999) for year in (2017, 2018, 2020)}
    shown = {year: ends for year, ends in expected.items() if year < 2020}
    sentence = "95 % interval, by a bootstrap over works (50 draws)"
    pair, years = ("US", "FR"), (2016, 2019)
    scores_by_null = {"collaboration": {"max_entropy": LAYERS["collaboration"]}}
    figures = {
        "trajectories": plot_trajectories(LAYERS, [pair], years, around, 50),
        "nulls": plot_nulls(scores_by_null, pair, years, {"max_entropy": around}, 50),
        "indices": plot_indices(LAYERS, NO_INDICES, pair, years, "max_entropy", {"z": around}, 50),
    }
    for name, figure in figures.items():
        found = [edges(band) for band in figure.axes[0].collections if band.get_alpha() == bands.OPACITY]
        assert found == [shown] * (1 if name == "nulls" else 2), name  # one for each layer
        assert sentence in " ".join(all_text(figure).split()), name
    without = [
        plot_trajectories(LAYERS, [pair], years),
        plot_nulls(scores_by_null, pair, years, {"max_entropy": {}}, None),
        plot_indices(LAYERS, NO_INDICES, pair, years, "max_entropy"),
    ]
    assert not any("bootstrap over works" in " ".join(all_text(figure).split()) for figure in without)
    # Another null model has no intervals, and a pair of others has none either.
    assert bands.of_layers(intervals_of("citation"), "multi_edge") == {}
    assert bands.draw(without[0].axes[0], around["citation"], ("FR", "CN"), "black") == 0


def test_an_index_has_the_band_of_its_own_interval():
    schema = dict(index_intervals().columns)
    columns = dict.fromkeys(schema) | {"year": 2018, "source": "FR", "target": "US", "draws": 50}
    table = pl.DataFrame([columns | {"salton_low": 0.25, "salton_high": 0.5}], schema=schema)
    assert bands.of_index(table, "salton").rows() == [("FR", "US", 2018, 0.25, 0.5)]
    assert bands.of_index(table, "jaccard").is_empty()
    row = dict.fromkeys(INDICES.columns) | {"source": "FR", "target": "US", "year": 2018, "salton": 0.3}
    indices = pl.DataFrame([row], schema=dict(INDICES.columns))
    around = {"salton": {"collaboration": bands.of_index(table, "salton")}}
    figure = plot_indices({}, indices, ("US", "FR"), (2016, 2021), "max_entropy", around, 50)
    (salton,) = (axes for axes in figure.axes if axes.axison)
    assert [edges(band) for band in salton.collections] == [{2018: (0.25, 0.5)}]


CAPTIONS = sorted((ROOT / "workflow" / "report").glob("*.rst"))


@pytest.mark.parametrize("kind", ["demo", "networks", "snapshot"])
@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_captions_render_without_an_undefined_name(path: Path, kind):
    jinja2, core = pytest.importorskip("jinja2"), pytest.importorskip("docutils.core")
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    configuration.complete(config, ROOT)
    config["origin"] = kind
    line = {"topic": "Data", "finding": "63 countries", "agreement": ""}
    note = "a made-up world" if kind == "demo" else ""
    config["answers"] = {"question": "Is it so?", "short": "It is", "note": note, "lines": [line] * 10}
    config["warnings"] = run_warnings.sentences({"full/select_works.log": ["a step drops 9 of 10 works"]})
    stage = ["corpus", 3, "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:05+00:00", 9.5, 8.25]
    config["last_run"] = {"facts": [("Machine", "Linux-6.1"), ("Code", "commit 12ab")], "stages": [stage] * 2}
    job = SimpleNamespace(config=config, wildcards=SimpleNamespace(variant="full", null="max_entropy"))
    text = (
        jinja2.Environment(undefined=jinja2.StrictUndefined)
        .from_string(path.read_text())
        .render(snakemake=job)
    )
    # halt_level 2: a warning of docutils is an error.
    html = core.publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert ("<td>9.5</td>" in html) == ("commit 12ab" in html) == (path.stem == "study")
    assert ("made-up world" in html) == (path.stem == "study" and kind == "demo")
    assert html.count("63 countries") == (10 if path.stem == "study" else 0)
    # The caption of one branch names it; some figures belong to the whole study, as do pages.
    of_study = ("losses", "indices", "page", "specification", "world")
    assert "max_entropy" in html or path.stem in of_study
