"""The headline clustering made again by tslearn, which must give the same clusters.

The study clusters with its own engine (`dtw`), because tslearn compiles for several seconds in every process
that uses it. One job therefore verifies the clusters of all branches.
"""

import logging
import warnings
from typing import Any

import numpy as np
import polars as pl

from poles.archetypes import dtw, kmeans
from poles.archetypes.labellings import match
from poles.archetypes.tables import VERIFICATION
from poles.errors import StudyError
from poles.trajectories.pair_panel import PairPanel

log = logging.getLogger(__name__)

TOLERANCE = 1e-9
"""Highest relative difference of the two inertias: sums in another order, over some iterations."""


def tslearn_fit(x: np.ndarray, start: np.ndarray, radius: int | None, max_iter: int = 100) -> Any:
    """Cluster trajectories by tslearn, from given centres.

    Parameters
    ----------
    x, start, radius, max_iter
        See `dtw.fit`.

    Returns
    -------
    tslearn.clustering.TimeSeriesKMeans
        With an infinite ``inertia_`` where a cluster ran empty.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="h5py not installed")  # needed only to save models
        warnings.filterwarnings("ignore", message="DBA loss is increasing", module="tslearn")
        from tslearn.clustering import TimeSeriesKMeans

        # Only the radius: given with the name of the constraint, tslearn 0.8-0.10 ignores it for barycentres.
        band = {} if radius is None else {"sakoe_chiba_radius": radius}
        model = TimeSeriesKMeans(
            len(start), metric="dtw", metric_params=band, init=start, max_iter=max_iter, n_jobs=1
        )
        return model.fit(x)


def verify(
    panel: PairPanel, members: pl.DataFrame, variant: str, null: str, k: int, seed: int, radius: int
) -> pl.DataFrame:
    """Compare the clusters of a branch with those of tslearn from the same first centres.

    Parameters
    ----------
    panel : PairPanel
        The trajectories that were clustered.
    members : pl.DataFrame
        `CLUSTERS` of the panel.
    variant, null : str
        The branch.
    k, seed, radius : int
        See `kmeans.fit`.

    Returns
    -------
    pl.DataFrame
        `VERIFICATION` of the branch: one row, or none where there are no clusters.

    Raises
    ------
    StudyError
        If a pair is in another cluster, or the inertia differs by more than `TOLERANCE`.
    """
    schema = dict(VERIFICATION.columns)
    if members.is_empty():
        return pl.DataFrame(schema=schema)
    branch = f"{variant}, {null}"
    clusters = panel.pairs.join(members, on=["source", "target"], how="left", maintain_order="left")
    own = clusters["cluster"].to_numpy() - 1
    model = tslearn_fit(panel.prepared, kmeans.starting_centres(panel.prepared, k, seed), radius)
    agrees = match(own, model.labels_) == own
    if not agrees.all():
        pair = "-".join(panel.pairs.row(int(agrees.argmin())))
        others = f"{np.sum(~agrees)} of {len(own)} pairs into other clusters, the first of them {pair}"
        raise StudyError(f"clusters of {branch}: tslearn puts {others}")
    inertia = float((clusters["distance"].to_numpy() ** 2).mean())
    verified = float((model.transform(panel.prepared).min(axis=1) ** 2).mean())
    if not abs(inertia - verified) <= TOLERANCE * verified:
        both = f"is {inertia!r}, by tslearn {verified!r}"
        raise StudyError(f"clusters of {branch}: the mean squared distance to the centroids {both}")
    log.info("%s: tslearn puts all %d pairs into the same clusters, inertia %.6g", branch, len(own), verified)
    row = (variant, null, k, len(own), dtw.__name__, "tslearn", agrees.sum(), inertia, verified)
    return pl.DataFrame([row], schema, orient="row")
