"""Raw records of Parquet files in the shape of OpenAlex's snapshot, by the nested leaves that are wanted."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from poles.corpus import raw_schema
from poles.corpus.prefilter import Prefilter, work_numbers
from poles.corpus.raw_schema import RAW, Chunk, Tally
from poles.corpus.storage import File, RemoteFile, open_seekable, reason
from poles.errors import StudyError

LEAVES: dict[str, tuple[str, ...]] = {
    "work_id": ("id",),
    "year": ("publication_year",),
    "type": ("type",),
    "is_retracted": ("is_retracted",),
    "is_paratext": ("is_paratext",),
    "is_xpac": ("is_xpac",),
    "updated": ("updated_date",),
    "primary_subfield": ("primary_topic.subfield.id", "primary_topic.subfield"),
    "topic_score": ("primary_topic.score",),
    "topic_subfields": ("topics.subfield.id", "topics.subfield"),
    "authorships": ("authorships.countries", "authorships.institutions.country_code"),
    "references": ("referenced_works",),
}
"""Parquet leaves, list levels left out, in which a raw column may stand."""

_LIST_LEVEL = re.compile(r"\.(?:list|bag)\.(?:element|item|array_element|array)\b")


def chunks(file: File, wanted: Sequence[str], sieve: Prefilter | None, tally: Tally) -> Iterator[Chunk]:
    """Raw records of a Parquet file; parameters and errors as for `json_lines.chunks`."""
    start = tally.rows
    try:
        # The columns of an object are fetched in few large requests, a row group at a time.
        with (
            open_seekable(file) as stream,
            pq.ParquetFile(stream, pre_buffer=isinstance(file, RemoteFile)) as table,
        ):
            leaves = _leaf_paths(table, file)
            for batch, rows in _batches(table, leaves, wanted, sieve, tally):
                frame = pl.DataFrame(batch)
                columns = frame.select(_raw_expression(name, leaves[name], frame.schema) for name in wanted)
                yield Chunk(
                    columns.with_columns(pl.Series("row", rows, pl.Int64)),
                    lambda row, rows=rows: f"row {rows[row] - start + 1}",
                )
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise StudyError(
            f"{file}: not readable as Parquet file of works after row {tally.rows - start} ({reason(error)})"
        ) from None


def _batches(
    table: pq.ParquetFile,
    leaves: Mapping[str, Sequence[str]],
    wanted: Sequence[str],
    sieve: Prefilter | None,
    tally: Tally,
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Records that may be wanted, as many at once as make a chunk, and their rows; the others are counted."""
    columns = [leaf for name in wanted for leaf in leaves[name]]
    kept: list[pa.RecordBatch] = []
    rows: list[np.ndarray] = []
    for group in range(table.num_row_groups):
        for batch in table.iter_batches(raw_schema.CHUNK, [group], columns, use_threads=False):
            numbers = tally.rows + np.arange(len(batch))
            tally.rows += len(batch)
            if sieve is not None:
                passed = _passed(batch, leaves, sieve, tally)
                batch, numbers = batch.filter(pa.array(passed)), numbers[passed]
            kept.append(batch)
            rows.append(numbers)
            if sum(map(len, rows)) >= raw_schema.CHUNK:
                yield pa.Table.from_batches(kept), np.concatenate(rows)
                kept, rows = [], []
    if sum(map(len, rows)):
        yield pa.Table.from_batches(kept), np.concatenate(rows)


def _passed(
    batch: pa.RecordBatch, leaves: Mapping[str, Sequence[str]], sieve: Prefilter, tally: Tally
) -> np.ndarray:
    """Which rows of a batch may be wanted; the others are counted."""
    ids = work_numbers(_column(batch, leaves["work_id"][0]))
    years = _column(batch, leaves["year"][0])
    passed = sieve.rows(
        {name: [_column(batch, leaf) for leaf in leaves[name]] for name in sieve.columns}, ids
    )
    passed |= ids < 0
    if pa.types.is_integer(years.type):
        numbers = pc.fill_null(years.cast(pa.int64()), raw_schema.YEARS).to_numpy()
        passed |= (numbers < 0) | (numbers > raw_schema.YEARS)
        tally.add(np.bincount(numbers[~passed], minlength=raw_schema.YEARS + 1))
    else:
        passed |= True
    return passed


def _column(batch: pa.RecordBatch, leaf: str) -> pa.Array:
    """Leaf of a batch; a list on the way stays one, with the leaf for its elements."""
    name, *inner = _LIST_LEVEL.sub("", leaf).split(".")
    return _inner(batch.column(name), inner)


def _inner(array: pa.Array, names: Sequence[str]) -> pa.Array:
    if not names:
        return array
    if isinstance(array, pa.StructArray):
        return _inner(pc.struct_field(array, names[0]), names[1:])
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), _inner(array.flatten(), names))


def _leaf_paths(table: pq.ParquetFile, file: File) -> dict[str, list[str]]:
    """Parquet columns that each raw column is made of, as the file spells their paths."""
    leaves = [table.schema.column(number).path for number in range(len(table.schema))]
    spelled = {_LIST_LEVEL.sub("", leaf): leaf for leaf in leaves}
    found = {
        name: [spelled[candidate] for candidate in candidates if candidate in spelled]
        for name, candidates in LEAVES.items()
    }
    missing = [
        LEAVES[name][0] for name in ("work_id", "year", "authorships", "references") if not found[name]
    ]
    if missing:
        raise StudyError(
            f"{file}: lacks the columns {', '.join(missing)} of OpenAlex works; it has "
            f"{', '.join(dict.fromkeys(leaf.partition('.')[0] for leaf in leaves)):.200}"
        )
    return found


def _text_at(expression: pl.Expr, kind: pl.DataType, names: Sequence[str]) -> pl.Expr:
    """Value at the end of a path through structs, as text; lists on the way stay lists."""
    if isinstance(kind, pl.List):
        return expression.list.eval(_text_at(pl.element(), kind.inner, names))
    if names:
        inner = {entry.name: entry.dtype for entry in kind.fields}[names[0]]
        return _text_at(expression.struct.field(names[0]), inner, names[1:])
    if isinstance(kind, pl.Datetime):
        return expression.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    return expression.cast(pl.String)


def _raw_expression(name: str, leaves: Sequence[str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Raw column from the columns of a Parquet file in the shape of the snapshot."""
    if not leaves:
        return pl.lit(None, RAW[name]).alias(name)
    paths = [_LIST_LEVEL.sub("", leaf).split(".") for leaf in leaves]
    column = pl.col(paths[0][0])
    kind = schema[paths[0][0]]
    if name == "authorships":
        given = {path[1]: path[1:] for path in paths}
        absent = pl.lit(None, pl.List(pl.String))
        inner = {entry.name: entry.dtype for entry in kind.inner.fields}
        lists = [
            _text_at(pl.element().struct.field(key), inner[key], given[key][1:]) if key in given else absent
            for key in ("countries", "institutions")
        ]
        both = pl.struct(lists[0].alias("countries"), lists[1].alias("institutions"))
        return column.list.drop_nulls().list.eval(both).alias(name)
    if isinstance(RAW[name], pl.List) or RAW[name] == pl.String:
        return _text_at(column, kind, paths[0][1:]).alias(name)
    for inner in paths[0][1:]:
        column = column.struct.field(inner)
    return column.cast(RAW[name], strict=False).alias(name)
