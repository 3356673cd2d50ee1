"""K-means of trajectories under dynamic time warping: the clustering behind the archetypes."""

import functools
from typing import NamedTuple

import numpy as np

from poles.archetypes import dtw, euclidean
from poles.errors import StudyError
from poles.study import kernels
from poles.trajectories.preprocessing import ROUNDING

STARTS = 50
"""Starts of the Euclidean k-means that gives the first centres."""


class Clustering(NamedTuple):
    """Result of `fit`.

    Attributes
    ----------
    labels : ndarray, shape (pairs,)
        Cluster of each pair, from 0.
    centroids : ndarray, shape (k, years, channels)
        Barycentres under dynamic time warping, which differ from yearly means.
    distances : ndarray, shape (pairs, k)
        Dynamic-time-warping distance to each centroid.
    inertia : float
        Mean squared distance of the pairs to their centroids.
    iterations : int
    """

    labels: np.ndarray
    centroids: np.ndarray
    distances: np.ndarray
    inertia: float
    iterations: int


def count_distinct(x: np.ndarray) -> int:
    """Count the trajectories along the first axis that differ by more than rounding errors."""
    unit = ROUNDING * np.abs(x).max(initial=0) or 1.0
    # Adding 0 makes -0.0 and 0.0 the same bytes.
    return len({trajectory.tobytes() for trajectory in np.rint(x / unit) + 0.0})


def has_distinct(x: np.ndarray, k: int) -> bool:
    """Whether at least k trajectories differ, as `count_distinct` counts them, with a look at few of them."""
    unit = ROUNDING * np.abs(x).max(initial=0) or 1.0
    seen: set[bytes] = set()
    for trajectory in x:
        seen.add((np.rint(trajectory / unit) + 0.0).tobytes())
        if len(seen) >= k:
            return True
    return False


def starting_centres(
    x: np.ndarray, k: int, seed: int, starts: int = STARTS, sample: np.ndarray | None = None
) -> np.ndarray:
    """Find first centres by Euclidean k-means, the best of several starts.

    Warping hardly moves these centres, while clusterings from random starts under warping disagree with one
    another.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
        Preprocessed trajectories, sorted by pair, because a seed draws rows by their number.
    k, seed : int
        Number of clusters; seed of the starts.
    starts : int
        Number of starts.
    sample : ndarray of int, optional
        See `euclidean.fit`.

    Returns
    -------
    ndarray, shape (k, years, channels)
    """
    flat = x.reshape(len(x), -1)
    return euclidean.fit(flat, k, seed, starts, sample).centres.reshape(k, *x.shape[1:])


def fit(x: np.ndarray, k: int, seed: int, radius: int) -> Clustering:
    """Cluster trajectories by k-means under dynamic time warping (Petitjean et al. 2011).

    The first centres are `starting_centres`, so that the result depends on the data and hardly on the seed.
    `verification` compares the result with tslearn.

    Parameters
    ----------
    x : ndarray, shape (pairs, years, channels)
        Preprocessed trajectories, sorted by pair, because a seed draws rows by their number.
    k : int
        Number of clusters, not above `count_distinct` of `x`.
    seed : int
        Seed of the Euclidean starts.
    radius : int
        Sakoe-Chiba radius in years: how far two trajectories may be shifted against each other.

    Returns
    -------
    Clustering

    Raises
    ------
    StudyError
        If a cluster runs empty, or the algorithm does not converge.
    """
    prepare()
    result = dtw.fit(x, starting_centres(x, k, seed), radius)
    if not result.converged:
        raise StudyError(f"clusters: no convergence in {result.iterations} iterations at clusters.k = {k}")
    distances = dtw.distances(x, result.centroids, radius)
    return Clustering(result.labels, result.centroids, distances, result.inertia, result.iterations)


@functools.cache
def prepare() -> None:
    """Compile the loops of the clustering, or load them."""
    with kernels.one_compiles("clusters"):
        x = np.arange(8.0).reshape(2, 2, 2)
        start = starting_centres(x, k=1, seed=0)
        dtw.fit(x, start, radius=1)
        dtw.distances(x, start, radius=1)
        dtw.matrix(x, radius=1)


def simplified_silhouette(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Silhouette of each pair from distances to centroids (Hruschka, de Castro and Campello 2004).

    Distances to centroids take the place of mean distances to the members of clusters.

    Parameters
    ----------
    distances : ndarray, shape (pairs, k)
        Distance to each centroid.
    labels : ndarray, shape (pairs,)

    Returns
    -------
    ndarray, shape (pairs,)
        Between -1 and 1; 0 where the distances to the own and to the nearest other centroid are 0.
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
