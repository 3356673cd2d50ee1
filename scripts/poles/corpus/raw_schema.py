"""What every reader of files makes: raw columns, with ids and codes as the text they are recorded as."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

CHUNK = 20_000
"""Most records in one chunk: some 50 MB."""
RAW = {
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
    "authorships": pl.List(pl.Struct({"countries": pl.List(pl.String), "institutions": pl.List(pl.String)})),
    "references": pl.List(pl.String),
}
"""Raw columns, named as what becomes of them; any value may be null."""
YEARS = 2**15
"""Years that can be recorded, from 0 on."""
Places = Callable[[int], str]
"""Where in its file a record of a chunk stands: ``line 12``, ``row 3``."""


class Chunk(NamedTuple):
    """Some records of a file.

    Attributes
    ----------
    frame : pl.DataFrame
        Columns of `RAW`, all or some, and ``row``: the place among the records of the file, from 0.
    places : Places
        Where a row of the frame stands in the file.
    """

    frame: pl.DataFrame
    places: Places


@dataclass
class Tally:
    """What was in a file, and what reading it left out.

    Attributes
    ----------
    rows : int
        Records in the file.
    identified : Counter
        Records with an id, by year (None: no year).
    without_id : Counter
        Records without an id, by year; they are dropped.
    codes, references : int
        Country codes that are not two letters, and references that are no work ids, in the records kept.
    """

    rows: int = 0
    identified: Counter[int | None] = field(default_factory=Counter)
    without_id: Counter[int | None] = field(default_factory=Counter)
    codes: int = 0
    references: int = 0

    def add(self, counts: np.ndarray) -> None:
        """Add to the identified records; the last of `YEARS` + 1 counts is of those without a year."""
        for year in np.flatnonzero(counts).tolist():
            self.identified[None if year == YEARS else year] += int(counts[year])
