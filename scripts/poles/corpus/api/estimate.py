"""The cost of a harvest, estimated before it begins."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from poles.corpus.api import query
from poles.corpus.api.citing import CITED, batches, citing_conditions, unit_of
from poles.corpus.api.client import Client
from poles.corpus.api.date_ranges import bounds
from poles.corpus.api.harvest import client_of, core_conditions
from poles.corpus.api.store import Unit
from poles.errors import StudyError
from poles.study import tables

SAMPLE = 5
"""Batches of cited works whose citing works are counted, to estimate the cost of all batches."""

PAGES_A_BATCH = 4.1
"""Pages of works that cite a batch of a hundred works of the field, where nothing else is known.

It assumes that 1.24 million works cite five of two million works each.
"""


def works_by_year(client: Client, conditions: query.Conditions) -> dict[int, int]:
    """Ask OpenAlex for the number of works in every year; costs one credit.

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
            f"{client.url}{path}: the answer has no works by year ({type(error).__name__}: {error})"
        ) from None


def pages(works: float, units: int) -> int:
    """Return how many pages some works fill in a number of equally long lists, each of one page at least."""
    return units * max(1, math.ceil(works / units / query.PER_PAGE)) if units else 0


def _core(
    client: Client, store: Path, scope: Mapping[str, Any], date_ranges: Sequence[str]
) -> tuple[int, int, int]:
    """Count the works of the field, the credits that they still cost, and the shards already in the store."""
    identity = query.identity(scope["url"], core_conditions(scope))
    missing = {name for name in date_ranges if not Unit(store / identity / name).is_complete()}
    works, credits = _cost(client, scope, date_ranges, missing)
    return works, credits, len(date_ranges) - len(missing)


def _cost(
    client: Client, scope: Mapping[str, Any], date_ranges: Sequence[str], missing: Collection[str]
) -> tuple[int, int]:
    """Count the works of the field, and the credits that those in the missing shards cost."""
    years = scope["years"]
    in_years = {"publication_year": f"{years['first']}-{years['last']}"}
    works = works_by_year(client, {**core_conditions(scope), **in_years})
    by_year: dict[int, list[str]] = {}
    for name in date_ranges:
        by_year.setdefault(bounds(name)[0].year, []).append(name)
    credits = 0
    for year, names in by_year.items():
        count = sum(name in missing for name in names)
        credits += pages(works.get(year, 0) * count / len(names), count)
    return sum(works.get(year, 0) for year in by_year), credits


def _of_variants(
    client: Client,
    scope: Mapping[str, Any],
    date_ranges: Sequence[str],
    fields: Mapping[str, Any],
    citing: int,
) -> list[str]:
    """Say what each variant adds to a harvest of which nothing is in the store; one credit for each field.

    The credits for works that cite the field are divided in proportion to the works of the field.
    """
    added: dict[str, tuple[int, int]] = {}
    works, credits, read = 0, 0, None
    for variant, field in fields.items():
        before = works, credits
        if field != read:
            works, credits = _cost(client, {**scope, "field": field}, date_ranges, date_ranges)
            read = field
        added[variant] = works - before[0], credits - before[1]
    lines: list[str] = []
    for variant, (more_works, more_credits) in added.items():
        cost = f"{more_works} works, about {more_credits} credits"
        if citing:
            cost += (
                f", and about {math.ceil(citing * more_works / max(1, works))} for the works that cite them"
            )
        verb = "takes" if not lines else "adds"
        lines.append(f"variant {variant} {verb} {cost if more_works or more_credits else 'nothing'}")
    return lines


def _citing(client: Client, store: Path, scope: Mapping[str, Any], cited: Path) -> tuple[int, int, str]:
    """Count the batches of cited works and the credits that they still cost; say what this is based on."""
    conditions = citing_conditions(scope)
    if not cited.is_file():
        cited_works = {**core_conditions(scope), "cited_by_count": ">0"}
        cited_works["publication_year"] = conditions["publication_year"]
        count = _count(client, cited_works, "cited works")
        number = math.ceil(count / query.VALUES)
        return number, math.ceil(number * PAGES_A_BATCH), "a guess until the works of the field are harvested"
    identity = query.identity(scope["url"], conditions)
    all_batches = batches(tables.read(cited, CITED)["work_id"].to_list())
    missing = [batch for batch in all_batches if not unit_of(store, identity, batch).is_complete()]
    size = min(SAMPLE, len(missing))
    sample = [missing[len(missing) * number // size] for number in range(size)]
    counts = [
        _count(client, {**query.citing(batch), **conditions}, "sample of citing works") for batch in sample
    ]
    mean = fmean(pages(count, 1) for count in counts) if counts else 0.0
    return len(all_batches), math.ceil(mean * len(missing)), f"from {len(counts)} batches"


def _count(client: Client, conditions: query.Conditions, what: str) -> int:
    """Ask OpenAlex for a number of works; costs one credit."""
    return int(client.get(query.count(conditions), 1, what).document["meta"]["count"])


def estimate_harvest(
    store: str,
    scope: Mapping[str, Any],
    date_ranges: Sequence[str],
    cited: str | None,
    settings: Mapping[str, Any],
    fields: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[str]:
    """Say what the harvest costs, and how many credits there are.

    That costs one to six credits itself, and one for each field of `fields`, if these differ.

    Parameters
    ----------
    store : str
        Folder of the store.
    scope : Mapping
        ``url``, ``field``, ``types`` and ``years``.
    date_ranges : sequence of str
        Shards of the field.
    cited : str or None
        Path of the table of cited works, which may not exist yet; None if no citing works are harvested.
    settings : Mapping
        ``source.api`` of the configuration.
    fields : Mapping, optional
        Field to be read for each variant and those before it (`poles.study.branches.fields_to_read`), to say
        what each variant adds.

    Returns
    -------
    list of str
        Lines for the user.
    """
    with client_of(settings, Path(store)) as client:
        works, credits, done = _core(client, Path(store), scope, date_ranges)
        text = [
            f"{works} works of the field in {len(date_ranges)} shards, {done} of them in the store: "
            f"about {credits} credits"
        ]
        more = 0
        if cited is not None:
            number, more, basis = _citing(client, Path(store), scope, Path(cited))
            text.append(f"works that cite them, in {number} batches: about {more} credits ({basis})")
            credits += more
        if fields and len({repr(field) for field in fields.values()}) > 1:
            text += _of_variants(client, scope, date_ranges, fields, more)
        account = client.account()
        left = "an unknown number of" if client.left is None else client.left
        resets = f" (the budget is renewed at {account.resets_at:%Y-%m-%d %H:%M} UTC)" if account else ""
        text.append(f"this harvest costs about {credits} credits; you have {left} credits today{resets}")
        daily = min(filter(None, (settings["budget"], account and account.limit)), default=None)
        if daily and client.left is not None and credits > min(client.left, daily):
            days = 1 + math.ceil((credits - min(client.left, daily)) / daily)
            text.append(f"that is {days} days of {daily} credits: run the same command again each day")
    return text
