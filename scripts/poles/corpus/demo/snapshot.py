"""The files of a demo snapshot: part files and manifests, laid out as OpenAlex's."""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from poles.corpus.demo import layout as paths
from poles.corpus.demo.parquet_schema import SCHEMA
from poles.corpus.demo.records import Describer
from poles.corpus.demo.works import Works, generate
from poles.corpus.demo.world import World, plant
from poles.study import embedding, seals

log = logging.getLogger(__name__)

ROW_GROUP = 10_000
"""Records in a row group of a Parquet file."""


def write_snapshot(
    folder: str | Path,
    works: int,
    seed: int,
    first: int,
    last: int,
    layout: str,
    record: Mapping[str, Any],
    **knobs: float,
) -> pl.DataFrame:
    """Generate a demo snapshot: part files and manifests, laid out as OpenAlex's.

    Parameters
    ----------
    folder : str or Path
        Folder that takes the place of OpenAlex's bucket.
    works : int
        Number of records.
    seed : int
        Seed; equal arguments give equal bytes.
    first, last : int
        Years in which works appear.
    layout : str
        ``jsonl`` or ``parquet``; both hold the same records.
    record : Mapping
        Provenance of the job, embedded in every file.
    **knobs
        Attributes of `Plan`.

    Returns
    -------
    pl.DataFrame
        `TRUTH`, the archetype of every pair of countries.

    Raises
    ------
    StudyError
        If an argument is unknown or out of range.
    """
    names = paths.parts(works, layout)
    world = plant(seed, first, last, **knobs)
    generated = generate(world, works, seed)
    log.info(
        "demo: %d works of %d countries, %d of them in the field, with %d references and %d authorships",
        len(generated), len(world.codes), generated.in_field.sum(), len(generated.references),
        len(generated.author_country),
    )  # fmt: skip
    _write(Path(folder), names, world, generated, layout, record)
    return world.truth()


def _write(
    folder: Path, names: Sequence[str], world: World, works: Works, layout: str, record: Mapping[str, Any]
) -> None:
    """Write the part files of a snapshot, whose names are relative to its folder, and its manifests."""
    write_part = _WRITERS[layout]
    describer = Describer(world, works)
    order = np.argsort(
        works.ids
    )  # by id, which is independent of the year, so that every part holds works of all years
    files: list[dict[str, Any]] = []
    begin = 0
    for name, (updated, number) in zip(names, paths.shares(len(works)), strict=True):
        path = folder / name
        write_part(describer.records(order[begin : begin + number], updated), path, record)
        begin += number
        meta = {"content_length": path.stat().st_size, "record_count": number}
        files.append({"url": f"s3://openalex/{name}", "meta": meta})
    # Manifests are written last, as by OpenAlex, so that they imply that all files exist.
    meta = {key: sum(file["meta"][key] for file in files) for key in ("record_count", "content_length")}
    head = {"date": paths.RELEASE, "format": layout}
    entity = {"entity": "works", **meta, "files": files}
    whole_path, entity_path = (folder / name for name in paths.manifests(layout))
    embedding.write_json({**head, **entity}, entity_path, record)
    embedding.write_json({**head, "meta": meta, "entities": [entity]}, whole_path, record)


def _write_jsonl(records: Iterable[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    lines = b"".join(orjson.dumps(work, option=orjson.OPT_APPEND_NEWLINE) for work in records)
    embedding.write_gzip(lines, path, record)


def _write_parquet(records: Iterator[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    """Write records in the types of OpenAlex's Parquet files, a row group at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, SCHEMA, compression="snappy", store_schema=False) as writer:
        while group := list(itertools.islice(records, ROW_GROUP)):
            columns = [_column([work[field.name] for work in group], field.type) for field in SCHEMA]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
        provenance = embedding.canonical(seals.unsealed(record, path))
        writer.add_key_value_metadata({"provenance": provenance})
    seals.seal(partial)
    partial.replace(path)


_WRITERS: dict[str, Callable[[Iterator[dict[str, Any]], Path, Mapping[str, Any]], None]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Make a column of a type; dates and times are given as their text in JSON."""
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = [value and date.fromisoformat(value[:10]) for value in values]
        return pa.array(days, pa.date32()).cast(kind)
    if pa.types.is_map(kind):
        values = [list(value.items()) for value in values]
    return pa.array(values, kind)
