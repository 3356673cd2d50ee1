"""Tables that need not fit into memory: sorted in runs, and merged while they are written."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from poles.errors import StudyError
from poles.study import embedding, seals, tables
from poles.study.tables import Table

LARGEST = 50_000
"""Rows that are sorted in memory. A table that has no more is written by `tables.write`."""


class _Run(NamedTuple):
    """Sorted rows in a file.

    Attributes
    ----------
    path : Path
        An Arrow file.
    batches : dict
        For each value of the first column of the key, the numbers of the batches that hold its rows.
    """

    path: Path
    batches: dict[Any, range]

    def read(self, value: Any) -> Iterator[pa.RecordBatch]:
        """Yield the rows with a value in the first column of the key."""
        numbers = self.batches.get(value)
        if numbers:
            with pa.OSFile(str(self.path)) as stream, pa.ipc.open_file(stream) as file:
                for number in numbers:
                    yield file.get_batch(number)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    """Convert a frame to types that every reader of Parquet knows."""
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _write_run(frame: pl.DataFrame, table: Table, path: Path) -> _Run:
    """Write sorted rows, those with an equal value in the first column of the key in batches of their own."""
    batches: dict[Any, range] = {}
    start = number = 0
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(path), "wb") as stream,
        pa.ipc.new_file(stream, _arrow(frame.clear()).schema, options=options) as file,
    ):
        for count, value in frame[table.key[0]].rle().struct.unnest().iter_rows():
            parts = _arrow(frame.slice(start, count)).to_batches(max_chunksize=table.row_group)
            for part in parts:
                file.write_batch(part)
            batches[value] = range(number, number + len(parts))
            start, number = start + count, number + len(parts)
    return _Run(path, batches)


def _row_groups(runs: list[_Run], size: int) -> Iterator[pa.Table]:
    """Merge runs; yield `size` rows at a time, fewer where the first column of the key changes."""
    values = {value for run in runs for value in run.batches}
    for value in sorted(values, key=lambda value: (value is None, value)):
        held: list[pa.RecordBatch] = []
        for batch in (batch for run in runs for batch in run.read(value)):
            held.append(batch)
            while (rows := pa.Table.from_batches(held)).num_rows > size:
                yield rows.slice(0, size).combine_chunks()
                held = rows.slice(size).to_batches()
        yield pa.Table.from_batches(held).combine_chunks()


def _merge(runs: list[_Run], table: Table, path: Path, record: Mapping[str, Any]) -> None:
    """Write the rows of runs as one table."""
    before = None
    schema = _arrow(pl.DataFrame(schema=dict(table.columns))).schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _row_groups(runs, table.row_group or LARGEST):
            keys = pl.DataFrame(group.select(table.key))
            first, last = keys.row(0), keys.row(-1)
            if before is not None and first[0] == before[0] and first <= before:
                raise StudyError(
                    f"rows with {table.key[0]} {first[0]} come out of order: {first} after {before}"
                )
            before = last
            writer.write_table(group, row_group_size=len(group))
        writer.add_key_value_metadata({"provenance": embedding.canonical(record)})


def read(path: str | Path, table: Table) -> Iterator[pl.DataFrame]:
    """Read a table that need not fit into memory, a row group at a time.

    Parameters
    ----------
    path : str or Path
        A file written by `write` or `tables.write`.
    table : Table
        The kind of table expected.

    Yields
    ------
    pl.DataFrame
        Columns as in `table`.

    Raises
    ------
    StudyError
        If the file is another kind of table.
    """
    tables.check_schema(pl.read_parquet_schema(path), table, path)
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield pl.DataFrame(file.read_row_group(group))


def write(frames: Iterable[pl.DataFrame], table: Table, path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a table that is made frame by frame, with its provenance.

    A small table is written as by `tables.write`. A large one has the same rows in the same order, but its
    row groups end where the first column of the key changes.

    Parameters
    ----------
    frames : iterable of pl.DataFrame
        Rows with equal values in the first column of the key come in the order of the key.
    table : Table
        The kind of table.
    path : str or Path
        A ``.parquet`` file. An interrupted write leaves the old file, or none. Until the table is complete,
        its rows are in a folder beside it.
    record : Mapping
        Provenance of the job.

    Raises
    ------
    StudyError
        As `tables.conform`, or if rows come out of order.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    held, count, runs = [pl.DataFrame(schema=dict(table.columns))], 0, list[_Run]()
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".partial", dir=path.parent) as folder:
        for frame in frames:
            held.append(frame)
            count += len(frame)
            if count > LARGEST:
                rows = tables.conform(pl.concat(held), table)
                runs.append(_write_run(rows, table, Path(folder, f"{len(runs)}.arrow")))
                held, count = held[:1], 0
        if not runs:
            tables.write(pl.concat(held), table, path, record)
            return
        rows = tables.conform(pl.concat(held), table)
        runs.append(_write_run(rows, table, Path(folder, f"{len(runs)}.arrow")))
        partial = Path(folder, path.name)
        _merge(runs, table, partial, seals.unsealed(record, path))
        seals.seal(partial)
        partial.replace(path)
