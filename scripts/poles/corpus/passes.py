"""The two passes over a source: works of the field, then these and the works that cite them."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.prefilter import CorePrefilter, FieldPrefilter
from poles.corpus.raw_schema import Tally
from poles.corpus.records import read_records
from poles.corpus.storage import File
from poles.corpus.tables import CORE, COUNTS, KEPT
from poles.errors import StudyError
from poles.study import tables

log = logging.getLogger(__name__)


def in_field(field: Mapping[str, Any] | None) -> pl.Expr:
    """Whether a record is in the field.

    Parameters
    ----------
    field : Mapping or None
        ``subfields``, numbers of OpenAlex subfields, or None; ``match``, ``primary`` (the subfield of the
        primary topic counts) or ``any`` (that of any topic). Without subfields every work is in the field.

    Returns
    -------
    pl.Expr
        Boolean, never null, over ``primary_subfield`` and ``topic_subfields`` of `RECORDS`.

    Raises
    ------
    StudyError
        If ``match`` is neither.
    """
    if _takes_all(field):
        return pl.lit(True)
    subfields = pl.Series(field["subfields"], dtype=pl.Int32).implode()
    primary = pl.col("primary_subfield").is_in(subfields).fill_null(False)
    if field["match"] == "primary":
        return primary
    if field["match"] == "any":
        return primary | pl.col("topic_subfields").list.eval(pl.element().is_in(subfields)).list.any()
    raise StudyError(f"field.match: {field['match']!r}; primary or any is wanted")


def _takes_all(field: Mapping[str, Any] | None) -> bool:
    """Whether every work is in the field."""
    return field is None or field["subfields"] is None


def _check_count(file: str | File, tally: Tally, expected: int | None) -> None:
    """Refuse a file with another number of records than its source states."""
    if expected is not None and tally.rows != expected:
        raise StudyError(f"{file}: {tally.rows} records, but the manifest says {expected}")


def find_core(
    files: Sequence[str | File],
    field: Mapping[str, Any] | None,
    expected: Sequence[int | None] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """First pass: which works are in the field, and how many records were read.

    Parameters
    ----------
    files : sequence of str or File
        Files of a shard.
    field : Mapping or None
        See `in_field`.
    expected : sequence of int or None, optional
        Number of records of each, where the source states it.

    Returns
    -------
    core : pl.DataFrame
        `CORE`: sorted, distinct.
    counts : pl.DataFrame
        `COUNTS`, a null year for records without one.

    Raises
    ------
    StudyError
        If a file is not as `read_records` or `expected` want it.
    """
    keep = in_field(field)
    sieve = None if _takes_all(field) else FieldPrefilter(field["subfields"], field["match"] == "any")
    columns = ("work_id", "year", *(sieve.columns if sieve else ()))
    ids = [pl.Series("work_id", [], pl.Int64)]
    identified: Counter[int | None] = Counter()
    nameless: Counter[int | None] = Counter()
    for file, count in zip(files, expected or [None] * len(files), strict=True):
        tally = Tally()
        ids += [chunk["work_id"] for chunk in read_records(file, 0, columns, keep, tally, sieve)]
        identified += tally.identified
        nameless += tally.without_id
        _check_count(file, tally, count)
    core = pl.concat(ids).unique().sort().to_frame()
    years = sorted(identified.keys() | nameless.keys(), key=lambda year: (year is None, year))
    counts = pl.DataFrame(
        {
            "year": years,
            "read": [identified[year] + nameless[year] for year in years],
            "identified": [identified[year] for year in years],
        },
        schema=dict(COUNTS.columns),
    )
    log.info("%d files: %d records, %d works of the field", len(files), counts["read"].sum(), len(core))
    return core, counts


def core_ids(files: Iterable[str | Path]) -> pl.Series:
    """Ids of the works of the field that any shard found: sorted, distinct int64."""
    return pl.concat(tables.read(file, CORE)["work_id"] for file in files).unique().sort()


def _cites(core: pl.Series) -> pl.Expr:
    """Whether a record's references, whose nulls are dropped already, name a work of `core`."""
    return pl.col("references").list.eval(pl.element().is_in(core.implode())).list.any()


def read_works(
    files: Sequence[str | File],
    indices: Sequence[int],
    core: pl.Series,
    field: Mapping[str, Any] | None,
    expected: Sequence[int | None] | None = None,
) -> pl.DataFrame:
    """Second pass: the records of the works of the field, and of the works that cite them.

    Parameters
    ----------
    files : sequence of str or File
        Files of a shard.
    indices : sequence of int
        Place of each among all files of the source.
    core : pl.Series
        Ids of the works of the field in the whole source (`core_ids`).
    field : Mapping or None
        See `in_field`.
    expected : sequence of int or None, optional
        Number of records of each file, where the source states it.

    Returns
    -------
    pl.DataFrame
        `KEPT`, with every record of a work that some record puts into the field: which one counts is
        decided when all are at hand.

    Raises
    ------
    StudyError
        If a file is not as `read_records` or `expected` want it.
    """
    wanted = pl.col("work_id").is_in(core.implode()) | _cites(core)
    keep, sieve = (None, None) if _takes_all(field) else (wanted, CorePrefilter(core))
    chunks = [pl.DataFrame(schema=dict(KEPT.columns))]
    for file, index, count in zip(files, indices, expected or [None] * len(files), strict=True):
        tally = Tally()
        chunks += [
            chunk.with_columns(in_field(field).alias("is_core"))
            for chunk in read_records(file, index, keep=keep, tally=tally, sieve=sieve)
        ]
        _check_count(file, tally, count)
    kept = tables.conform(pl.concat(chunks), KEPT)
    log.info("%d files: %d records kept, %d of the field", len(files), len(kept), kept["is_core"].sum())
    return kept
