"""The files of a demo snapshot: part files and manifests, laid out as OpenAlex's."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from poles.corpus.demo import layout as paths
from poles.corpus.demo.columns import Columns
from poles.corpus.demo.lines import Lines
from poles.corpus.demo.parquet_schema import SCHEMA
from poles.corpus.demo.records import Describer, Rows
from poles.corpus.demo.works import Works, generate
from poles.corpus.demo.world import World, plant
from poles.study import embedding, seals

log = logging.getLogger(__name__)

ROW_GROUP = 10_000
"""Records in a row group of a Parquet file."""
AT_ONCE = 2_000
"""Records whose lines are made at once: 10 MB of text, for which memory is used again."""
LARGE = 200_000
"""Most works of a snapshot that zlib compresses. For more works it would take longer than all else."""


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
    write_part = _writer(layout, Describer(world, works), world.years)
    order = np.argsort(
        works.ids
    )  # by id, which is independent of the year, so that every part holds works of all years
    files: list[dict[str, Any]] = []
    begin = 0
    for name, (updated, number) in zip(names, paths.shares(len(works)), strict=True):
        path = folder / name
        write_part(order[begin : begin + number], updated, path, record)
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


Writer = Callable[[np.ndarray, str, Path, Mapping[str, Any]], None]
"""Writes works, given by their indices, with a date of their last update, to a path, with a provenance."""


def _writer(layout: str, describer: Describer, years: np.ndarray) -> Writer:
    """Make the writer of part files of a layout."""

    def groups(order: np.ndarray, size: int) -> Iterator[Rows]:
        return (describer.rows(order[begin : begin + size]) for begin in range(0, len(order), size))

    if layout == "parquet":
        columns = Columns(describer)
        return lambda order, updated, path, record: _write_parquet(
            (columns.table(rows, updated) for rows in groups(order, ROW_GROUP)), path, record
        )
    lines = Lines(describer, years, paths.DATES)
    is_large = len(describer.works) > LARGE
    return lambda order, updated, path, record: embedding.write_gzip(
        (lines.text(rows, updated) for rows in groups(order, AT_ONCE)), path, record, fast=is_large
    )


def _write_parquet(groups: Iterable[pa.Table], path: Path, record: Mapping[str, Any]) -> None:
    """Write tables as row groups."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, SCHEMA, compression="snappy", store_schema=False) as writer:
        for group in groups:
            writer.write_table(group)
        provenance = embedding.canonical(seals.unsealed(record, path))
        writer.add_key_value_metadata({"provenance": provenance})
    seals.seal(partial)
    partial.replace(path)
