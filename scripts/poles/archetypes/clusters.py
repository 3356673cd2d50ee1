"""Clusters of the trajectories of a panel, numbered and named: the archetypes of the study."""

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl

from poles.archetypes import kmeans
from poles.archetypes.directions import Directions, changes, directions
from poles.archetypes.kmeans import Clustering, simplified_silhouette
from poles.archetypes.names import ARCHETYPES, UNNAMED, WORDS, archetype_of
from poles.archetypes.tables import CLUSTERS, NAMES, centroids_table
from poles.trajectories.pair_panel import PairPanel

log = logging.getLogger(__name__)


def cluster(
    panel: PairPanel, k: int, seed: int, radius: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Cluster the trajectories of a panel and name the clusters.

    Clusters are numbered from 1 in the order of `ARCHETYPES`, those of one archetype by size, so that a
    number does not depend on the seed.

    Parameters
    ----------
    panel : PairPanel
    k, seed, radius : int
        See `kmeans.fit`.

    Returns
    -------
    members : pl.DataFrame
        `CLUSTERS`.
    centroids : pl.DataFrame
        `centroids_table`.
    names : pl.DataFrame
        `NAMES`: what the name of each cluster rests on.

    All three are empty where the panel has fewer than k distinct trajectories.

    Raises
    ------
    StudyError
        See `kmeans.fit`.
    """
    distinct = kmeans.count_distinct(panel.prepared)
    if distinct < k:
        log.warning("no clusters: %d distinct trajectories cannot form clusters.k = %d clusters", distinct, k)
        tables = (CLUSTERS, centroids_table(panel.channels), NAMES)
        no_members, no_centroids, no_names = (pl.DataFrame(schema=dict(table.columns)) for table in tables)
        return no_members, no_centroids, no_names
    result = kmeans.fit(panel.prepared, k, seed, radius)
    moves = directions(changes(panel.z), result.labels, panel.ends, k)
    names = [archetype_of(signs, panel.channels) for signs in moves.sign]
    sizes = np.bincount(result.labels, minlength=k)
    rank = [*ARCHETYPES.values(), UNNAMED]
    order = sorted(range(k), key=lambda label: (rank.index(names[label]), -sizes[label], label))
    # From here on clusters stand in the order of their numbers.
    number = np.argsort(order)
    result = result._replace(
        labels=number[result.labels],
        centroids=result.centroids[order],
        distances=result.distances[:, order],
    )
    moves = Directions(*(part[order] for part in moves))
    names, sizes = [names[label] for label in order], sizes[order]
    members = _members(panel, result, names)
    for place, name in enumerate(names):
        log.info("cluster %d: %s, %d pairs", place + 1, name, sizes[place])
    log.info(
        "k = %d: mean squared distance %.4g, mean silhouette %.3f, %d iterations",
        k, result.inertia, members["silhouette"].mean(), result.iterations,
    )  # fmt: skip
    return members, _centroids(panel, result, names), _names(panel.channels, moves, names, sizes)


def _members(panel: PairPanel, result: Clustering, names: Sequence[str]) -> pl.DataFrame:
    """`CLUSTERS` of clusters that stand in the order of their numbers."""
    labels = result.labels
    return panel.pairs.with_columns(
        pl.Series("cluster", labels + 1, dtype=pl.Int16),
        pl.Series("archetype", [names[label] for label in labels], dtype=pl.String),
        pl.Series("distance", result.distances[np.arange(len(labels)), labels]),
        pl.Series("silhouette", simplified_silhouette(result.distances, labels)),
    )


def _centroids(panel: PairPanel, result: Clustering, names: Sequence[str]) -> pl.DataFrame:
    """`centroids_table` of clusters that stand in the order of their numbers."""
    schema, years = dict(centroids_table(panel.channels).columns), panel.years.tolist()
    rows = [
        (place + 1, name, year, *values)
        for place, (name, centroid) in enumerate(zip(names, result.centroids.tolist(), strict=True))
        for year, values in zip(years, centroid, strict=True)
    ]
    return pl.DataFrame(rows, schema, orient="row")


def _names(
    channels: Sequence[str], moves: Directions, names: Sequence[str], sizes: np.ndarray
) -> pl.DataFrame:
    """`NAMES` of clusters that stand in the order of their numbers."""
    rows = [
        {
            "cluster": place + 1,
            "archetype": name,
            "channel": channel,
            "pairs": int(sizes[place]),
            "change": float(moves.mean[place, column]),
            "low": float(moves.low[place, column]),
            "high": float(moves.high[place, column]),
            "direction": WORDS[int(moves.sign[place, column])],
        }
        for place, name in enumerate(names)
        for column, channel in enumerate(channels)
    ]
    return pl.DataFrame(rows, dict(NAMES.columns))
