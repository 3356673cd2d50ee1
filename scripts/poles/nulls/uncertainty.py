"""Intervals of z and of plain indices by a bootstrap over works (`poles.networks.resampling`).

The null model is fitted to every draw anew, so an interval holds what chance does to the strengths of all
countries as well as to the link. An interval says how far z would differ with other works of the same kind;
it does not say whether a link differs from its null model. A link without works has none in any draw, so its
interval only moves with the strengths.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from poles.networks.indices import values
from poles.networks.resampling import Counts, resample
from poles.networks.tables import CITATION_AFFINITY, INDEX_NAMES, index_intervals
from poles.nulls.tables import POLE_DRAWS, RECENT_INTERVALS, Z_INTERVALS
from poles.stats.bootstrap import quantiles
from poles.stats.progress import Progress
from poles.study.tables import Table

log = logging.getLogger(__name__)


class Intervals(NamedTuple):
    """What a bootstrap over works gives.

    Attributes
    ----------
    z, indices, recent, poles : pl.DataFrame
        `Z_INTERVALS`, `index_intervals`, `RECENT_INTERVALS` and `POLE_DRAWS`.
    """

    z: pl.DataFrame
    indices: pl.DataFrame
    recent: pl.DataFrame
    poles: pl.DataFrame


def measure(
    files: Iterable[str | Path],
    counting: str,
    window: int | None,
    nulls: Sequence[str],
    recent: tuple[int, int],
    poles: Sequence[str],
    draws: int,
    seed: int,
) -> Intervals:
    """Compute the intervals of every pair of countries in every year.

    Parameters
    ----------
    files, counting, window, draws, seed
        See `poles.networks.resampling.resample`. With 0 draws all tables are empty.
    nulls : sequence of str
        Null models. One that is not fitted to the draws has no intervals; the log says why.
    recent : tuple of int
        First and last of the recent years, whose mean z has an interval of its own.
    poles : sequence of str
        Country codes. The links between poles are kept for each draw.

    Returns
    -------
    Intervals
    """
    from poles.nulls import refits  # it loads scipy.optimize, which the rest of the module does not need

    for null in nulls:
        if null not in refits.FITTED:
            log.info(
                "%s has no intervals: %s", null, refits.WITHOUT.get(null, "it fits one network at a time")
            )
    fitted = [null for null in nulls if null in refits.FITTED]
    z, indices, means = [], [], RecentMeans(*recent)
    kept: list[tuple[object, ...]] = []
    files = list(files)
    years = resample(files, counting, window, draws, seed) if draws else ()
    for counts in Progress(len(files), "years").follow(years):
        indices.append(_of_indices(counts, counting))
        for layer in counts.links:
            for found in _of_layer(counts, layer, fitted):
                z.append(found.intervals())
                kept += found.between(list(poles))
                means.add(found)
        log.info("%d: %d countries, %d draws", counts.year, len(counts.codes), draws)
    return Intervals(
        _joined(z, Z_INTERVALS),
        _joined(indices, index_intervals()),
        means.intervals(),
        pl.DataFrame(kept, schema=dict(POLE_DRAWS.columns), orient="row").with_columns(
            pl.col("expected").fill_nan(None)
        ),
    )


class Draws(NamedTuple):
    """Draws of the pairs of one layer in one year, under one null model.

    Attributes
    ----------
    key : dict
        layer, null, year, and source and target of every pair.
    observed, expected, z, mean : ndarray, shape (1 + draws, pairs)
        The first is the network as it is. `mean` is z averaged over both directions; `z` itself if there is
        only one.
    """

    key: Mapping[str, Any]
    observed: np.ndarray
    expected: np.ndarray
    z: np.ndarray
    mean: np.ndarray

    def intervals(self) -> pl.DataFrame:
        """Table `Z_INTERVALS`."""
        low, high, number = quantiles(self.z[1:])
        pair_low, pair_high, _ = (low, high, number) if self.mean is self.z else quantiles(self.mean[1:])
        ends = {"z_low": low, "z_high": high, "pair_low": pair_low, "pair_high": pair_high}
        return _table(Z_INTERVALS, {**self.key, **ends, "draws": number})

    def between(self, countries: Sequence[str]) -> Iterator[tuple[object, ...]]:
        """Rows of `POLE_DRAWS` of the pairs whose two countries are among those given."""
        source, target = self.key["source"], self.key["target"]
        where = [self.key[name] for name in ("layer", "null", "year")]
        for column in (source.is_in(countries) & target.is_in(countries)).arg_true():
            drawn = zip(self.observed[:, column].tolist(), self.expected[:, column].tolist(), strict=True)
            for draw, (observed, expected) in enumerate(drawn):
                yield *where, source[column], target[column], draw, observed, expected


class RecentMeans:
    """Mean z of every pair over some years, in every draw, as `poles.nulls.scores.recent_links` has it.

    Parameters
    ----------
    first, last : int
        First and last year.
    """

    def __init__(self, first: int, last: int):
        self.first, self.last = first, last
        self.found: dict[tuple[object, object], list[tuple[pl.DataFrame, np.ndarray]]] = {}

    def add(self, drawn: Draws) -> None:
        """Add a year."""
        if not self.first <= drawn.key["year"] <= self.last:
            return
        pairs = pl.DataFrame({end: drawn.key[end] for end in ("source", "target")}).with_row_index("place")
        once = pairs.filter(pl.col("source") < pl.col("target"))
        where = drawn.key["layer"], drawn.key["null"]
        self.found.setdefault(where, []).append((once, drawn.mean[1:, once["place"].to_numpy()]))

    def intervals(self) -> pl.DataFrame:
        """Table `RECENT_INTERVALS`."""
        frames = []
        for (layer, null), years in self.found.items():
            pairs = pl.concat(frame.select("source", "target") for frame, _ in years).unique().sort(pl.all())
            numbered = pairs.with_row_index("row")
            total = np.zeros((len(years[0][1]), len(pairs)))
            count = np.zeros_like(total, dtype=np.int16)
            for frame, mean in years:
                rows = frame.join(numbered, on=["source", "target"], maintain_order="left")["row"].to_numpy()
                there = np.isfinite(mean)
                total[:, rows] += np.where(there, mean, 0)
                count[:, rows] += there
            enough = 2 * count > self.last - self.first + 1
            low, high, number = quantiles(np.where(enough, total / np.maximum(count, 1), np.nan))
            ends = {"z_low": low, "z_high": high, "draws": number}
            key = {"layer": layer, "null": null, "source": pairs["source"], "target": pairs["target"]}
            frames.append(_table(RECENT_INTERVALS, {**key, **ends}))
        return _joined(frames, RECENT_INTERVALS)


def _of_layer(counts: Counts, layer: str, nulls: Sequence[str]) -> Iterator[Draws]:
    """Draws of one layer in one year, under each null model."""
    from poles.nulls import refits

    n = len(counts.codes)
    weights = counts.links[layer] * ~np.eye(n, dtype=bool)
    directed = layer == "citation"
    active = (weights[0].sum(axis=0) + weights[0].sum(axis=1)) > 0
    if not active.any():
        return
    pairs = np.outer(active, active) & ~np.eye(n, dtype=bool)
    rows, columns = np.nonzero(pairs if directed else np.triu(pairs))
    codes = pl.Series(counts.codes, dtype=pl.String)
    key = {"layer": layer, "year": counts.year, "source": codes.gather(rows), "target": codes.gather(columns)}
    for null, (expected, std) in refits.moments(nulls, weights, directed).items():
        z = (weights - expected) / std
        mean = there = z[:, rows, columns]
        if directed:
            back = z[:, columns, rows]
            mean = np.where(np.isnan(there), back, np.where(np.isnan(back), there, (there + back) / 2))
        yield Draws({**key, "null": null}, weights[:, rows, columns], expected[:, rows, columns], there, mean)


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


def _joined(frames: Iterable[pl.DataFrame], kind: Table) -> pl.DataFrame:
    """Tables of a kind as one; an empty one if there are none."""
    return pl.concat([pl.DataFrame(schema=dict(kind.columns)), *frames])


def _table(kind: Table, columns: Mapping[str, object]) -> pl.DataFrame:
    """Table of a kind from columns, or from values for all rows; the rest, and what is no number, is null."""
    frame = pl.DataFrame(dict.fromkeys(kind.columns) | dict(columns))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in kind.columns.items()).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )
