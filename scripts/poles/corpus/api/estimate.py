"""What a harvest will cost, before it is begun."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.api import query
from poles.corpus.api.citing import CITED, batches, citing_conditions, unit_of
from poles.corpus.api.client import Client
from poles.corpus.api.date_ranges import dates
from poles.corpus.api.harvest import client_of, core_conditions
from poles.corpus.api.store import Unit
from poles.errors import StudyError
from poles.study import tables

SAMPLE = 5
"""Batches of cited works that are counted to estimate all of them."""

PAGES_A_BATCH = 4.1
"""Pages that works citing a hundred works of the field fill, where nothing is known yet: 1.24 million works
citing five of two million works each."""


def works_by_year(client: Client, conditions: query.Conditions) -> dict[int, int]:
    """Numbers of works of every year, as OpenAlex counts them; one credit.

    Raises
    ------
    StudyError
        If the answer holds no groups.
    """
    path = query.groups(conditions, "publication_year")
    document = client.get(path, 1, "works by year").document
    try:
        return {int(group["key"]): int(group["count"]) for group in document["group_by"]}
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{client.url}{path}: no numbers by year ({type(error).__name__}: {error})"
        ) from None


def pages(works: float, units: int) -> int:
    """Pages that some works fill in so many lists of about equal length: each has one page at least."""
    return units * max(1, math.ceil(works / units / query.PER_PAGE)) if units else 0


def _core(
    client: Client, store: Path, asked: Mapping[str, Any], spans: Sequence[str], years: Mapping[str, int]
) -> tuple[int, int, int]:
    """Works of the field, credits that they still cost, and shards that are in the store already."""
    conditions = core_conditions(asked)
    identity = query.identity(asked["url"], conditions)
    span = {"publication_year": f"{years['first']}-{years['last']}"}
    found = works_by_year(client, {**conditions, **span})
    missing = [span for span in spans if not Unit(store / identity / span).is_complete()]
    by_year: dict[int, list[str]] = {}
    for name in spans:
        by_year.setdefault(dates(name)[0].year, []).append(name)
    credits = 0
    for year, names in by_year.items():
        lacking = [name for name in names if name in missing]
        credits += pages(found.get(year, 0) * len(lacking) / len(names), len(lacking))
    return sum(found.get(year, 0) for year in by_year), credits, len(spans) - len(missing)


def _citing(client: Client, store: Path, asked: Mapping[str, Any], cited: Path) -> tuple[int, int, str]:
    """Batches of cited works, credits that their citing works still cost, and what the number rests on."""
    conditions = citing_conditions(asked)
    if not cited.is_file():
        wanted = {**core_conditions(asked), "cited_by_count": ">0"}
        wanted["publication_year"] = conditions["publication_year"]
        count = int(client.get(query.count(wanted), 1, "cited works").document["meta"]["count"])
        number = math.ceil(count / query.VALUES)
        return number, math.ceil(number * PAGES_A_BATCH), "a guess until the works of the field are there"
    identity = query.identity(asked["url"], conditions)
    all_batches = batches(tables.read(cited, CITED)["work_id"].to_list())
    missing = [batch for batch in all_batches if not unit_of(store, identity, batch).is_complete()]
    sample = min(SAMPLE, len(missing))
    chosen = [missing[len(missing) * n // sample] for n in range(sample)]
    counted = [
        int(client.get(path, 1, "sample of citing works").document["meta"]["count"])
        for path in (query.count({**query.citing(batch), **conditions}) for batch in chosen)
    ]
    mean = pl.Series([pages(count, 1) for count in counted], dtype=pl.Float64).mean() or 0.0
    return len(all_batches), math.ceil(mean * len(missing)), f"from {len(counted)} batches"


def estimate_harvest(
    store: str,
    asked: Mapping[str, Any],
    spans: Sequence[str],
    cited: str | None,
    settings: Mapping[str, Any],
) -> list[str]:
    """Say what the harvest costs, and what there is to spend; costs one to six credits itself.

    Parameters
    ----------
    store : str
        Folder of the store.
    asked : Mapping
        ``url``, ``field``, ``types`` and ``years``.
    spans : sequence of str
        Shards of the field.
    cited : str or None
        Table of cited works, which may be there already; None where citing works are not wanted.
    settings : Mapping
        ``source.api`` of the configuration.

    Returns
    -------
    list of str
        Lines for the user.
    """
    with client_of(settings, Path(store)) as client:
        works, credits, done = _core(client, Path(store), asked, spans, asked["years"])
        text = [
            f"{works} works of the field in {len(spans)} shards, {done} of them in the store: "
            f"about {credits} credits"
        ]
        if cited is not None:
            number, more, basis = _citing(client, Path(store), asked, Path(cited))
            text.append(f"works that cite them, in {number} batches: about {more} credits ({basis})")
            credits += more
        account = client.account()
        left = "an unknown number of" if client.left is None else client.left
        resets = f" (begins anew at {account.resets_at:%Y-%m-%d %H:%M} UTC)" if account else ""
        text.append(f"this harvest costs about {credits} credits; you have {left} today{resets}")
        daily = min(filter(None, (settings["budget"], account and account.limit)), default=None)
        if daily and client.left is not None and credits > min(client.left, daily):
            days = 1 + math.ceil((credits - min(client.left, daily)) / daily)
            text.append(f"that is {days} days of {daily} credits: run the same command again each day")
    return text
