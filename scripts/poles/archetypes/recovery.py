"""Planted against recovered archetypes."""

import logging

import polars as pl

from poles.errors import StudyError

log = logging.getLogger(__name__)


def recovery(members: pl.DataFrame, truth: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """How well the planted archetypes of a demo world are found again.

    Parameters
    ----------
    members : pl.DataFrame
        See `cluster`.
    truth : pl.DataFrame
        `TRUTH`: source, target, archetype.

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
