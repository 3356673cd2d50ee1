"""The queries to OpenAlex, as paths and parameters that pyalex builds."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pyalex import Works

from poles.corpus.api.date_ranges import bounds
from poles.errors import StudyError

SELECT = (
    "id",
    "publication_year",
    "publication_date",
    "type",
    "language",
    "is_retracted",
    "is_paratext",
    "is_xpac",
    "primary_topic",
    "topics",
    "authorships",
    "referenced_works",
    "cited_by_count",
    "countries_distinct_count",
    "updated_date",
)
"""Fields of a work that are fetched; their number does not change the price of a call."""

PER_PAGE = 100
"""Works on a page: the largest number that the documentation allows."""

CUT = 100
"""Most authorships of a work in a list of works; a work requested by itself has all of them."""

VALUES = 100
"""Most alternatives in one filter."""

Conditions = Mapping[str, str]
"""Filter of a query: values by field. ``|`` separates alternatives; a leading ``!`` excludes all of them."""

_PYALEX_URL = "https://api.openalex.org"


def in_field(field: Mapping[str, Any], outside: bool = False) -> dict[str, str]:
    """Condition for works in the field, or for works outside it.

    Parameters
    ----------
    field : Mapping
        ``subfields``, numbers of OpenAlex subfields, and ``match``: ``primary`` or ``any``.
    outside : bool
        Whether to ask for works outside the field instead; works without a topic are outside.

    Raises
    ------
    StudyError
        If no subfield is given, which would ask for all of OpenAlex.
    """
    if not field["subfields"]:
        raise StudyError(
            "field.subfields: null asks for all of OpenAlex, which the API cannot give; name subfields"
        )
    key = {"primary": "primary_topic.subfield.id", "any": "topics.subfield.id"}[field["match"]]
    return {key: "!" * outside + "|".join(map(str, field["subfields"]))}


def of_types(types: Sequence[str] | None) -> dict[str, str]:
    """Condition for document types; empty for all types."""
    return {"type": "|".join(types)} if types else {}


def published_in(date_range: str) -> dict[str, str]:
    """Condition for works published in a date range (see `date_ranges.list_ranges`)."""
    first, last = bounds(date_range)
    return {"from_publication_date": first.isoformat(), "to_publication_date": last.isoformat()}


def citing(works: Iterable[int]) -> dict[str, str]:
    """Condition for works that cite any of some works, of which there may be at most `VALUES`."""
    return {"cites": "|".join(f"W{work}" for work in works)}


def _filtered(conditions: Conditions) -> Works:
    query = Works()
    for key, value in conditions.items():
        negated = value.startswith("!")
        (query.filter_not if negated else query.filter)(**{key: value.removeprefix("!")})
    return query


def _path(query: Works) -> str:
    return query.url.removeprefix(_PYALEX_URL)


def page(conditions: Conditions, cursor: str) -> str:
    """Path of one page of works, in order of publication date, which is the order that changes least.

    Parameters
    ----------
    conditions : Mapping
        Filter for the works.
    cursor : str
        ``*`` for the first page, else the cursor that the page before gave.
    """
    query = _filtered(conditions).sort(publication_date="asc").select(list(SELECT))
    return f"{_path(query)}&per_page={PER_PAGE}&cursor={quote(cursor, safe='')}"


def count(conditions: Conditions) -> str:
    """Path of the cheapest answer that states the number of works."""
    return f"{_path(_filtered(conditions).select(['id']))}&per_page=1"


def groups(conditions: Conditions, *keys: str) -> str:
    """Path of the numbers of works by one key, or by several nested ones; the 200 largest groups of each."""
    return f"{_path(_filtered(conditions).group_by(','.join(keys)))}&per_page=200"


def singleton(work: str) -> str:
    """Path of all authorships of one work, such as W123; this request is free."""
    return f"/works/{work}?select=id,authorships"


def identity(url: str, conditions: Conditions) -> str:
    """Identify a kind of query, without its dates, by sixteen hexadecimal digits."""
    query = {"url": url.rstrip("/"), "filter": dict(conditions), "select": SELECT, "per_page": PER_PAGE}
    return hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]
