"""The two passes over the files of a source.

The first pass finds the works of the field. The second keeps the records of these works and of the works that
cite them.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.field import in_field
from poles.corpus.prefilter import CorePrefilter, FieldPrefilter
from poles.corpus.raw_schema import Tally
from poles.corpus.records import read_records
from poles.corpus.storage import File, is_empty
from poles.corpus.tables import CORE, COUNTS
from poles.errors import StudyError
from poles.stats.progress import Progress
from poles.study import tables

log = logging.getLogger(__name__)


def _field_prefilter(field: Mapping[str, Any] | None) -> FieldPrefilter | None:
    """Prefilter for the works of the field; None if every work is in it."""
    if field is None or field["subfields"] is None:
        return None
    return FieldPrefilter(field["subfields"], field["match"] == "any")


def _check_count(file: str | File, tally: Tally, expected: int | None) -> None:
    """Refuse a file with another number of records than its source states."""
    if expected is not None and tally.rows != expected:
        raise StudyError(
            f"{file}: has {tally.rows} records, but the manifest says {expected}; fetch the file again"
        )


def _warn(tallies: Mapping[str | File, Tally], count: Callable[[Tally], int], what: str) -> None:
    """Warn once of what is counted in any of the files of a shard."""
    counts = {file: number for file, tally in tallies.items() if (number := count(tally))}
    if counts:
        log.warning(
            "%d %s, in %d of %d files; the first is %s",
            sum(counts.values()), what, len(counts), len(tallies), next(iter(counts)),
        )  # fmt: skip


def _has_nothing(file: str | File, expected: int | None) -> bool:
    """Whether a file has no bytes, and its source states that it has no records."""
    return expected == 0 and is_empty(Path(file) if isinstance(file, str) else file)


def find_core(
    files: Sequence[str | File],
    field: Mapping[str, Any] | None,
    expected: Sequence[int | None] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """First pass: find the works of the field, and count the records.

    Parameters
    ----------
    files : sequence of str or File
        Files of a shard.
    field : Mapping or None
        See `in_field`.
    expected : sequence of int or None, optional
        Number of records of each file, where the source states it.

    Returns
    -------
    core : pl.DataFrame
        `CORE`: sorted, distinct.
    counts : pl.DataFrame
        `COUNTS`; the year is null for records without one.

    Raises
    ------
    StudyError
        If a file cannot be read as `read_records` says, or has another number of records than expected.
    """
    keep, prefilter = in_field(field), _field_prefilter(field)
    columns = ("work_id", "year", *(prefilter.columns if prefilter else ()))
    ids = [pl.Series("work_id", [], pl.Int64)]
    tallies: dict[str | File, Tally] = {}
    with_id: Counter[int | None] = Counter()
    without_id: Counter[int | None] = Counter()
    follow = Progress(len(files), "files").follow
    for file, count in follow(zip(files, expected or [None] * len(files), strict=True)):
        if _has_nothing(file, count):
            continue
        tally = tallies[file] = Tally()
        ids += [chunk["work_id"] for chunk in read_records(file, 0, columns, keep, tally, prefilter)]
        with_id += tally.with_id
        without_id += tally.without_id
        _check_count(file, tally, count)
    _warn(tallies, lambda tally: tally.without_id.total(), "records without an id are dropped")
    _warn(tallies, lambda tally: not tally.rows, "files hold no works")
    core = pl.concat(ids).unique().sort().to_frame()
    stated = max((tally.stated for tally in tallies.values() if tally.stated is not None), default=None)
    years = sorted(with_id.keys() | without_id.keys(), key=lambda year: (year is None, year))
    counts = pl.DataFrame(
        {
            "year": years,
            "read": [with_id[year] + without_id[year] for year in years],
            "with_id": [with_id[year] for year in years],
            "stated": [stated] * len(years),
        },
        schema=dict(COUNTS.columns),
    )
    log.info("%d files: %d records, %d works of the field", len(files), counts["read"].sum(), len(core))
    return core, counts


def core_ids(files: Iterable[str | Path]) -> pl.Series:
    """Return the ids of the works of the field that any shard found: sorted, distinct int64."""
    return pl.concat(tables.read(file, CORE)["work_id"] for file in files).unique().sort()


def read_works(
    files: Sequence[str | File],
    indices: Sequence[int],
    core: pl.Series,
    field: Mapping[str, Any] | None,
    expected: Sequence[int | None] | None = None,
) -> Iterator[pl.DataFrame]:
    """Second pass: read the records of the works of the field, and of the works that cite them.

    Parameters
    ----------
    files : sequence of str or File
        Files of a shard.
    indices : sequence of int
        Number of each file among all files of the source, in rising order.
    core : pl.Series
        Ids of the works of the field in the whole source (`core_ids`).
    field : Mapping or None
        See `in_field`.
    expected : sequence of int or None, optional
        Number of records of each file, where the source states it.

    Yields
    ------
    pl.DataFrame
        Columns of `KEPT`, in the order of the source. If one record of a work is in the field, all records of
        the work are kept; `select_works` decides which one counts.

    Raises
    ------
    StudyError
        If a file cannot be read as `read_records` says, or has another number of records than expected.
    """
    prefilter = CorePrefilter(core) if _field_prefilter(field) is not None else None
    keep = prefilter.condition() if prefilter else None
    kept = of_field = 0
    tallies: dict[str | File, Tally] = {}
    follow = Progress(len(files), "files").follow
    for file, index, count in follow(zip(files, indices, expected or [None] * len(files), strict=True)):
        if _has_nothing(file, count):
            continue
        tally = tallies[file] = Tally()
        for records in read_records(file, index, keep=keep, tally=tally, prefilter=prefilter):
            chunk = records.with_columns(in_field(field).alias("is_core"))
            kept, of_field = kept + len(chunk), of_field + len(chunk.filter("is_core"))
            yield chunk
        _check_count(file, tally, count)
    _warn(tallies, lambda tally: tally.codes, "country codes that are not two letters are dropped")
    _warn(tallies, lambda tally: tally.references, "references that are no ids of works are dropped")
    log.info("%d files: %d records kept, %d of the field", len(files), kept, of_field)
