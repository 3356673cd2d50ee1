"""Ranges of publication dates, one for each shard of a harvest.

Imports the standard library alone, because the workflow uses it before any job runs.
"""

import calendar
import re
from datetime import date

from poles.errors import StudyError

MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Months in a date range, by the name of its length in the configuration."""
_NAME = re.compile(r"(\d{4})(?:-(\d{2})|-q([1-4]))?")


def list_ranges(first: int, last: int, by: str) -> list[str]:
    """List the date ranges that cover some years.

    Parameters
    ----------
    first, last : int
        Years, both included.
    by : str
        ``month``, ``quarter`` or ``year``.

    Returns
    -------
    list of str
        Names of the date ranges, in order: ``2020-01``, ``2020-q1`` or ``2020``.

    Raises
    ------
    StudyError
        If `by` is none of these.
    """
    if by not in MONTHS:
        raise StudyError(f"source.api.shards: {by!r} is unknown; use one of {', '.join(MONTHS)}")
    endings = {
        "month": [f"-{month:02d}" for month in range(1, 13)],
        "quarter": [f"-q{quarter}" for quarter in range(1, 5)],
        "year": [""],
    }[by]
    return [f"{year:04d}{ending}" for year in range(first, last + 1) for ending in endings]


def bounds(date_range: str) -> tuple[date, date]:
    """Return the first and the last day of a date range.

    Parameters
    ----------
    date_range : str
        A name that `list_ranges` gives.

    Raises
    ------
    StudyError
        If the name has another form.
    """
    match = _NAME.fullmatch(date_range)
    if match is None or not 1 <= int(match[2] or 1) <= 12:
        raise StudyError(
            f"date range {date_range!r}: not a year, quarter or month such as 2020, 2020-q1 or 2020-01"
        )
    year = int(match[1])
    if match[2]:
        start = end = int(match[2])
    elif match[3]:
        start, end = 3 * int(match[3]) - 2, 3 * int(match[3])
    else:
        start, end = 1, 12
    return date(year, start, 1), date(year, end, calendar.monthrange(year, end)[1])
