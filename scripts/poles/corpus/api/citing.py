"""Works outside the field that cite it: asked for by the works that they cite, a hundred of these at a time.

Works that are cited together should be asked for together, for a work that cites two batches comes twice. So
the cited works are put in the order of year, topic and id before they are cut into batches.
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
        "cited_by_count": pl.Int64,  # in all of OpenAlex, as it counts
    },
)
"""Works of the field that somebody cites."""


def list_cited(files: Iterable[str | Path]) -> pl.DataFrame:
    """Works that are cited at all, in the order in which they are asked for.

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
    read = 0
    for file in files:
        with gzip.open(file) as stream:
            for line in stream:
                work = orjson.loads(line)
                read += 1
                if (count := work.get("cited_by_count") or 0) > 0:
                    topic = ((work.get("primary_topic") or {}).get("id") or "").rpartition("/T")[2]
                    number = number_of(work)
                    year = work.get("publication_year")
                    rows[number] = year, int(topic) if topic.isdigit() else None, number, count
    log.info("%d works of the field, %d of them cited", read, len(rows))
    return tables.conform(pl.DataFrame(list(rows.values()), dict(CITED.columns), orient="row"), CITED)


def batches(cited: Sequence[int]) -> list[list[int]]:
    """Batches of works, as many in each as one filter takes."""
    return [list(cited[start : start + query.VALUES]) for start in range(0, len(cited), query.VALUES)]


def citing_conditions(asked: Mapping[str, Any]) -> dict[str, str]:
    """Conditions for works outside the field in the years of the study, the works that they cite left out.

    Parameters
    ----------
    asked : Mapping
        ``field``, ``types`` and ``years`` of the study.
    """
    years = {"publication_year": f"{asked['years']['first']}-{asked['years']['last']}"}
    return query.in_field(asked["field"], outside=True) | query.of_types(asked["types"]) | years


def unit_of(store: Path, identity: str, batch: Sequence[int]) -> Unit:
    """Unit of a batch, named after the works that it holds."""
    name = hashlib.sha256(" ".join(map(str, batch)).encode()).hexdigest()[:16]
    return Unit(store / identity / name)


def harvest_citing(
    store: str,
    asked: Mapping[str, Any],
    cited: pl.DataFrame,
    part: tuple[int, int],
    settings: Mapping[str, Any],
) -> tuple[bytes, list[str]]:
    """Works outside the field that cite one part of its cited works.

    Parameters
    ----------
    store : str
        Folder of the store.
    asked : Mapping
        ``url``, ``field``, ``types`` and ``years``.
    cited : pl.DataFrame
        `CITED`.
    part : (int, int)
        Which part, from 0, and of how many; batches do not depend on their number.
    settings : Mapping
        ``source.api`` of the configuration.

    Returns
    -------
    content : bytes
        See `poles.corpus.api.harvest.lines`; a work that cites works of two parts is in both.
    records : list of str
        The ``complete.json`` of every batch.

    Raises
    ------
    StudyError
        If the works cannot be had, or not today.
    """
    number, of = part
    all_batches = batches(cited["work_id"].to_list())
    own = all_batches[len(all_batches) * number // of : len(all_batches) * (number + 1) // of]
    conditions = citing_conditions(asked)
    identity = query.identity(asked["url"], conditions)
    units = [unit_of(Path(store), identity, batch) for batch in own]
    missing = [place for place, unit in enumerate(units) if not unit.is_complete()]
    if missing:
        describe(Path(store), identity, dict(asked))
        progress = Progress(f"citing works, part {number}")
        with client_of(settings, Path(store)) as client:
            for done, place in enumerate(missing, len(own) - len(missing)):
                progress.show(done, len(own), "batches", client.left)
                wanted = {**query.citing(own[place]), **conditions}
                fetch(units[place], wanted, client, settings["drift"])
    content = lines(units)
    log.info("part %d: %d citing works from %d batches", number, content.count(b"\n"), len(own))
    return content, [unit.record.as_posix() for unit in units]
