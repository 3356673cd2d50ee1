"""Networks drawn from null models: their laws, and what comes out of the pipeline where nothing is in it."""

from importlib import import_module

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

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


def drawn_many(mean: float, variance: float, unit: float | None = None) -> np.ndarray:
    return null_panels.sample_weights(
        np.full(DRAWS, mean), np.full(DRAWS, variance**0.5), np.random.default_rng(1), unit
    )


@pytest.mark.parametrize("mean", [0.02, 1.0, 7.3, 4000.0])
@pytest.mark.parametrize("ratio", ["geometric", 3.0, 1.0 + 1e-6, 1.0, 0.75])
def test_whole_weights_have_the_moments_asked_for(mean, ratio):
    variance = mean * (1 + mean) if ratio == "geometric" else mean * ratio
    if variance < mean:  # what a binomial law of a whole number of trials can have
        variance = mean * (1 - mean / max(np.rint(mean / (1 - ratio)), np.ceil(mean)))
    values = drawn_many(mean, variance)
    assert (values == np.rint(values)).all() and (values >= 0).all()
    assert abs(values.mean() - mean) < 5 * np.sqrt(variance / DRAWS)
    found, error = spread(values)
    assert abs(found - variance) < 5 * error


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
    values = drawn_many(mean, variance)
    most = int(law.isf(20 / DRAWS))
    counts = np.bincount(np.minimum(values, most).astype(int), minlength=most + 1)
    chances = np.append(law.pmf(np.arange(most)), law.sf(most - 1))
    assert stats.chisquare(counts, DRAWS * chances).pvalue > 1e-3


@pytest.mark.parametrize(("mean", "variance"), [(0.03, 0.03 * 1.03), (2.5, 8.75), (40.0, 20.0)])
def test_fractional_weights_keep_their_mean_and_are_no_less_than_the_unit(mean, variance):
    unit = 0.1
    values = drawn_many(mean, variance, unit)
    assert ((values == 0) | (values >= unit)).all()
    assert (values != np.rint(values)).any()
    found, error = spread(values)
    assert abs(values.mean() - mean) < 5 * np.sqrt(found / DRAWS)
    assert variance - 5 * error < found < variance + unit**2 / 4 + 5 * error


@given(st.floats(0, 1e6), st.sampled_from([None, 0.25]))
def test_a_weight_without_freedom_is_the_expected_one(mean, unit):
    found = null_panels.sample_weights(np.array([mean]), np.zeros(1), np.random.default_rng(1), unit)
    assert found[0] == (np.rint(mean) if unit is None else mean)


@settings(max_examples=200)
@given(
    st.just(0.0) | st.floats(1e-12, 1e9),
    st.just(0.0) | st.floats(1e-12, 1e6),
    st.sampled_from([None, 1e-3]),
    st.integers(0, 99),
)
def test_no_moments_make_a_draw_fail(mean, std, unit, seed):
    std = std if mean > 0 else 0.0
    found = null_panels.sample_weights(np.array([mean]), np.array([std]), np.random.default_rng(seed), unit)
    assert np.isfinite(found).all() and (found >= 0).all()


def links(year: int, layer: str, rng: np.random.Generator, unit: float = 1.0) -> pl.DataFrame:
    """Links of countries of different activity, tenfold from the first year to the last.

    Half of the pairs, those of countries that stand an even number apart, grow twice as much as the rest.
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
    found = {}
    for layer in LAYERS:
        networks = [network_of(frame, year, layer) for (own, year), frame in frames.items() if own == layer]
        moments = [tabulate(network, fit(network)) for network in networks]
        found[layer] = tables.conform(scores.score(pl.concat(moments)), SCORES)
    return found


def world(seed: int = 1, unit: float = 1.0) -> dict[tuple[str, int], pl.DataFrame]:
    rng = np.random.default_rng(seed)
    return {(layer, year): links(year, layer, rng, unit) for layer in LAYERS for year in YEARS}


def panel_of(observed: dict[str, pl.DataFrame], citation: str = "mean", growth: str = "kept") -> PairPanel:
    return build_panel(observed, YEARS[0], YEARS[-1], citation, "noise_units", 0.0, 0.5, growth)[0]


@pytest.fixture(scope="module")
def observed():
    return scored(world())


def drawn(
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
    found = null_panels.sample_null_panels(observed, panel, null, options or {}, number, 1, threads, growth)
    assert tables.conform(found, null_panels_table(channels)).equals(found)
    return found


def courses(frame: pl.DataFrame) -> np.ndarray:
    """Series of z of both channels, shape (series, years)."""
    return np.concatenate([frame[f"z_{name}"].to_numpy().reshape(-1, len(YEARS)) for name in LAYERS])


def test_courses_go_on_level_before_the_first_and_after_the_last_score():
    known = [(2003, 2.0), (2004, 5.0), (2006, 1.0)]
    rows = [(year, "CN", "US", 1.0, 1.0, 1.0, z, 0.5, 0.5) for year, z in [*known, (2010, None)]]
    frame = pl.DataFrame(rows, dict(SCORES.columns), orient="row")
    pairs = pl.DataFrame({"source": ["CN", "FR"], "target": ["US", "US"]})
    found = null_panels.follow_pairs({"collaboration": frame}, pairs, YEARS, LAYERS[:1])[..., 0]
    assert found[0].tolist() == [2.0] * 4 + [5.0, 3.0] + [1.0] * 16
    assert (found[1] == 0).all()


def test_activity_alone_makes_no_trends(observed):
    panel = panel_of(observed)
    z = courses(drawn(observed, number=6, panel=panel))
    assert abs(z.mean(axis=0)).max() < 0.1
    # Citation is the mean of both directions.
    assert 0.8 < z[: len(z) // 2].std() < 1.1 and 0.8 / 2**0.5 < z[len(z) // 2 :].std() < 1.1 / 2**0.5
    assert (trends.estimate(z).p < trends.LEVEL).mean() < 1.5 * trends.LEVEL
    # The data behind these panels have trends, of strengths that grow tenfold.
    assert (trends.estimate(courses(panel.to_table())).p < trends.LEVEL).mean() > 6 * trends.LEVEL


def test_neither_threads_nor_the_number_of_panels_change_a_panel(observed):
    panel = panel_of(observed)
    both = drawn(observed, number=2, threads=2, panel=panel)
    first, second = both.partition_by("panel", maintain_order=True)
    assert drawn(observed, panel=panel).equals(first)
    assert not first["z_citation"].equals(second["z_citation"])
    assert first.select("source", "target", "year").equals(panel.keys)


@pytest.mark.parametrize(
    ("citation", "growth"), [("mean", "kept"), ("out", "kept"), ("both", "kept"), ("mean", "removed")]
)
def test_weights_without_freedom_give_the_observed_panel(observed, citation, growth):
    still = {
        layer: frame.with_columns(pl.col("observed").alias("expected"), pl.lit(0.0).alias("std"))
        for layer, frame in observed.items()
    }
    panel = panel_of(observed, citation, growth)
    found = drawn(still, citation=citation, panel=panel, growth=growth)
    for place, name in enumerate(panel.channels):
        assert found[f"z_{name}"].to_list() == pytest.approx(panel.z[:, :, place].ravel(), abs=1e-6)


def certain(lost=lambda layer, year: []) -> tuple[dict[str, pl.DataFrame], PairPanel]:
    """Scores that leave no freedom, but for weights of 0 for certain with some countries; the whole panel."""
    frames = world()
    thin = {
        key: frame.filter(~pl.any_horizontal(pl.col("source", "target").is_in(lost(*key))))
        for key, frame in frames.items()
    }
    observed = scored(frames)
    still = {}
    for layer, frame in observed.items():
        kept = pl.concat(
            [part.with_columns(pl.lit(year, dtype=pl.Int16).alias("year"), pl.lit(1.0).alias("kept"))
             for (own, year), part in thin.items() if own == layer]
        )  # fmt: skip
        joined = frame.join(kept, on=["year", "source", "target"], how="left", maintain_order="left")
        expected = pl.when(pl.col("kept").is_not_null()).then("observed").otherwise(0.0)
        still[layer] = joined.with_columns(expected.alias("expected"), pl.lit(0.0).alias("std"))
    return still, panel_of(observed)


def test_a_country_that_a_draw_leaves_inactive_is_a_gap():
    still, panel = certain(lambda layer, year: [COUNTRIES[3]] if year in (2000, 2010) else [])
    found = drawn(still, panel=panel)
    touched = (found["source"] == COUNTRIES[3]) | (found["target"] == COUNTRIES[3])
    z = courses(found.filter(touched))
    assert len(z) == 2 * (len(COUNTRIES) - 1)
    assert z[:, 10] == pytest.approx((z[:, 9] + z[:, 11]) / 2)
    assert z[:, 0] == pytest.approx(z[:, 1])
    # The observed panel has no such gaps.
    assert courses(panel.to_table().filter(touched))[:, 0] != pytest.approx(z[:, 0])


def test_a_pair_without_any_score_is_zero_and_a_year_without_links_a_gap():
    still, panel = certain(
        lambda layer, year: COUNTRIES if layer == "citation" and year == 2005 else [COUNTRIES[3]]
    )
    found = drawn(still, panel=panel)
    touched = (found["source"] == COUNTRIES[3]) | (found["target"] == COUNTRIES[3])
    assert (courses(found.filter(touched)) == 0).all()
    citation = found.filter(~touched)["z_citation"].to_numpy().reshape(-1, len(YEARS))
    assert citation[:, 5] == pytest.approx((citation[:, 4] + citation[:, 6]) / 2)
    assert (citation.std(axis=1) > 0).all()


def test_a_layer_without_links_gives_zeros():
    still, panel = certain(lambda layer, year: COUNTRIES if layer == "citation" else [])
    for growth in ("kept", "removed"):
        found = drawn(still, panel=panel, growth=growth)
        assert (found["z_citation"] == 0).all()
        assert (found["z_collaboration"] != 0).any()


def test_fractional_weights_are_drawn_in_their_own_unit():
    observed = scored(world(unit=1 / 3))
    frame = observed["collaboration"].filter(pl.col("year") == 2021)
    unit = null_panels.unit_of(observed["collaboration"]["observed"].to_numpy())
    assert unit == pytest.approx(1 / 3)
    network = null_panels.sample_network(frame, "collaboration", np.random.default_rng(1), unit)
    found = network.weights[network.weights > 0]
    assert found.min() >= unit and (found != np.rint(found)).any()
    assert (network.weights == network.weights.T).all()
    z = drawn(observed, number=3)["z_collaboration"]
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
    own = scored(recent, null)
    table = panel_of(observed).to_table().filter(pl.col("year") >= 2018)
    panel = PairPanel.from_table(table, LAYERS)
    z = drawn(own, null=null, options=options, panel=panel)["z_collaboration"]
    assert abs(z.mean()) < 0.1
    assert 0.8 < z.std() < 1.15


def test_a_failed_fit_says_so_in_one_line(observed, monkeypatch):
    whole = max_entropy.fit

    def failing(network):
        found = whole(network)
        return Moments(found.expected, found.std, None, 0.5, "AC", 3)

    monkeypatch.setattr(max_entropy, "fit", failing)
    with pytest.raises(StudyError, match=r"^max_entropy, collaboration 2000: relative error 0.5 .* of AC "):
        drawn(observed)
