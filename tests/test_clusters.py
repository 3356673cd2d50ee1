"""Clustering against planted groups and distances by a textbook recursion; names against the rule."""

import numpy as np
import polars as pl
import pytest

from poles import clusters, tables
from poles.errors import StudyError

YEARS = np.arange(2000, 2022)
CHANNELS = ["collaboration", "citation"]
SHAPES = {
    "Scientific Convergence": (1, 1),
    "Scientific Divergence": (-1, -1),
    "Knowledge Integration": (-1, 1),
    "Knowledge Divergence": (0, -1),
}


def planted(pairs: int = 160, noise: float = 0.5, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Trajectories of four archetypes with noise, and their truth."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(-3, 3, len(YEARS))
    names = [list(SHAPES)[n % 4] for n in range(pairs)]
    x = np.array([np.outer(ramp, SHAPES[name]) for name in names]) + random.normal(
        0, noise, (pairs, len(YEARS), 2)
    )
    pair = [(f"{chr(65 + n // 26)}{chr(65 + n % 26)}", "ZZ") for n in range(pairs)]
    frame = pl.DataFrame(
        [(a, b, int(year), *x[n, t]) for n, (a, b) in enumerate(pair) for t, year in enumerate(YEARS)],
        schema=["source", "target", "year", "x_collaboration", "x_citation"],
        orient="row",
    ).with_columns(pl.col("year").cast(pl.Int16))
    truth = pl.DataFrame(
        [(a, b, name) for (a, b), name in zip(pair, names, strict=True)],
        schema=tables.TRUTH.columns,
        orient="row",
    )
    return frame, truth


def warped(a: np.ndarray, b: np.ndarray, radius: int) -> float:
    """Distance under dynamic time warping by the plain recursion (Sakoe and Chiba 1978)."""
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(a)):
        for j in range(max(0, i - radius), min(len(b), i + radius + 1)):
            step = ((a[i] - b[j]) ** 2).sum()
            cost[i + 1, j + 1] = step + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(np.sqrt(cost[-1, -1]))


def test_planted_archetypes_are_found_and_named():
    frame, truth = planted()
    members, centroids = clusters.cluster(frame, CHANNELS, k=4, seed=1, radius=2)
    confusion, index = clusters.recovery(members, truth)
    assert index == 1
    assert dict(confusion.select("planted", "recovered").iter_rows()) == {name: name for name in SHAPES}
    assert confusion["pairs"].to_list() == [40] * 4
    tables.conform(members, tables.CLUSTERS)
    tables.conform(centroids, tables.centroids(CHANNELS))


def test_distances_and_labels_are_those_of_the_textbook():
    frame, _ = planted(40, noise=1.5)
    x = clusters.cube(frame, ["x_collaboration", "x_citation"])
    result = clusters.fit(x, 4, 1, 2)
    expected = np.array([[warped(series, centre, 2) for centre in result.centroids] for series in x])
    assert result.distances == pytest.approx(expected)
    assert (result.labels == expected.argmin(axis=1)).all()
    assert result.inertia == pytest.approx((expected.min(axis=1) ** 2).mean(), rel=1e-6)


def test_numbers_of_clusters_depend_neither_on_seed_nor_on_names_of_countries():
    frame, _ = planted(80)
    first, _ = clusters.cluster(frame, CHANNELS, k=4, seed=1, radius=2)
    second, _ = clusters.cluster(frame, CHANNELS, k=4, seed=7, radius=2)
    assert first.equals(second)
    assert first["archetype"].unique(maintain_order=True).len() == 4
    assert dict(first.select("cluster", "archetype").unique().iter_rows()) == dict(enumerate(SHAPES, 1))


def test_recovery_is_nought_where_clusters_say_nothing_of_the_truth():
    frame, truth = planted(80)
    members, _ = clusters.cluster(frame, CHANNELS, k=4, seed=1, radius=2)
    shuffled = truth.with_columns(truth["archetype"].shuffle(seed=1))
    assert abs(clusters.recovery(members, shuffled)[1]) < 0.1


@pytest.mark.parametrize(
    ("direction", "channels", "name"),
    [
        *[(direction, CHANNELS, name) for name, direction in SHAPES.items()],
        ((0, 0), CHANNELS, "Stable"),
        ((1, -1), CHANNELS, "Unnamed"),
        ((0, 1), CHANNELS, "Unnamed"),
        ((1,), ["collaboration"], "Scientific Convergence"),
        ((-1,), ["citation"], "Scientific Divergence"),
        ((1, 1, 1), ["collaboration", "citation_out", "citation_in"], "Scientific Convergence"),
        ((1, 1, -1), ["collaboration", "citation_out", "citation_in"], "Unnamed"),
    ],
)
def test_names_follow_the_rule(direction, channels, name):
    assert clusters.archetype(np.array(direction), channels) == name


def test_a_cluster_moves_only_beyond_the_dead_zone_and_its_error():
    change = np.array([[4.0, 0.1], [4.2, -0.1], [-4.0, 3.0], [-4.1, -2.9]])
    found = clusters.directions(change, np.array([0, 0, 1, 1]))
    assert found.tolist() == [[1, 0], [-1, 0]]


def test_silhouette_by_hand():
    distances = np.array([[1.0, 4.0], [3.0, 1.5], [2.0, 2.0], [0.0, 0.0]])
    assert clusters.silhouette(distances, np.array([0, 1, 0, 0])).tolist() == [0.75, 0.5, 0.0, 0.0]


def test_too_few_trajectories_are_refused_with_a_way_out():
    frame, _ = planted(3)
    with pytest.raises(StudyError, match=r"3 distinct trajectories .* lower clusters\.k"):
        clusters.cluster(frame, CHANNELS, k=4, seed=1, radius=2)
