"""Raw records from Parquet files in the shape of OpenAlex's snapshot, read by their nested columns."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from polars.datatypes import DataType, DataTypeClass

from poles.corpus import raw_schema
from poles.corpus.prefilter import Prefilter, work_numbers
from poles.corpus.raw_schema import RAW_SCHEMA, Chunk, Locate, Tally
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
"""Parquet leaves that a raw column can be made from; their paths are written without list levels."""

_LIST_LEVEL = re.compile(r"\.(?:list|bag)\.(?:element|item|array_element|array)\b")


def chunks(file: File, columns: Sequence[str], prefilter: Prefilter | None, tally: Tally) -> Iterator[Chunk]:
    """Read the raw records of a Parquet file; parameters and errors as for `json_lines.chunks`."""
    start = tally.rows
    try:
        # Of a remote object the columns are fetched in few large requests, a row group at a time.
        with (
            open_seekable(file) as stream,
            pq.ParquetFile(stream, pre_buffer=isinstance(file, RemoteFile)) as table,
        ):
            leaves = _leaf_paths(table, file)
            for batch, rows in _batches(table, leaves, columns, prefilter, tally):
                frame = pl.DataFrame(batch)
                raw = frame.select(_raw_expression(name, leaves[name], frame.schema) for name in columns)
                yield Chunk(raw.with_columns(pl.Series("row", rows, pl.Int64)), _locate(rows, start))
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise StudyError(
            f"{file}: cannot be read as a Parquet file of works after row {tally.rows - start} "
            f"({reason(error)})"
        ) from None


def _locate(rows: np.ndarray, start: int) -> Locate:
    """Places of the rows of a chunk, given their numbers and the number of the file's first row."""
    return lambda row: f"row {rows[row] - start + 1}"


def _batches(
    table: pq.ParquetFile,
    leaves: Mapping[str, Sequence[str]],
    columns: Sequence[str],
    prefilter: Prefilter | None,
    tally: Tally,
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Yield the candidates, a chunk at a time, and the numbers of their rows; count the other records."""
    paths = [leaf for name in columns for leaf in leaves[name]]
    candidates: list[pa.RecordBatch] = []
    rows: list[np.ndarray] = []
    for group in range(table.num_row_groups):
        for batch in table.iter_batches(raw_schema.CHUNK, [group], paths, use_threads=False):
            numbers = tally.rows + np.arange(len(batch))
            tally.rows += len(batch)
            if prefilter is not None:
                passed = _passed(batch, leaves, prefilter, tally)
                batch, numbers = batch.filter(pa.array(passed)), numbers[passed]
            candidates.append(batch)
            rows.append(numbers)
            if sum(map(len, rows)) >= raw_schema.CHUNK:
                yield pa.Table.from_batches(candidates), np.concatenate(rows)
                candidates, rows = [], []
    if sum(map(len, rows)):
        yield pa.Table.from_batches(candidates), np.concatenate(rows)


def _passed(
    batch: pa.RecordBatch, leaves: Mapping[str, Sequence[str]], prefilter: Prefilter, tally: Tally
) -> np.ndarray:
    """Whether each row of a batch is a candidate; the other rows are counted."""
    ids = work_numbers(_column(batch, leaves["work_id"][0]))
    years = _column(batch, leaves["year"][0])
    passed = prefilter.passes(
        {name: [_column(batch, leaf) for leaf in leaves[name]] for name in prefilter.columns}, ids
    )
    # A row is counted here only if its id and year are of the usual form; the others are parsed in full.
    passed |= ids < 0
    if pa.types.is_integer(years.type):
        numbers = pc.fill_null(years.cast(pa.int64()), raw_schema.YEARS).to_numpy()
        passed |= (numbers < 0) | (numbers > raw_schema.YEARS)
        tally.add(np.bincount(numbers[~passed], minlength=raw_schema.YEARS + 1))
    else:
        passed |= True
    return passed


def _column(batch: pa.RecordBatch, leaf: str) -> pa.Array:
    """Return a leaf of a batch; if its path has a list level, a list array of the leaf's values."""
    name, *path = _LIST_LEVEL.sub("", leaf).split(".")
    return _descend(batch.column(name), path)


def _descend(array: pa.Array, path: Sequence[str]) -> pa.Array:
    """Follow a path of struct fields down from an array."""
    if not path:
        return array
    if isinstance(array, pa.StructArray):
        return _descend(pc.struct_field(array, path[0]), path[1:])
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), _descend(array.flatten(), path))


def _leaf_paths(table: pq.ParquetFile, file: File) -> dict[str, list[str]]:
    """Return the Parquet leaves that each raw column is made from, in the file's own spelling."""
    leaves = [table.schema.column(number).path for number in range(len(table.schema))]
    spellings = {_LIST_LEVEL.sub("", leaf): leaf for leaf in leaves}
    paths = {
        name: [spellings[candidate] for candidate in candidates if candidate in spellings]
        for name, candidates in LEAVES.items()
    }
    missing = [
        LEAVES[name][0] for name in ("work_id", "year", "authorships", "references") if not paths[name]
    ]
    if missing:
        raise StudyError(
            f"{file}: not a file of OpenAlex works, because it lacks the columns {', '.join(missing)}; "
            f"it has {', '.join(dict.fromkeys(leaf.partition('.')[0] for leaf in leaves)):.200}"
        )
    return paths


def _fields(kind: DataType | DataTypeClass) -> dict[str, DataType | DataTypeClass]:
    """Types of the fields of a struct."""
    if not isinstance(kind, pl.Struct):
        raise pl.exceptions.SchemaError(f"a column is of type {kind}, but has to be a struct")
    return {entry.name: entry.dtype for entry in kind.fields}


def _text_at(expression: pl.Expr, kind: DataType | DataTypeClass, path: Sequence[str]) -> pl.Expr:
    """Return the value at the end of a path through structs, as text; lists on the path stay lists."""
    if isinstance(kind, pl.List):
        return expression.list.eval(_text_at(pl.element(), kind.inner, path))
    if path:
        return _text_at(expression.struct.field(path[0]), _fields(kind)[path[0]], path[1:])
    if isinstance(kind, pl.Datetime):
        return expression.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    return expression.cast(pl.String)


def _raw_expression(name: str, leaves: Sequence[str], schema: Mapping[str, DataType]) -> pl.Expr:
    """Raw column, as an expression over the columns of a Parquet file in the shape of the snapshot."""
    if not leaves:
        return pl.lit(None, RAW_SCHEMA[name]).alias(name)
    paths = [_LIST_LEVEL.sub("", leaf).split(".") for leaf in leaves]
    column = pl.col(paths[0][0])
    kind = schema[paths[0][0]]
    if name == "authorships":
        return _authorships(column, kind, paths).alias(name)
    if isinstance(RAW_SCHEMA[name], pl.List) or RAW_SCHEMA[name] == pl.String:
        return _text_at(column, kind, paths[0][1:]).alias(name)
    for key in paths[0][1:]:
        column = column.struct.field(key)
    return column.cast(RAW_SCHEMA[name], strict=False).alias(name)


def _authorships(column: pl.Expr, kind: DataType, paths: Sequence[Sequence[str]]) -> pl.Expr:
    """Raw authorships: the two lists of country codes of each, null where the file lacks one."""
    if not isinstance(kind, pl.List):
        raise pl.exceptions.SchemaError(f"authorships are of type {kind}, but have to be a list")
    path_by_key = {path[1]: path[1:] for path in paths}
    absent = pl.lit(None, pl.List(pl.String))
    kinds = _fields(kind.inner)
    countries, institutions = (
        _text_at(pl.element().struct.field(key), kinds[key], path_by_key[key][1:])
        if key in path_by_key
        else absent
        for key in ("countries", "institutions")
    )
    both = pl.struct(countries.alias("countries"), institutions.alias("institutions"))
    return column.list.drop_nulls().list.eval(both)
