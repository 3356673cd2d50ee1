"""Runs: a panel of trajectories clustered again and again, one thing changed at a time.

A run draws pairs or countries anew with replacement, starts from other centres, takes another radius or
preprocessing, leaves a year out or does without warping. It gives a label to every pair of the panel.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from poles.archetypes import clusters, dtw, surrogates
from poles.archetypes.names import UNNAMED, archetype_of
from poles.errors import StudyError
from poles.stats.threads import parallel_map
from poles.trajectories.preprocessing import PREPROCESSINGS, prepare

RADII = (1, 2, 3, None)
"""Radii that are tried beside the configured one."""
RESTARTS = 10
"""Starts of the Euclidean k-means of a run; the unchanged panel has `clusters.STARTS`."""
OBSERVED = "observed"
"""Name of the panel that is no surrogate."""
RESAMPLED = ("pairs", "countries")
"""What is drawn anew with replacement; pairs as if they were independent, countries with all their pairs."""


class Design(NamedTuple):
    """What the configuration says of clustering and of its study.

    Attributes
    ----------
    k, seed, radius : int
        Of the headline.
    preprocessing : str
        See `trajectories.preprocess`.
    max_k : int
        Every number of clusters from 2 to this is tried.
    resamples : int
        Resamples of pairs, and as many of countries, and as many other first centres, at every k.
    headline_resamples : int
        The same at the headline's k.
    surrogates : sequence of str
        Names of `surrogates.NAMES`.
    surrogate_panels : int
        Panels of each.
    surrogate_resamples : int
        As `resamples`, of each surrogate panel.
    silhouette_pairs : int
        Most pairs between which all distances are computed; of a larger panel, a sample of so many.
    core : float
        Share of the runs in which a core pair keeps its archetype.
    """

    k: int
    seed: int
    radius: int
    preprocessing: str
    max_k: int
    resamples: int
    headline_resamples: int
    surrogates: Sequence[str]
    surrogate_panels: int
    surrogate_resamples: int
    silhouette_pairs: int
    core: float


class TrajectorySet:
    """Trajectories of the pairs of the panel, observed or surrogate.

    Parameters
    ----------
    name : str
        `OBSERVED` or the name of a surrogate.
    number : int
        Of the sets of that name.
    z : ndarray, shape (pairs, years, channels)
    channels : sequence of str
        Names of the channels.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    """

    def __init__(self, name: str, number: int, z: np.ndarray, channels: Sequence[str], ends: np.ndarray):
        self.name, self.number, self.z, self.channels, self.ends = name, number, z, list(channels), ends

    def prepared(self, preprocessing: str, without: int | None = None) -> np.ndarray:
        """Preprocessed trajectories as `preprocessing.prepare` makes them; without one year, by its place."""
        z = self.z if without is None else np.delete(self.z, without, axis=1)
        return prepare(z, self.channels, preprocessing)

    @cached_property
    def change(self) -> np.ndarray:
        """See `clusters.changes`."""
        return clusters.changes(self.z)

    def named(self, labels: np.ndarray, k: int, merge: bool = False) -> np.ndarray:
        """Archetype of every pair by the names of the clusters it is given.

        To ``merge`` is to let a cluster that no archetype fits join the named one whose mean change is
        nearest: among many small clusters some lie between archetypes. Where none is named all stay unnamed.
        """
        found = clusters.directions(self.change, labels, self.ends, k)
        names = np.array([archetype_of(row, self.channels) for row in found.sign])
        filled = np.bincount(labels, minlength=k) > 0
        known = np.flatnonzero(filled & (names != UNNAMED))
        if merge and len(known):
            lost = names == UNNAMED
            apart = np.linalg.norm(found.mean[lost, None] - found.mean[known], axis=-1)
            names[lost] = names[known[apart.argmin(axis=1)]]
        return names[labels]


class Run(NamedTuple):
    """One more clustering: what is varied, which choice or draw, and into how many clusters."""

    over: str
    choice: Any
    k: int


def draw_rows(over: str, ends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of a resampled panel: pairs with replacement, or those of countries drawn with replacement.

    Parameters
    ----------
    over : {"pairs", "countries"}
        Where countries are drawn, a pair stands there as often as one of its countries was drawn, times how
        often the other was.
    ends : ndarray of int, shape (pairs, 2)
        Numbers of the countries, from 0 without a gap.
    rng : Generator

    Returns
    -------
    ndarray of int
        Numbers of pairs; of resampled countries as many as it comes.
    """
    if over == "pairs":
        return rng.integers(0, len(ends), len(ends))
    countries = ends.max() + 1
    drawn = np.bincount(rng.integers(0, countries, countries), minlength=countries)
    return np.repeat(np.arange(len(ends)), drawn[ends].prod(axis=1))


def refit(
    trajectories: TrajectorySet, x: np.ndarray, run: Run, design: Design, rng: np.random.Generator
) -> np.ndarray | None:
    """Labels of all pairs of a panel in a run; None where the run finds no k clusters.

    Parameters
    ----------
    trajectories : TrajectorySet
    x : ndarray, shape (pairs, years, channels)
        The panel, prepared as the headline is.
    run : Run
    design : Design
    rng : Generator
        Of this run alone.

    Returns
    -------
    ndarray of int64, shape (pairs,), or None
    """
    from sklearn.cluster import KMeans, kmeans_plusplus

    seed, radius = int(rng.integers(2**31)), design.radius
    if run.over == "radius":
        radius = run.choice
    elif run.over == "preprocessing":
        x = trajectories.prepared(run.choice)
    elif run.over == "year":
        x = trajectories.prepared(design.preprocessing, without=run.choice)
    sample = x[draw_rows(run.over, trajectories.ends, rng)] if run.over in RESAMPLED else x
    flat = sample.reshape(len(sample), -1)
    if len(np.unique(flat, axis=0)) < run.k:
        return None
    if run.over == "euclidean":
        return KMeans(run.k, n_init=RESTARTS, random_state=seed).fit(flat).labels_.astype(np.int64)
    if run.over == "seeds":
        start = kmeans_plusplus(flat, run.k, random_state=seed)[0].reshape(run.k, *x.shape[1:])
    else:
        start = clusters.starting_centres(sample, run.k, seed, RESTARTS)
    try:
        found = dtw.fit(sample, start, radius)
    except StudyError:
        return None
    return dtw.assign(x, found.centroids, radius)[0]


def runs_of(design: Design, years: int, k: int, resamples: int, headline: bool) -> list[Run]:
    """The runs of a panel at one k; those of the headline also leave out years and do without warping."""
    runs = [Run(over, draw, k) for over in (*RESAMPLED, "seeds") for draw in range(resamples)]
    runs += [Run("radius", radius, k) for radius in RADII if radius != design.radius]
    runs += [Run("preprocessing", name, k) for name in PREPROCESSINGS if name != design.preprocessing]
    if headline:
        runs += [Run("year", place, k) for place in range(years)] + [Run("euclidean", 0, k)]
    return runs


class Outcome(NamedTuple):
    """What the runs of a panel gave: by k its own labels, inertia and silhouette; labels by run.

    ``whole`` is the inertia of a single cluster of all pairs.
    """

    whole: float
    base: Mapping[int, tuple[np.ndarray, float, float]]
    labels: Mapping[Run, np.ndarray]


def explore(
    trajectories: TrajectorySet, runs: Mapping[int, Sequence[Run]], design: Design, threads: int
) -> Outcome:
    """Cluster a panel unchanged into every number of clusters, then in every run.

    Parameters
    ----------
    trajectories : TrajectorySet
    runs : Mapping
        Runs by k.
    design : Design
    threads : int
        The result does not depend on it.

    Returns
    -------
    Outcome
        Without the k that the panel cannot be split into, and without the runs that failed.
    """
    x = trajectories.prepared(design.preprocessing)
    starts = clusters.STARTS if trajectories.name == OBSERVED else RESTARTS
    distinct = len(np.unique(x.reshape(len(x), -1), axis=0))

    def unchanged(k: int) -> tuple[np.ndarray, float] | None:
        if distinct < k:
            return None
        try:
            found = dtw.fit(x, clusters.starting_centres(x, k, design.seed, starts), design.radius)
        except StudyError:
            return None
        return found.labels, found.inertia

    fits = dict(zip(runs, parallel_map(unchanged, runs, threads), strict=True))
    widths = silhouettes(trajectories, x, {k: fit[0] for k, fit in fits.items() if fit}, design, threads)
    base = {k: (*fit, widths[k]) for k, fit in fits.items() if fit}
    todo = [(place, run) for k in base for place, run in enumerate(runs[k])]
    key = (
        surrogates.NAMES.index(trajectories.name) + 1 if trajectories.name != OBSERVED else 0,
        trajectories.number,
    )

    def once(task: tuple[int, Run]) -> np.ndarray | None:
        place, run = task
        return refit(trajectories, x, run, design, np.random.default_rng([design.seed, *key, run.k, place]))

    found = zip(todo, parallel_map(once, todo, threads), strict=True)
    whole = dtw.fit(x, x.mean(axis=0, keepdims=True), design.radius).inertia
    return Outcome(whole, base, {run: labels for (_, run), labels in found if labels is not None})


def silhouettes(
    trajectories: TrajectorySet, x: np.ndarray, labels: Mapping[int, np.ndarray], design: Design, threads: int
) -> dict[int, float]:
    """Mean silhouette (Rousseeuw 1987) by k, under dynamic time warping; of a sample where pairs are many."""
    from sklearn.metrics import silhouette_score

    rows = np.arange(len(x))
    if len(x) > design.silhouette_pairs:
        rng = np.random.default_rng([design.seed, trajectories.number])
        rows = np.sort(rng.choice(len(x), design.silhouette_pairs, replace=False))
    distances = dtw.matrix(x[rows], design.radius, threads)
    return {
        k: float(silhouette_score(distances, found[rows], metric="precomputed"))
        if 1 < len(np.unique(found[rows])) < len(rows)
        else float("nan")
        for k, found in labels.items()
    }
