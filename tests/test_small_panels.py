"""Everything that reads the panel, on panels of no pair, of one, of two and of three pairs."""

import numpy as np
import polars as pl
import pytest

from planted_panels import T, completed, scored
from poles.archetypes import clusters, pair_trends, recovery, stability
from poles.archetypes.null_panels import sample_null_panels
from poles.archetypes.perturbations import Design
from poles.archetypes.tables import (
    AGREEMENT,
    CLUSTERS,
    NAMES,
    PAIR_TRENDS,
    RECOVERY,
    SIGNAL,
    centroids_table,
    null_panels_table,
)
from poles.blocs import alignment, attraction, hubs, polarization
from poles.blocs.tables import (
    HUBS,
    POLARIZATION,
    POLARIZATION_TRENDS,
    POLES,
    TRENDS,
    UNCLUSTERED,
    alignment_table,
)
from poles.corpus.tables import TRUTH
from poles.figures.alignment import plot_alignment
from poles.figures.archetypes import plot_archetypes
from poles.figures.hubs import plot_hubs
from poles.figures.polarization import plot_polarization
from poles.figures.poles import plot_poles
from poles.figures.recovery import plot_recovery
from poles.figures.selection import plot_selection
from poles.nulls.tables import SCORES
from poles.study import tables
from poles.trajectories.construction import build_panel
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import PREPROCESSINGS

PAIRS = [("CN", "US"), ("CN", "FR"), ("FR", "US")]
CHANNELS = {
    "collaboration": ("collaboration",),
    "citation": ("citation",),
    "two layers": ("collaboration", "citation"),
    "directions": ("collaboration", "citation_out", "citation_in"),
}


def small(pairs: int, channels: tuple[str, ...]) -> tuple[PairPanel, dict[str, pl.DataFrame]]:
    """A panel of few pairs, and scores of its layers."""
    rng = np.random.default_rng(1)
    rows = [
        (*pair, 2000 + int(t), *(0.1 * t + rng.normal(size=len(channels))).tolist())
        for pair in PAIRS[:pairs]
        for t in T
    ]
    schema = {"source": pl.String, "target": pl.String, "year": pl.Int16}
    schema |= {f"z_{name}": pl.Float64 for name in channels}
    table = completed(pl.DataFrame(rows, schema, orient="row"), channels)
    scores = {name.split("_")[0]: scored(table, channel=name) for name in channels}
    if "citation" in scores:
        back = scores["citation"].rename({"source": "target", "target": "source"})
        scores["citation"] = pl.concat([scores["citation"], back.select(list(SCORES.columns))])
    return PairPanel.from_table(table, channels), scores


def design(k: int) -> Design:
    return Design(
        k=k, seed=1, radius=2, preprocessing="noise_units", max_k=3, resamples=2, headline_resamples=2,
        surrogates=("signed_steps", "channel_swap", "growth_only", "network_null"), surrogate_panels=2,
        surrogate_resamples=1, silhouette_pairs=3000, core=0.9,
    )  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
@pytest.mark.parametrize(("pairs", "k"), [(0, 4), (1, 2), (2, 2), (3, 2), (3, 4)])
def test_clusters_and_what_rests_on_them(pairs, channels, k):
    panel, scores = small(pairs, channels)
    members, centroids, names = clusters.cluster(panel, k, seed=1, radius=2)
    assert len(members) == (pairs if pairs >= k else 0)
    assert len(centroids) == (k * len(T) if pairs >= k else 0)
    for frame, table in ((members, CLUSTERS), (centroids, centroids_table(channels)), (names, NAMES)):
        tables.conform(frame, table)
    sampled = sample_null_panels(scores, panel, "max_entropy", {}, panels=2, seed=1)
    tables.conform(sampled, null_panels_table(channels))
    assert len(sampled) == 2 * pairs * len(T)
    results = stability.study(panel, members, design(k), null_panels=sampled)
    for frame, table in zip(results, stability.TABLES, strict=True):
        assert tables.conform(frame, table).is_empty() == (pairs < k)
    classified = pair_trends.classify(panel)
    assert len(tables.conform(classified, PAIR_TRENDS)) == pairs * len(channels)
    agreement = pair_trends.compare(members, classified, channels)
    assert tables.conform(agreement, AGREEMENT)["pairs"].sum() == len(members)
    truth = pl.DataFrame([(*pair, "Stable") for pair in PAIRS], dict(TRUTH.columns), orient="row")
    recovered = tables.conform(recovery.judge_recovery(members, truth), RECOVERY)
    assert recovered["pairs"].sum() == len(members)
    aligned = alignment.align(panel, members, ("US", "CN"), resamples=100)
    trends = alignment.pole_trends(panel, ("US", "CN"), (2017, 2021))
    assert aligned["country"].to_list() == list(panel.countries)
    assert set(tables.conform(aligned, alignment_table(("US", "CN")))["group"]) <= (
        {"pole", UNCLUSTERED}
        if pairs < k
        else {"pole", "only US", "only CN", "both", "neither", "not in panel"}
    )
    tables.conform(trends, TRENDS)
    plot_archetypes(panel.to_table(), members)
    plot_selection(results[0], k)
    plot_recovery(recovered)
    plot_alignment(aligned, trends, ("US", "CN"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
@pytest.mark.parametrize(("pairs", "poles"), [*((n, ("US", "CN")) for n in range(4)), (3, ("JP", "DE"))])
def test_signal_poles_polarization_and_hubs(pairs, channels, poles):
    panel, scores = small(pairs, channels)
    signal = tables.conform(pair_trends.measure_signal(panel), SIGNAL)
    assert signal["pairs"].to_list() == [pairs] * len(channels)
    for method in ("yearly_scale", "noise_units"):
        candidates = tables.conform(attraction.search(panel, scores, method, 100, 1), POLES)
        assert candidates["country"].to_list() == list(panel.countries)
        regions = {"ours": ["CN", "FR", "US"]}
        compared = tables.conform(hubs.compare(panel, scores, method, regions, 0.5, 100, 1), HUBS)
        assert compared.is_empty() == (pairs < 2)
    for growth in ("kept", "removed"):
        by_year, over_years = polarization.measure(panel, scores, poles, 20, 20, 1, growth)
        tables.conform(by_year, POLARIZATION)
        tables.conform(over_years, POLARIZATION_TRENDS)
        plot_polarization(by_year, over_years)
    plot_poles(candidates, poles)
    plot_hubs(compared)


@pytest.mark.parametrize("layers", [("collaboration",), ("citation",), ("collaboration", "citation")])
@pytest.mark.parametrize("method", PREPROCESSINGS)
@pytest.mark.parametrize("growth", ["kept", "removed"])
def test_scores_of_no_link_give_a_panel_without_pairs(layers, method, growth):
    nothing = pl.DataFrame(schema=dict(SCORES.columns))
    scores = dict.fromkeys(layers, nothing)
    panel, excluded = build_panel(scores, 2000, 2021, "both", method, 50, 0.8, growth)
    assert panel.is_empty
    assert excluded.is_empty()
