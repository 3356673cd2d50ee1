"""Works of all years: the set of countries of each, and the citations between them."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from poles.networks.links import as_sets, country_sets
from poles.networks.work_index import WorkIndex


class YearOfWorks(NamedTuple):
    """What is kept of the works of a file, by row.

    Attributes
    ----------
    path : Path
        `WORKS` of a year, named by it, such as ``2021.parquet``.
    years : ndarray of int16, shape (works,)
        Year of publication.
    in_field : ndarray of bool, shape (works,)
    sets : ndarray of uint32, shape (works,)
        Number of the set of countries.
    """

    path: Path
    years: np.ndarray
    in_field: np.ndarray
    sets: np.ndarray


class Works:
    """Works of all years.

    Memory holds the year and the number of the set of countries of every work, and an index of the works of
    the field. References are read for one year at a time.

    Parameters
    ----------
    files : iterable of path
        `WORKS`, one table for each year and named by it, such as ``2021.parquet``.
    counting : str
        See `poles.networks.links.country_sets`.

    Attributes
    ----------
    sets : CountrySets
        Sets of countries that the works have.
    years : list of YearOfWorks
        In order.
    """

    def __init__(self, files: Iterable[str | Path], counting: str) -> None:
        paths = sorted(map(Path, files))
        columns = ["work_id", "year", "is_core", "countries"]
        frames = [
            (frame := pl.read_parquet(path, columns=columns)).select(
                "work_id", "year", "is_core", as_sets(frame["countries"]).alias("set")
            )
            for path in paths
        ]
        self.sets = country_sets(pl.concat(frame["set"] for frame in frames), counting)
        self.years = [
            YearOfWorks(path, *(frame[name].to_physical().to_numpy() for name in ("year", "is_core", "set")))
            for path, frame in zip(paths, frames, strict=True)
        ]
        field = pl.concat(frames).filter("is_core")
        self._index = WorkIndex(field["work_id"].to_numpy())
        self._cited_years = field["year"].to_numpy()
        self._cited_sets = field["set"].to_physical().to_numpy()

    def citations(self, citing: YearOfWorks, window: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Find the citations from works of a year to works of the field.

        Parameters
        ----------
        citing : YearOfWorks
            One of `years`.
        window : int, optional
            Largest number of years from the cited to the citing work. By default, cited works of any age
            count.

        Returns
        -------
        rows : ndarray of int32, shape (citations,)
            Row of the citing work.
        sets : ndarray of uint32, shape (citations,)
            Number of the set of countries of the cited work.
        """
        with pq.ParquetFile(citing.path) as file:  # in half the time that polars takes for lists
            lists = file.read(["references"], use_threads=False)["references"].combine_chunks()
        ends = np.from_dlpack(lists.offsets)
        cited = self._index.find(np.from_dlpack(lists.values)[ends[0] : ends[-1]])
        found = np.flatnonzero(cited < len(self._index))
        rows = np.repeat(np.arange(len(lists), dtype=np.int32), np.diff(ends))[found]
        cited = cited[found]
        if window is not None:
            recent = citing.years[rows] - self._cited_years[cited] <= window
            rows, cited = rows[recent], cited[recent]
        return rows, self._cited_sets[cited]
