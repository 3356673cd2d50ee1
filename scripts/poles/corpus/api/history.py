"""The history of a harvest, which no result holds: when it was made, how, and at what cost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from poles.corpus.api import query
from poles.corpus.api.citing import citing_conditions
from poles.corpus.api.harvest import core_conditions
from poles.corpus.api.ledger import Ledger
from poles.corpus.api.store import Unit


def _described(conditions: query.Conditions, units: Iterable[Unit]) -> dict[str, Any]:
    """Describe one kind of query by sums over its complete units."""
    summaries = [unit.summary() for unit in units if unit.is_complete()]
    return {
        "filter": dict(conditions),
        "select": list(query.SELECT),
        "lists": len(summaries),
        "works": sum(unit["works"] for unit in summaries),
        "counted": sum(unit["count"] for unit in summaries),  # by OpenAlex
        "rounds": dict(sorted(Counter(str(unit["rounds"]) for unit in summaries).items())),
        "cut_authorships": sum(unit["cut"] for unit in summaries),
        "gone": sum(len(unit["gone"]) for unit in summaries),
        "first": min((unit["first"] for unit in summaries), default=None),
        "last": max((unit["last"] for unit in summaries), default=None),
    }


def history(
    store: str, scope: Mapping[str, Any], date_ranges: Sequence[str], years: Mapping[str, int], citing: bool
) -> dict[str, Any]:
    """Describe the harvest that a study is based on.

    Parameters
    ----------
    store : str
        Folder of the store.
    scope : Mapping
        ``url``, ``field`` and ``types``.
    date_ranges : sequence of str
        Shards of the field.
    years : Mapping
        ``first`` and ``last`` year of the study.
    citing : bool
        Whether citing works were fetched.

    Returns
    -------
    dict
        For each kind of query: its filter, the numbers of lists and works, the count of OpenAlex, and the
        UTC times of the first and the last answer. ``ledger``: the totals of the store's ledger.
    """
    conditions = core_conditions(scope)
    folder = Path(store, query.identity(scope["url"], conditions))
    description = {
        "kind": "api",
        "url": scope["url"],
        "field": _described(conditions, [Unit(folder / name) for name in date_ranges]),
    }
    if citing:
        conditions = citing_conditions({**scope, "years": years})
        folder = Path(store, query.identity(scope["url"], conditions))
        records = sorted(folder.glob("*/complete.json"))
        description["citing"] = _described(conditions, [Unit(record.parent) for record in records])
    return {**description, "ledger": Ledger(Path(store)).summary()}
