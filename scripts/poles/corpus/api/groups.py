"""Groups in which OpenAlex counts works: by one key, or by one key within another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from poles.errors import StudyError

GROUPS = 200
"""Most groups of one key in an answer."""


def country_of(group: Mapping[str, Any]) -> str:
    """Country of a group: US of https://openalex.org/countries/US."""
    return str(group["key"]).rpartition("/")[2].upper()


def pairs(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    """Pairs of countries with their works, from groups that may hold groups.

    Yields
    ------
    (str, str, int)
        source <= target, works; the diagonal once.

    Raises
    ------
    StudyError
        If a pair is counted differently from its two ends, which is then no count of works.
    """
    seen: dict[tuple[str, str], int] = {}
    for outer in groups:
        if (source := country_of(outer)) == "UNKNOWN":
            continue
        inner = [(country_of(group), int(group["count"])) for group in outer.get("groups", ())]
        for target, count in [(source, int(outer["count"])), *inner]:
            if target == "UNKNOWN":
                continue
            pair = min(source, target), max(source, target)
            if seen.setdefault(pair, count) != count:
                raise StudyError(
                    f"groups of OpenAlex: {pair[0]}-{pair[1]} counts {seen[pair]} and {count} works"
                )
    yield from ((*pair, count) for pair, count in seen.items())
