"""Periods of the study: the years of trajectories, and the recent years. They follow ``years`` unless set."""

from collections.abc import Mapping, MutableMapping
from typing import Any

MIN_YEARS = 10
"""Fewest years of a trajectory. With fewer, no trend can be told from noise."""
RECENT = 5
"""Number of recent years, unless they are set."""
LONG = {"first": 1990, "last": 2023}
"""Default years of the works. They begin before the trajectories, so that cited works are older, and go on
after them, where sources are not complete yet."""
PAPER = {"first": 2000, "last": 2021}
"""Years of trajectories within `LONG`, which are those of the paper."""


def settle(config: Mapping[str, Any]) -> None:
    """Fill in the periods that are null, in place.

    The years of the works are `LONG`. Trajectories cover `PAPER` if the years of the works are `LONG`, and
    else all years of the works. The recent years are the last `RECENT` years of the trajectories.

    Parameters
    ----------
    config : Mapping
        Configuration in which each key by itself is right.
    """
    years, trajectories, recent = (config[key] for key in ("years", "trajectories", "significance"))
    fill(years, LONG)
    default = PAPER if years == LONG else years
    fill(trajectories, default)
    if recent["last"] is None:
        recent["last"] = trajectories["last"]
    if recent["first"] is None:
        recent["first"] = max(years["first"], recent["last"] - RECENT + 1)


def fill(period: MutableMapping[str, int | None], default: Mapping[str, int]) -> None:
    """Replace the ends of a period that are null by those of another one, in place."""
    period.update({end: year for end, year in default.items() if period[end] is None})


def length(period: Mapping[str, int]) -> int:
    """Number of years from ``first`` to ``last``, both included."""
    return period["last"] - period["first"] + 1


def too_short(first: int, last: int, least: int = MIN_YEARS) -> str:
    """Say that a period is too short for trajectories; empty if it is not."""
    if last - first + 1 >= least:
        return ""
    return f"trajectories need {least} years or more, and {named(first, last)} has {last - first + 1}"


def named(first: int, last: int) -> str:
    """Name of a period in a sentence: 2017-2021, or 2017 if the two years are equal."""
    return str(first) if first == last else f"{first}-{last}"


def words(config: Mapping[str, Any]) -> dict[str, str]:
    """Years that the statement of a claim may name.

    Parameters
    ----------
    config : Mapping
        Completed configuration.

    Returns
    -------
    dict
        ``first`` and ``last`` year of the trajectories, and ``recent``, the period of the recent years.
    """
    trajectories, recent = config["trajectories"], config["significance"]
    return {
        "first": str(trajectories["first"]),
        "last": str(trajectories["last"]),
        "recent": named(recent["first"], recent["last"]),
    }
