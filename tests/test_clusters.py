"""Clustering against planted groups and textbook distances; directions and names against their rules."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from planted_panels import completed
from poles.archetypes import clusters, directions, kmeans, recovery, verification
from poles.archetypes.names import DIVERGING, INTEGRATING, UNCLEAR, WORDS, archetype_of
from poles.archetypes.tables import CLUSTERS, NAMES, RECOVERY, centroids_table
from poles.corpus.tables import TRUTH
from poles.errors import StudyError
from poles.stats import dyadic
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel
from test_dtw import warped

YEARS = range(2000, 2022)
CHANNELS = ["collaboration", "citation"]
SHAPES = {
    "Scientific Convergence": (1, 1),
    "Scientific Divergence": (-1, -1),
    "Knowledge Integration": (-1, 1),
    "Knowledge Divergence": (0, -1),
}


def planted(pairs: int = 160, noise: float = 0.5, seed: int = 1) -> tuple[PairPanel, pl.DataFrame]:
    """Trajectories of four archetypes with noise, and their truth."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(-3, 3, len(YEARS))
    names = [list(SHAPES)[n % 4] for n in range(pairs)]
    z = np.array([np.outer(ramp, SHAPES[name]) for name in names])
    z = z + random.normal(0, noise, (pairs, len(YEARS), 2))
    pair = [(f"{chr(65 + n // 26)}{chr(65 + n % 26)}", "ZZ") for n in range(pairs)]
    rows = [(a, b, year, *z[n, t]) for n, (a, b) in enumerate(pair) for t, year in enumerate(YEARS)]
    columns = ["source", "target", "year", *(f"z_{name}" for name in CHANNELS)]
    table = completed(pl.DataFrame(rows, columns, orient="row"), CHANNELS)
    truth = pl.DataFrame(
        [(a, b, name) for (a, b), name in zip(pair, names, strict=True)],
        schema=TRUTH.columns,
        orient="row",
    )
    return PairPanel.from_table(table, CHANNELS), truth


def test_planted_archetypes_are_found_and_named():
    panel, truth = planted()
    members, centroids, names = clusters.cluster(panel, k=4, seed=1, radius=2)
    confusion = tables.conform(recovery.judge_recovery(members, truth), RECOVERY)
    assert set(confusion["adjusted_rand_index"]) == {1.0}
    assert dict(confusion.select("planted", "recovered").iter_rows()) == {name: name for name in SHAPES}
    assert confusion["pairs"].to_list() == [40] * 4
    tables.conform(members, CLUSTERS)
    tables.conform(centroids, centroids_table(CHANNELS))
    words = {1: "rises", -1: "falls", 0: "still"}
    rows = {(row["archetype"], row["channel"]): row for row in names.iter_rows(named=True)}
    assert {key: row["direction"] for key, row in rows.items()} == {
        (name, channel): words[sign]
        for name, shape in SHAPES.items()
        for channel, sign in zip(CHANNELS, shape, strict=True)
    }
    assert all(row["low"] <= row["change"] <= row["high"] and row["pairs"] == 40 for row in rows.values())
    tables.conform(names, NAMES)


def test_distances_and_labels_are_those_of_the_textbook():
    panel, _ = planted(40, noise=1.5)
    x = panel.prepared
    result = kmeans.fit(x, 4, 1, 2)
    expected = np.array([[warped(series, centre, 2) for centre in result.centroids] for series in x])
    assert result.distances == pytest.approx(expected)
    assert (result.labels == expected.argmin(axis=1)).all()
    assert result.inertia == pytest.approx((expected.min(axis=1) ** 2).mean(), rel=1e-6)


def test_tslearn_verifies_the_clusters_of_a_branch():
    panel, _ = planted(120, noise=2.5)
    members, *_ = clusters.cluster(panel, k=4, seed=1, radius=2)
    row = verification.verify(panel, members, "full", "max_entropy", 4, 1, 2).row(0, named=True)
    assert row["agreeing"] == row["pairs"] == 120
    assert row["inertia"] == pytest.approx((members["distance"] ** 2).mean(), rel=1e-15)
    assert row["inertia_verified"] == pytest.approx(row["inertia"], rel=1e-12)
    assert verification.verify(panel, members[:0], "full", "max_entropy", 4, 1, 2).is_empty()


def test_clusters_that_tslearn_does_not_find_stop_the_study():
    panel, _ = planted(120, noise=2.5)
    members, *_ = clusters.cluster(panel, k=4, seed=1, radius=2)
    source, target, number = members.row(17)[:3]
    moved = pl.when(source=source, target=target).then(number % 4 + 1).otherwise("cluster")
    message = (
        f"of full, max_entropy: tslearn puts 1 of 120 pairs into other clusters, the first of them {source}-"
    )
    with pytest.raises(StudyError, match=message):
        wrong = members.with_columns(moved.cast(pl.Int16).alias("cluster"))
        verification.verify(panel, wrong, "full", "max_entropy", 4, 1, 2)
    with pytest.raises(StudyError, match="the mean squared distance to the centroids is"):
        wrong = members.with_columns(pl.col("distance") * (1 + 1e-8))
        verification.verify(panel, wrong, "full", "max_entropy", 4, 1, 2)


def test_numbers_of_clusters_depend_neither_on_seed_nor_on_names_of_countries():
    panel, _ = planted(80)
    first, *_ = clusters.cluster(panel, k=4, seed=1, radius=2)
    second, *_ = clusters.cluster(panel, k=4, seed=7, radius=2)
    assert first.equals(second)
    assert first["archetype"].unique(maintain_order=True).len() == 4
    assert dict(first.select("cluster", "archetype").unique().iter_rows()) == dict(enumerate(SHAPES, 1))


def test_recovery_is_0_where_clusters_and_truth_are_independent():
    panel, truth = planted(80)
    members, *_ = clusters.cluster(panel, k=4, seed=1, radius=2)
    shuffled = truth.with_columns(truth["archetype"].shuffle(seed=1))
    assert abs(recovery.judge_recovery(members, shuffled)["adjusted_rand_index"][0]) < 0.1


@pytest.mark.parametrize(
    ("direction", "channels", "name"),
    [
        *[(direction, CHANNELS, name) for name, direction in SHAPES.items()],
        ((0, 0), CHANNELS, "Stable"),
        ((1, -1), CHANNELS, "Unnamed"),
        ((0, 1), CHANNELS, "Unnamed"),
        ((0, UNCLEAR), CHANNELS, "Unnamed"),
        ((1,), ["collaboration"], "Scientific Convergence"),
        ((-1,), ["citation"], "Scientific Divergence"),
        ((1, 1, 1), ["collaboration", "citation_out", "citation_in"], "Scientific Convergence"),
        ((1, 1, -1), ["collaboration", "citation_out", "citation_in"], "Unnamed"),
    ],
)
def test_names_follow_the_rule(direction, channels, name):
    assert archetype_of(np.array(direction), channels) == name


def test_citation_decides_whether_an_archetype_integrates_or_diverges():
    assert set(INTEGRATING) == {"Scientific Convergence", "Knowledge Integration"}
    assert set(DIVERGING) == {"Scientific Divergence", "Knowledge Divergence"}


ENDS = np.array([(i, j) for i in range(12) for j in range(i + 1, 12)])


def test_the_error_of_a_mean_sums_over_all_members_that_share_a_country():
    rng = np.random.default_rng(1)
    by_country = rng.normal(size=(12, 2))  # pairs of a country share this part
    change = by_country[ENDS].sum(axis=1) + 0.3 * rng.normal(size=(len(ENDS), 2))
    labels = rng.integers(0, 2, len(ENDS))
    errors = dyadic.dyadic_standard_errors(change, labels, ENDS, 2)
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        residuals = change[members] - change[members].mean(axis=0)
        total = sum(
            residuals[a] * residuals[b]
            for a, first in enumerate(members)
            for b, second in enumerate(members)
            if set(ENDS[first]) & set(ENDS[second])
        )
        assert errors[label] == pytest.approx(np.sqrt(total / (len(members) * (len(members) - 1))))
    independent = [
        change[labels == label].std(axis=0, ddof=1) / np.sqrt((labels == label).sum()) for label in (0, 1)
    ]
    assert (errors > independent).all()


def test_pairs_without_a_common_country_have_the_error_of_independent_ones():
    change = np.random.default_rng(2).normal(size=(9, 1))
    errors = dyadic.dyadic_standard_errors(change, np.zeros(9, int), np.arange(18).reshape(9, 2), 1)
    assert errors[0] == pytest.approx(change.std(axis=0, ddof=1) / 3)


def direction(mean: float, spread: float, others: float = 4.0, members: int = 20) -> str:
    """Direction of a cluster whose pairs share no country, beside a cluster that changes by `others`."""
    signs = np.tile([1.0, -1.0], members // 2)
    change = np.concatenate([mean + spread * signs, others * signs])[:, None]
    labels = np.repeat([0, 1], members)
    result = directions.directions(change, labels, np.arange(4 * members).reshape(-1, 2), 2)
    error = spread / np.sqrt(members - 1)
    reach = stats.t.ppf(0.975, 2 * members - 1) * error
    assert (result.low[0, 0], result.high[0, 0]) == pytest.approx((mean - reach, mean + reach))
    return WORDS[int(result.sign[0, 0])]


@pytest.mark.parametrize(
    ("mean", "spread", "others", "word"),
    [
        (3.0, 1.0, 4.0, "rises"),
        (-3.0, 1.0, 4.0, "falls"),
        (0.5, 1.0, 4.0, "still"),
        (3.0, 8.0, 4.0, "unclear"),  # beyond the zone, but the interval contains 0
        (0.5, 5.0, 4.0, "unclear"),  # within the zone, but the interval reaches beyond twice the zone
        (0.9, 0.1, 0.0, "still"),  # below the noise, although above all others
        (1.1, 0.1, 0.0, "rises"),
        (3.0, 1.0, 40.0, "still"),  # small compared with the others
    ],
)
def test_a_cluster_moves_if_its_change_exceeds_the_dead_zone_and_its_error(mean, spread, others, word):
    assert direction(mean, spread, others) == word


def test_names_do_not_depend_on_what_was_clustered():
    panel, _ = planted(80)
    scaled = replace(panel, prepared=10 * panel.prepared)
    own, other = (clusters.cluster(clustered, k=4, seed=1, radius=2)[2] for clustered in (panel, scaled))
    assert own.equals(other)


def test_silhouette_by_hand():
    distances = np.array([[1.0, 4.0], [3.0, 1.5], [2.0, 2.0], [0.0, 0.0]])
    assert kmeans.simplified_silhouette(distances, np.array([0, 1, 0, 0])).tolist() == [0.75, 0.5, 0.0, 0.0]


def test_trajectories_that_differ_by_rounding_alone_are_not_distinct():
    ulps = np.random.default_rng(1).integers(-2, 3, (9, 22, 2))
    x = np.repeat([0.1, -3.7, 1 / 3], 3)[:, None, None] * (1 + ulps * 2.0**-52)
    assert kmeans.count_distinct(x) == 3
    assert kmeans.count_distinct(np.zeros((9, 22, 2)) * -1.0) == 1
    assert kmeans.count_distinct(x[:0]) == 0
    assert kmeans.has_distinct(x, 3) and not kmeans.has_distinct(x, 4)
    assert not kmeans.has_distinct(x[:0], 1)


def test_too_few_trajectories_form_no_clusters_and_the_log_says_so(caplog):
    panel, _ = planted(3)
    assert all(table.is_empty() for table in clusters.cluster(panel, k=4, seed=1, radius=2))
    assert "3 distinct trajectories cannot form clusters.k = 4 clusters" in caplog.text
