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

from poles.networks.links import CountrySets, collaboration_shares, sums
from poles.networks.works import Works

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
    works = Works(files, counting)
    sets, n = works.sets, len(works.sets.codes)
    for year in works.years:
        ids = pl.read_parquet(year.path, columns=["work_id"])["work_id"].to_numpy()
        order = np.argsort(ids)  # sums follow the ids, so that their rounding does not depend on the file
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        weights = np.hstack([np.ones((len(ids), 1)), poisson_weights(ids[order], draws, seed)])
        of_works = year.sets[order]
        of_field = np.where(year.in_field[order], of_works, sets.empty)
        citing, cited = works.citations(year, window)
        parts = {
            "collaboration": _collaborations(of_field, sets),
            "citation": _citations(of_works, place[citing], cited, sets),
        }
        linked = np.flatnonzero(sum(np.diff(part.indptr) for part in parts.values()))
        present = np.union1d(*np.divmod(linked, max(n, 1)))
        links = {
            layer: (part @ weights).T.reshape(-1, n, n)[:, present[:, None], present]
            for layer, part in parts.items()
        }
        collaboration = links["collaboration"]
        off_diagonal = collaboration * ~np.eye(len(present), dtype=bool)
        links["collaboration"] = collaboration + off_diagonal.swapaxes(1, 2)
        several = np.flatnonzero(np.diff(sets.members.indptr)[of_field] > 1)
        members = sets.members[of_field[several]]
        countries, _ = sets.split(members.indices)
        of_countries = csr_array(
            (np.ones(len(countries)), countries, members.indptr), shape=(len(several), n)
        )
        yield Counts(
            int(year.path.stem),
            sets.codes[present].to_list(),
            links,
            (of_countries.T @ weights[several]).T[:, present],
            weights[several].sum(axis=0),
        )


def _combined(first: csr_array, second: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of an entry of the first matrix and one of the second in the same row: row and both entries."""
    of_first, of_second = np.diff(first.indptr), np.diff(second.indptr)
    pairs = of_first * of_second
    row = np.repeat(np.arange(len(pairs)), pairs)
    within = np.arange(len(row)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    one, other = np.divmod(within, of_second[row])
    return row, first.indptr[row] + one, second.indptr[row] + other


def _collaborations(of_works: np.ndarray, sets: CountrySets) -> csr_array:
    """What a work of the field adds to every pair of countries.

    Parameters
    ----------
    of_works : ndarray of int, shape (works,)
        Set of countries of each work; the empty one for a work outside the field.
    sets : CountrySets

    Returns
    -------
    csr_array, shape (n * n, works)
        Rows are pairs ``source * n + target`` with source <= target.
    """
    members = sets.members[of_works]
    work, one, other = _combined(members, members)
    source, of_size = sets.split(members.indices[one])
    target, _ = sets.split(members.indices[other])
    shares = collaboration_shares(source, target, sets.sizes[of_size])
    once = source <= target
    shape = (len(sets.codes) ** 2, len(of_works))
    pair = source.astype(np.int64) * len(sets.codes) + target
    return csr_array((shares[once], (pair[once], work[once])), shape=shape)


def _citations(of_works: np.ndarray, citing: np.ndarray, cited: np.ndarray, sets: CountrySets) -> csr_array:
    """What the references of a work add to every pair of countries.

    Parameters
    ----------
    of_works : ndarray of int, shape (works,)
        Set of countries of each work.
    citing, cited : ndarray of int, shape (citations,)
        Place of the citing work among these, and set of countries of the cited work.
    sets : CountrySets

    Returns
    -------
    csr_array, shape (n * n, works)
        Rows are pairs ``source * n + target``.
    """
    n = len(sets.codes)
    bits = sets.members.shape[0].bit_length()
    cites, times = np.unique(citing << bits | cited, return_counts=True)
    citing, cited = cites >> bits, cites & (1 << bits) - 1
    members = sets.members[cited]
    shares = times.astype(float)
    if sets.counting == "fractional":
        size = np.diff(sets.members.indptr)
        shares = times * (1 / np.maximum(size[of_works[citing]] * size[cited], 1))
    entry = np.repeat(np.arange(len(cites)), np.diff(members.indptr))
    cells, place = np.unique(citing[entry] * n + sets.split(members.indices)[0], return_inverse=True)
    shares = sums(place, shares[entry], len(cells))
    of_targets = csr_array((shares, np.divmod(cells, max(n, 1))), shape=(len(of_works), n))
    members = sets.members[of_works]
    work, one, other = _combined(members, of_targets)
    source, _ = sets.split(members.indices[one])
    pair = source.astype(np.int64) * n + of_targets.indices[other]
    return csr_array((of_targets.data[other], (pair, work)), shape=(n * n, len(of_works)))
