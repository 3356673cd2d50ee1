"""Figures of countries with the poles, of pairs, of moves, of claims and of growth show planted values."""

from collections import Counter
from itertools import product

import matplotlib
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from poles.archetypes.tables import CLUSTERS, STABILITY
from poles.claims.tables import CLAIMS
from poles.corpus.tables import WORKS
from poles.figures import bands, matrix, sides, specification, style, world
from poles.figures.matrix import plot_matrix
from poles.figures.palette import VERDICTS
from poles.figures.partners import plot_partners
from poles.figures.sides import plot_sides
from poles.figures.specification import plot_specification
from poles.figures.world import count_works, measure_networks, plot_world
from poles.networks.country_table import country_table
from poles.networks.tables import COUNTRIES
from poles.study import tables
from poles.trajectories.tables import trajectories_table
from test_figures import LAYERS, NOTHING, all_text, edges, intervals_of, titles

POLES = ["US", "CN"]
SIZES = {"US": 50.0, "CN": 40.0, "DE": 9.0, "FR": 5.0, "JP": 1.0}


def words(figure):
    """All text in a figure on one line."""
    return " ".join(all_text(figure).replace("\N{NO-BREAK SPACE}", " ").split())


def test_partners_draws_the_largest_countries_with_every_pole_and_layer():
    around = bands.of_layers(pl.concat(map(intervals_of, LAYERS)), "max_entropy")
    figure = plot_partners(LAYERS, POLES, SIZES, (2017, 2021), 2, around, 50)
    # By output, and no pole is a country of its own.
    assert titles(figure)[:2] == ["Germany", "France"]
    assert len(figure.axes) == 2
    france = figure.axes[1]
    lines = {line.get_label(): line for line in france.lines if " with " in line.get_label()}
    assert set(lines) == {"collaboration with US", "collaboration with CN", "citation with US"}
    assert list(lines["collaboration with US"].get_ydata()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    # 2016 is outside the years, and 2019 and 2020 have no z.
    assert np.array_equal(
        lines["collaboration with CN"].get_ydata(), [9.0, 1.0, np.nan, np.nan, 5.0], equal_nan=True
    )
    assert np.array_equal(lines["citation with US"].get_ydata(), [6.0, np.nan, 2.5, 2.0], equal_nan=True)
    assert [lines[f"collaboration with {pole}"].get_color() for pole in POLES] == list(style.POLES[:2])
    assert lines["collaboration with US"].get_linestyle() == "-" != lines["citation with US"].get_linestyle()
    expected = {year: (year - 2001, year - 1999) for year in (2017, 2018, 2020)}
    assert [edges(band) for band in france.collections] == [expected, expected]
    text = words(figure)
    assert "1 country with smaller output not shown" in text
    assert "95 % interval, by a bootstrap over works (50 draws)" in text


def test_partners_without_intervals_or_output_and_of_many_poles():
    figure = plot_partners(LAYERS, ["US", "CN", "DE", "FR", "BR"], {}, (2017, 2021), 12)
    assert titles(figure)[:1] == ["Japan"]
    assert "bootstrap" not in all_text(figure) and "0 countries with smaller output" in words(figure)
    assert "no link with a pole has a z in 2001" in all_text(
        plot_partners(LAYERS, POLES, SIZES, (2001, 2001), 2)
    )
    assert "no link with a pole" in all_text(
        plot_partners({"citation": NOTHING}, POLES, SIZES, (2017, 2021), 2)
    )
    one = plot_partners(LAYERS, ["US"], {"DE": 9.0}, (2018, 2018), 1)
    marks = [line for line in one.axes[0].lines if line.get_marker() == "."]
    assert [list(line.get_ydata()) for line in marks] == [[2.5]]


def clustered(archetypes):
    """Clusters of pairs, {"FR-US": archetype}, and their stability; pairs with a star are no core pairs."""
    rows = [(*pair.rstrip("*").split("-"), name, not pair.endswith("*")) for pair, name in archetypes.items()]
    frame = pl.DataFrame(rows, ["source", "target", "archetype", "core"], orient="row")
    numbers = frame.with_columns(cluster=1, distance=0.0, silhouette=0.0)
    of_pair = frame.with_columns(stability=1.0, same_name=1.0, with_stable=pl.lit(""), merged=pl.lit(""))
    return tables.conform(numbers, CLUSTERS), tables.conform(of_pair, STABILITY)


ARCHETYPES = {
    "CN-US": "Scientific Divergence",
    "DE-US": "Scientific Convergence",
    "CN-DE*": "Stable",
    "FR-US*": "Knowledge Integration",
    "DE-FR": "Scientific Convergence",
    "FR-JP": "Unnamed",
}


def squares(figure):
    """Squares of a matrix: {(row, column): (colour, side)}."""
    (collection,) = (c for c in figure.axes[0].collections if isinstance(c, PolyCollection))
    found = {}
    for path, colour in zip(collection.get_paths(), collection.get_facecolors(), strict=True):
        corners = path.vertices[:4]
        column, row = corners.mean(axis=0)
        found[round(row), round(column)] = (to_hex(colour).upper(), round(np.ptp(corners[:, 0]), 9))
    assert len(found) == len(collection.get_paths()), "no two squares share a cell"
    return found


def test_matrix_is_ordered_by_output_and_shows_each_pair_on_both_sides():
    figure = plot_matrix(*clustered(ARCHETYPES), SIZES, POLES, 0.9)
    axes = figure.axes[0]
    order = ["US", "CN", "DE", "FR", "JP"]
    names = [style.country_name(code) for code in order]
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    weights = [label.get_fontweight() for label in axes.get_yticklabels()]
    assert weights == ["bold", "bold", "normal", "normal", "normal"]
    assert axes.yaxis_inverted() and not axes.xaxis_inverted()
    expected = {}
    for pair, name in ARCHETYPES.items():
        first, second = (order.index(code) for code in pair.rstrip("*").split("-"))
        look = (style.ARCHETYPES[name].upper(), 2 * matrix.HALF[not pair.endswith("*")])
        expected |= {(first, second): look, (second, first): look}
    assert squares(figure) == expected
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    counts = Counter(ARCHETYPES.values())
    assert legend == [f"{name} ({counts[name]})" for name in style.ARCHETYPES if name in counts]
    assert "less than 90% of" in words(figure) and "left out" not in words(figure)


def test_matrix_of_many_countries_says_how_many_are_left_out(monkeypatch):
    monkeypatch.setattr(matrix, "MOST", 3)
    figure = plot_matrix(*clustered(ARCHETYPES), SIZES, POLES, 0.9)
    assert len(squares(figure)) == 2 * 3
    assert "The other 2 countries of the panel, in 3 pairs, are left out." in words(figure)
    assert "3 pairs among the 3 largest countries" in words(figure)


def test_matrix_of_one_pair_of_names_unknown_and_of_nothing():
    figure = plot_matrix(*clustered({"A$-B$": "of a user"}), {}, ["US"], 0.9)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [r"A\$", r"B\$"]
    assert {look[0] for look in squares(figure).values()} == {style.GREY}
    clusters, stability = clustered(ARCHETYPES)
    # Where no stability was studied, no pair is called unsure.
    assert {side for _, side in squares(plot_matrix(clusters, stability.clear(), {}, [], 0.9)).values()} == {
        0.92
    }
    nothing = plot_matrix(clusters.clear(), stability.clear(), {}, POLES, 0.9)
    assert "no pair of countries has been clustered" in all_text(nothing)


CHANNELS = ["collaboration", "citation_out", "citation_in"]


def panel(z):
    """Trajectories of {(source, target): {year: (z of every channel)}}, with sources before targets."""
    rows = [
        (*sorted(pair), year, *values, *values, *values, False)
        for pair, by_year in z.items()
        for year, values in by_year.items()
    ]
    kind = trajectories_table(CHANNELS)
    return tables.conform(pl.DataFrame(rows, list(kind.columns), orient="row"), kind)


def plain_group(z, country, poles, years):
    """Group of a country by plain means; None without a pair with some pole."""
    near = []
    for pole in poles:
        by_year = z.get((country, pole))
        if by_year is None:
            return None
        means = [(by_year[year][0] + (by_year[year][1] + by_year[year][2]) / 2) / 2 for year in years]
        if sum(means) > 0:
            near.append(pole)
    if len(near) == len(poles):
        return "both" if len(poles) > 1 else f"only {near[0]}"
    return "neither" if not near else f"only {near[0]}" if len(near) == 1 else "+".join(near)


@st.composite
def worlds(draw):
    """Z of several countries with one to three poles in four years; some pairs are missing."""
    poles = draw(st.lists(st.sampled_from(["US", "CN", "IN"]), min_size=1, max_size=3, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pairs = [(a, pole) for a in ("BR", "DE", "FR", "JP", "KE", "NA") for pole in poles if rng.random() < 0.9]
    z = {pair: {year: tuple(rng.normal(size=3)) for year in (2000, 2001, 2008, 2009)} for pair in pairs}
    return poles, z


@given(worlds())
def test_sides_are_those_of_plain_means(world_of_poles):
    poles, z = world_of_poles
    if not z:
        return
    for years in ((2000, 2001), (2008, 2009)):
        found = sides.sides(panel(z), CHANNELS, poles, years)
        expected = {}
        for country in ("BR", "DE", "FR", "JP", "KE", "NA"):
            group = plain_group(z, country, poles, years)
            if group is not None:
                yearly = {plain_group(z, country, poles, [year]) for year in years}
                expected[country] = (group, yearly == {group})
        assert {country: rest for country, *rest in found.iter_rows()} == {
            country: list(rest) for country, rest in expected.items()
        }


def moving():
    """Z of seven countries with two poles; in two years of each period all channels are equal."""
    signs = {
        "FR": ("+-", "++"), "DE": ("+-", "+-"), "JP": ("+-", "-+"), "BR": ("+-", "-+"), "KE": ("--", "-+"),
        "NA": ("++", "++"), "GB": ("+-", "-+"),
    }  # fmt: skip
    z = {}
    for country, periods in signs.items():
        for place, pole in enumerate(POLES):
            z[country, pole] = {
                first + n: (1.0 if period[place] == "+" else -1.0,) * 3
                for first, period in zip((2000, 2008), periods, strict=True)
                for n in range(2)
            }
    z["JP", "CN"][2000] = (0.5,) * 3  # near both in this year, while the mean of the period stays below zero
    z["US", "CN"] = z["DE", "US"]
    return z, signs


def flows(figure):
    """Number of countries in each band, from its height at the left end."""
    return {
        band.get_label(): round(float(np.ptp(v[np.isclose(v[:, 0], sides.BAR), 1])), 6)
        for band in figure.axes[0].collections
        for v in [band.get_paths()[0].vertices]
    }


def test_flows_and_lists_count_the_countries_that_move():
    z, signs = moving()
    names = {"+-": "only US", "-+": "only CN", "++": "both", "--": "neither"}
    figure = plot_sides(panel(z), CHANNELS, POLES, {"BR": 9.0, "JP": 2.0}, (2000, 2001), (2008, 2009))
    counts = Counter(" → ".join(names[period] for period in periods) for periods in signs.values())
    assert flows(figure) == counts
    flow, listed = figure.axes
    heights = Counter()
    for patch in flow.patches:
        heights[round(patch.get_x(), 6), to_hex(patch.get_facecolor()).upper(), patch.get_hatch()] += (
            patch.get_height()
        )
    blue, red = style.POLES[:2]
    right = round(1 - sides.BAR, 6)
    assert heights[0.0, blue, None] == 4 and heights[0.0, blue, "/////"] == 1  # Japan is not steady
    assert heights[right, red.upper(), None] == 4 and heights[right, style.BRIDGE, None] == 2
    written = Counter(text.get_text() for text in flow.texts)
    assert {"United States only: 5", "none: 1", "both: 1", "China only: 4", "both: 2"} <= set(written)
    assert written["3"] == 1 and written["1"] == 4  # numbers in the bands
    (text,) = (text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in listed.texts)
    assert text.splitlines() == [
        "United States only → both (1):", "   France",
        "United States only → China only (3):", "   Brazil, ~Japan, United Kingdom",
        "none → China only (1):", "   Kenya",
    ]  # fmt: skip
    assert "5 of 7 countries changed sides from 2000–2001 to 2008–2009" in words(figure)


def test_sides_of_overlapping_periods_of_no_country_and_of_no_move():
    z, _ = moving()
    for periods, message in (
        (((2000, 2008), (2008, 2009)), "the two periods overlap, 2000–2008 and 2008–2009"),
        (((1990, 1991), (2008, 2009)), "no country is in the panel with every pole in both periods"),
    ):
        assert message in words(plot_sides(panel(z), CHANNELS, POLES, {}, *periods))
    assert "no pole" in all_text(plot_sides(panel(z), CHANNELS, [], {}, (2000, 2001), (2008, 2009)))
    still = {pair: by_year for pair, by_year in z.items() if pair[0] in ("DE", "US")}
    figure = plot_sides(panel(still), CHANNELS, POLES, {}, (2000, 2001), (2008, 2009))
    assert flows(figure) == {"only US → only US": 1}
    assert "No country has changed its group." in all_text(figure) and "0 of 1 country changed" in words(
        figure
    )


def judged(rows):
    """Claims from (claim, variant, null, statistic, verdict[, low, high, verdict_low, verdict_high])."""
    names = ["claim", "variant", "null", "statistic", "verdict", "low", "high", "verdict_low", "verdict_high"]
    filled = [(*row, *[None] * (len(names) - len(row))) for row in rows]
    frame = pl.DataFrame(filled, names, orient="row", infer_schema_length=None)
    return tables.conform(
        frame.with_columns(statement=pl.format("Claim {}.", "claim"), why=pl.lit("")), CLAIMS
    )


BRANCHES = [("full", "max_entropy"), ("full", "multi_edge"), ("other", "max_entropy")]
VERDICTS_OF_BRANCHES = judged(
    [
        ("b", "full", "max_entropy", 0.4, "reproduced", -1.0, 1.0, "reproduced", "inconclusive"),
        ("b", "full", "multi_edge", 3.0, "reproduced"),
        ("b", "other", "max_entropy", None, "not testable"),
        ("a", "full", "all", 0.5, "contradicted"),
        ("a", "other", "all", 0.5, "contradicted"),
    ]
)


def marks(figure):
    """Marks of a specification curve: {(column, row with its height): (verdict and what is said of ends)}."""
    found = {}
    for collection in figure.axes[0].collections:
        if collection.get_label() and not collection.get_label().startswith("_"):
            colour, face = (
                to_hex(c[0]).upper() for c in (collection.get_edgecolors(), collection.get_facecolors())
            )
            for x, y in collection.get_offsets():
                found[round(x, 6), round(y, 6)] = (collection.get_label(), colour, face)
    return found


def test_specification_draws_every_verdict_at_the_place_of_its_branch():
    figure = plot_specification(VERDICTS_OF_BRANCHES, ["b", "a"], BRANCHES)
    axes = figure.axes[0]
    places = dict(zip(BRANCHES, axes.get_xticks(), strict=True))
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "max_entropy",
        "multi_edge",
        "max_entropy",
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Claim b.", "Claim a."]
    reach = specification.REACH
    # The values of b go from -1 (end of an interval) to 3, so 0.4 lies at 0.35 of the height of its row.
    y = reach * (1 - 2 * (0.4 + 1) / 4)
    green, brown, grey = (VERDICTS[name] for name in ("reproduced", "contradicted", "not testable"))
    assert marks(figure) == {
        (places["full", "max_entropy"], round(y, 6)): ("reproduced, but not at an end", green, "#FFFFFF"),
        (places["full", "multi_edge"], -reach): ("reproduced", green, green),
        (places["other", "max_entropy"], 0.0): ("not testable", grey, grey),
        # A claim about all null models stands in the middle of its variant; equal values in that of the row.
        ((places["full", "max_entropy"] + places["full", "multi_edge"]) / 2, 1.0): (
            "contradicted",
            brown,
            brown,
        ),
        (places["other", "max_entropy"], 1.0): ("contradicted", brown, brown),
    }
    zero, lines = (c for c in axes.collections if isinstance(c, matplotlib.collections.LineCollection))
    assert zero.get_segments()[0][:, 1] == pytest.approx(reach * (1 - 2 * 1 / 4))
    bars = [segment for segment in lines.get_segments() if segment[0, 0] == segment[1, 0]]
    assert [bar[:, 1].tolist() for bar in bars] == [pytest.approx([reach, 0.0])]
    texts = [text.get_text() for text in axes.texts]
    assert "−1 to 3" in texts and "0.5" in texts and {"full", "other"} <= set(texts)
    assert "2 claims in 3 branches: 1 with one verdict throughout" in words(figure)


def test_specification_of_one_branch_and_of_statements_of_a_user():
    frame = judged([("x", "full", "max_entropy", 1.0, "inconclusive")])
    statement = 'It\'s "<b>$5$</b>" & ' + "a very long statement that goes on and on " * 12
    figure = plot_specification(
        frame.with_columns(statement=pl.lit(statement)), ["x"], [("full", "max_entropy")]
    )
    (label,) = (label.get_text() for label in figure.axes[0].get_yticklabels())
    assert label.startswith('It\'s "<b>\\$5\\$</b>" & a very long') and label.endswith("…")
    assert len(label.splitlines()) == specification.LINES
    assert "1 claim in 1 branch" in words(figure)
    figure.draw_without_rendering()
    assert "the study judges no claim" in all_text(plot_specification(frame.clear(), [], []))


def test_works_are_counted_once_and_those_of_several_countries_are_international(tmp_path):
    works = [
        (2000, True, ["DE", "FR", "US"]), (2000, True, ["US"]), (2000, True, ["NA"]), (2000, True, []),
        (2000, False, ["DE", "US"]), (2001, True, ["DE", "US"]), (2001, True, ["US"]),
    ]  # fmt: skip
    rows = [(number, year, "article", core, of, 2, []) for number, (year, core, of) in enumerate(works)]
    frame = tables.conform(pl.DataFrame(rows, list(WORKS.columns), orient="row"), WORKS)
    files = []
    for year in (2000, 2001, 2002):
        files.append(tmp_path / f"{year}.parquet")
        tables.write(frame.filter(year=year), WORKS, files[-1], {})
    assert count_works(files).rows() == [(2000, 3, 1), (2001, 2, 1)]
    assert count_works([]).is_empty()


@given(st.integers(0, 2**32))
def test_networks_are_measured_as_plain_sets_of_links(seed):
    rng = np.random.default_rng(seed)
    codes = ["CN", "DE", "FR", "NA", "US"]
    parts = []
    plain = {}
    for year in (2000, 2001):
        by_layer = {}
        for layer in ("collaboration", "citation"):
            pairs = [
                (a, b) for a, b in product(codes, codes)
                if (a <= b if layer == "collaboration" else True) and rng.random() < 0.4
            ]  # fmt: skip
            weights = {pair: int(rng.integers(1, 9)) for pair in pairs}
            kind = {"source": pl.String, "target": pl.String, "weight": pl.Int64}
            by_layer[layer] = pl.DataFrame([(*p, w) for p, w in weights.items()], kind, orient="row")
            others = {pair: weight for pair, weight in weights.items() if pair[0] != pair[1]}
            nodes = {code for pair in others for code in pair}
            possible = len(nodes) * (len(nodes) - 1) / (2 if layer == "collaboration" else 1)
            plain[layer, year] = (
                len(nodes),
                len(others),
                sum(others.values()),
                len(others) / possible if nodes else None,
            )
        parts.append(country_table(year, by_layer))
    countries = pl.concat(parts)
    measured = {(layer, year): rest for layer, year, *rest in measure_networks(countries).iter_rows()}
    for key, (nodes, links, weight, density) in plain.items():
        if key in measured:
            assert measured[key][:3] == [nodes, links, weight]
            assert nodes == 0 or measured[key][3] == pytest.approx(density)
        else:
            assert not nodes and key[1] not in set(countries["year"])


def grown(years):
    """Countries of years in which a triangle of collaborations gains weight, and one cites another."""
    links = [("DE", "FR"), ("DE", "US"), ("FR", "US")]
    parts = []
    for year in years:
        weight = 10 ** (year - 2000)
        pairs = pl.DataFrame(
            [(*pair, weight) for pair in links], ["source", "target", "weight"], orient="row"
        )
        cited = pl.DataFrame([("DE", "US", 5 * weight)], ["source", "target", "weight"], orient="row")
        parts.append(country_table(year, {"collaboration": pairs, "citation": cited}))
    return tables.conform(pl.concat(parts), COUNTRIES)


WORLD = pl.DataFrame(
    {"year": [2000, 2001, 2002], "works": [10, 20, 1500], "international": [1, 5, 750]},
    schema_overrides={"year": pl.Int16},
)


def test_world_draws_counts_of_works_and_networks():
    figure = plot_world(WORLD, grown((2000, 2001, 2002)))
    by_title = {axes.get_title(loc="left"): axes for axes in figure.axes}
    lines = {
        title: {line.get_label(): list(line.get_ydata()) for line in axes.lines}
        for title, axes in by_title.items()
    }
    assert lines == {
        "works": {"works": [10, 20, 1500]},
        "share of works of several countries": {"share of works of several countries": [10, 25, 50]},
        "countries with a link": {"collaboration": [3, 3, 3], "citation": [2, 2, 2]},
        "links": {"collaboration": [3, 3, 3], "citation": [1, 1, 1]},
        "density": {"collaboration": [100, 100, 100], "citation": [50, 50, 50]},
        "weight of links, on a log scale": {"collaboration": [3, 30, 300], "citation": [5, 50, 500]},
    }
    assert by_title["weight of links, on a log scale"].get_yscale() == "log"
    assert by_title["density"].texts[0].get_text() == "collaboration 100 %; citation 50 %"
    assert by_title["works"].texts[0].get_text() == "10 → 1,500"
    assert "1,530 works; weight of collaboration 333; weight of citation 555" in words(figure)


def test_world_of_edge_lists_of_one_year_and_of_nothing():
    figure = plot_world(
        count_works([]), grown((2000,)).with_columns(pl.lit(None, pl.Int32).alias("citation_links_out"))
    )
    assert "Edge lists hold no works" in words(figure)
    assert not any("works" in axes.get_title(loc="left") for axes in figure.axes) and len(figure.axes) == 4
    assert "citation" not in " ".join(line.get_label() for axes in figure.axes for line in axes.lines)
    assert "2000" in words(figure).split(":")[0]
    assert "no two countries are linked" in all_text(plot_world(WORLD, grown((2000,)).clear()))
    assert world.TITLE in all_text(figure)
