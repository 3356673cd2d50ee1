"""Independent check of the collaboration links: compare them with the counts of OpenAlex itself.

OpenAlex can count works by one key within another, so one request gives the works of every pair of countries
in a year. Its index has only the first hundred authorships of a work, and an answer has only the 200 largest
groups. Works with more authors and pairs of small countries may therefore differ without any error.
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
from poles.networks.tables import CHECK
from poles.study import tables
from poles.study.tables import PAIR

log = logging.getLogger(__name__)

_KEYS = {"listed": "authorships.countries", "institutions": "authorships.institutions.country_code"}
"""Keys of OpenAlex by ``selection.countries``."""
_NO_FILTER = ("merge", "institution_types", "max_countries", "min_topic_score", "most_cited")
"""Keys of ``selection`` that OpenAlex has no filter for."""


def conditions_of(scope: Mapping[str, Any], selection: Mapping[str, Any], year: int) -> dict[str, str]:
    """Conditions under which OpenAlex counts the works of a year that the study selects.

    Parameters
    ----------
    scope : Mapping
        ``field`` and ``types`` of the harvest.
    selection : Mapping
        ``selection`` of the configuration.
    year : int
        Year of publication.

    Raises
    ------
    StudyError
        If OpenAlex cannot select works in that way.
    """
    impossible = {
        "countries": selection["countries"] not in _KEYS,
        "authors": selection.get("authors", "all") != "all",
        **{key: bool(selection.get(key)) for key in _NO_FILTER},
    }
    for key, is_impossible in impossible.items():
        if is_impossible:
            raise StudyError(
                f"selection.{key}: {selection[key]!r}; allowed for this check: the default, as OpenAlex "
                "has no such filter"
            )
    types = [set(names) for names in (scope["types"], selection["types"]) if names is not None]
    conditions = {**core_conditions(scope), "publication_year": str(year)}
    if types:
        conditions["type"] = "|".join(sorted(set.intersection(*types)))
    elif not selection["paratext"]:
        conditions["type"] = "!paratext"
    return conditions if selection["retracted"] else {**conditions, "is_retracted": "false"}


def _fetch_groups(client: Client, conditions: query.Conditions, key: str) -> bytes:
    """Answer of OpenAlex with groups of pairs of countries; if it refuses that, of single countries."""
    try:
        return client.get(query.groups(conditions, key, key), 1, "collaboration").body
    except Refused as error:
        log.warning("OpenAlex refuses nested groups, so only single countries are compared: %s", error)
        return client.get(query.groups(conditions, key), 1, "works by country").body


def compare(ours: pl.DataFrame, groups: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Compare our counts with those of OpenAlex.

    Parameters
    ----------
    ours : pl.DataFrame
        `LINKS` of a year under full counting.
    groups : sequence of Mapping
        ``group_by`` of the answer of OpenAlex.

    Returns
    -------
    pl.DataFrame
        `CHECK`. The count of OpenAlex is 0, not null, if a group is missing from a complete list.
    """
    schema = {**PAIR, "openalex": pl.Int64}
    theirs = pl.DataFrame(list(pairs(groups)), schema, orient="row")
    complete = [country_of(group) for group in groups if 0 < len(group.get("groups", ())) < GROUPS]
    counts = ours.select(*PAIR, pl.col("weight").alias("ours")).join(
        theirs, on=["source", "target"], how="full", coalesce=True
    )
    in_complete_list = pl.col("source").is_in(complete) | pl.col("target").is_in(complete)
    diagonal = (pl.col("source") == pl.col("target")) & (len(groups) < GROUPS)
    counts = counts.with_columns(
        pl.col("ours").fill_null(0),
        pl.when(pl.col("openalex").is_null() & (in_complete_list | diagonal))
        .then(0)
        .otherwise("openalex")
        .alias("openalex"),
    )
    difference = pl.col("ours") - pl.col("openalex")
    return tables.conform(counts.with_columns(difference.alias("difference")), CHECK)


def check_collaboration(
    store: str,
    scope: Mapping[str, Any],
    selection: Mapping[str, Any],
    year: int,
    ours: pl.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[pl.DataFrame, list[str]]:
    """Compare the collaboration of a year with the counts of OpenAlex. The first call costs one credit.

    Parameters
    ----------
    store : str
        Folder that keeps the answers of OpenAlex.
    scope, selection : Mapping
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
        Path of the ``complete.json`` of the answer.

    Raises
    ------
    StudyError
        If OpenAlex cannot select such works, or its answer does not hold groups of countries.
    """
    conditions = conditions_of(scope, selection, year)
    key = _KEYS[selection["countries"]]
    identity = query.identity(scope["url"], {**conditions, "group_by": f"{key},{key}"})
    unit = Unit(Path(store, identity, "groups"))
    if not unit.is_complete():
        describe(Path(store), identity, {**scope, "filter": conditions, "group_by": [key, key]})
        with client_of(settings, Path(store)) as client:
            unit.save_page(1, 0, _fetch_groups(client, conditions, key))
        unit.finish({"url": scope["url"], "filter": conditions, "group_by": [key, key]})
    try:
        table = compare(ours, read_answer(unit.pages()[0].path)["group_by"])
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise StudyError(f"{unit}: the answer holds no groups of countries ({reason})") from None
    compared = table.filter(pl.col("openalex").is_not_null())
    differing = compared.filter(pl.col("difference") != 0).sort(pl.col("difference").abs(), descending=True)
    first_rows = differing.head(3).iter_rows()
    largest = ", ".join(f"{s}-{t} {ours} and {theirs}" for s, t, ours, theirs, _ in first_rows)
    log.info(
        "%d: %d pairs, %d compared, %d of them differ, by %d works in total%s",
        year, len(table), len(compared), len(differing), differing["difference"].abs().sum(),
        f"; ours and those of OpenAlex: {largest}" if largest else "",
    )  # fmt: skip
    return table, [unit.record.as_posix()]
