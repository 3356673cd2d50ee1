"""Spans of publication dates, one shard of a harvest each; standard library alone, as the workflow asks."""

import calendar
import re
from datetime import date

from poles.errors import StudyError

MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Months in a span, by its name in the configuration."""
_NAME = re.compile(r"(\d{4})(?:-(\d{2})|-q([1-4]))?")


def spans(first: int, last: int, by: str) -> list[str]:
    """Name the spans that cover some years.

    Parameters
    ----------
    first, last : int
        Years, both included.
    by : str
        ``month``, ``quarter`` or ``year``.

    Returns
    -------
    list of str
        In order: ``2020-01``, ``2020-q1`` or ``2020``.

    Raises
    ------
    StudyError
        If `by` is none of these.
    """
    if by not in MONTHS:
        raise StudyError(f"source.api.shards: {by!r}; one of {', '.join(MONTHS)} is wanted")
    names = {
        "month": [f"-{month:02d}" for month in range(1, 13)],
        "quarter": [f"-q{quarter}" for quarter in range(1, 5)],
        "year": [""],
    }[by]
    return [f"{year:04d}{name}" for year in range(first, last + 1) for name in names]


def dates(span: str) -> tuple[date, date]:
    """First and last day of a span.

    Parameters
    ----------
    span : str
        A name that `spans` gives.

    Raises
    ------
    StudyError
        If it is no such name.
    """
    match = _NAME.fullmatch(span)
    if match is None or not 1 <= int(match[2] or 1) <= 12:
        raise StudyError(f"span {span!r}: a year, quarter or month is wanted, such as 2020, 2020-q1, 2020-01")
    year = int(match[1])
    if match[2]:
        start = end = int(match[2])
    elif match[3]:
        start, end = 3 * int(match[3]) - 2, 3 * int(match[3])
    else:
        start, end = 1, 12
    return date(year, start, 1), date(year, end, calendar.monthrange(year, end)[1])
