"""Works outside the field that cite it, fetched by the works that they cite, in batches of a hundred.

A work that cites works of two batches is fetched twice. So works that are often cited together should be in
one batch, and the cited works are sorted by year, topic and id before they are divided.
"""

import gzip
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from poles.corpus.api import query
from poles.corpus.api.harvest import Progress, client_of, fetch, lines, number_of
from poles.corpus.api.store import Unit, describe
from poles.study import tables
from poles.study.tables import YEAR

log = logging.getLogger(__name__)

CITED = tables.Table(
    ("year", "topic", "work_id"),
    {
        "year": YEAR,
        "topic": pl.Int64,  # of the primary topic; null where there is none
        "work_id": pl.Int64,
        "cited_by_count": pl.Int64,  # by OpenAlex, over all its works
    },
)
"""Works of the field that are cited at least once."""


def list_cited(files: Iterable[str | Path]) -> pl.DataFrame:
    """List the works that are cited at least once, in the order of the batches.

    Parameters
    ----------
    files : iterable of path
        Harvested works of the field, one JSON record a line.

    Returns
    -------
    pl.DataFrame
        `CITED`.
    """
    rows: dict[int, tuple[Any, ...]] = {}
    count_read = 0
    for file in files:
        with gzip.open(file) as stream:
            for line in stream:
                work = orjson.loads(line)
                count_read += 1
                if (count := work.get("cited_by_count") or 0) > 0:
                    topic = ((work.get("primary_topic") or {}).get("id") or "").rpartition("/T")[2]
                    number = number_of(work)
                    year = work.get("publication_year")
                    rows[number] = year, int(topic) if topic.isdigit() else None, number, count
    log.info("%d works of the field, %d of them cited", count_read, len(rows))
    return tables.conform(pl.DataFrame(list(rows.values()), dict(CITED.columns), orient="row"), CITED)


def batches(cited: Sequence[int]) -> list[list[int]]:
    """Divide works into batches of as many as one filter takes."""
    return [list(cited[start : start + query.VALUES]) for start in range(0, len(cited), query.VALUES)]


def citing_conditions(scope: Mapping[str, Any]) -> dict[str, str]:
    """Conditions for works outside the field in the years of the study, without the works that they cite.

    Parameters
    ----------
    scope : Mapping
        ``field``, ``types`` and ``years`` of the study.
    """
    years = {"publication_year": f"{scope['years']['first']}-{scope['years']['last']}"}
    return query.in_field(scope["field"], outside=True) | query.of_types(scope["types"]) | years


def unit_of(store: Path, identity: str, batch: Sequence[int]) -> Unit:
    """Return the unit of a batch, whose name is a digest of its works."""
    name = hashlib.sha256(" ".join(map(str, batch)).encode()).hexdigest()[:16]
    return Unit(store / identity / name)


def harvest_citing(
    store: str,
    scope: Mapping[str, Any],
    cited: pl.DataFrame,
    part: tuple[int, int],
    settings: Mapping[str, Any],
) -> tuple[bytes, list[str]]:
    """Return the works outside the field that cite a part of its works; fetch those that the store lacks.

    Parameters
    ----------
    store : str
        Folder of the store.
    scope : Mapping
        ``url``, ``field``, ``types`` and ``years``.
    cited : pl.DataFrame
        `CITED`.
    part : (int, int)
        Number of the part, from 0, and number of parts; the batches do not depend on the latter.
    settings : Mapping
        ``source.api`` of the configuration.

    Returns
    -------
    content : bytes
        See `poles.corpus.api.harvest.lines`; a work that cites works of two parts is in both.
    records : list of str
        Paths of the ``complete.json`` of every batch, for the audit.

    Raises
    ------
    StudyError
        If the works cannot be fetched, or not today.
    """
    number, count = part
    all_batches = batches(cited["work_id"].to_list())
    part_batches = all_batches[len(all_batches) * number // count : len(all_batches) * (number + 1) // count]
    conditions = citing_conditions(scope)
    identity = query.identity(scope["url"], conditions)
    units = [unit_of(Path(store), identity, batch) for batch in part_batches]
    missing = [place for place, unit in enumerate(units) if not unit.is_complete()]
    if missing:
        describe(Path(store), identity, dict(scope))
        progress = Progress(f"citing works, part {number}")
        with client_of(settings, Path(store)) as client:
            for done, place in enumerate(missing, len(part_batches) - len(missing)):
                progress.show(done, len(part_batches), "batches", client.left)
                citing_batch = {**query.citing(part_batches[place]), **conditions}
                fetch(units[place], citing_batch, client, settings["drift"])
    content = lines(units)
    log.info("part %d: %d citing works from %d batches", number, content.count(b"\n"), len(part_batches))
    return content, [unit.record.as_posix() for unit in units]
