"""Archetypes of trajectories: k-means under dynamic time warping, and names given by a rule."""

import logging
import warnings
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from poles.archetypes.names import ARCHETYPES, UNCLEAR, UNNAMED, WORDS, archetype_of
from poles.archetypes.tables import NAMES
from poles.errors import StudyError
from poles.stats.dyadic import dyadic_standard_errors
from poles.stats.threads import one_thread
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import preprocess

log = logging.getLogger(__name__)

EDGE = 5
"""Years at either end whose means a change is taken between."""
NOISE_ZONE = 1.0
"""Change in noise units below which a cluster does not move, however little the others do."""
PANEL_ZONE = 0.25
"""Change of a cluster, in units of the panel's root mean square change, below which it is no change."""
STARTS = 50
"""Starts of the Euclidean k-means whose centres the clustering begins with."""


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


def starting_centres(x: np.ndarray, k: int, seed: int, starts: int = STARTS) -> np.ndarray:
    """Centres of Euclidean k-means, the best of several starts; shape (k, years, channels).

    Warping hardly moves them, while random starts under warping do not agree with one another. To be called
    within `one_thread`.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
        Sorted by pair: a seed draws rows by their number.
    k, seed : int
        Number of clusters; seed of the starts.
    starts : int
        Number of starts.
    """
    from sklearn.cluster import KMeans

    model = KMeans(k, n_init=starts, random_state=seed).fit(x.reshape(len(x), -1))
    return model.cluster_centers_.reshape(k, *x.shape[1:])


def fit(x: np.ndarray, k: int, seed: int, radius: int) -> Clustering:
    """Cluster trajectories by k-means under dynamic time warping (tslearn; Petitjean et al. 2011).

    Started from `starting_centres`, which makes the result depend on the data and hardly on the seed.

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
    with one_thread():
        start = starting_centres(x, k, seed)
    # The radius alone: given with the constraint's name, tslearn 0.8-0.10 drops it for the barycentres.
    model = TimeSeriesKMeans(
        k,
        metric="dtw",
        metric_params={"sakoe_chiba_radius": radius},
        init=start,
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


def changes(z: np.ndarray) -> np.ndarray:
    """Change of each trajectory in noise units: mean of its last `EDGE` years less the mean of its first.

    Always in the units of ``noise_units`` (`trajectories.preprocess`), whatever is clustered, so that a name
    means the same in every branch.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
        z-scores.

    Returns
    -------
    ndarray, shape (pairs, channels)
    """
    x = preprocess(z, "noise_units")
    return x[:, -EDGE:].mean(axis=1) - x[:, :EDGE].mean(axis=1)


class Directions(NamedTuple):
    """Where each cluster goes, each an array of shape (k, channels).

    Attributes
    ----------
    mean, low, high : ndarray
        Mean change of the members in noise units, and its 95 % interval.
    sign : ndarray of int
        1 rises, -1 falls, 0 stands still, `UNCLEAR`.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sign: np.ndarray


def directions(change: np.ndarray, labels: np.ndarray, ends: np.ndarray, k: int) -> Directions:
    """Whether a cluster rises, falls or stands still, in each channel.

    A change counts if it is beyond the dead zone: `NOISE_ZONE`, or `PANEL_ZONE` times the root mean square
    change of the whole panel where that is more. A cluster moves where its mean change is beyond the zone
    and its interval excludes 0; it stands still where its mean change is within the zone, and its interval
    within twice the zone. All else is `UNCLEAR`.

    Parameters
    ----------
    change, labels, ends, k
        See `dyadic_standard_errors`. An empty cluster is unclear.

    Returns
    -------
    Directions
    """
    zone = np.maximum(NOISE_ZONE, PANEL_ZONE * np.sqrt((change**2).mean(axis=0)))
    sizes = np.bincount(labels, minlength=k)
    sums = np.zeros((k, change.shape[1]))
    np.add.at(sums, labels, change)
    mean = sums / np.maximum(sizes, 1)[:, None]
    countries = [len(np.unique(ends[labels == label])) for label in range(k)]
    reach = stats.t.isf(0.025, np.maximum(np.array(countries) - 1, 1))[:, None]
    reach = reach * dyadic_standard_errors(change, labels, ends, k)
    low, high = mean - reach, mean + reach
    moves = (np.abs(mean) > zone) & (low * high > 0)
    still = (np.abs(mean) <= zone) & (low > -2 * zone) & (high < 2 * zone)
    sign = np.where(moves, np.sign(mean), np.where(still, 0, UNCLEAR)).astype(int)
    return Directions(mean, low, high, sign)


def cluster(
    panel: PairPanel, k: int, seed: int, radius: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Cluster the trajectories of a panel and name the clusters.

    Parameters
    ----------
    panel : PairPanel
    k, seed, radius
        See `fit`.

    Returns
    -------
    members : pl.DataFrame
        source, target, cluster, archetype, distance, silhouette. Clusters are numbered from 1 by archetype,
        in the order of `ARCHETYPES`, then by size, so that a number does not depend on the run.
    centroids : pl.DataFrame
        cluster, archetype, year, x_<channel> ...
    names : pl.DataFrame
        What each name rests on: `NAMES`.
    """
    result = fit(panel.prepared, k, seed, radius)
    found = directions(changes(panel.z), result.labels, panel.ends, k)
    names = [archetype_of(row, panel.channels) for row in found.sign]
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
    members = panel.pairs.with_columns(
        pl.Series("cluster", [number[label] for label in result.labels], dtype=pl.Int16),
        pl.Series("archetype", [names[label] for label in result.labels], dtype=pl.String),
        pl.Series("distance", result.distances[np.arange(len(result.labels)), result.labels]),
        pl.Series("silhouette", silhouette(result.distances, result.labels)),
    )
    columns = [f"x_{name}" for name in panel.channels]
    years = pl.Series("year", panel.years, dtype=pl.Int16)
    centroids = pl.concat(
        pl.DataFrame([years, *map(pl.Series, columns, result.centroids[label].T)]).select(
            pl.lit(number[label], dtype=pl.Int16).alias("cluster"),
            pl.lit(names[label]).alias("archetype"),
            "year",
            *columns,
        )
        for label in order
    )
    rows = [
        (
            number[label],
            names[label],
            name,
            int(sizes[label]),
            *(float(part[label, place]) for part in (found.mean, found.low, found.high)),
            WORDS[int(found.sign[label, place])],
        )
        for label in order
        for place, name in enumerate(panel.channels)
    ]
    return members, centroids, pl.DataFrame(rows, dict(NAMES.columns), orient="row")
