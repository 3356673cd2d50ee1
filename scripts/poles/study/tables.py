"""Kinds of tables, and how tables are written and read. Each package declares the kinds that it makes.

A table is sorted by its key and carries its provenance in the Parquet metadata, so equal content means equal
bytes. Countries are ISO 3166-1 alpha-2 codes (Namibia is the string "NA"), years are int16.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from poles.errors import StudyError
from poles.study import embedding, seals

COUNTRY = pl.String
YEAR = pl.Int16
PAIR = {
    "source": COUNTRY,  # first country of the pair; in citation the one that cites
    "target": COUNTRY,  # second country; in citation the one that is cited
}


class Table(NamedTuple):
    """A kind of table: its key, the type of every column, and how it is stored."""

    key: tuple[str, ...]
    columns: Mapping[str, Any]
    row_group: int | None = None  # rows of a Parquet row group; None: the default of the writer
    ascending: tuple[str, ...] = ()  # whole numbers, or lists of them, that are stored as differences


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Give a frame exactly the columns, types and order of its kind of table.

    Parameters
    ----------
    frame : pl.DataFrame
        At least the columns of `table`; others are dropped.
    table : Table
        The kind of table that the frame must be.

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
    repeated = frame.select(table.key).is_duplicated()
    if repeated.any():
        row = frame.filter(repeated).row(0, named=True)
        raise StudyError(f"key occurs twice: {', '.join(f'{name}={row[name]}' for name in table.key)}")
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
        A ``.parquet`` file. An interrupted write leaves the old file, or none.
    record : Mapping
        Provenance of the job.

    Returns
    -------
    pl.DataFrame
        The table as written.
    """
    frame = conform(frame, table)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    provenance = {"provenance": embedding.canonical(seals.unsealed(record, path))}
    if table.ascending:
        _write_differences(frame, table, partial, provenance)
    else:
        frame.write_parquet(partial, row_group_size=table.row_group, metadata=provenance)
    seals.seal(partial)
    partial.replace(path)
    return frame


def _write_differences(frame: pl.DataFrame, table: Table, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a table whose ascending columns are read in half the time, which polars cannot write."""
    import pyarrow.parquet as pq  # few jobs write such tables, and importing it takes a while

    leaves = {
        name: f"{name}.list.element" if isinstance(kind, pl.List) else name
        for name, kind in table.columns.items()
    }
    arrow = frame.to_arrow()
    with pq.ParquetWriter(
        path,
        arrow.schema,
        compression="zstd",
        use_dictionary=[leaf for name, leaf in leaves.items() if name not in table.ascending],
        column_encoding={leaves[name]: "DELTA_BINARY_PACKED" for name in table.ascending},
    ) as writer:
        writer.write_table(arrow, row_group_size=table.row_group)
        writer.add_key_value_metadata(metadata)


def read(path: str | Path, table: Table) -> pl.DataFrame:
    """Read a table and check that it is of the expected kind.

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
    check_schema(frame.schema, table, path)
    return frame


def check_schema(schema: Mapping[str, Any], table: Table, path: str | Path) -> None:
    """Refuse the columns of a file that is another kind of table.

    Raises
    ------
    StudyError
        If the names, types or order of the columns are others.
    """
    if list(schema.items()) != list(pl.Schema(table.columns).items()):
        raise StudyError(f"{path}: columns {dict(schema)}, expected {dict(table.columns)}")


def read_all(paths: Iterable[str | Path], table: Table) -> pl.DataFrame:
    """Read tables of one kind as one frame, in the order of the files; an empty frame if there are none."""
    return pl.concat([pl.DataFrame(schema=dict(table.columns)), *(read(path, table) for path in paths)])


def read_each(keys: Iterable[str], paths: Iterable[str | Path], table: Table) -> dict[str, pl.DataFrame]:
    """Read tables of one kind, such as one for each layer.

    Parameters
    ----------
    keys : iterable of str
        A key for each table, in the order of the files.
    paths : iterable of str or Path
        As many files, written by `write`.
    table : Table
        The kind of table expected.

    Returns
    -------
    dict
        Tables by key, in the same order.
    """
    return {key: read(path, table) for key, path in zip(keys, paths, strict=True)}
