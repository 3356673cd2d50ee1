"""Construction, checks and preprocessing of the panel against hand-made series."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poles.archetypes.null_panels import sample_null_panels
from poles.errors import StudyError
from poles.layers import channels_of
from poles.nulls import max_entropy
from poles.nulls.network import Network, tabulate
from poles.nulls.scores import score
from poles.nulls.tables import SCORES
from poles.stats.trends import estimate
from poles.study import tables
from poles.study.settings import Panel
from poles.trajectories import preprocessing
from poles.trajectories.construction import (
    build_panel,
    channel_scores,
    core_countries,
    expected_weights,
)
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.tables import trajectories_table


def scores(rows) -> pl.DataFrame:
    """Rows (year, source, target, observed, z) as a table of scores."""
    return pl.DataFrame(
        [(year, a, b, observed, 0.0, 1.0, z, 0.5, 0.5) for year, a, b, observed, z in rows],
        schema=dict(SCORES.columns),
        orient="row",
    )


def series(a: str, b: str, z: list, first: int = 2000, observed: float = 10.0) -> list:
    return [(first + n, a, b, observed, value) for n, value in enumerate(z)]


def test_channels_follow_layers_and_option():
    assert channels_of(["collaboration", "citation"], "mean") == ["collaboration", "citation"]
    assert channels_of(["collaboration", "citation"], "both") == [
        "collaboration",
        "citation_out",
        "citation_in",
    ]
    assert channels_of(["collaboration"], "both") == ["collaboration"]
    assert channels_of(["citation"], "in") == ["citation_in"]


def test_directions_of_a_pair_are_told_apart():
    layer = {"citation": scores([(2000, "CN", "US", 1.0, 3.0), (2000, "US", "CN", 1.0, 5.0)])}
    assert channel_scores(layer, "citation_out")["z"].to_list() == [3.0]
    assert channel_scores(layer, "citation_in").rows() == [("CN", "US", 2000, 5.0)]
    assert channel_scores(layer, "citation")["z"].to_list() == [4.0]


def test_the_panel_keeps_interpolates_and_excludes_with_reasons():
    rows = series("CN", "US", [0.0, None, 2.0, 3.0, 4.0]) + series("FR", "US", [None, 1.0, 2.0, 3.0, 4.0])
    rows += series("CN", "FR", [1.0, None, None, None, 5.0]) + series("AD", "US", [1.0] * 5, observed=0.1)
    panel, excluded = build_panel(
        {"collaboration": scores(rows)}, 2000, 2004, "mean", "literal", 1.0, 0.8, min_years=5
    )
    assert panel.pairs.rows() == [("CN", "US")]
    assert core_countries({"collaboration": scores(rows)}, 2000, 2004, 1.0, 9.0) == ["CN", "FR", "US"]
    assert panel.z.ravel().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert panel.interpolated.ravel().tolist() == [False, True, False, False, False]
    assert excluded.rows() == [
        ("AD", "US", "a country with a mean yearly strength below 1"),
        ("CN", "FR", "observed in 2 of 5 years"),
        ("FR", "US", "no z-score in 2000 or 2004"),
    ]


def test_without_a_least_strength_the_core_reaches_the_least_expected_weight_with_the_strongest_country():
    # Weights are products, so each country has its factor times the sum of the others as strength.
    factor = {"US": 10.0, "CN": 5.0, "FR": 2.0, "AD": 0.1}
    rows = [row for a, b in combinations(sorted(factor), 2)
            for row in series(a, b, [1.0] * 10, observed=factor[a] * factor[b])]  # fmt: skip
    strength = {code: own * (sum(factor.values()) - own) for code, own in factor.items()}
    with_strongest = {
        code: s * max(strength.values()) / sum(strength.values()) for code, s in strength.items()
    }
    layer = {"collaboration": scores(rows)}
    for least in (0.1, 5.0, 12.0, 25.0):
        expected = sorted(code for code, weight in with_strongest.items() if weight >= least)
        assert core_countries(layer, 2000, 2009, None, least) == expected
    assert core_countries(layer, 2000, 2009, None, 0.1) != core_countries(layer, 2000, 2009, None, 12.0)


def test_a_pair_must_be_seen_in_every_channel():
    layers = {
        "collaboration": scores(series("CN", "US", [1.0] * 10)),
        "citation": scores(series("CN", "US", [1.0, *[None] * 8, 1.0])),
    }
    panel, excluded = build_panel(layers, 2000, 2009, "mean", "noise_units", 0.0, 0.8)
    assert panel.is_empty
    assert excluded["reason"].to_list() == ["observed in 2 of 10 years"]


def test_a_panel_of_few_pairs_says_which_least_strengths_keep_more(caplog):
    strengths = {"CN": 60.0, "US": 40.0, "FR": 15.0, "DE": 5.0}
    pairs = [("CN", "US"), ("CN", "FR"), ("FR", "US"), ("CN", "DE"), ("DE", "US")]
    rows = [row for a, b in pairs for row in series(a, b, [1.0] * 10, observed=strengths[a] * strengths[b])]
    layer = {"collaboration": scores(rows)}
    panel, _ = build_panel(layer, 2000, 2009, "mean", "literal", 3500.0, 0.8)
    assert panel.is_empty
    assert (
        "few pairs: min_strength 3500 keeps 0 pairs of 0 countries; 2000 keeps 1 pair of 2 countries; "
        "1000 keeps 3 pairs of 3 countries; 500 keeps 5 pairs of 4 countries"
    ) in caplog.text
    for least, countries, count in ((2000.0, 2, 1), (1000.0, 3, 3), (500.0, 4, 5)):
        panel, _ = build_panel(layer, 2000, 2009, "mean", "literal", least, 0.8)
        assert (len(panel.countries), len(panel.pairs)) == (countries, count)


def test_the_expected_weight_of_a_pair_is_its_least_in_any_layer_and_direction():
    def expecting(*rows: tuple) -> pl.DataFrame:
        return scores([(year, a, b, 1.0, 0.0) for year, a, b, _ in rows]).with_columns(
            expected=pl.Series([float(expected) for *_, expected in rows])
        )

    layers = {
        "collaboration": expecting((2000, "CN", "US", 8), (2001, "CN", "US", 4), (2000, "CN", "FR", 6)),
        "citation": expecting((2000, "CN", "US", 9), (2001, "US", "CN", 10), (2002, "CN", "US", 90)),
    }
    assert expected_weights(layers, 2000, 2001).rows() == [("CN", "FR", 0.0), ("CN", "US", 4.5)]
    del layers["citation"]
    assert expected_weights(layers, 2000, 2001).rows() == [("CN", "FR", 3.0), ("CN", "US", 6.0)]


def test_without_a_least_strength_the_expected_weight_chooses_the_pairs(caplog):
    caplog.set_level("INFO")
    expected = {("CN", "US"): 9.0, ("FR", "US"): 3.0, ("CN", "FR"): 2.9}
    layer = pl.concat(
        scores(series(a, b, [1.0] * 10)).with_columns(expected=pl.lit(weight))
        for (a, b), weight in expected.items()
    )
    arguments = ({"collaboration": layer}, 2000, 2009, "mean", "literal")
    panel, excluded = build_panel(*arguments, None, 0.8, min_expected=3)
    assert panel.pairs.rows() == [("CN", "US"), ("FR", "US")]
    assert excluded.rows() == [("CN", "FR", "a mean yearly expected weight below 3")]
    assert "2 of 3 pairs kept, of 3 countries: pairs with a mean yearly expected weight of at " in caplog.text
    assert "min_expected 3 keeps 2 pairs of 3 countries; 2 keeps 3 pairs of 3 countries" in caplog.text
    strong, _ = build_panel(*arguments, 20.0, 0.8, min_expected=3)
    assert len(strong.pairs) == 3, "a least strength that is set counts alone"


def test_pairs_of_the_default_have_no_trend_in_networks_drawn_from_the_null_model():
    rng = np.random.default_rng(3)
    codes = [f"{a}{b}" for a in "ABCDEFGH" for b in "ABCDE"]
    size = np.sort(rng.lognormal(0, 1.5, len(codes)))
    moments = []
    for year in range(2000, 2022):
        mean = 0.5 * 1.1 ** (year - 2000) * np.outer(size, size)
        weights = np.triu(rng.poisson(mean), 1)
        weights += weights.T
        active = np.flatnonzero(weights.any(axis=0))
        names = tuple(codes[place] for place in active)
        network = Network(year, "collaboration", names, weights[np.ix_(active, active)], False)
        moments.append(tabulate(network, max_entropy.fit(network)))
    layers = {"collaboration": score(pl.concat(moments))}
    panel, _ = build_panel(layers, 2000, 2021, "mean", "noise_units", 0.0, 0.8)
    sampled = sample_null_panels(layers, panel, "max_entropy", {}, panels=2, seed=1)
    z = sampled.sort("panel", "source", "target", "year")["z_collaboration"].to_numpy().reshape(-1, 22)
    has_trend = estimate(z).p < 0.05
    sizes = panel.pairs.join(
        expected_weights(layers, 2000, 2021), on=["source", "target"], how="left", maintain_order="left"
    )["size"].to_numpy()
    sizes = np.tile(sizes, 2)
    least = Panel().min_expected
    assert (sizes >= least).sum() > 300
    assert has_trend[sizes >= least].mean() < 0.05
    assert has_trend[sizes < 0.3].mean() > 0.2


def test_a_panel_without_observed_pairs_does_not_advise_a_lesser_strength(caplog):
    rows = series("CN", "US", [1.0, *[None] * 8, 1.0])
    panel, _ = build_panel({"collaboration": scores(rows)}, 2000, 2009, "mean", "literal", 1.0, 0.8)
    assert panel.is_empty
    assert "a lesser one keeps no more, as 0 pairs have z-scores in 80% of the years" in caplog.text


def test_gaps_are_filled_within_a_pair_only():
    rows = series("CN", "FR", [0.0, None, 4.0]) + series("CN", "US", [100.0, None, 200.0])
    panel, _ = build_panel(
        {"collaboration": scores(rows)}, 2000, 2002, "mean", "literal", 0.0, 0.5, min_years=3
    )
    assert panel.z.ravel().tolist() == [0.0, 2.0, 4.0, 100.0, 150.0, 200.0]


def test_both_directions_weigh_as_much_as_collaboration():
    rows = series("CN", "US", [0.0, 1.0, 4.0, 9.0]) + series("US", "CN", [0.0, 1.0, 4.0, 9.0])
    layers = {"collaboration": scores(rows[:4]), "citation": scores(rows)}
    panel, _ = build_panel(layers, 2000, 2003, "both", "literal", 0.0, 0.5, min_years=4)
    assert panel.channels == ("collaboration", "citation_out", "citation_in")
    collaboration, *citation = (panel.prepared**2).sum(axis=(0, 1))
    assert sum(citation) == pytest.approx(collaboration)


cubes = arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(22), st.integers(1, 3)), elements=st.floats(-50, 50)
)


@settings(max_examples=50, deadline=None)
@given(cubes, st.sampled_from(preprocessing.PREPROCESSINGS))
def test_preprocessing_gives_finite_values_of_the_same_shape(z, method):
    x = preprocessing.preprocess(z, method)
    assert x.shape == z.shape
    assert np.isfinite(x).all()


@settings(max_examples=50, deadline=None)
@given(cubes, st.floats(0.1, 100), st.floats(-5, 5))
def test_noise_units_know_neither_level_nor_scale(z, scale, level):
    z = np.round(z, 3)  # numbers beside which the noise of rounding is nothing
    x = preprocessing.preprocess(z, "noise_units")
    assert preprocessing.preprocess(scale * z + level, "noise_units") == pytest.approx(x, abs=1e-4)


def test_standardised_series_have_mean_0_and_deviation_1():
    x = preprocessing.preprocess(np.random.default_rng(1).normal(3, 5, (4, 22, 2)), "series")
    assert x.mean(axis=1) == pytest.approx(0, abs=1e-12)
    assert x.std(axis=1) == pytest.approx(1)


def test_yearly_scale_undoes_growth():
    level = np.random.default_rng(1).normal(0, 1, (50, 1, 1))
    growth = np.linspace(1, 9, 22)[None, :, None]
    x = preprocessing.preprocess(level * growth, "yearly_scale")
    assert np.ptp(x, axis=1).max() == pytest.approx(0, abs=1e-12)


def test_noise_is_the_deviation_of_white_noise_and_blind_to_a_trend():
    noise = np.random.default_rng(1).normal(0, 2.5, (4000, 22, 2))
    trend = np.linspace(0, 40, 22)[None, :, None]
    assert np.median(preprocessing.noise_of(noise + trend)) == pytest.approx(2.5, rel=0.05)


def test_a_flat_channel_stays_flat_in_noise_units():
    random = np.random.default_rng(1)
    z = np.stack([np.linspace(0, 20, 22) + random.normal(0, 1, 22), np.full(22, 3.0)], axis=-1)[None]
    assert np.abs(preprocessing.preprocess(z, "noise_units")[..., 1]).max() == 0


@pytest.mark.parametrize("level", [0.1, 1 / 3, -7.3, 1e6 + 0.1])
@pytest.mark.parametrize("method", ["yearly_scale", "series", "noise_units"])
def test_values_that_differ_by_rounding_alone_have_no_spread(level, method):
    ulps = np.random.default_rng(1).integers(-2, 3, (6, 22, 2))
    z = level + ulps * np.spacing(level)
    assert np.ptp(z) > 0
    assert not preprocessing.preprocess(z, method).any()
    assert not preprocessing.preprocess(np.full_like(z, level), method).any()
    assert not preprocessing.noise_of(z).any()
    assert not preprocessing.noise_of_series(z).any()


def test_steps_that_differ_by_rounding_alone_are_no_noise():
    line = 0.1 * np.arange(22.0)  # most steps differ in the last digit
    line[-1] += 1.0
    z = line[None, :, None]
    steps = np.diff(line)
    assert preprocessing.noise_of(z) == pytest.approx(steps.std() / 2**0.5)


def test_a_gap_or_an_unknown_method_is_refused():
    with pytest.raises(StudyError, match="not finite"):
        preprocessing.preprocess(np.full((1, 22, 1), np.nan), "literal")
    with pytest.raises(StudyError, match="allowed: literal, yearly_scale, series, noise_units"):
        preprocessing.preprocess(np.zeros((1, 22, 1)), "znorm")


CHANNELS = ["collaboration", "citation_out", "citation_in"]


def table(pairs: list[tuple[str, str]], years: range = range(2000, 2004)) -> pl.DataFrame:
    """Trajectories of some pairs: in every channel and kind of value other random numbers."""
    rng = np.random.default_rng(1)
    columns = [f"{kind}_{name}" for kind in ("z", "z_growth", "x") for name in CHANNELS]
    return pl.DataFrame(
        [
            {"source": a, "target": b, "year": year, "interpolated": year == 2001}
            | dict(zip(columns, rng.normal(size=len(columns)), strict=True))
            for a, b in pairs
            for year in years
        ],
        schema=dict(trajectories_table(CHANNELS).columns),
    )


def test_a_panel_holds_what_its_table_says_whatever_the_order_of_the_rows():
    rows = table([("CN", "FR"), ("CN", "US"), ("DE", "US")])
    panel = PairPanel.from_table(rows.sample(fraction=1, shuffle=True, seed=1), CHANNELS)
    assert panel.countries == ("CN", "DE", "FR", "US")
    assert panel.ends.tolist() == [[0, 2], [0, 3], [1, 3]]
    assert panel.years.tolist() == [2000, 2001, 2002, 2003]
    for kind, values in (("z", panel.z), ("z_growth", panel.growth), ("x", panel.prepared)):
        for place, name in enumerate(CHANNELS):
            assert values[:, :, place].ravel().tolist() == rows[f"{kind}_{name}"].to_list()
    assert panel.interpolated.tolist() == [[False, True, False, False]] * 3
    assert panel.to_table().equals(rows)
    assert panel.pairs.rows() == [("CN", "FR"), ("CN", "US"), ("DE", "US")]
    assert panel.keys.equals(rows.select("source", "target", "year"))


def test_a_panel_may_be_empty(tmp_path):
    kind = trajectories_table(CHANNELS)
    tables.write(table([]), kind, tmp_path / "panel.parquet", {})
    panel = PairPanel.read(tmp_path / "panel.parquet", CHANNELS)
    assert panel.is_empty and panel.undirected().is_empty
    assert panel.countries == () and panel.z.shape == (0, 0, 3)
    assert panel.to_table().equals(pl.DataFrame(schema=dict(kind.columns)))
    assert panel.with_pole("US")[0] == []


def test_the_pairs_of_a_pole_are_found_with_their_partners():
    panel = PairPanel.from_table(table([("CN", "FR"), ("CN", "US"), ("DE", "US"), ("US", "ZA")]), CHANNELS)
    partners, places = panel.with_pole("US")
    assert (partners, places.tolist()) == (["CN", "DE", "ZA"], [1, 2, 3])
    assert panel.with_pole("XX")[0] == []


def test_both_directions_of_citation_are_taken_as_their_mean():
    panel = PairPanel.from_table(table([("CN", "FR"), ("CN", "US")]), CHANNELS)
    merged = panel.undirected()
    assert merged.channels == ("collaboration", "citation")
    for values, before in ((merged.z, panel.z), (merged.growth, panel.growth)):
        assert (values[:, :, 0] == before[:, :, 0]).all()
        assert values[:, :, 1] == pytest.approx(before[:, :, 1:].mean(axis=2))
    assert merged.undirected() is merged


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (lambda rows: rows.drop("x_citation_in"), "lacks column x_citation_in"),
        (lambda rows: rows.filter(pl.col("year") != 2001), "^year 2001: no pair has a value"),
        (lambda rows: rows[:-1], "^pair DE-US: values in 3 of 4 years"),
        (lambda rows: pl.concat([rows, rows[:1]]), "key occurs twice: source=CN, target=US, year=2000"),
        (lambda rows: rows.with_columns(source="target", target="source"), "^pair US-CN: the country whose"),
        (
            lambda rows: rows.with_columns(z_growth_citation_out=pl.lit(None, pl.Float64)),
            "^pair CN-US, 2000: z_growth_citation_out is not finite",
        ),
    ],
)
def test_a_table_that_is_no_panel_is_refused(spoiled, message):
    with pytest.raises(StudyError, match=message):
        PairPanel.from_table(spoiled(table([("CN", "US"), ("DE", "US")])), CHANNELS)


def test_a_file_that_is_no_panel_is_named(tmp_path):
    tables.write(table([("US", "CN")]), trajectories_table(CHANNELS), tmp_path / "panel.parquet", {})
    with pytest.raises(StudyError, match=r"panel\.parquet: pair US-CN: the country whose code comes first"):
        PairPanel.read(tmp_path / "panel.parquet", CHANNELS)
