"""Archetypes of trajectories: k-means under dynamic time warping, and names given by a rule."""

import warnings
from typing import NamedTuple

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.jobs import log
from poles.trajectories import cube

ARCHETYPES = {
    (1, 1): "Scientific Convergence",
    (-1, -1): "Scientific Divergence",
    (-1, 1): "Knowledge Integration",
    (0, -1): "Knowledge Divergence",
    (0, 0): "Stable",
}
"""Name by direction of (collaboration, citation): 1 rises, -1 falls, 0 neither."""
UNNAMED = "Unnamed"
EDGE = 5
"""Years at either end whose means a change is taken between."""
DEAD_ZONE = 0.25
"""Change of a cluster, in units of the panel's root mean square change, below which it is no change."""


class Clustering(NamedTuple):
    """Result of `fit`.

    Attributes
    ----------
    labels : ndarray, shape (pairs,)
    centroids : ndarray, shape (k, years, channels)
        Barycentres under dynamic time warping; not yearly means.
    distances : ndarray, shape (pairs, k)
        Dynamic-time-warping distance to each centroid.
    inertia : float
        Mean squared distance to the own centroid.
    iterations : int
    """

    labels: np.ndarray
    centroids: np.ndarray
    distances: np.ndarray
    inertia: float
    iterations: int


def fit(x: np.ndarray, k: int, seed: int, radius: int) -> Clustering:
    """Cluster trajectories by k-means under dynamic time warping (tslearn; Petitjean et al. 2011).

    Started from the centres of Euclidean k-means, which makes the result depend on the data and hardly on
    the seed; random starts under warping do not agree with one another.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
        Preprocessed trajectories, sorted by pair: a seed draws rows by their number.
    k : int
        Number of clusters.
    seed : int
        Seed of the Euclidean starts.
    radius : int
        Sakoe-Chiba radius in years: how far two courses may be shifted against each other.

    Returns
    -------
    Clustering

    Raises
    ------
    StudyError
        If there are fewer distinct trajectories than clusters, or the algorithm does not converge.
    """
    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="h5py not installed")  # only wanted to save models
        from tslearn.clustering import TimeSeriesKMeans

    distinct = len(np.unique(x.reshape(len(x), -1), axis=0)) if len(x) else 0
    if distinct < k:
        raise StudyError(
            f"clusters: {distinct} distinct trajectories cannot form clusters.k = {k} clusters; lower "
            "clusters.k, trajectories.panel.min_strength or trajectories.panel.min_share; why pairs are left "
            "out stands in trajectories/NULL.excluded.parquet"
        )
    pairs, years, channels = x.shape
    start = KMeans(k, n_init=50, random_state=seed).fit(x.reshape(pairs, -1)).cluster_centers_
    # The radius alone: given with the constraint's name, tslearn 0.8-0.10 drops it for the barycentres.
    model = TimeSeriesKMeans(
        k,
        metric="dtw",
        metric_params={"sakoe_chiba_radius": radius},
        init=start.reshape(k, years, channels),
        max_iter=100,
        n_jobs=1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="DBA loss is increasing", module="tslearn")
        model.fit(x)
    # tslearn reports none of these failures itself.
    if not np.isfinite(model.inertia_) or len(np.unique(model.labels_)) < k:
        raise StudyError(f"clusters: a cluster ran empty at clusters.k = {k}; choose a smaller k")
    if model.n_iter_ >= model.max_iter:
        raise StudyError(f"clusters: no convergence in {model.max_iter} iterations at clusters.k = {k}")
    distances = model.transform(x)
    return Clustering(model.labels_, model.cluster_centers_, distances, float(model.inertia_), model.n_iter_)


def silhouette(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Simplified silhouette of each member: distances to centroids stand for distances to members.

    Parameters
    ----------
    distances : ndarray, shape (pairs, k)
        Distance to each centroid.
    labels : ndarray, shape (pairs,)

    Returns
    -------
    ndarray, shape (pairs,)
        Between -1 and 1 (Hruschka, de Castro and Campello 2004); 0 where both distances are 0.
    """
    rows = np.arange(len(labels))
    own = distances[rows, labels]
    others = distances.copy()
    others[rows, labels] = np.inf
    nearest = others.min(axis=1)
    largest = np.maximum(own, nearest)
    return np.divide(
        nearest - own, largest, out=np.zeros_like(own), where=(largest > 0) & np.isfinite(nearest)
    )


def changes(x: np.ndarray) -> np.ndarray:
    """Change of each trajectory: mean of its last `EDGE` years less the mean of its first.

    Returns
    -------
    ndarray, shape (pairs, channels)
    """
    return x[:, -EDGE:].mean(axis=1) - x[:, :EDGE].mean(axis=1)


def directions(change: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether a cluster rises, falls or does neither, in each channel.

    A cluster moves where its members' mean change exceeds `DEAD_ZONE` times the root mean square change of
    the whole panel, and twice its own standard error.

    Parameters
    ----------
    change : ndarray, shape (pairs, channels)
        See `changes`.
    labels : ndarray, shape (pairs,)

    Returns
    -------
    ndarray of int, shape (k, channels)
        1 rises, -1 falls, 0 neither.
    """
    scale = np.sqrt((change**2).mean(axis=0))
    rows = []
    for label in range(labels.max() + 1):
        members = change[labels == label]
        mean = members.mean(axis=0)
        error = members.std(axis=0, ddof=1) / np.sqrt(len(members)) if len(members) > 1 else 0 * mean
        moves = (np.abs(mean) > DEAD_ZONE * scale) & (np.abs(mean) > 2 * error)
        rows.append(np.where(moves, np.sign(mean), 0).astype(int))
    return np.array(rows)


def archetype(direction: np.ndarray, channels: list[str]) -> str:
    """Name of a cluster from the directions of its channels, by `ARCHETYPES`.

    Where citation has two channels they must agree, else the cluster is unnamed. A study of one layer can
    tell convergence, divergence and stability in that layer, but neither of the two knowledge archetypes.

    Parameters
    ----------
    direction : ndarray of int, shape (channels,)
        One row of `directions`.
    channels : list of str
        Names of the channels.
    """
    by_layer = {name.split("_")[0]: set() for name in channels}
    for name, value in zip(channels, direction, strict=True):
        by_layer[name.split("_")[0]].add(int(value))
    if any(len(values) > 1 for values in by_layer.values()):
        return UNNAMED
    values = [values.pop() for values in by_layer.values()]
    return ARCHETYPES.get((values[0], values[-1]), UNNAMED)


def cluster(
    trajectories: pl.DataFrame, channels: list[str], k: int, seed: int, radius: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cluster a panel of trajectories and name the clusters.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Sorted by pair and year; columns x_<channel>.
    channels : list of str
        Names of the channels.
    k, seed, radius
        See `fit`.

    Returns
    -------
    members : pl.DataFrame
        source, target, cluster, archetype, distance, silhouette. Clusters are numbered from 1 by archetype,
        in the order of `ARCHETYPES`, then by size, so that a number does not depend on the run.
    centroids : pl.DataFrame
        cluster, archetype, year, x_<channel> ...
    """
    columns = [f"x_{name}" for name in channels]
    x = cube(trajectories, columns)
    result = fit(x, k, seed, radius)
    names = [archetype(row, channels) for row in directions(changes(x), result.labels)]
    sizes = np.bincount(result.labels, minlength=k)
    rank = [*ARCHETYPES.values(), UNNAMED]
    order = sorted(range(k), key=lambda label: (rank.index(names[label]), -sizes[label], label))
    number = {label: place + 1 for place, label in enumerate(order)}
    for label in order:
        log.info("cluster %d: %s, %d pairs", number[label], names[label], sizes[label])
    log.info(
        "k = %d: mean squared distance %.4g, mean silhouette %.3f, %d iterations", k, result.inertia,
        silhouette(result.distances, result.labels).mean(), result.iterations,
    )  # fmt: skip
    pairs = trajectories.select("source", "target").unique(maintain_order=True)
    members = pairs.with_columns(
        pl.Series("cluster", [number[label] for label in result.labels], dtype=pl.Int16),
        pl.Series("archetype", [names[label] for label in result.labels], dtype=pl.String),
        pl.Series("distance", result.distances[np.arange(len(x)), result.labels]),
        pl.Series("silhouette", silhouette(result.distances, result.labels)),
    )
    years = trajectories["year"].unique().sort()
    centroids = pl.concat(
        pl.DataFrame({"year": years, **dict(zip(columns, result.centroids[label].T, strict=True))}).select(
            pl.lit(number[label], dtype=pl.Int16).alias("cluster"),
            pl.lit(names[label]).alias("archetype"),
            "year",
            *columns,
        )
        for label in order
    )
    return members, centroids


def recovery(members: pl.DataFrame, truth: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """How well the planted archetypes of a demo world are found again.

    Parameters
    ----------
    members : pl.DataFrame
        See `cluster`.
    truth : pl.DataFrame
        `tables.TRUTH`: source, target, archetype.

    Returns
    -------
    confusion : pl.DataFrame
        planted, recovered, pairs: counts over the pairs of the panel.
    index : float
        Adjusted Rand index between clusters and planted archetypes (Hubert and Arabie 1985): 1 is perfect,
        0 is what chance gives. It does not depend on the names given to the clusters.
    """
    from sklearn.metrics import adjusted_rand_score

    both = members.join(truth.rename({"archetype": "planted"}), on=["source", "target"], how="inner")
    if both.is_empty():
        raise StudyError("recovery: none of the pairs that are followed has a planted archetype")
    confusion = (
        both.group_by("planted", pl.col("archetype").alias("recovered"))
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("planted", "recovered")
    )
    index = float(adjusted_rand_score(both["planted"].to_list(), both["cluster"].to_list()))
    log.info("adjusted Rand index %.3f over %d pairs", index, len(both))
    return confusion, index
