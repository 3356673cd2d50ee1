"""How many clusters: every measure of a clustering beside the same measure on surrogate panels.

A clustering is stable if perturbed clusterings agree with it. But a clustering can be stable because the
method is rigid, and k-means at small k is. So surrogate panels go through the same perturbations, and only
what exceeds them speaks for groups in the data.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from scipy.special import stdtrit

from poles.archetypes.labellings import adjusted_rand, jaccard
from poles.archetypes.perturbations import DRAWN, RESAMPLED
from poles.archetypes.reclustering import Reclusterings
from poles.archetypes.tables import OBSERVED, SELECTION, STABLE

COVERAGE = 0.99
"""Probability with which one more surrogate panel lies within the band of its kind, at any one k."""
Measures = dict[tuple[str, str, int], np.ndarray]
"""Values by (over, measure, k) as in `SELECTION`, one per perturbation."""


def measure(reclusterings: Reclusterings, years: Sequence[int] | np.ndarray, draws: int) -> Measures:
    """Measure the unperturbed clusterings, and how the perturbed ones agree with them.

    Parameters
    ----------
    reclusterings : Reclusterings
    years : sequence of int
    draws : int
        Of each kind of perturbation in `DRAWN` only the first so many count, so that every k is judged by as
        many.

    Returns
    -------
    Measures
        ``lowest_jaccard`` is that of the cluster whose mean over the perturbations is the lowest.
    """
    grouped: dict[tuple[str, int], list[np.ndarray]] = {}
    for perturbation, labels in reclusterings.perturbed.items():
        if perturbation.over not in DRAWN or perturbation.choice < draws:
            grouped.setdefault((perturbation.title(years), perturbation.k), []).append(labels)
    values: Measures = {}
    single = reclusterings.single_inertia
    for k, (_, inertia, silhouette) in reclusterings.unperturbed.items():
        values["fit", "inertia", k] = np.array([inertia])
        values["fit", "explained", k] = np.array([1 - inertia / single if single > 0 else 0.0])
        values["fit", "silhouette", k] = np.array([silhouette])
    for (over, k), labellings in grouped.items():
        base = reclusterings.unperturbed[k].labels
        rand = [adjusted_rand(base, labels) for labels in labellings]
        values[over, "adjusted_rand", k] = np.array(rand)
        by_cluster = np.array([jaccard(base, labels) for labels in labellings])
        values[over, "lowest_jaccard", k] = by_cluster[:, by_cluster.mean(axis=0).argmin()]
    return values


def select(observed: Measures, surrogates: Mapping[str, Sequence[Measures]]) -> pl.DataFrame:
    """Put every measure at every k beside the same measure of each kind of surrogate.

    Parameters
    ----------
    observed : Measures
    surrogates : Mapping
        Measures of each surrogate panel, by the name of the surrogate.

    Returns
    -------
    pl.DataFrame
        `SELECTION`.
    """
    rows = [
        (OBSERVED, *key, values.mean(), *np.quantile(values, [0.05, 0.95]), len(values))
        for key, values in observed.items()
    ]
    for name, panels in surrogates.items():
        means = {key: np.array([panel[key].mean() for panel in panels if key in panel]) for key in observed}
        for over, of_measure in dict.fromkeys(key[:2] for key in observed):
            by_k = {k: v for (*what, k), v in means.items() if what == [over, of_measure] and len(v)}
            most = np.inf if of_measure == "inertia" else 1.0  # no index exceeds 1
            rows += [
                (name, over, of_measure, k, v.mean(), v.mean() - reach, min(v.mean() + reach, most), len(v))
                for (k, v), reach in zip(by_k.items(), _reach(list(by_k.values())), strict=True)
            ]
    columns = [column for column in SELECTION.columns if column not in ("passes", "preferred")]
    table = pl.DataFrame(rows, columns, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))
    passing_k, is_observed = passing(table), pl.col("data") == OBSERVED
    return table.with_columns(
        (is_observed & pl.col("k").is_in(passing_k)).alias("passes"),
        (is_observed & pl.col("k").is_in(passing_k[-1:])).alias("preferred"),
    )


def _reach(groups: Sequence[np.ndarray]) -> list[float]:
    """How far one more value may lie from the mean of each group, with probability `COVERAGE`.

    The groups are assumed to have one variance, because each has few values. 0 where no group has two.
    """
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return [0.0] * len(groups)
    spread = np.sqrt(sum(((group - group.mean()) ** 2).sum() for group in groups) / freedom)
    reach = stdtrit(freedom, (1 + COVERAGE) / 2) * spread
    return [reach * np.sqrt(1 + 1 / len(group)) for group in groups]


def excess(selection: pl.DataFrame) -> pl.DataFrame:
    """Compute by how much the observed panel exceeds the surrogates at every k.

    Parameters
    ----------
    selection : pl.DataFrame
        `SELECTION`; the columns ``passes`` and ``preferred`` are not needed.

    Returns
    -------
    pl.DataFrame
        - k
        - silhouette: excess over the highest band of all kinds of surrogates.
        - adjusted_rand: excess over the mean of the kind that is the most stable; the lower one of pairs
          resampled and countries resampled.
        - lowest_jaccard: of the observed panel itself, again the lower one.

        An excess is null where there are no surrogates.
    """
    is_observed = pl.col("data") == OBSERVED
    is_resampled = pl.col("over").is_in(RESAMPLED)

    def above(of_measure: str, bound: str) -> pl.DataFrame:
        rows = selection.filter(
            (pl.col("measure") == of_measure) & (is_resampled | (pl.col("over") == "fit"))
        )
        bounds = rows.filter(~is_observed).group_by("over", "k").agg(pl.col(bound).max().alias("bound"))
        both = rows.filter(is_observed).join(bounds, on=["over", "k"], how="left")
        return both.group_by("k").agg((pl.col("value") - pl.col("bound")).min().alias(of_measure))

    lowest = selection.filter(is_observed & is_resampled & (pl.col("measure") == "lowest_jaccard"))
    lowest = lowest.group_by("k").agg(pl.col("value").min().alias("lowest_jaccard"))
    return (
        above("silhouette", "high")
        .join(above("adjusted_rand", "value"), on="k", how="left")
        .join(lowest, on="k", how="left")
        .sort("k")
    )


def passing(selection: pl.DataFrame) -> list[int]:
    """List every k at which the observed panel is stable and exceeds the surrogates, in order.

    Every cluster keeps a mean Jaccard index of at least `STABLE` with pairs and with countries resampled, the
    silhouette lies above the bands of all surrogates, and no kind of surrogate is more stable on average.

    Parameters
    ----------
    selection : pl.DataFrame
        See `excess`.
    """
    passed = excess(selection).filter(
        (pl.col("silhouette") > 0) & (pl.col("adjusted_rand") >= 0) & (pl.col("lowest_jaccard") >= STABLE)
    )
    return passed["k"].sort().to_list()


def preferred(selection: pl.DataFrame) -> int | None:
    """Choose the number of clusters: the greatest k that is `passing`, None where there is none.

    Parameters
    ----------
    selection : pl.DataFrame
        See `excess`.
    """
    return max(passing(selection), default=None)
