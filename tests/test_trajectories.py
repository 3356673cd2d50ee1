"""Panel, channels and preprocessing against hand-made series."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poles.errors import StudyError
from poles.layers import channels_of
from poles.nulls.tables import SCORES
from poles.study import tables
from poles.trajectories import preprocessing
from poles.trajectories.panel import build, build_panel, channel
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
    assert channel(layer, "citation_out")["z"].to_list() == [3.0]
    assert channel(layer, "citation_in").rows() == [("CN", "US", 2000, 5.0)]
    assert channel(layer, "citation")["z"].to_list() == [4.0]


def test_the_panel_keeps_interpolates_and_excludes_with_reasons():
    rows = series("CN", "US", [0.0, None, 2.0, 3.0, 4.0]) + series("FR", "US", [None, 1.0, 2.0, 3.0, 4.0])
    rows += series("CN", "FR", [1.0, None, None, None, 5.0]) + series("AD", "US", [1.0] * 5, observed=0.1)
    panel, excluded = build_panel({"collaboration": scores(rows)}, 2000, 2004, "mean", 1.0, 0.8)
    assert panel.select("source", "target").unique().rows() == [("CN", "US")]
    assert panel["z_collaboration"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert panel["interpolated"].to_list() == [False, True, False, False, False]
    assert excluded.rows() == [
        ("AD", "US", "a country with a mean yearly strength below 1"),
        ("CN", "FR", "observed in 2 of 5 years"),
        ("FR", "US", "no z-score in 2000 or 2004"),
    ]


def test_a_pair_must_be_seen_in_every_channel():
    layers = {
        "collaboration": scores(series("CN", "US", [1.0] * 10)),
        "citation": scores(series("CN", "US", [1.0, *[None] * 8, 1.0])),
    }
    panel, excluded = build_panel(layers, 2000, 2009, "mean", 0.0, 0.8)
    assert panel.is_empty()
    assert excluded["reason"].to_list() == ["observed in 2 of 10 years"]


def test_gaps_are_filled_within_a_pair_only():
    rows = series("CN", "FR", [0.0, None, 4.0]) + series("CN", "US", [100.0, None, 200.0])
    panel, _ = build_panel({"collaboration": scores(rows)}, 2000, 2002, "mean", 0.0, 0.5)
    assert panel["z_collaboration"].to_list() == [0.0, 2.0, 4.0, 100.0, 150.0, 200.0]


def test_both_directions_weigh_as_much_as_collaboration():
    rows = series("CN", "US", [0.0, 1.0, 4.0, 9.0]) + series("US", "CN", [0.0, 1.0, 4.0, 9.0])
    layers = {"collaboration": scores(rows[:4]), "citation": scores(rows)}
    built, _ = build(layers, 2000, 2003, "both", "literal", 0.0, 0.5)
    energy = {
        name: (built[f"x_{name}"] ** 2).sum() for name in ("collaboration", "citation_out", "citation_in")
    }
    assert energy["citation_out"] + energy["citation_in"] == pytest.approx(energy["collaboration"])
    tables.conform(built, trajectories_table(["collaboration", "citation_out", "citation_in"]))


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


def test_a_gap_or_an_unknown_method_is_refused():
    with pytest.raises(StudyError, match="not finite"):
        preprocessing.preprocess(np.full((1, 22, 1), np.nan), "literal")
    with pytest.raises(StudyError, match="allowed: literal, yearly_scale, series, noise_units"):
        preprocessing.preprocess(np.zeros((1, 22, 1)), "znorm")
