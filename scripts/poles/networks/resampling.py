"""Links counted again with random weights of works: the Poisson bootstrap.

Every draw gives each work a Poisson weight of mean 1, as drawing works with replacement would give it, nearly
(Hanley and MacGibbon 2006, Comput. Methods Programs Biomed. 83:57-62). All pairs of countries of a work share
its weight, and so do both layers. A citation has the weight of the citing work. The weights follow from the
id of the work alone, so neither the order of works nor the files in which they stand matter.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from poles.networks.links import country_sets

CUMULATIVE = np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 20)], dtype=float))
"""P[weight <= k] of a Poisson number of mean 1, for k = 0 to 19."""


class Counts(NamedTuple):
    """Counts of one year: as they are in the first place, then with the weights of every draw.

    Attributes
    ----------
    year : int
    codes : list of str
        The n countries, sorted.
    links : dict
        Weights by layer, shape (1 + draws, n, n); rows are sources. Symmetric for collaboration, whose
        diagonal counts the works of a country.
    international : ndarray, shape (1 + draws, n)
        Works that a country shares with others, counted in full.
    world_international : ndarray, shape (1 + draws,)
        Works by authors in more than one country.
    """

    year: int
    codes: list[str]
    links: dict[str, np.ndarray]
    international: np.ndarray
    world_international: np.ndarray


def mixed(x: np.ndarray) -> np.ndarray:
    """Scramble unsigned 64-bit numbers: the finalizer of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def poisson_weights(work_ids: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Random weights of works, which depend on nothing but the id, the draw and the seed.

    Parameters
    ----------
    work_ids : ndarray of int64, shape (works,)
    draws, seed : int

    Returns
    -------
    ndarray of float, shape (works, draws)
        Whole numbers, Poisson with mean 1.
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    streams = mixed(
        mixed(np.array([seed], dtype=np.uint64)) + golden * np.arange(1, draws + 1, dtype=np.uint64)
    )
    random = mixed(mixed(work_ids.astype(np.uint64))[:, None] ^ streams)
    return np.searchsorted(CUMULATIVE, (random >> np.uint64(11)) * 2.0**-53, side="right").astype(float)


def resample(
    files: Iterable[str | Path], counting: str, window: int | None, draws: int, seed: int
) -> Iterator[Counts]:
    """Count the links of every year with random weights of works.

    Parameters
    ----------
    files : iterable of path
        Tables of works, one for each year and named by it, such as ``2021.parquet``.
    counting, window
        See `poles.networks.construction.build`.
    draws, seed : int
        See `poisson_weights`.

    Yields
    ------
    Counts
    """
    paths = sorted(map(Path, files))
    cited = country_sets(pl.scan_parquet(paths).filter("is_core")).select("work_id", "year", "set").collect()
    for path in paths:
        works = pl.scan_parquet(path).filter(pl.col("countries").list.len() > 0).collect().sort("work_id")
        weights = poisson_weights(works["work_id"].to_numpy(), draws, seed)
        weights = np.hstack([np.ones((len(works), 1)), weights])
        works = works.with_row_index("work")
        shared = _collaborations(works, counting)
        citations = _citations(works, cited, counting, window)
        ends = pl.concat([frame[end] for frame in (shared, citations) for end in ("source", "target")])
        codes = ends.unique().sort().to_list()
        collaboration = _total(shared, weights, codes)
        off_diagonal = collaboration * ~np.eye(len(codes), dtype=bool)
        several = shared.filter((pl.col("size") > 1) & (pl.col("source") == pl.col("target")))
        several = several.with_columns(share=pl.lit(1.0))
        yield Counts(
            int(path.stem),
            codes,
            {
                "collaboration": collaboration + off_diagonal.swapaxes(1, 2),
                "citation": _total(citations, weights, codes),
            },
            np.diagonal(_total(several, weights, codes), axis1=1, axis2=2),
            weights[several["work"].unique().to_numpy()].sum(axis=0),
        )


def _collaborations(works: pl.DataFrame, counting: str) -> pl.DataFrame:
    """What each work of the field adds to every pair: work, source <= target, size, share."""
    size = pl.col("size").cast(pl.Float64)
    fraction = pl.when(pl.col("source") == pl.col("target")).then(1 / size).otherwise(2 / (size * (size - 1)))
    return (
        works.filter("is_core")
        .select("work", source="countries", target="countries", size=pl.col("countries").list.len())
        .explode("source")
        .explode("target")
        .filter(pl.col("source") <= pl.col("target"))
        .with_columns(share=pl.lit(1.0) if counting == "full" else fraction)
    )


def _citations(works: pl.DataFrame, cited: pl.DataFrame, counting: str, window: int | None) -> pl.DataFrame:
    """What the references of each work add to every pair: work, source, target, share."""
    age = pl.col("citing_year").cast(pl.Int32) - pl.col("year")
    joined = (
        works.select("work", "countries", citing_year="year", work_id="references")
        .explode("work_id", empty_as_null=False, keep_nulls=False)
        .join(cited, on="work_id")
        .filter(pl.lit(True) if window is None else age <= window)
        .group_by("work", "countries", "set")
        .agg(pl.len().alias("citations"))
        .select("work", "citations", source="countries", target=pl.col("set").str.split(" "))
    )
    fraction = 1 / (pl.col("source").list.len() * pl.col("target").list.len()).cast(pl.Float64)
    share = pl.col("share")
    # Fractions are added in one order, as their sum depends on it; whole numbers need none.
    total = share.sum() if counting == "full" else share.sort().sum()
    return (
        joined.with_columns(share=pl.col("citations") * (1.0 if counting == "full" else fraction))
        .explode("source")
        .explode("target")
        .group_by("work", "source", "target")
        .agg(total)
        .sort("work", "source", "target")
    )


def _total(entries: pl.DataFrame, weights: np.ndarray, codes: list[str]) -> np.ndarray:
    """Sum of the shares of works in every pair times each column of weights, shape (columns, n, n)."""
    n = len(codes)
    place = pl.Enum(codes)
    source, target = (
        entries[end].cast(place).to_physical().to_numpy().astype(np.int64) for end in ("source", "target")
    )
    pairs, row = np.unique(source * n + target, return_inverse=True)
    shape = (len(pairs), len(weights))
    shares = csr_array((entries["share"].to_numpy(), (row, entries["work"].to_numpy())), shape=shape)
    totals = np.zeros((n * n, weights.shape[1]))
    totals[pairs] = shares @ weights
    return totals.T.reshape(weights.shape[1], n, n).copy()
