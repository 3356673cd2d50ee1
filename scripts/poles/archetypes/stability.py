"""How many clusters, and how sure: every measure beside the same measure on surrogate panels.

What a run (`resampling`) says is how its clusters agree with those of the unchanged panel (Hennig 2007,
Comput. Stat. Data Anal. 52:258-271). Clusters can be stable because the method is rigid, and k-means at small
k is; so the panels of `surrogates` go through the same runs, and only what exceeds them speaks for
groups.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import stats
from scipy.optimize import linear_sum_assignment

from poles.archetypes import resampling, surrogates
from poles.archetypes.resampling import OBSERVED, RESAMPLED, Design, Outcome, Run, TrajectorySet
from poles.archetypes.tables import CHOICES, SELECTION, STABILITY
from poles.errors import StudyError
from poles.stats.threads import one_thread
from poles.trajectories.pair_panel import PairPanel, values_of

log = logging.getLogger(__name__)

COVERAGE = 0.99
"""Probability with which one more surrogate panel lies within the band of its kind, at any one k."""
LEAST_K = 2
TABLES = (SELECTION, CHOICES, STABILITY)
"""What `study` gives."""
STABLE = 0.75
"""Jaccard index above which a cluster is stable (Hennig 2007)."""


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pairs that two labellings share, shape (clusters of the first, clusters of the second)."""
    table = np.zeros((first.max() + 1, second.max() + 1), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    return table


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Greatest Jaccard index of each cluster of the first labelling with one of the second."""
    table = overlap(first, second)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    return (table / np.maximum(union, 1)).max(axis=1)


def match(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Labels of the second labelling renamed to those of the first that they share most pairs with.

    The matching is one to one and shares the most pairs in all (Hungarian method; Kuhn 1955). A cluster
    without a partner keeps none: -1.
    """
    rows, columns = linear_sum_assignment(overlap(first, second), maximize=True)
    renamed = np.full(second.max() + 1, -1)
    renamed[columns] = rows
    return renamed[second]


def describe(run: Run, years: Sequence[int]) -> str:
    """What a table calls the thing that a run varies."""
    if run.over == "year":
        return f"year {years[run.choice]}"
    if run.over in ("radius", "preprocessing"):
        return f"{run.over} {'none' if run.choice is None else run.choice}"
    return run.over


def scored(outcome: Outcome, years: Sequence[int], most: int) -> dict[tuple[str, str, int], np.ndarray]:
    """Agreement of the runs with the unchanged panel by (over, measure, k): one value per run.

    Of draws, the first so many (``most``) count, so that every k is judged by as many. The values of
    ``lowest_jaccard`` are those of the cluster whose mean over the runs is the lowest.
    """
    from sklearn.metrics import adjusted_rand_score

    grouped: dict[tuple[str, int], list[np.ndarray]] = {}
    for run, labels in outcome.labels.items():
        if run.over not in (*RESAMPLED, "seeds") or run.choice < most:
            grouped.setdefault((describe(run, years), run.k), []).append(labels)
    found = {}
    for k, (_, inertia, width) in outcome.base.items():
        found["fit", "inertia", k] = np.array([inertia])
        found["fit", "explained", k] = np.array([1 - inertia / outcome.whole if outcome.whole > 0 else 0.0])
        found["fit", "silhouette", k] = np.array([width])
    for (over, k), several in grouped.items():
        base = outcome.base[k][0]
        found[over, "adjusted_rand", k] = np.array([adjusted_rand_score(base, labels) for labels in several])
        by_cluster = np.array([jaccard(base, labels) for labels in several])
        found[over, "lowest_jaccard", k] = by_cluster[:, by_cluster.mean(axis=0).argmin()]
    return found


def select(
    observed: Mapping[tuple[str, str, int], np.ndarray],
    panels: Mapping[str, Sequence[Mapping[tuple[str, str, int], np.ndarray]]],
) -> pl.DataFrame:
    """Every measure at every k, of the observed panel and of each kind of surrogate.

    Parameters
    ----------
    observed : Mapping
        See `scored`.
    panels : Mapping
        The same of each surrogate panel, by the name of the surrogate.

    Returns
    -------
    pl.DataFrame
        `SELECTION`.
    """
    rows = [
        (OBSERVED, *key, values.mean(), *np.quantile(values, [0.05, 0.95]), len(values))
        for key, values in observed.items()
    ]
    for name, several in panels.items():
        means = {key: np.array([one[key].mean() for one in several if key in one]) for key in observed}
        for over, measure in dict.fromkeys(key[:2] for key in observed):
            by_k = {k: v for (*what, k), v in means.items() if what == [over, measure] and len(v)}
            most = np.inf if measure == "inertia" else 1.0  # no index goes beyond 1
            rows += [
                (name, over, measure, k, v.mean(), v.mean() - reach, min(v.mean() + reach, most), len(v))
                for (k, v), reach in zip(by_k.items(), _reach(list(by_k.values())), strict=True)
            ]
    columns = [column for column in SELECTION.columns if column not in ("passes", "preferred")]
    frame = pl.DataFrame(rows, columns, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))
    good, own = passing(frame), pl.col("data") == OBSERVED
    return frame.with_columns(
        (own & pl.col("k").is_in(good)).alias("passes"),
        (own & pl.col("k").is_in(good[-1:])).alias("preferred"),
    )


def _reach(groups: Sequence[np.ndarray]) -> list[float]:
    """How far one more value may lie from the mean of each group, with probability `COVERAGE`.

    Groups are taken to spread alike, as each has few values; 0 where no group has two.
    """
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return [0.0] * len(groups)
    spread = np.sqrt(sum(((group - group.mean()) ** 2).sum() for group in groups) / freedom)
    reach = stats.t.ppf((1 + COVERAGE) / 2, freedom) * spread
    return [reach * np.sqrt(1 + 1 / len(group)) for group in groups]


def excess(selection: pl.DataFrame) -> pl.DataFrame:
    """By how much the observed panel exceeds the surrogates, by k.

    Parameters
    ----------
    selection : pl.DataFrame
        `SELECTION`, without the column ``preferred`` if need be.

    Returns
    -------
    pl.DataFrame
        k; ``silhouette``: above the bands of all kinds of surrogates; ``adjusted_rand``: above the mean of
        the kind that is the most stable, the lesser of resampled pairs and resampled countries;
        ``lowest_jaccard``: of the observed panel itself, again the lesser of both. Excesses are null where no
        surrogate was drawn.
    """
    own = pl.col("data") == OBSERVED
    resampled = pl.col("over").is_in(RESAMPLED)

    def above(measure: str, rival: str) -> pl.DataFrame:
        rows = selection.filter((pl.col("measure") == measure) & (resampled | (pl.col("over") == "fit")))
        rivals = rows.filter(~own).group_by("over", "k").agg(pl.col(rival).max().alias("rival"))
        both = rows.filter(own).join(rivals, on=["over", "k"], how="left")
        return both.group_by("k").agg((pl.col("value") - pl.col("rival")).min().alias(measure))

    lowest = selection.filter(own & resampled & (pl.col("measure") == "lowest_jaccard"))
    lowest = lowest.group_by("k").agg(pl.col("value").min().alias("lowest_jaccard"))
    return (
        above("silhouette", "high")
        .join(above("adjusted_rand", "value"), on="k", how="left")
        .join(lowest, on="k", how="left")
        .sort("k")
    )


def passing(selection: pl.DataFrame) -> list[int]:
    """Every number of clusters that is stable and exceeds the surrogates, in order.

    Every cluster keeps a mean Jaccard index of at least `STABLE` with pairs and with countries resampled, the
    silhouette is above the bands of all surrogates, and none of them is more stable on average.
    """
    found = excess(selection).filter(
        (pl.col("silhouette") > 0) & (pl.col("adjusted_rand") >= 0) & (pl.col("lowest_jaccard") >= STABLE)
    )
    return found["k"].sort().to_list()


def preferred(selection: pl.DataFrame) -> int | None:
    """The number of clusters that the panel prefers; None where it prefers none, or nothing was compared.

    The greatest that is `passing`, the last before stability collapses.
    """
    return max(passing(selection), default=None)


def choices(
    trajectories: TrajectorySet,
    outcome: Outcome,
    headline: np.ndarray,
    names: np.ndarray,
    years: Sequence[int],
) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """How the headline changes with each choice, and how often each pair keeps its archetype.

    Parameters
    ----------
    trajectories : TrajectorySet
        The observed ones.
    outcome : Outcome
        Its runs.
    headline : ndarray of int, shape (pairs,)
        Labels of the headline.
    names : ndarray of str, shape (pairs,)
        Archetypes of the headline.
    years : sequence of int

    Returns
    -------
    table : pl.DataFrame
        `CHOICES`.
    kept, same : ndarray, shape (pairs,)
        Share of the runs that leave a pair in a cluster matched to one of its archetype; that give it the
        same name.
    """
    k = headline.max() + 1
    named_as = np.array([names[headline == label][0] for label in range(k)])
    grouped: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for run, labels in outcome.labels.items():
        if run.k == k:
            matched = match(headline, labels)
            kept = (matched >= 0) & (named_as[matched] == names)
            own = trajectories.named(labels, k)
            grouped.setdefault(describe(run, years), []).append((labels, kept, own))
    everything = [one for several in grouped.values() for one in several]
    rows = [_row(over, several, headline, names) for over, several in grouped.items()]
    for other, title in ((k + 1, f"k {k + 1}"), (2 * k, f"k {2 * k} merged")):
        if other in outcome.base:
            own = trajectories.named(outcome.base[other][0], other, merge=other == 2 * k)
            labels = outcome.base[other][0] if other == k + 1 else np.unique(own, return_inverse=True)[1]
            rows.append(_row(title, [(labels, own == names, own)], headline, names))
    kept = np.mean([kept for _, kept, _ in everything], axis=0)
    same = np.mean([own == names for _, _, own in everything], axis=0)
    return pl.DataFrame(rows, dict(CHOICES.columns)), kept, same


def _row(
    over: str,
    several: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    headline: np.ndarray,
    names: np.ndarray,
) -> dict[str, Any]:
    """One row of `CHOICES` from runs: labels, whether a pair keeps its archetype, own names."""
    from sklearn.metrics import adjusted_rand_score

    index = [adjusted_rand_score(headline, labels) for labels, _, _ in several]
    return {
        "over": over,
        "runs": len(several),
        "adjusted_rand": np.mean(index),
        "adjusted_rand_low": np.quantile(index, 0.05),
        "lowest_jaccard": np.mean([jaccard(headline, labels) for labels, _, _ in several], axis=0).min(),
        "same_archetype": np.mean([kept for _, kept, _ in several]),
        "same_name": np.mean([own == names for _, _, own in several]),
        "archetypes": np.mean([len(set(own) & set(names)) for _, _, own in several]),
    }


def study(
    panel: PairPanel,
    members: pl.DataFrame,
    design: Design,
    threads: int = 1,
    null_panels: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Study how many clusters a panel has and how sure the headline's archetypes are.

    Parameters
    ----------
    panel : PairPanel
    members : pl.DataFrame
        The headline: `CLUSTERS`.
    design : Design
    threads : int
        The result does not depend on it.
    null_panels : pl.DataFrame, optional
        `null_panels_table`, the surrogates of `surrogates.NETWORK_NULL`; without them there are none.

    Returns
    -------
    selection, choices, stability : pl.DataFrame
        `SELECTION`, `CHOICES`, `STABILITY`.

    Raises
    ------
    StudyError
        If the null panels are not of the pairs and years of the panel.
    """
    years = panel.years
    observed = TrajectorySet(OBSERVED, 0, panel.z, panel.channels, panel.ends)
    members = panel.pairs.join(members, on=["source", "target"], how="left", maintain_order="left")
    names = members["archetype"].to_numpy().astype(str)
    drawn = [] if null_panels is None else _surrogates(null_panels, panel)
    with one_thread():
        outcome = resampling.explore(observed, _runs(design, len(years), observed=True), design, threads)
        table, kept, same = choices(observed, outcome, members["cluster"].to_numpy() - 1, names, years)
        fewer = _runs(design, len(years), observed=False)
        rivals: dict[str, list] = {}
        asked = (design.surrogates, design.surrogate_panels, design.seed)
        for name, number, values in surrogates.draw(panel.z, panel.growth, *asked, drawn):
            other = TrajectorySet(name, number, values, panel.channels, panel.ends)
            found = resampling.explore(other, fewer, design, threads)
            rivals.setdefault(name, []).append(scored(found, years, design.surrogate_resamples))
    selection = select(scored(outcome, years, design.resamples), rivals)
    stability = panel.pairs.with_columns(
        pl.Series("archetype", names),
        pl.Series("stability", kept),
        pl.Series("same_name", same),
        pl.Series("core", kept >= design.core),
        _named(observed, outcome, design.k + 1).alias("with_stable"),
        _named(observed, outcome, 2 * design.k, merge=True).alias("merged"),
    )
    _report(selection, table, stability, design)
    return selection, table, stability


def _surrogates(null_panels: pl.DataFrame, panel: PairPanel) -> list[np.ndarray]:
    """Z of each of the null panels; its pairs and years must be those of the observed panel."""
    frames = null_panels.partition_by("panel", maintain_order=True)
    for number, frame in enumerate(frames):
        if not frame.select("source", "target", "year").equals(panel.keys):
            raise StudyError(f"null panel {number}: pairs and years differ from those of the trajectories")
    columns = [f"z_{name}" for name in panel.channels]
    return [values_of(frame, columns, panel.z.shape[:2]) for frame in frames]


def _runs(design: Design, years: int, observed: bool) -> dict[int, list[Run]]:
    """Runs of the observed panel by k, or the fewer ones of a surrogate panel.

    The observed panel is also split once into as many clusters as the checks of the headline want.
    """
    runs: dict[int, list[Run]] = {design.k + 1: [], 2 * design.k: []} if observed else {}
    for k in {*range(LEAST_K, design.max_k + 1), design.k}:
        headline = observed and k == design.k
        resamples = design.resamples if observed else design.surrogate_resamples
        resamples = design.headline_resamples if headline else resamples
        runs[k] = resampling.runs_of(design, years, k, resamples, headline)
    return dict(sorted(runs.items()))


def _named(trajectories: TrajectorySet, outcome: Outcome, k: int, merge: bool = False) -> pl.Series:
    """Archetype of every pair by k clusters of the panel unchanged; null where there are none."""
    if k not in outcome.base:
        return pl.Series([None] * len(trajectories.z), dtype=pl.String)
    found = trajectories.named(outcome.base[k][0], k, merge)
    return pl.Series(found, dtype=pl.String)


def _report(selection: pl.DataFrame, table: pl.DataFrame, stability: pl.DataFrame, design: Design) -> None:
    """Log what the study found."""
    log.info("k = %d: %d of %d pairs are core", design.k, stability["core"].sum(), len(stability))
    for row in excess(selection).filter(pl.col("silhouette").is_not_null()).iter_rows(named=True):
        log.info(
            "k = %(k)d: above the surrogates by %(silhouette).3f in silhouette and %(adjusted_rand).3f in "
            "adjusted Rand index; lowest Jaccard index %(lowest_jaccard).2f", row,
        )  # fmt: skip
    log.info("k preferred: %s", preferred(selection) or "none is both stable and above all surrogates")
    for row in table.filter(pl.col("over").str.starts_with("k ")).iter_rows(named=True):
        log.info("%s: adjusted Rand index %.3f with the headline, %.0f %% of pairs of the same name",
                 row["over"], row["adjusted_rand"], 100 * row["same_name"])  # fmt: skip
