"""The study of stability: how many clusters a panel has, and how sure its archetypes are."""

import logging

import numpy as np
import polars as pl

from poles.archetypes import surrogates
from poles.archetypes.choices import compare_choices
from poles.archetypes.perturbations import Design, Perturbation, perturbations
from poles.archetypes.reclustering import Reclusterings, TrajectorySet, recluster
from poles.archetypes.selection import Measures, excess, measure, preferred, select
from poles.archetypes.tables import CHOICES, OBSERVED, SELECTION, STABILITY
from poles.errors import StudyError
from poles.stats.progress import Progress
from poles.stats.threads import one_thread
from poles.trajectories.pair_panel import PairPanel, values_of

log = logging.getLogger(__name__)

LEAST_K = 2
TABLES = (SELECTION, CHOICES, STABILITY)
"""Kinds of the tables that `study` returns."""


def study(
    panel: PairPanel,
    members: pl.DataFrame,
    design: Design,
    threads: int = 1,
    null_panels: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Study how many clusters a panel has, and how sure the archetypes of the headline are.

    Parameters
    ----------
    panel : PairPanel
    members : pl.DataFrame
        `CLUSTERS`: the headline.
    design : Design
    threads : int
        The result does not depend on it.
    null_panels : pl.DataFrame, optional
        `null_panels_table`: the surrogates of kind `surrogates.NETWORK_NULL`. There are none by default.

    Returns
    -------
    selection, choices, stability : pl.DataFrame
        `SELECTION`, `CHOICES`, `STABILITY`; empty where there are no clusters.

    Raises
    ------
    StudyError
        If the pairs or years of the null panels are not those of the panel.
    """
    if members.is_empty():
        log.warning("there are no clusters, so there is no stability to study")
        no_selection, no_choices, no_stability = (
            pl.DataFrame(schema=dict(table.columns)) for table in TABLES
        )
        return no_selection, no_choices, no_stability
    observed = TrajectorySet(OBSERVED, 0, panel.z, panel.channels, panel.ends)
    members = panel.pairs.join(members, on=["source", "target"], how="left", maintain_order="left")
    archetypes = members["archetype"].to_numpy().astype(str)
    network_null = [] if null_panels is None else _null_trajectories(null_panels, panel)
    of_headline = _perturbations_of_headline(panel, design)
    progress = _progress(of_headline, panel, design, len(network_null))
    with one_thread():
        reclusterings = recluster(observed, of_headline, design, threads, progress)
        choices, stability, same_name = compare_choices(
            observed, reclusterings, members["cluster"].to_numpy() - 1, archetypes, panel.years
        )
        rivals = _measure_surrogates(panel, network_null, design, threads, progress)
    selection = select(measure(reclusterings, panel.years, design.resamples), rivals)
    by_pair = panel.pairs.with_columns(
        pl.Series("archetype", archetypes),
        pl.Series("stability", stability),
        pl.Series("same_name", same_name),
        pl.Series("core", stability >= design.core),
        _archetypes_at(design.k + 1, observed, reclusterings).alias("with_stable"),
        _archetypes_at(2 * design.k, observed, reclusterings, merge=True).alias("merged"),
    )
    _report(selection, choices, by_pair, design)
    return selection, choices, by_pair


def _null_trajectories(null_panels: pl.DataFrame, panel: PairPanel) -> list[np.ndarray]:
    """The z-scores of each null panel, shape (pairs, years, channels)."""
    frames = null_panels.partition_by("panel", maintain_order=True)
    for number, frame in enumerate(frames):
        if not frame.select("source", "target", "year").equals(panel.keys):
            raise StudyError(f"null panel {number}: pairs and years differ from those of the trajectories")
    columns = [f"z_{name}" for name in panel.channels]
    return [values_of(frame, columns, panel.z.shape[:2]) for frame in frames]


def _every_k(design: Design) -> set[int]:
    """Numbers of clusters that are compared with surrogates."""
    return {*range(LEAST_K, design.max_k + 1), design.k}


def _perturbations_of_headline(panel: PairPanel, design: Design) -> dict[int, list[Perturbation]]:
    """Perturbations of the observed panel by k; none for the larger k that only `CHOICES` asks for."""
    chosen: dict[int, list[Perturbation]] = {design.k + 1: [], 2 * design.k: []}
    for k in _every_k(design):
        headline = k == design.k
        resamples = design.headline_resamples if headline else design.resamples
        chosen[k] = perturbations(design, len(panel.years), k, resamples, headline)
    return dict(sorted(chosen.items()))


def _perturbations_of_surrogates(panel: PairPanel, design: Design) -> dict[int, list[Perturbation]]:
    """Perturbations of each surrogate panel by k."""
    return {
        k: perturbations(design, len(panel.years), k, design.surrogate_resamples, headline=False)
        for k in sorted(_every_k(design))
    }


def _progress(
    of_headline: dict[int, list[Perturbation]], panel: PairPanel, design: Design, network_null: int
) -> Progress:
    """Counter of all perturbed clusterings: of the observed panel, and of every surrogate panel."""
    drawn = set(design.surrogates) - {surrogates.NETWORK_NULL}
    if len(panel.channels) == 1:  # then there is nothing to swap
        drawn -= {"channel_swap"}
    panels = design.surrogate_panels * len(drawn) + network_null
    of_surrogates = _perturbations_of_surrogates(panel, design)
    total = sum(map(len, of_headline.values())) + panels * sum(map(len, of_surrogates.values()))
    return Progress(total, "clusterings")


def _measure_surrogates(
    panel: PairPanel, network_null: list[np.ndarray], design: Design, threads: int, progress: Progress
) -> dict[str, list[Measures]]:
    """Measures of every surrogate panel by the name of the surrogate; with fewer perturbations."""
    chosen = _perturbations_of_surrogates(panel, design)
    by_name: dict[str, list[Measures]] = {}
    options = (design.surrogates, design.surrogate_panels, design.seed, network_null)
    for name, number, z in surrogates.sample(panel.z, panel.growth, *options):
        trajectories = TrajectorySet(name, number, z, panel.channels, panel.ends)
        reclusterings = recluster(trajectories, chosen, design, threads, progress)
        measures = measure(reclusterings, panel.years, design.surrogate_resamples)
        by_name.setdefault(name, []).append(measures)
    return by_name


def _archetypes_at(
    k: int, trajectories: TrajectorySet, reclusterings: Reclusterings, merge: bool = False
) -> pl.Series:
    """Archetype of every pair by k clusters; null where there are no k clusters."""
    if k not in reclusterings.unperturbed:
        return pl.Series([None] * len(trajectories.z), dtype=pl.String)
    names = trajectories.archetypes(reclusterings.unperturbed[k].labels, k, merge)
    return pl.Series(names, dtype=pl.String)


def _report(selection: pl.DataFrame, choices: pl.DataFrame, by_pair: pl.DataFrame, design: Design) -> None:
    """Log the main results."""
    log.info("k = %d: %d of %d pairs are core", design.k, by_pair["core"].sum(), len(by_pair))
    for row in excess(selection).filter(pl.col("silhouette").is_not_null()).iter_rows(named=True):
        log.info(
            "k = %(k)d: above the surrogates by %(silhouette).3f in silhouette and %(adjusted_rand).3f in "
            "adjusted Rand index; lowest Jaccard index %(lowest_jaccard).2f", row,
        )  # fmt: skip
    log.info("k preferred: %s", preferred(selection) or "none is both stable and above all surrogates")
    for row in choices.filter(pl.col("over").str.starts_with("k ")).iter_rows(named=True):
        log.info("%s: adjusted Rand index %.3f with the headline, %.0f %% of pairs of the same name",
                 row["over"], row["adjusted_rand"], 100 * row["same_name"])  # fmt: skip
