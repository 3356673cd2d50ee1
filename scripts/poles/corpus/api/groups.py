"""The groups in which OpenAlex counts works: by one key, or by one key within another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from poles.errors import StudyError

GROUPS = 200
"""Most groups of one key in an answer."""


def country_of(group: Mapping[str, Any]) -> str:
    """Return the country of a group: US for https://openalex.org/countries/US."""
    return str(group["key"]).rpartition("/")[2].upper()


def pairs(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    """Yield pairs of countries and their numbers of works, from groups of countries that may hold groups.

    Yields
    ------
    (str, str, int)
        Two countries in order, and their works; a country with itself occurs once.

    Raises
    ------
    StudyError
        If the two groups of a pair differ in their counts, so that they cannot be counts of works.
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
                    f"groups of OpenAlex: {pair[0]}-{pair[1]} has {seen[pair]} works in one group and "
                    f"{count} in the other; both have to be equal"
                )
    yield from ((*pair, count) for pair, count in seen.items())
