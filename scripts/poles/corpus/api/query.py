"""What is asked of OpenAlex, as paths and parameters that pyalex builds."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pyalex import Works

from poles.corpus.api.date_ranges import dates
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
"""Fields of a work that are fetched; a call costs the same however many they are."""

PER_PAGE = 100
"""Works on a page: the most that the documentation allows."""

CUT = 100
"""Authorships that a list gives of a work at most; a work by itself comes with all of them."""

VALUES = 100
"""Alternatives that one filter may hold."""

Conditions = Mapping[str, str]
"""Filter of a query: values by field, alternatives divided by ``|``; ``!`` before them for none of these."""

_PYALEX_URL = "https://api.openalex.org"


def in_field(field: Mapping[str, Any], outside: bool = False) -> dict[str, str]:
    """Condition for works in the field, or for those outside it.

    Parameters
    ----------
    field : Mapping
        ``subfields``, numbers of OpenAlex subfields, and ``match``: ``primary`` or ``any``.
    outside : bool
        Whether works outside the field are wanted; works without a topic are outside.

    Raises
    ------
    StudyError
        If no subfield is given: that would be all of OpenAlex.
    """
    if not field["subfields"]:
        raise StudyError("field.subfields: null; the API is asked for one field, so name its subfields")
    key = {"primary": "primary_topic.subfield.id", "any": "topics.subfield.id"}[field["match"]]
    return {key: "!" * outside + "|".join(map(str, field["subfields"]))}


def of_types(types: Sequence[str] | None) -> dict[str, str]:
    """Condition for document types; none for all of them."""
    return {"type": "|".join(types)} if types else {}


def of_span(span: str) -> dict[str, str]:
    """Condition for publication dates."""
    first, last = dates(span)
    return {"from_publication_date": first.isoformat(), "to_publication_date": last.isoformat()}


def citing(works: Iterable[int]) -> dict[str, str]:
    """Condition for works that cite any of at most `VALUES` works."""
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
    """Path of one page of works, by rising date of publication: the steadiest order there is.

    Parameters
    ----------
    conditions : Mapping
        Which works.
    cursor : str
        ``*`` for the first page, then what the page before gave.
    """
    query = _filtered(conditions).sort(publication_date="asc").select(list(SELECT))
    return f"{_path(query)}&per_page={PER_PAGE}&cursor={quote(cursor, safe='')}"


def count(conditions: Conditions) -> str:
    """Path of the cheapest answer that says how many works there are."""
    return f"{_path(_filtered(conditions).select(['id']))}&per_page=1"


def groups(conditions: Conditions, *keys: str) -> str:
    """Path of numbers of works by one key, or by several, nested; the 200 largest groups of each."""
    return f"{_path(_filtered(conditions).group_by(','.join(keys)))}&per_page=200"


def singleton(work: str) -> str:
    """Path of the whole authorships of one work (W123), which costs nothing."""
    return f"/works/{work}?select=id,authorships"


def identity(url: str, conditions: Conditions) -> str:
    """Sixteen hexadecimal digits that tell one kind of query, dates left out, from any other."""
    asked = {"url": url.rstrip("/"), "filter": dict(conditions), "select": SELECT, "per_page": PER_PAGE}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
