"""Maps: shapes have the area of their countries, no shape is smeared, and colours show the tables."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from poles import countries
from poles.errors import StudyError
from poles.figures import maps, shapes, style
from poles.figures.map_alignment import plot_map_alignment
from poles.figures.map_links import plot_map_links
from poles.figures.strong_links import plot_strong_links
from poles.nulls.tables import RECENT_INTERVALS
from test_figures import LAYERS, NOTHING, all_text, scores

EARTH = 6371.0088
"""Mean radius of the Earth in km."""
AREAS = {
    "RU": 16_378, "CA": 9_094, "US": 9_147, "CN": 9_327, "BR": 8_358, "AU": 7_692, "IN": 2_973, "AR": 2_737,
    "KZ": 2_700, "DZ": 2_382, "MX": 1_944, "MN": 1_553, "ZA": 1_213, "EG": 995, "DE": 349,
    "NZ": 264, "FJ": 18.3,
}  # fmt: skip
"""Land area of countries in thousands of km2 (World Factbook)."""


ISLANDS = ("IO", "TF")
"""Islands far from Africa that M49 counts to it."""


def fill_of(axes, code):
    """Colour at the middle of the largest part of a country."""
    place = shapes.equal_earth(*shapes.load()[0][code].centre)
    patches = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    (patch,) = [patch for patch in patches if patch.get_path().contains_point(place)]
    return to_hex(patch.get_facecolor()).upper(), patch.get_hatch()


def marked(axes):
    """Positions of the marks of small countries."""
    return np.concatenate([collection.get_offsets() for collection in axes.collections])


def test_areas_of_countries():
    outlines = shapes.load()[0]
    for code, area in AREAS.items():
        # Lakes are part of a shape, and the land area leaves them out: in Canada and Russia some 9 and 4 %.
        assert -0.03 < outlines[code].area * EARTH**2 / (1e3 * area) - 1 < 0.1, code
    land = sum(shape.area for shape in outlines.values())
    assert land * EARTH**2 == pytest.approx(148.9e6 - 14.2e6, rel=0.01)  # all land less Antarctica


@given(st.floats(-89, 88), st.floats(-179, 178))
def test_projection_keeps_areas(latitude, longitude):
    low, high, left, right = latitude, latitude + 0.01, longitude, longitude + 0.01
    corners = shapes.equal_earth(np.array([left, right, right, left]), np.array([low, low, high, high]))
    x, y = corners.T
    area = (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    on_globe = np.radians(0.01) * (np.sin(np.radians(high)) - np.sin(np.radians(low)))
    assert area == pytest.approx(on_globe, rel=1e-4)


def test_extent_of_the_projection():
    edges = shapes.equal_earth(np.array([0.0, 180.0]), np.array([90.0, 0.0]))
    # Šavrič, Patterson and Jenny (2018): the pole line lies at 1.3173627591574, the equator ends at 2.7066.
    assert edges[0, 1] == pytest.approx(1.3173627591574, abs=1e-10)
    assert edges[1, 0] == pytest.approx(np.pi * 2 * np.sqrt(3) / (3 * 1.340264), rel=1e-12)
    assert np.abs(shapes.outline()).max(axis=0) == pytest.approx(
        [shapes.HALF_WIDTH, shapes.HALF_HEIGHT], abs=1e-3
    )


def test_no_shape_is_smeared_across_the_map():
    for code, shape in shapes.load()[0].items():
        for ring in shape.rings:
            steps = np.abs(np.diff(ring, axis=0))
            assert steps[:, 0].max() < 0.35, code  # a smeared edge is 4 wide
            assert np.abs(ring[:, 0]).max() <= shapes.HALF_WIDTH + 1e-9
    russia = np.concatenate(shapes.load()[0]["RU"].rings)
    assert russia[:, 0].min() < -1.9 < 1.9 < russia[:, 0].max()  # Chukotka lies on both sides


def test_every_country_has_a_shape_or_is_listed():
    assert shapes.without_shape() == [
        "AQ", "BQ", "BV", "CC", "CX", "GF", "GI", "GP", "MQ", "RE", "SJ", "TK", "TV", "UM", "YT",
    ]  # fmt: skip
    assert {"XK", "TW", "HK", "MO", "SG", "NA", "SO", "CY"} <= shapes.load()[0].keys()


def test_shapes_lie_where_their_countries_are():
    centres = {code: shape.centre for code, shape in shapes.load()[0].items()}
    capitals = {
        "SG": (103.8, 1.3),
        "HK": (114.2, 22.3),
        "XK": (21.2, 42.7),
        "TW": (121.5, 25.0),
        "FJ": (178.4, -18.1),
    }
    for code, capital in capitals.items():
        assert np.abs(centres[code] - capital).max() < 2, code
    regions = dict(countries.load().select("code", "region").iter_rows())
    africa = [centre for code, centre in centres.items() if regions[code] == "Africa" and code not in ISLANDS]
    assert all(-30 < longitude < 65 and -36 < latitude < 38 for longitude, latitude in africa)
    assert len(africa) > 50


def test_another_file_of_shapes_is_refused(monkeypatch, tmp_path):
    other = tmp_path / "shapes.json"
    other.write_text("{}")
    monkeypatch.setattr(shapes, "FILE", other)
    with pytest.raises(StudyError, match=r"shapes\.json: this is not the file of world-atlas"):
        shapes.load.__wrapped__()


@given(
    st.tuples(st.floats(-180, 180), st.floats(-85, 85)), st.tuples(st.floats(-180, 180), st.floats(-85, 85))
)
def test_great_circles_stay_on_the_map(start, end):
    lines = shapes.great_circle(np.array(start), np.array(end))
    for line in lines:
        assert np.isfinite(line).all()
        assert np.abs(line[:, 0]).max() <= shapes.HALF_WIDTH + 1e-6
        assert np.abs(np.diff(line[:, 0])).max() < shapes.HALF_WIDTH + 1e-6
    assert len(lines) <= 2


def test_a_great_circle_over_the_pacific_leaves_the_map_and_enters_it_again():
    west, east = shapes.great_circle(np.array([140.0, 36.0]), np.array([-122.0, 37.0]))
    assert west[0] == pytest.approx(shapes.equal_earth(140.0, 36.0))
    assert east[-1] == pytest.approx(shapes.equal_earth(-122.0, 37.0))
    assert west[-1, 0] > 2 and east[0, 0] < -2


def test_map_of_links_shows_the_links_of_the_list():
    figure = plot_map_links(LAYERS, ["US", "CN"])
    assert isinstance(figure, Figure)
    of_us = figure.axes[0]
    assert of_us.get_title(loc="left").startswith(
        "collaboration with United States\n2 of 4 partners above, 1 of"
    )
    blue = style.POLES[0].upper()
    assert fill_of(of_us, "FR") == (blue, None)  # z 3, q 0.01
    assert fill_of(of_us, "DE") == (maps.tint(blue).upper(), None)  # z 2.5, q 0.2
    assert fill_of(of_us, "JP")[0] == fill_of(of_us, "CN")[0] == maps.BELOW
    assert fill_of(of_us, "US")[0] == style.INK
    assert fill_of(of_us, "BR")[0] == maps.NO_DATA
    assert len(of_us.lines) == 1  # the one significant link
    listed = [axes.get_title(loc="left") for axes in plot_strong_links(LAYERS, ["US", "CN"]).axes]
    mapped = [axes.get_title(loc="left") for axes in figure.axes]
    for ours, theirs in zip(mapped, listed, strict=True):
        above, of = theirs.split("\n")[2].split(" of ")
        assert (
            f"\n{above} of {of.split()[0]} partners above, {theirs.split(chr(10))[3].split()[0]} of" in ours
        )


def test_a_link_whose_interval_reaches_the_threshold_is_hatched():
    rows = [
        ("collaboration", "max_entropy", "FR", "US", 2.1, 4.0, 50),
        ("collaboration", "max_entropy", "DE", "US", 2.0, 3.0, 50),
        ("collaboration", "max_entropy", "JP", "US", 0.0, 3.0, 50),
    ]
    intervals = pl.DataFrame(rows, schema=dict(RECENT_INTERVALS.columns), orient="row")
    figure = plot_map_links(LAYERS, ["US"], intervals=intervals)
    hatches = {code: fill_of(figure.axes[0], code)[1] for code in ("FR", "DE", "JP")}
    # Japan has a mean z of 2, which is not above the threshold.
    assert hatches == {"FR": None, "DE": "////", "JP": None}
    assert "bootstrap over works" in " ".join(all_text(figure).split())
    without = plot_map_links(LAYERS, ["US"], intervals=intervals.clear())
    assert fill_of(without.axes[0], "DE")[1] is None and "bootstrap" not in all_text(without)


def test_small_countries_have_a_mark():
    rows = [(year, *pair, 3.0, 0.01) for year in range(2017, 2022) for pair in (("SG", "US"), ("HK", "US"))]
    axes = plot_map_links({"collaboration": scores(rows)}, ["US"]).axes[0]
    for code in ("SG", "HK"):
        place = shapes.equal_earth(*shapes.load()[0][code].centre)
        assert np.abs(marked(axes) - place).max(axis=1).min() < 1e-9


def test_a_country_without_shape_is_named():
    rows = [(year, "GF", "US", 3.0, 0.01) for year in range(2017, 2022)]
    figure = plot_map_links({"collaboration": scores(rows)}, ["US"])
    assert "Without a shape of their own: French Guiana." in " ".join(all_text(figure).split())


def index_of_countries():
    groups = {
        "FR": "only US",
        "BR": "only CN",
        "IN": "both",
        "DE": "neither",
        "ZA": "not in panel",
        "US": "pole",
        "CN": "pole",
    }
    index = {"FR": (4.0, 2.0, 6.0), "BR": (-5.0, -6.0, -4.0), "IN": (0.5, -1.0, 2.0), "DE": (0.0, -1.0, 1.0)}
    rows = [(code, group, *index.get(code, (None,) * 3)) for code, group in groups.items()]
    names = ["country", "group", "index", "index_low", "index_high"]
    return pl.DataFrame(
        rows, schema=dict(zip(names, [pl.String] * 2 + [pl.Float64] * 3, strict=True)), orient="row"
    )


def test_map_of_alignment_shows_groups_and_index():
    groups, index, _ = plot_map_alignment(index_of_countries(), ["US", "CN"]).axes
    us, cn = style.POLES[:2]
    colours = {
        "FR": us,
        "BR": cn,
        "IN": style.BRIDGE,
        "DE": style.GREY,
        "ZA": maps.NO_DATA,
        "US": us,
        "CN": cn,
    }
    assert {code: fill_of(groups, code)[0] for code in colours} == {
        code: c.upper() for code, c in colours.items()
    }
    assert fill_of(groups, "AR")[0] == maps.NO_DATA
    assert fill_of(index, "BR") == (cn.upper(), None)
    assert fill_of(index, "IN")[1] == fill_of(index, "DE")[1] == "////"  # the interval contains zero
    assert fill_of(index, "ZA")[0] == maps.NO_DATA
    assert index.get_title(loc="left") == "index: 2 of 4 intervals exclude zero"


def test_a_group_that_resampling_may_change_is_hatched():
    rows = [
        ("CN", "FR", True),
        ("FR", "US", False),
        ("BR", "US", True),
        ("CN", "DE", False),
        ("CN", "US", False),
    ]
    stability = pl.DataFrame([*rows, ("BR", "IN", False)], ["source", "target", "core"], orient="row")
    groups = plot_map_alignment(index_of_countries(), ["US", "CN"], stability).axes[0]
    codes = ("FR", "BR", "DE", "IN", "ZA", "US", "CN")
    hatched = {code for code in codes if fill_of(groups, code)[1]}
    assert hatched == {"FR", "DE"}, "the pair of Brazil and India has no pole"
    assert groups.get_title(loc="left") == "groups: 2 of 4 are sure"


def test_three_poles_have_groups_but_no_index():
    frame = index_of_countries().with_columns(pl.lit(None, pl.Float64).alias("index"))
    assert len(plot_map_alignment(frame, ["US", "CN", "DE"]).axes) == 1


def test_maps_of_nothing_say_why():
    assert "no pair has a z-score" in all_text(plot_map_links({"citation": NOTHING}, ["US"]))
    assert "fewer than two poles" in all_text(plot_map_alignment(index_of_countries(), ["US"]))
