"""Intervals of z and of plain indices by a bootstrap over works (`poles.networks.resampling`).

The null model is fitted to every draw anew, so an interval holds what chance does to the strengths of all
countries as well as to the link. An interval says how far z would differ with other works of the same kind;
it does not say whether a link differs from its null model. A link without works has none in any draw, so its
interval only moves with the strengths.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from poles.networks.indices import values
from poles.networks.resampling import Counts, resample
from poles.networks.tables import CITATION_AFFINITY, INDEX_NAMES, index_intervals
from poles.nulls.tables import Z_INTERVALS
from poles.study.tables import Table

log = logging.getLogger(__name__)

LEVELS = (0.025, 0.975)
"""Quantiles of the draws: an interval of 95 % (Efron 1979, Ann. Stat. 7:1-26)."""
LEAST = 0.5
"""Share of the draws that must have a value, else there is no interval."""


def measure(
    files: Iterable[str | Path],
    counting: str,
    window: int | None,
    nulls: Sequence[str],
    draws: int,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compute the intervals of every pair of countries in every year.

    Parameters
    ----------
    files, counting, window, draws, seed
        See `poles.networks.resampling.resample`. With 0 draws there are no intervals.
    nulls : sequence of str
        Null models.

    Returns
    -------
    z, indices : pl.DataFrame
        `Z_INTERVALS` and `index_intervals`. A null model that is not fitted again has rows without interval,
        and a note that says why.
    """
    z, indices = (
        [pl.DataFrame(schema=dict(Z_INTERVALS.columns))],
        [pl.DataFrame(schema=dict(index_intervals().columns))],
    )
    if draws:
        for counts in resample(files, counting, window, draws, seed):
            indices.append(_of_indices(counts, counting))
            for layer in counts.links:
                z += _of_layer(counts, layer, nulls)
            log.info("%d: %d countries, %d draws", counts.year, len(counts.codes), draws)
    return pl.concat(z), pl.concat(indices)


def quantiles(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the interval of each column, and the number of draws that have a value.

    Parameters
    ----------
    draws : ndarray, shape (draws, columns)
        Not a number where a draw has no value.

    Returns
    -------
    low, high : ndarray, shape (columns,)
        The k-th of n ordered draws stands at k / (n + 1), the mean share of a distribution below it. Ends are
        linear between draws. At (k - 1) / (n - 1), the default of numpy, 100 draws would give intervals of
        93 %. Ends of fewer than 39 draws are the outermost ones. Not a number where fewer than `LEAST` of the
        draws have a value.
    number : ndarray of int, shape (columns,)
    """
    ordered = np.sort(draws, axis=0)  # not-a-number comes last
    number = np.isfinite(draws).sum(axis=0)
    columns = np.arange(draws.shape[1])
    ends = []
    for level in LEVELS:
        place = np.clip(level * (number + 1) - 1, 0, np.maximum(number - 1, 0))
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, np.maximum(number - 1, 0))
        low, high = ordered[below, columns], ordered[above, columns]
        ends.append(np.where(number >= LEAST * len(draws), low + (place - below) * (high - low), np.nan))
    return ends[0], ends[1], number


def _of_layer(counts: Counts, layer: str, nulls: Sequence[str]) -> list[pl.DataFrame]:
    """Intervals of z of one layer in one year, under each null model."""
    from poles.nulls import refits  # it loads scipy.optimize, which the rest of the module does not need

    n = len(counts.codes)
    weights = counts.links[layer] * ~np.eye(n, dtype=bool)
    directed = layer == "citation"
    active = (weights[0].sum(axis=0) + weights[0].sum(axis=1)) > 0
    if not active.any():
        return []
    pairs = np.outer(active, active) & ~np.eye(n, dtype=bool)
    rows, columns = np.nonzero(pairs if directed else np.triu(pairs))
    codes = pl.Series(counts.codes, dtype=pl.String)
    key = {"layer": layer, "year": counts.year, "source": codes.gather(rows), "target": codes.gather(columns)}
    fitted = refits.moments([null for null in nulls if null in refits.FITTED], weights, directed)
    frames = []
    for null in nulls:
        found: dict[str, object] = {"draws": 0}
        if null in fitted:
            expected, std = fitted[null]
            z = ((weights - expected) / std)[1:]
            there, back = z[:, rows, columns], z[:, columns, rows]
            found["z_low"], found["z_high"], found["draws"] = quantiles(there)
            mean = np.where(np.isnan(there), back, np.where(np.isnan(back), there, (there + back) / 2))
            found["pair_low"], found["pair_high"], _ = quantiles(mean)
        else:
            found["note"] = refits.WITHOUT.get(null, "no fit of many networks at once")
        frames.append(_table(Z_INTERVALS, {**key, "null": null, **found}))
    return frames


def _of_indices(counts: Counts, counting: str) -> pl.DataFrame:
    """Intervals of the plain indices of one year."""
    first, second = np.triu_indices(len(counts.codes), 1)
    off = ~np.eye(len(counts.codes), dtype=bool)
    papers = np.diagonal(counts.links["collaboration"], axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = values(
            counts.links["collaboration"] * off,
            counts.links["citation"] * off,
            None if counting == "fractional" else papers,
            None if counting == "fractional" else counts.international,
            counts.world_international,
        )
    if "citation_affinity_out" in found:
        found[CITATION_AFFINITY] = (found["citation_affinity_out"] + found["citation_affinity_in"]) / 2
    codes = pl.Series(counts.codes, dtype=pl.String)
    columns: dict[str, object] = {"source": codes.gather(first), "target": codes.gather(second)}
    for name in (*INDEX_NAMES, CITATION_AFFINITY):
        if name in found:
            drawn = found[name][1:]
            low, high, _ = quantiles(np.where(np.isfinite(drawn), drawn, np.nan))
            columns |= {f"{name}_low": low, f"{name}_high": high}
    return _table(
        index_intervals(), {"year": counts.year, "draws": len(counts.world_international) - 1, **columns}
    )


def _table(kind: Table, columns: Mapping[str, object]) -> pl.DataFrame:
    """Table of a kind from columns, or from values for all rows; the rest, and what is no number, is null."""
    frame = pl.DataFrame(dict.fromkeys(kind.columns) | dict(columns))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in kind.columns.items()).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )
