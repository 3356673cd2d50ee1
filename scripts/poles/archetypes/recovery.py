"""Recovery of the archetypes that are planted in a demo world."""

import logging

import numpy as np
import polars as pl

from poles.archetypes.labellings import adjusted_rand
from poles.archetypes.tables import RECOVERY
from poles.errors import StudyError

log = logging.getLogger(__name__)


def judge_recovery(members: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Compare the archetypes of a panel with those planted.

    Parameters
    ----------
    members : pl.DataFrame
        `CLUSTERS`.
    truth : pl.DataFrame
        `TRUTH`: source, target, archetype.

    Returns
    -------
    pl.DataFrame
        `RECOVERY`: number of pairs by planted and recovered archetype; and, the same in all rows, the
        adjusted Rand index between planted archetypes and clusters (Hubert and Arabie 1985). The index is 1
        for perfect recovery and 0 for what chance gives. It does not depend on the names of the clusters.
        Empty where there are no clusters.

    Raises
    ------
    StudyError
        If no pair of the panel has a planted archetype.
    """
    both = members.join(truth.rename({"archetype": "planted"}), on=["source", "target"], how="inner")
    if members.is_empty():
        log.warning("there are no clusters, so nothing is recovered")
        return pl.DataFrame(schema=dict(RECOVERY.columns))
    if both.is_empty():
        raise StudyError("recovery: no pair of the panel has a planted archetype")
    planted = np.unique(both["planted"].to_numpy(), return_inverse=True)[1]
    index = adjusted_rand(planted, both["cluster"].to_numpy() - 1)
    log.info("adjusted Rand index %.3f over %d pairs", index, len(both))
    return (
        both.group_by("planted", pl.col("archetype").alias("recovered"))
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .with_columns(pl.lit(index).alias("adjusted_rand_index"))
        .select(list(RECOVERY.columns))
        .sort("planted", "recovered")
    )
