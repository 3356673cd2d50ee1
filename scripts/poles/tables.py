"""The schema of every table of the study, and how tables are written and read.

A table is sorted by its key and carries its provenance in the Parquet metadata, so equal content means
equal bytes. Countries are ISO 3166-1 alpha-2 codes (Namibia is the string "NA"), years are int16.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from poles import provenance
from poles.errors import StudyError

COUNTRY = pl.String
YEAR = pl.Int16
PAIR = {"source": COUNTRY, "target": COUNTRY}


class Table(NamedTuple):
    """A kind of table: its key, and the type of every column."""

    key: tuple[str, ...]
    columns: Mapping[str, Any]


WORKS = Table(
    ("work_id",),
    {
        "work_id": pl.Int64,
        "year": YEAR,
        "type": pl.String,
        "is_core": pl.Boolean,  # in the field; false for a work outside that cites it
        "countries": pl.List(COUNTRY),  # sorted, distinct
        "n_authors": pl.Int32,
        "references": pl.List(pl.Int64),  # sorted, distinct, without the work itself
    },
)
LOSSES = Table(
    ("year", "order"),
    {
        "year": YEAR,  # null: works without a year
        "order": pl.Int8,  # place of the step in the selection
        "step": pl.String,
        "unit": pl.String,  # "works" or "references"
        "left": pl.Int64,  # what is left after the step
        "left_core": pl.Int64,  # of which in the field (null where it is not known yet)
    },
)
LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Int64})
FRACTIONAL_LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Float64})
COUNTRIES = Table(
    ("year", "country"),
    {
        "year": YEAR,
        "country": COUNTRY,
        "papers": pl.Float64,  # of the field; by the variant's counting
        "international_papers": pl.Float64,
        "collaboration_links": pl.Int32,  # partner countries
        "collaboration_strength": pl.Float64,  # weight of the links to other countries
        "citation_links_out": pl.Int32,  # countries cited
        "citation_links_in": pl.Int32,  # countries citing
        "citation_strength_out": pl.Float64,
        "citation_strength_in": pl.Float64,
    },
)
MOMENTS = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,
        **PAIR,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "std": pl.Float64,
        "p_upper": pl.Float64,  # P[w >= observed]; null where the model has none
    },
)
DIAGNOSTICS = Table(
    ("year",),
    {
        "year": YEAR,
        "nodes": pl.Int32,
        "links": pl.Int32,
        "iterations": pl.Int32,
        "residual": pl.Float64,  # largest relative error of any constraint
        "ess_min": pl.Float64,  # effective sample size and split R-hat: samplers only
        "ess_median": pl.Float64,
        "rhat_max": pl.Float64,
        "rhat_median": pl.Float64,
        "note": pl.String,  # what a reader should know of that year
    },
)
SCORES = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,
        **PAIR,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "std": pl.Float64,
        "z": pl.Float64,  # null where std is 0: the model leaves that pair no freedom
        "p": pl.Float64,  # upper tail
        "q": pl.Float64,  # Benjamini-Hochberg within a year
    },
)
TRUTH = Table(("source", "target"), {**PAIR, "archetype": pl.String})


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Give a frame exactly the columns, types and order of its kind of table.

    Parameters
    ----------
    frame : pl.DataFrame
        At least the columns of `table`; others are dropped.
    table : Table
        What the frame is meant to be.

    Returns
    -------
    pl.DataFrame
        Sorted by the key.

    Raises
    ------
    StudyError
        If a column is missing, a value does not fit its type, or a key occurs twice.
    """
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise StudyError(f"table lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    try:
        frame = frame.select(pl.col(name).cast(kind) for name, kind in table.columns.items())
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"table does not fit its schema: {error}") from None
    frame = frame.sort(table.key, nulls_last=True)
    twice = frame.select(table.key).is_duplicated()
    if twice.any():
        key = frame.filter(twice).row(0, named=True)
        raise StudyError(f"key occurs twice: {', '.join(f'{name}={key[name]}' for name in table.key)}")
    return frame


def write(frame: pl.DataFrame, table: Table, path: str | Path, record: Mapping[str, Any]) -> pl.DataFrame:
    """Write a table with its provenance; equal content and provenance give equal bytes.

    Parameters
    ----------
    frame : pl.DataFrame
        Conformed to `table` before it is written.
    table : Table
        The kind of table.
    path : str or Path
        A ``.parquet`` file; it is there whole or not at all.
    record : Mapping
        Provenance of the job.

    Returns
    -------
    pl.DataFrame
        What was written.
    """
    frame = conform(frame, table)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    frame.write_parquet(partial, metadata={"provenance": provenance.canonical(record)})
    partial.replace(path)
    return frame


def read(path: str | Path, table: Table) -> pl.DataFrame:
    """Read a table and check that it is what it is taken for.

    Parameters
    ----------
    path : str or Path
        A file written by `write`.
    table : Table
        The kind of table expected.

    Returns
    -------
    pl.DataFrame
        Columns as in `table`.

    Raises
    ------
    StudyError
        If the file is missing, no Parquet, or another kind of table.
    """
    try:
        frame = pl.read_parquet(path)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file") from None
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"{path}: not a readable Parquet file ({error})") from None
    if frame.schema != pl.Schema(table.columns):
        raise StudyError(f"{path}: columns {dict(frame.schema)}, expected {dict(table.columns)}")
    return frame
