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
    "primary_subfield": ("primary_topic.subfield.id",),
    "topic_score": ("primary_topic.score",),
    "topic_subfields": ("topics.subfield.id",),
    "authorships": (
        "authorships.countries",
        "authorships.institutions.country_code",
        "authorships.institutions.type",
    ),
    "references": ("referenced_works",),
    "is_truncated": ("is_authors_truncated",),
    "authors_count": ("authors_count",),
    "countries_count": ("countries_distinct_count",),
    "references_count": ("referenced_works_count",),
}
"""Parquet leaves that a raw column is made from; their paths are written without list levels."""

_TOPIC = pa.struct({"subfield": pa.struct({"id": pa.int64()}), "score": pa.float64()})
_AUTHORSHIP = pa.struct(
    {
        "countries": pa.large_list(pa.string()),
        "institutions": pa.large_list(pa.struct({"country_code": pa.string(), "type": pa.string()})),
    }
)
SHAPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "publication_year": pa.int64(),
    "type": pa.string(),
    "is_retracted": pa.bool_(),
    "is_paratext": pa.bool_(),
    "is_xpac": pa.bool_(),
    "updated_date": pa.timestamp("us"),
    "primary_topic": _TOPIC,
    "topics": pa.large_list(_TOPIC),
    "authorships": pa.large_list(_AUTHORSHIP),
    "referenced_works": pa.large_list(pa.string()),
    "is_authors_truncated": pa.bool_(),
    "authors_count": pa.int64(),
    "countries_distinct_count": pa.int64(),
    "referenced_works_count": pa.int64(),
}
"""Types that the columns of a file of works can be converted to."""
_ALLOWED = {
    pa.string(): "text",
    pa.int64(): "a whole number",
    pa.bool_(): "true or false",
    pa.float64(): "a number",
    pa.timestamp("us"): "a time",
}
"""What messages call the types of single values."""

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
            leaves = _leaves_in(table, file)
            for batch, rows in _batches(table, file, leaves, columns, prefilter, tally):
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
    file: File,
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
        for read in table.iter_batches(raw_schema.CHUNK, [group], paths, use_threads=False):
            batch = _conform_batch(read, file)
            numbers = tally.rows + np.arange(len(batch))
            tally.rows += len(batch)
            if prefilter is not None:
                passed = _passed(batch, prefilter, tally)
                batch, numbers = batch.filter(pa.array(passed)), numbers[passed]
            candidates.append(batch)
            rows.append(numbers)
            if sum(map(len, rows)) >= raw_schema.CHUNK:
                yield pa.Table.from_batches(candidates), np.concatenate(rows)
                candidates, rows = [], []
    if sum(map(len, rows)):
        yield pa.Table.from_batches(candidates), np.concatenate(rows)


def _conform_batch(batch: pa.RecordBatch, file: File) -> pa.RecordBatch:
    """Convert the columns of a batch to the types of `SHAPES`, as far as readers depend on them."""
    columns = {
        name: _conform(column, SHAPES[name], f"{file}: {name}")
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    return pa.RecordBatch.from_pydict(columns)


def _conform(array: pa.Array, shape: pa.DataType, place: str) -> pa.Array:
    """Convert an array to the lists and structs of a type; single values may keep a type of their own.

    Writers choose a type by what a part of the data holds: one without values may be of type null or integer,
    and text may be a dictionary. An array without values becomes nulls, and a null list becomes empty.

    Raises
    ------
    StudyError
        If its values are of another kind.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _conform(array.cast(kind.value_type), shape, place)
    if _is_list(kind) and _is_list(shape):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
        return pa.LargeListArray.from_arrays(ends, _conform(array.flatten(), shape.value_type, place))
    if pa.types.is_struct(kind) and pa.types.is_struct(shape):
        fields = {
            name: _conform(pc.struct_field(array, name), shape.field(name).type, f"{place}.{name}")
            for name in (field.name for field in kind)
        }
        return pa.StructArray.from_arrays([*fields.values()], [*fields], mask=array.is_null())
    if place.endswith(".subfield"):  # older files have the id itself
        shape = pa.int64()
    if _is_convertible(kind, shape):
        return array.cast(pa.large_string()) if pa.types.is_string_view(kind) else array
    if array.null_count == len(array):
        return pa.nulls(len(array), shape)
    allowed = "a list" if _is_list(shape) else _ALLOWED.get(shape, "a struct")
    raise StudyError(f"{place} is of type {kind!s:.100}, but has to be {allowed}")


def _is_list(kind: pa.DataType) -> bool:
    """Whether values are lists, in any layout."""
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view)
    return types.is_large_list_view(kind) or any(test(kind) for test in tests)


def _is_convertible(kind: pa.DataType, shape: pa.DataType) -> bool:
    """Whether single values of a type can be converted to another; a whole number may be any text."""
    types = pa.types
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    convertible = {
        pa.string(): is_text or types.is_integer(kind),
        pa.int64(): is_text or is_number,
        pa.bool_(): types.is_boolean(kind) or types.is_integer(kind),
        pa.float64(): is_number,
        pa.timestamp("us"): is_text or types.is_date(kind) or types.is_timestamp(kind),
    }
    return convertible.get(shape, False)


def _passed(batch: pa.RecordBatch, prefilter: Prefilter, tally: Tally) -> np.ndarray:
    """Whether each row of a batch is a candidate; the other rows are counted."""
    ids = work_numbers(_column(batch, LEAVES["work_id"][0]))
    years = _column(batch, LEAVES["year"][0])
    leaves = {
        name: [_column(batch, leaf) for leaf in LEAVES[name] if leaf.partition(".")[0] in batch.schema.names]
        for name in prefilter.columns
    }
    passed = prefilter.passes(leaves, ids)
    # A row is counted here only if its id and year are of the usual form; the others are parsed in full.
    passed |= ids < 0
    if pa.types.is_integer(years.type):
        # A number beyond 64 bits wraps to a negative one, and its row is parsed in full.
        numbers = pc.fill_null(years.cast(pa.int64(), safe=False), raw_schema.YEARS).to_numpy()
        passed |= (numbers < 0) | (numbers > raw_schema.YEARS)
        tally.add(np.bincount(numbers[~passed], minlength=raw_schema.YEARS + 1))
    else:
        passed |= True
    return passed


def _column(batch: pa.RecordBatch, leaf: str) -> pa.Array:
    """Return a leaf of a batch; if its path has a list level, a list array of the leaf's values."""
    name, *path = leaf.split(".")
    return _descend(batch.column(name), path)


def _descend(array: pa.Array, path: Sequence[str]) -> pa.Array:
    """Follow a path of struct fields down from an array, as far as it goes."""
    if pa.types.is_large_list(array.type) and path:
        return pa.LargeListArray.from_arrays(array.offsets, _descend(array.values, path))
    if not path or not pa.types.is_struct(array.type):
        return array
    return _descend(pc.struct_field(array, path[0]), path[1:])


def _leaves_in(table: pq.ParquetFile, file: File) -> dict[str, list[str]]:
    """Return the Parquet leaves that each raw column is made from, in the file's own spelling.

    Where a column has no values, its type may have fewer levels, so its leaf may stand above the one in
    `LEAVES`.
    """
    leaves = [table.schema.column(number).path for number in range(len(table.schema))]
    spellings = {_LIST_LEVEL.sub("", leaf): leaf for leaf in leaves}

    def found(wanted: str) -> list[str]:
        levels = wanted.split(".")
        above = (".".join(levels[:depth]) for depth in range(len(levels), 0, -1))
        return [spellings[leaf] for leaf in above if leaf in spellings]

    paths = {
        name: list(dict.fromkeys(leaf for part in wanted for leaf in found(part)))
        for name, wanted in LEAVES.items()
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


def _text_at(expression: pl.Expr, kind: DataType | DataTypeClass, path: Sequence[str]) -> pl.Expr:
    """Return the value at the end of a path through structs, as text; lists on the path stay lists."""
    if isinstance(kind, pl.List):
        return expression.list.eval(_text_at(pl.element(), kind.inner, path))
    if isinstance(kind, pl.Struct):
        kinds = _fields(kind)
        if path[0] not in kinds:
            return pl.when(expression.is_null()).then(pl.lit(None, pl.String))
        return _text_at(expression.struct.field(path[0]), kinds[path[0]], path[1:])
    if isinstance(kind, pl.Datetime):
        utc = expression if kind.time_zone is None else expression.dt.convert_time_zone("UTC")
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    return expression.cast(pl.String)


def _fields(kind: pl.Struct) -> dict[str, DataType | DataTypeClass]:
    """Types of the fields of a struct."""
    return {entry.name: entry.dtype for entry in kind.fields}


def _raw_expression(name: str, leaves: Sequence[str], schema: Mapping[str, DataType]) -> pl.Expr:
    """Raw column, as an expression over the columns of `SHAPES`."""
    if not leaves:
        return pl.lit(None, RAW_SCHEMA[name]).alias(name)
    top, *path = LEAVES[name][0].split(".")
    column, kind = pl.col(top), schema[top]
    if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct) and name == "authorships":
        return _authorships(column, kind.inner).alias(name)
    if name == "year":
        number = column.str.strip_chars() if kind == pl.String else column
        number = number.cast(pl.Float64, strict=False)
        return pl.when(number == number.floor()).then(number).cast(pl.Int64, strict=False).alias(name)
    if isinstance(RAW_SCHEMA[name], pl.List) or RAW_SCHEMA[name] == pl.String:
        return _text_at(column, kind, path).alias(name)
    for key in path:
        column = column.struct.field(key)
    return column.cast(RAW_SCHEMA[name], strict=False).alias(name)


def _authorships(column: pl.Expr, kind: pl.Struct) -> pl.Expr:
    """Raw authorships, which are structs: their lists of codes and types, null where the file lacks one."""
    kinds = _fields(kind)
    lists = (
        _text_at(pl.element().struct.field(key), kinds[key], path)
        if key in kinds
        else pl.lit(None, pl.List(pl.String))
        for _, key, *path in (leaf.split(".") for leaf in LEAVES["authorships"])
    )
    names = ("countries", "institutions", "types")
    together = pl.struct(values.alias(name) for name, values in zip(names, lists, strict=True))
    return column.list.drop_nulls().list.eval(together)
