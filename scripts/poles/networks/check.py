"""The independent check: collaboration as OpenAlex itself counts it, beside ours.

OpenAlex counts works by one key within another, so that one question gives the works that every two countries
wrote together in a year. Its index holds the first hundred authorships of a work and gives the 200 largest
groups, so works of more authors, and pairs of the smallest countries, may differ for that reason alone.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.api import query
from poles.corpus.api.client import Client, Refused
from poles.corpus.api.groups import GROUPS, country_of, pairs
from poles.corpus.api.harvest import client_of, core_conditions
from poles.corpus.api.store import Unit, describe, read_answer
from poles.errors import StudyError
from poles.study import tables
from poles.study.tables import PAIR

log = logging.getLogger(__name__)

CHECK = tables.Table(
    ("source", "target"),
    {
        **PAIR,
        "ours": pl.Int64,
        "openalex": pl.Int64,  # null where OpenAlex was not asked, or gave no group
        "difference": pl.Int64,
    },
)
"""Works of two countries, ours and as OpenAlex counts them; on the diagonal the works of one."""
_KEYS = {"listed": "authorships.countries", "institutions": "authorships.institutions.country_code"}


def conditions_of(asked: Mapping[str, Any], selection: Mapping[str, Any], year: int) -> dict[str, str]:
    """Conditions for the works of a year that the study selects.

    Parameters
    ----------
    asked : Mapping
        ``field`` and ``types`` of the harvest.
    selection : Mapping
        ``selection`` of the configuration.
    year : int
        Year of publication.

    Raises
    ------
    StudyError
        If OpenAlex cannot be asked for that selection.
    """
    beyond = {
        "countries": selection["countries"] not in _KEYS,
        **{key: bool(selection.get(key)) for key in ("merge", "max_countries", "min_topic_score")},
    }
    for key, is_beyond in beyond.items():
        if is_beyond:
            raise StudyError(
                f"selection.{key}: {selection[key]!r}; OpenAlex cannot be asked for that, so the check wants "
                "its default"
            )
    types = [set(names) for names in (asked["types"], selection["types"]) if names is not None]
    found = {**core_conditions(asked), "publication_year": str(year)}
    if types:
        found["type"] = "|".join(sorted(set.intersection(*types)))
    elif not selection["paratext"]:
        found["type"] = "!paratext"
    return found if selection["retracted"] else {**found, "is_retracted": "false"}


def _asked(client: Client, conditions: query.Conditions, key: str) -> bytes:
    """Groups of OpenAlex: nested, or where that is refused, of single countries."""
    try:
        return client.get(query.groups(conditions, key, key), 1, "collaboration").body
    except Refused as error:
        log.warning("no nested groups, so countries alone are compared: %s", error)
        return client.get(query.groups(conditions, key), 1, "works by country").body


def compare(ours: pl.DataFrame, groups: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Put the counts of OpenAlex beside ours.

    Parameters
    ----------
    ours : pl.DataFrame
        `LINKS` of a year under full counting.
    groups : sequence of Mapping
        ``group_by`` of an answer.

    Returns
    -------
    pl.DataFrame
        `CHECK`. A pair that OpenAlex would have given, had it any, counts zero there.
    """
    schema = {**PAIR, "openalex": pl.Int64}
    theirs = pl.DataFrame(list(pairs(groups)), schema, orient="row")
    whole = [country_of(group) for group in groups if 0 < len(group.get("groups", ())) < GROUPS]
    both = ours.select(*PAIR, pl.col("weight").alias("ours")).join(
        theirs, on=["source", "target"], how="full", coalesce=True
    )
    given = pl.col("source").is_in(whole) | pl.col("target").is_in(whole)
    diagonal = (pl.col("source") == pl.col("target")) & (len(groups) < GROUPS)
    both = both.with_columns(
        pl.col("ours").fill_null(0),
        pl.when(pl.col("openalex").is_null() & (given | diagonal))
        .then(0)
        .otherwise("openalex")
        .alias("openalex"),
    )
    return tables.conform(both.with_columns((pl.col("ours") - pl.col("openalex")).alias("difference")), CHECK)


def check_collaboration(
    store: str,
    asked: Mapping[str, Any],
    selection: Mapping[str, Any],
    year: int,
    ours: pl.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[pl.DataFrame, list[str]]:
    """Compare the collaboration of a year with OpenAlex's own count of it; one credit, once.

    Parameters
    ----------
    store : str
        Folder of the store, which keeps the answer.
    asked, selection : Mapping
        See `conditions_of`.
    year : int
        Year of publication.
    ours : pl.DataFrame
        `LINKS` of that year under full counting.
    settings : Mapping
        ``source.api`` of the configuration.

    Returns
    -------
    table : pl.DataFrame
        `CHECK`.
    records : list of str
        The ``complete.json`` of the answer.

    Raises
    ------
    StudyError
        If OpenAlex cannot be asked, or answers something else than groups of countries.
    """
    conditions = conditions_of(asked, selection, year)
    key = _KEYS[selection["countries"]]
    identity = query.identity(asked["url"], {**conditions, "group_by": f"{key},{key}"})
    unit = Unit(Path(store, identity, "groups"))
    if not unit.is_complete():
        describe(Path(store), identity, {**asked, "filter": conditions, "group_by": [key, key]})
        with client_of(settings, Path(store)) as client:
            unit.save_page(1, 0, _asked(client, conditions, key))
        unit.finish({"url": asked["url"], "filter": conditions, "group_by": [key, key]})
    try:
        table = compare(ours, read_answer(unit.pages()[0].path)["group_by"])
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"{unit}: no groups of countries ({type(error).__name__}: {error})") from None
    known = table.filter(pl.col("openalex").is_not_null())
    off = known.filter(pl.col("difference") != 0).sort(pl.col("difference").abs(), descending=True)
    worst = ", ".join(f"{s}-{t} {ours} and {theirs}" for s, t, ours, theirs, _ in off.head(3).iter_rows())
    log.info(
        "%d: %d pairs, %d compared, %d of them differ, by %d works in all%s",
        year, len(table), len(known), len(off), off["difference"].abs().sum(),
        f"; ours and OpenAlex's: {worst}" if worst else "",
    )  # fmt: skip
    return table, [unit.record.as_posix()]
