"""Trajectories clustered again and again: unperturbed into every number of clusters, then perturbed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from poles.archetypes import dtw, euclidean, kmeans, surrogates
from poles.archetypes.directions import changes, directions
from poles.archetypes.names import UNNAMED, archetype_of
from poles.archetypes.perturbations import RESAMPLED, Design, Perturbation, resample_rows
from poles.archetypes.tables import OBSERVED
from poles.errors import StudyError
from poles.stats.progress import Progress
from poles.stats.threads import parallel_map
from poles.trajectories.preprocessing import prepare

RESTARTS = 10
"""Starts of the Euclidean k-means of a perturbed clustering; the unperturbed one has `kmeans.STARTS`."""


@dataclass(frozen=True, eq=False)
class TrajectorySet:
    """Trajectories of the pairs of a panel, observed or surrogate.

    Attributes
    ----------
    name : str
        `OBSERVED`, or the name of a surrogate.
    number : int
        Number among the sets of that name, from 0.
    z : ndarray, shape (pairs, years, channels)
    channels : sequence of str
        Names of the channels.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    """

    name: str
    number: int
    z: np.ndarray
    channels: Sequence[str]
    ends: np.ndarray

    def prepared(self, preprocessing: str, without: int | None = None) -> np.ndarray:
        """Trajectories as they are clustered (`prepare`), ``without`` the year at one place."""
        if without is not None:
            return prepare(np.delete(self.z, without, axis=1), self.channels, preprocessing)
        # Every number of clusters asks for the same ones again.
        if preprocessing not in self._prepared:
            self._prepared[preprocessing] = prepare(self.z, self.channels, preprocessing)
        return self._prepared[preprocessing]

    @cached_property
    def _prepared(self) -> dict[str, np.ndarray]:
        """All years as they are clustered, by preprocessing."""
        return {}

    @cached_property
    def change(self) -> np.ndarray:
        """See `directions.changes`."""
        return changes(self.z)

    def archetypes(self, labels: np.ndarray, k: int, merge: bool = False) -> np.ndarray:
        """Name the clusters and give every pair the name of its cluster.

        Among many small clusters some lie between archetypes and stay unnamed.

        Parameters
        ----------
        labels : ndarray of int, shape (pairs,)
        k : int
            Number of clusters.
        merge : bool
            Whether an unnamed cluster takes the name of the named one whose mean change is nearest. If no
            cluster is named, all stay unnamed.

        Returns
        -------
        ndarray of str, shape (pairs,)
        """
        moves = directions(self.change, labels, self.ends, k)
        names = np.array([archetype_of(signs, self.channels) for signs in moves.sign])
        has_members = np.bincount(labels, minlength=k) > 0
        named = np.flatnonzero(has_members & (names != UNNAMED))
        if merge and len(named):
            unnamed = names == UNNAMED
            distances = np.linalg.norm(moves.mean[unnamed, None] - moves.mean[named], axis=-1)
            names[unnamed] = names[named[distances.argmin(axis=1)]]
        return names[labels]


class Unperturbed(NamedTuple):
    """Clustering of unperturbed trajectories.

    Attributes
    ----------
    labels : ndarray of int64, shape (pairs,)
    inertia : float
        Mean squared distance of the pairs to their centroids.
    silhouette : float
        Mean over pairs; NaN where it is not defined.
    """

    labels: np.ndarray
    inertia: float
    silhouette: float


class Reclusterings(NamedTuple):
    """Result of `recluster`.

    Attributes
    ----------
    single_inertia : float
        Inertia of one cluster of all pairs.
    unperturbed : Mapping
        `Unperturbed` by k, for every k into which the trajectories can be split.
    perturbed : Mapping
        Labels of all pairs by `Perturbation`, without the perturbations that gave no k clusters.
    """

    single_inertia: float
    unperturbed: Mapping[int, Unperturbed]
    perturbed: Mapping[Perturbation, np.ndarray]


def recluster(
    trajectories: TrajectorySet,
    chosen: Mapping[int, Sequence[Perturbation]],
    design: Design,
    threads: int,
    progress: Progress | None = None,
) -> Reclusterings:
    """Cluster trajectories unperturbed into every number of clusters, then with every perturbation.

    Parameters
    ----------
    trajectories : TrajectorySet
    chosen : Mapping
        Perturbations by k.
    design : Design
    threads : int
        The result does not depend on it.
    progress : Progress, optional
        Counts the perturbed clusterings.

    Returns
    -------
    Reclusterings
    """
    x = trajectories.prepared(design.preprocessing)
    starts = kmeans.STARTS if trajectories.name == OBSERVED else RESTARTS
    distinct = kmeans.count_distinct(x)

    def fit_unperturbed(k: int) -> dtw.Fit | None:
        if distinct < k:
            return None
        try:
            return dtw.fit(x, kmeans.starting_centres(x, k, design.seed, starts), design.radius)
        except StudyError:
            return None

    fits = dict(zip(chosen, parallel_map(fit_unperturbed, chosen, threads), strict=True))
    fits = {k: fit for k, fit in fits.items() if fit is not None}
    widths = silhouettes(trajectories, x, {k: fit.labels for k, fit in fits.items()}, design, threads)
    unperturbed = {k: Unperturbed(fit.labels, fit.inertia, widths[k]) for k, fit in fits.items()}
    kind = 0 if trajectories.name == OBSERVED else 1 + surrogates.NAMES.index(trajectories.name)

    def perturb(task: tuple[int, Perturbation]) -> np.ndarray | None:
        place, perturbation = task
        rng = np.random.default_rng([design.seed, kind, trajectories.number, perturbation.k, place])
        labels = perturbed_labels(trajectories, x, perturbation, design, rng)
        if progress is not None:
            progress.step()
        return labels

    tasks = [task for k in unperturbed for task in enumerate(chosen[k])]
    results = zip(tasks, parallel_map(perturb, tasks, threads), strict=True)
    perturbed = {perturbation: labels for (_, perturbation), labels in results if labels is not None}
    single = dtw.fit(x, x.mean(axis=0, keepdims=True), design.radius)
    return Reclusterings(single.inertia, unperturbed, perturbed)


def perturbed_labels(
    trajectories: TrajectorySet,
    x: np.ndarray,
    perturbation: Perturbation,
    design: Design,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Cluster trajectories with one perturbation and label all pairs.

    Where pairs or countries are resampled, the sample is clustered, and every pair goes to the nearest
    centroid.

    Parameters
    ----------
    trajectories : TrajectorySet
    x : ndarray, shape (pairs, years, channels)
        The trajectories, prepared as for the headline.
    perturbation : Perturbation
    design : Design
    rng : Generator
        Used for this perturbation only.

    Returns
    -------
    ndarray of int64, shape (pairs,), or None
        None where there are no k clusters.
    """
    over, choice, k = perturbation
    seed, radius = int(rng.integers(2**31)), design.radius
    if over == "radius":
        radius = choice
    elif over == "preprocessing":
        x = trajectories.prepared(choice)
    elif over == "year":
        x = trajectories.prepared(design.preprocessing, without=choice)
    sample = resample_rows(over, trajectories.ends, rng) if over in RESAMPLED else np.arange(len(x))
    if not kmeans.has_distinct(x[np.unique(sample)], k):  # a resample of countries may hold no pair at all
        return None
    flat = x.reshape(len(x), -1)
    if over == "euclidean":
        return euclidean.fit(flat, k, seed, RESTARTS).labels
    if over == "seeds":
        start = euclidean.first_centres(flat, k, seed).reshape(k, *x.shape[1:])
    else:
        start = kmeans.starting_centres(x, k, seed, RESTARTS, sample)
    try:
        fit = dtw.fit(x, start, radius, sample=sample)
    except StudyError:
        return None
    return dtw.assign(x, fit.centroids, radius)[0] if over in RESAMPLED else fit.labels


def silhouettes(
    trajectories: TrajectorySet,
    x: np.ndarray,
    labels: Mapping[int, np.ndarray],
    design: Design,
    threads: int,
) -> dict[int, float]:
    """Compute the mean silhouette under dynamic time warping of several clusterings (Rousseeuw 1987).

    Parameters
    ----------
    trajectories : TrajectorySet
    x : ndarray, shape (pairs, years, channels)
        The trajectories, prepared.
    labels : Mapping
        Labels of all pairs by k.
    design : Design
        A sample is taken of more than `Design.silhouette_pairs` pairs.
    threads : int
        The result does not depend on it.

    Returns
    -------
    dict
        By k; NaN where all pairs of the sample are in one cluster, or each is in its own.
    """
    rows = np.arange(len(x))
    if len(x) > design.silhouette_pairs:
        rng = np.random.default_rng([design.seed, trajectories.number])
        rows = np.sort(rng.choice(len(x), design.silhouette_pairs, replace=False))
    distances = dtw.matrix(x[rows], design.radius, threads)
    return {
        k: silhouette(distances, of_all[rows])
        if 1 < len(np.unique(of_all[rows])) < len(rows)
        else float("nan")
        for k, of_all in labels.items()
    }


def silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean silhouette of a labelling (Rousseeuw 1987).

    Scikit-learn's ``silhouette_score`` gives the same number, but takes a second to be imported.

    Parameters
    ----------
    distances : ndarray, shape (pairs, pairs)
        Symmetric, with zeros on the diagonal.
    labels : ndarray of int, shape (pairs,)
        At least two of them differ.

    Returns
    -------
    float
        A pair that is alone in its cluster counts as 0.
    """
    labels = np.unique(labels, return_inverse=True)[1]
    rows, sizes = np.arange(len(labels)), np.bincount(labels)
    places = (rows[:, None] * len(sizes) + labels).ravel()
    sums = np.bincount(places, distances.ravel(), len(labels) * len(sizes)).reshape(-1, len(sizes))
    own = sums[rows, labels] / np.maximum(sizes - 1, 1)[labels]
    sums[rows, labels] = np.inf
    nearest = (sums / sizes).min(axis=1)
    largest = np.maximum(own, nearest)
    widths = np.divide(
        nearest - own, largest, out=np.zeros_like(own), where=(sizes[labels] > 1) & (largest > 0)
    )
    return float(widths.mean())
