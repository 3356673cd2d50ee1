"""How sure the archetypes of the headline are: what changes with each choice, and for which pairs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from poles.archetypes.labellings import adjusted_rand, jaccard, match
from poles.archetypes.reclustering import Reclusterings, TrajectorySet
from poles.archetypes.tables import CHOICES


class Alternative(NamedTuple):
    """Another clustering of the pairs of the headline, each an array of shape (pairs,).

    Attributes
    ----------
    labels : ndarray of int
    keeps : ndarray of bool
        Whether the pair is in a cluster that is matched to one of its archetype.
    archetypes : ndarray of str
        Names of the clusters by the rule of names.
    """

    labels: np.ndarray
    keeps: np.ndarray
    archetypes: np.ndarray


def compare_choices(
    trajectories: TrajectorySet,
    reclusterings: Reclusterings,
    headline: np.ndarray,
    archetypes: np.ndarray,
    years: Sequence[int] | np.ndarray,
) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Compare the headline with its perturbations, and with more clusters.

    Parameters
    ----------
    trajectories : TrajectorySet
        The observed ones.
    reclusterings : Reclusterings
        Of these trajectories.
    headline : ndarray of int, shape (pairs,)
        Labels of the headline.
    archetypes : ndarray of str, shape (pairs,)
        Archetypes of the headline.
    years : sequence of int

    Returns
    -------
    choices : pl.DataFrame
        `CHOICES`.
    stability : ndarray, shape (pairs,)
        Share of the perturbations that leave the pair in a cluster matched to one of its archetype.
    same_name : ndarray, shape (pairs,)
        Share of the perturbations that give the pair the same name.
    """
    k = headline.max() + 1
    archetype_of_cluster = np.array([archetypes[headline == label][0] for label in range(k)])
    grouped: dict[str, list[Alternative]] = {}
    for perturbation, labels in reclusterings.perturbed.items():
        if perturbation.k == k:
            matched = match(headline, labels)
            keeps = (matched >= 0) & (archetype_of_cluster[matched] == archetypes)
            alternative = Alternative(labels, keeps, trajectories.archetypes(labels, k))
            grouped.setdefault(perturbation.title(years), []).append(alternative)
    alternatives = [alternative for group in grouped.values() for alternative in group]
    stability = np.mean([alternative.keeps for alternative in alternatives], axis=0)
    same_name = np.mean([alternative.archetypes == archetypes for alternative in alternatives], axis=0)
    for more, merge in ((k + 1, False), (2 * k, True)):
        if more in reclusterings.unperturbed:
            labels = reclusterings.unperturbed[more].labels
            names = trajectories.archetypes(labels, more, merge)
            if merge:
                labels = np.unique(names, return_inverse=True)[1]
            title = f"k {more} merged" if merge else f"k {more}"
            grouped[title] = [Alternative(labels, names == archetypes, names)]
    rows = [_row(title, group, headline, archetypes) for title, group in grouped.items()]
    return pl.DataFrame(rows, dict(CHOICES.columns)), stability, same_name


def _row(
    title: str, alternatives: Sequence[Alternative], headline: np.ndarray, archetypes: np.ndarray
) -> dict[str, Any]:
    """One row of `CHOICES`."""
    rand = [adjusted_rand(headline, alternative.labels) for alternative in alternatives]
    by_cluster = [jaccard(headline, alternative.labels) for alternative in alternatives]
    return {
        "over": title,
        "runs": len(alternatives),
        "adjusted_rand": np.mean(rand),
        "adjusted_rand_low": np.quantile(rand, 0.05),
        "lowest_jaccard": np.mean(by_cluster, axis=0).min(),
        "same_archetype": np.mean([alternative.keeps for alternative in alternatives]),
        "same_name": np.mean([alternative.archetypes == archetypes for alternative in alternatives]),
        "archetypes": np.mean([len({*names} & {*archetypes}) for _, _, names in alternatives]),
    }
