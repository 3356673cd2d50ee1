"""The raw columns that every file reader produces: ids and codes stay the text that the file holds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from polars.datatypes import DataType, DataTypeClass

CHUNK = 10_000
"""Most records in one chunk: some 25 MB."""
RAW_SCHEMA: dict[str, DataType | DataTypeClass] = {
    "work_id": pl.String,
    "year": pl.Int64,
    "type": pl.String,
    "is_retracted": pl.Boolean,
    "is_paratext": pl.Boolean,
    "is_xpac": pl.Boolean,
    "updated": pl.String,
    "primary_subfield": pl.String,
    "topic_score": pl.Float64,
    "topic_subfields": pl.List(pl.String),
    "authorships": pl.List(
        pl.Struct(
            {
                "countries": pl.List(pl.String),
                "institutions": pl.List(pl.String),
                "types": pl.List(pl.String),
            }
        )
    ),
    "references": pl.List(pl.String),
    "is_truncated": pl.Boolean,
    "authors_count": pl.Int64,
    "countries_count": pl.Int64,
    "references_count": pl.Int64,
}
"""Types of the raw columns, named as the columns of `RECORDS` made from them; any value may be null."""
YEARS = 2**15
"""Number of years that a count by year covers: 0 to `YEARS` - 1."""
Locate = Callable[[int], str]
"""Gives the place in its file of a record of a chunk: ``line 12``, ``row 3``."""


class Chunk(NamedTuple):
    """Some records of a file.

    Attributes
    ----------
    frame : pl.DataFrame
        Some or all columns of `RAW_SCHEMA`, and ``row``: the number of the record in the file, from 0.
    locate : Locate
        Gives the place in the file of a row of the frame.
    decoded : pl.DataFrame, optional
        Further records of the same part of the file, in whose values nothing has to be dropped; see
        `poles.corpus.decoded.Decoded`.
    """

    frame: pl.DataFrame
    locate: Locate
    decoded: pl.DataFrame | None = None


@dataclass
class Tally:
    """Counts of the records in a file and of what was dropped from them.

    Attributes
    ----------
    rows : int
        Records in the file.
    with_id : Counter
        Records with an id, by year (None: no year).
    without_id : Counter
        Records without an id, by year; these are dropped.
    codes, references : int
        Dropped values in the kept records: country codes that are not two letters, and references that are
        not ids of works.
    stated : int or None
        Most works that a page of the API in the file says its whole list has; None without such a page.
    """

    rows: int = 0
    with_id: Counter[int | None] = field(default_factory=Counter)
    without_id: Counter[int | None] = field(default_factory=Counter)
    codes: int = 0
    references: int = 0
    stated: int | None = None

    def add(self, counts: np.ndarray) -> None:
        """Add counts of records with an id.

        Parameters
        ----------
        counts : ndarray of int, shape (YEARS + 1,)
            Records by year; the last entry counts those without a year.
        """
        for year in np.flatnonzero(counts).tolist():
            self.with_id[None if year == YEARS else year] += int(counts[year])
