"""Networks sampled from null models: their laws, and the panels that the pipeline makes of them."""

import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from conftest import ROOT
from poles.archetypes import null_panels
from poles.archetypes.tables import null_panels_table
from poles.errors import StudyError
from poles.layers import channels_of
from poles.nulls import max_entropy, scores
from poles.nulls.network import Moments, network_of, tabulate
from poles.nulls.tables import SCORES
from poles.stats import trends
from poles.study import tables
from poles.trajectories.construction import build_panel
from poles.trajectories.pair_panel import PairPanel

YEARS = range(2000, 2022)
LAYERS = ("collaboration", "citation")
COUNTRIES = np.array([f"A{letter}" for letter in "ABCDEFGHIJKL"])
DRAWS = 100_000


def spread(values: np.ndarray) -> tuple[float, float]:
    """Variance of a sample, and its standard error."""
    centred = values - values.mean()
    variance = np.mean(centred**2)
    return variance, np.sqrt((np.mean(centred**4) - variance**2) / len(values))


def many_weights(mean: float, variance: float, unit: float | None = None) -> np.ndarray:
    return null_panels.sample_weights(
        np.full(DRAWS, mean), np.full(DRAWS, variance**0.5), np.random.default_rng(1), unit
    )


@pytest.mark.parametrize("mean", [0.02, 1.0, 7.3, 4000.0])
@pytest.mark.parametrize("ratio", ["geometric", 3.0, 1.0 + 1e-6, 1.0, 0.75])
def test_whole_weights_have_the_moments_asked_for(mean, ratio):
    variance = mean * (1 + mean) if ratio == "geometric" else mean * ratio
    if variance < mean:  # the variance of a binomial law with a whole number of trials
        variance = mean * (1 - mean / max(np.rint(mean / (1 - ratio)), np.ceil(mean)))
    values = many_weights(mean, variance)
    assert (values == np.rint(values)).all() and (values >= 0).all()
    assert abs(values.mean() - mean) < 5 * np.sqrt(variance / DRAWS)
    sample_variance, error = spread(values)
    assert abs(sample_variance - variance) < 5 * error


@pytest.mark.parametrize(
    ("mean", "variance", "law"),
    [
        (2.5, 2.5 * 3.5, stats.geom(1 / 3.5, loc=-1)),
        (0.1, 0.1 * 1.1, stats.geom(1 / 1.1, loc=-1)),
        (4.0, 4.0, stats.poisson(4.0)),
        (3.0, 3.0 * (1 - 3 / 7), stats.binom(7, 3 / 7)),
        (6.0, 10.0, stats.nbinom(9, 0.6)),
    ],
)
def test_whole_weights_have_the_law_of_the_model(mean, variance, law):
    values = many_weights(mean, variance)
    most = int(law.isf(20 / DRAWS))
    counts = np.bincount(np.minimum(values, most).astype(int), minlength=most + 1)
    chances = np.append(law.pmf(np.arange(most)), law.sf(most - 1))
    assert stats.chisquare(counts, DRAWS * chances).pvalue > 1e-3


@pytest.mark.parametrize(("mean", "variance"), [(0.03, 0.03 * 1.03), (2.5, 8.75), (40.0, 20.0)])
def test_fractional_weights_keep_their_mean_and_are_0_or_at_least_the_unit(mean, variance):
    unit = 0.1
    values = many_weights(mean, variance, unit)
    assert ((values == 0) | (values >= unit)).all()
    assert (values != np.rint(values)).any()
    sample_variance, error = spread(values)
    assert abs(values.mean() - mean) < 5 * np.sqrt(sample_variance / DRAWS)
    assert variance - 5 * error < sample_variance < variance + unit**2 / 4 + 5 * error


@given(st.floats(0, 1e6), st.sampled_from([None, 0.25]))
def test_a_weight_that_is_not_random_is_the_expected_weight(mean, unit):
    weights = null_panels.sample_weights(np.array([mean]), np.zeros(1), np.random.default_rng(1), unit)
    assert weights[0] == (np.rint(mean) if unit is None else mean)


@settings(max_examples=200)
@given(
    st.just(0.0) | st.floats(1e-12, 1e9),
    st.just(0.0) | st.floats(1e-12, 1e6),
    st.sampled_from([None, 1e-3]),
    st.integers(0, 99),
)
def test_no_moments_make_sampling_fail(mean, std, unit, seed):
    std = std if mean > 0 else 0.0
    rng = np.random.default_rng(seed)
    weights = null_panels.sample_weights(np.array([mean]), np.array([std]), rng, unit)
    assert np.isfinite(weights).all() and (weights >= 0).all()


def links(year: int, layer: str, rng: np.random.Generator, unit: float = 1.0) -> pl.DataFrame:
    """Links of countries of different activity, which grows tenfold from the first year to the last.

    Pairs of countries that are an even number of places apart grow twice as much as the others.
    """
    size = np.geomspace(1, 30, len(COUNTRIES)) * 10 ** ((year - YEARS[0]) / (2 * (len(YEARS) - 1)))
    apart = np.subtract.outer(np.arange(len(size)), np.arange(len(size)))
    tilt = np.where(apart % 2 == 0, 2.0, 1.0) ** ((year - YEARS[0]) / (len(YEARS) - 1))
    weights = rng.poisson(np.outer(size, size) * tilt) * unit
    rows, columns = np.triu_indices(len(size), 1) if layer == "collaboration" else np.nonzero(apart)
    frame = {"source": COUNTRIES[rows], "target": COUNTRIES[columns], "weight": weights[rows, columns]}
    return pl.DataFrame(frame).filter(pl.col("weight") > 0)


def scored(frames: dict[tuple[str, int], pl.DataFrame], null: str = "max_entropy") -> dict[str, pl.DataFrame]:
    """Scores of links under a null model, by layer."""
    fit = import_module(f"poles.nulls.{null}").fit
    by_layer = {}
    for layer in LAYERS:
        years = {year: frame for (of_layer, year), frame in frames.items() if of_layer == layer}
        networks = [network_of(frame, year, layer) for year, frame in years.items()]
        moments = [tabulate(network, fit(network)) for network in networks]
        by_layer[layer] = tables.conform(scores.score(pl.concat(moments)), SCORES)
    return by_layer


def world(seed: int = 1, unit: float = 1.0) -> dict[tuple[str, int], pl.DataFrame]:
    rng = np.random.default_rng(seed)
    return {(layer, year): links(year, layer, rng, unit) for layer in LAYERS for year in YEARS}


def panel_of(observed: dict[str, pl.DataFrame], citation: str = "mean", growth: str = "kept") -> PairPanel:
    return build_panel(observed, YEARS[0], YEARS[-1], citation, "noise_units", 0.0, 0.5, growth)[0]


@pytest.fixture(scope="module")
def observed():
    return scored(world())


def sampled(
    observed,
    number=1,
    threads=1,
    citation="mean",
    null="max_entropy",
    options=None,
    panel=None,
    growth="kept",
):
    channels = channels_of(LAYERS, citation)
    panel = panel_of(observed, citation) if panel is None else panel
    table = null_panels.sample_null_panels(observed, panel, null, options or {}, number, 1, threads, growth)
    assert tables.conform(table, null_panels_table(channels)).equals(table)
    return table


def series_of(frame: pl.DataFrame) -> np.ndarray:
    """Series of z of both channels, shape (series, years)."""
    return np.concatenate([frame[f"z_{name}"].to_numpy().reshape(-1, len(YEARS)) for name in LAYERS])


def test_trajectories_are_constant_before_the_first_and_after_the_last_score():
    values = [(2003, 2.0), (2004, 5.0), (2006, 1.0)]
    rows = [(year, "CN", "US", 1.0, 1.0, 1.0, z, 0.5, 0.5) for year, z in [*values, (2010, None)]]
    frame = pl.DataFrame(rows, dict(SCORES.columns), orient="row")
    pairs = pl.DataFrame({"source": ["CN", "FR"], "target": ["US", "US"]})
    z = null_panels.follow_pairs({"collaboration": frame}, pairs, YEARS, LAYERS[:1])[..., 0]
    assert z[0].tolist() == [2.0] * 4 + [5.0, 3.0] + [1.0] * 16
    assert (z[1] == 0).all()


def test_activity_alone_makes_no_trends(observed):
    panel = panel_of(observed)
    z = series_of(sampled(observed, number=6, panel=panel))
    assert abs(z.mean(axis=0)).max() < 0.1
    # Citation is the mean of both directions.
    assert 0.8 < z[: len(z) // 2].std() < 1.1 and 0.8 / 2**0.5 < z[len(z) // 2 :].std() < 1.1 / 2**0.5
    assert (trends.estimate(z).p < trends.LEVEL).mean() < 1.5 * trends.LEVEL
    # The observed panel has trends, because strengths grow tenfold.
    assert (trends.estimate(series_of(panel.to_table())).p < trends.LEVEL).mean() > 6 * trends.LEVEL


def test_neither_threads_nor_the_number_of_panels_change_a_panel(observed):
    panel = panel_of(observed)
    both = sampled(observed, number=2, threads=2, panel=panel)
    first, second = both.partition_by("panel", maintain_order=True)
    assert sampled(observed, panel=panel).equals(first)
    assert not first["z_citation"].equals(second["z_citation"])
    assert first.select("source", "target", "year").equals(panel.keys)


def test_linear_algebra_of_a_job_has_one_thread():
    """In the order of imports of the job: a null model, and the libraries that it needs, come last."""
    program = """
from poles.archetypes.null_panels import one_blas_thread
from poles.nulls.fitting import importlib
from threadpoolctl import threadpool_info

def threads():
    importlib.import_module("poles.nulls.local_rewiring")
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

print(one_blas_thread(threads)())
"""
    several = {"OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(ROOT / "scripts")}
    run = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | several, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[1, 1]"  # numpy and scipy have a library each


@pytest.mark.parametrize(
    ("citation", "growth"), [("mean", "kept"), ("out", "kept"), ("both", "kept"), ("mean", "removed")]
)
def test_weights_that_are_not_random_give_the_observed_panel(observed, citation, growth):
    fixed = {
        layer: frame.with_columns(pl.col("observed").alias("expected"), pl.lit(0.0).alias("std"))
        for layer, frame in observed.items()
    }
    panel = panel_of(observed, citation, growth)
    table = sampled(fixed, citation=citation, panel=panel, growth=growth)
    for place, name in enumerate(panel.channels):
        assert table[f"z_{name}"].to_list() == pytest.approx(panel.z[:, :, place].ravel(), abs=1e-6)


def fixed_weights(inactive) -> tuple[dict[str, pl.DataFrame], PairPanel]:
    """Scores whose weights are not random, and 0 for inactive countries; and the panel with all countries."""
    frames = world()
    active = {
        key: frame.filter(~pl.any_horizontal(pl.col("source", "target").is_in(inactive(*key))))
        for key, frame in frames.items()
    }
    observed = scored(frames)
    fixed = {}
    for layer, frame in observed.items():
        kept = pl.concat(
            [part.with_columns(pl.lit(year, dtype=pl.Int16).alias("year"), pl.lit(1.0).alias("kept"))
             for (of_layer, year), part in active.items() if of_layer == layer]
        )  # fmt: skip
        joined = frame.join(kept, on=["year", "source", "target"], how="left", maintain_order="left")
        expected = pl.when(pl.col("kept").is_not_null()).then("observed").otherwise(0.0)
        fixed[layer] = joined.with_columns(expected.alias("expected"), pl.lit(0.0).alias("std"))
    return fixed, panel_of(observed)


def test_a_country_without_sampled_links_is_a_gap():
    fixed, panel = fixed_weights(lambda layer, year: [COUNTRIES[3]] if year in (2000, 2010) else [])
    table = sampled(fixed, panel=panel)
    touched = (table["source"] == COUNTRIES[3]) | (table["target"] == COUNTRIES[3])
    z = series_of(table.filter(touched))
    assert len(z) == 2 * (len(COUNTRIES) - 1)
    assert z[:, 10] == pytest.approx((z[:, 9] + z[:, 11]) / 2)
    assert z[:, 0] == pytest.approx(z[:, 1])
    # The observed panel has no such gaps.
    assert series_of(panel.to_table().filter(touched))[:, 0] != pytest.approx(z[:, 0])


def test_a_pair_without_any_score_is_zero_and_a_year_without_links_a_gap():
    fixed, panel = fixed_weights(
        lambda layer, year: COUNTRIES if layer == "citation" and year == 2005 else [COUNTRIES[3]]
    )
    table = sampled(fixed, panel=panel)
    touched = (table["source"] == COUNTRIES[3]) | (table["target"] == COUNTRIES[3])
    assert (series_of(table.filter(touched)) == 0).all()
    citation = table.filter(~touched)["z_citation"].to_numpy().reshape(-1, len(YEARS))
    assert citation[:, 5] == pytest.approx((citation[:, 4] + citation[:, 6]) / 2)
    assert (citation.std(axis=1) > 0).all()


def test_a_layer_without_links_gives_zeros():
    fixed, panel = fixed_weights(lambda layer, year: COUNTRIES if layer == "citation" else [])
    for growth in ("kept", "removed"):
        table = sampled(fixed, panel=panel, growth=growth)
        assert (table["z_citation"] == 0).all()
        assert (table["z_collaboration"] != 0).any()


def test_fractional_weights_are_sampled_in_their_unit():
    observed = scored(world(unit=1 / 3))
    frame = observed["collaboration"].filter(pl.col("year") == 2021)
    unit = null_panels.unit_of(observed["collaboration"]["observed"].to_numpy())
    assert unit == pytest.approx(1 / 3)
    network = null_panels.sample_network(frame, "collaboration", np.random.default_rng(1), unit)
    weights = network.weights[network.weights > 0]
    assert weights.min() >= unit and (weights != np.rint(weights)).any()
    assert (network.weights == network.weights.T).all()
    z = sampled(observed, number=3)["z_collaboration"]
    assert abs(z.mean()) < 0.05 and 0.8 < z.std() < 1.1


@pytest.mark.parametrize(
    ("null", "options"),
    [
        ("variance_corrected", {}),
        ("multi_edge", {}),
        ("enhanced_max_entropy", {}),
        ("local_rewiring", {"ess": 20.0, "chains": 2}),
    ],
)
def test_every_null_model_is_refitted_to_its_own_networks(observed, null, options):
    recent = {key: frame for key, frame in world().items() if key[1] >= 2018}
    observed_recent = scored(recent, null)
    table = panel_of(observed).to_table().filter(pl.col("year") >= 2018)
    panel = PairPanel.from_table(table, LAYERS)
    z = sampled(observed_recent, null=null, options=options, panel=panel)["z_collaboration"]
    assert abs(z.mean()) < 0.1
    assert 0.8 < z.std() < 1.15


def test_a_failed_fit_names_model_year_and_country(observed, monkeypatch):
    fit = max_entropy.fit

    def failing(network):
        moments = fit(network)
        return Moments(moments.expected, moments.std, None, 0.5, "AC", 3)

    monkeypatch.setattr(max_entropy, "fit", failing)
    with pytest.raises(StudyError, match=r"^max_entropy, collaboration 2000: relative error 0.5 .* of AC "):
        sampled(observed)
