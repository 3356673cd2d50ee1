"""The configuration, checked and completed when Snakemake reads the workflow."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poles.errors import StudyError
from poles.study import windows
from poles.study.conflicts import conflicts
from poles.study.settings import Settings

DEMO_STRENGTH = 50
"""Least strength of a country of the panel in the demo. The world is small, and its planted trends are strong
enough to be found in pairs of few works. It is not for worlds that say how many countries they have."""
CLAIMS_OF_PAPER = "config/claims.yaml"
"""List of the claims of the paper."""
ALLOWED = {
    "literal_error": "{expected}",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_type": "string",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "float_parsing": "number",
    "model_type": "map of keys",
    "dict_type": "map of keys",
    "list_type": "list",
}
"""What is allowed, by pydantic's type of error."""


def complete(
    config: dict[str, Any],
    root: Path,
    years_of: Callable[[Mapping[str, str | None]], Mapping[str, int]] | None = None,
) -> None:
    """Check a configuration and fill in its defaults, in place.

    Parameters
    ----------
    config : dict
        As merged by Snakemake.
    root : Path
        Root of the project.
    years_of : callable, optional
        Gives the ``first`` and ``last`` year of the edge lists in ``source.networks``, which are those of the
        study unless ``years`` is set.

    Raises
    ------
    StudyError
        One line for each wrong key: the key, its value and what is allowed.
    """
    try:
        config.update(Settings.model_validate(config).model_dump())
    except ValidationError as error:
        lines = [_explain(details) for details in error.errors(include_url=False)]
    else:
        networks = config["source"]["networks"] if config["source"]["kind"] == "networks" else {}
        if years_of is not None and any(networks.values()) and None in config["years"].values():
            windows.fill(config["years"], years_of(networks))
        _settle(config)
        lines = list(conflicts(config, root))
    if lines:
        raise StudyError("\n".join(f"configuration: {line}" for line in lines))


def _settle(config: dict[str, Any]) -> None:
    """Fill in, in place, the keys whose defaults follow other keys."""
    windows.settle(config)
    panel = config["trajectories"]["panel"]
    is_usual = config["source"]["kind"] == "demo" and "countries" not in config["demo"]["world"]
    if is_usual and panel["min_strength"] is None:
        panel["min_strength"] = DEMO_STRENGTH
    if config["claims"] is None:
        config["claims"] = _claims_about(config["poles"])


def _claims_about(poles: list[str]) -> str | None:
    """File of the claims that come with the study about some poles; None if there is none."""
    if {"US", "CN"} <= set(poles):
        return CLAIMS_OF_PAPER
    return "config/claims-poles.yaml" if len(poles) == 2 else None


def _explain(details: Mapping[str, Any]) -> str:
    """Put the details of a validation error into one line: the key, its value and what is allowed."""
    kind, place, value = details["type"], details["loc"], details["input"]
    if place[-1:] == ("[key]",):  # the value is a key of the map, and stands before this mark
        place = place[:-2]
    key = ".".join(map(str, place)) or "the configuration"
    if kind == "unknown_key":
        return f"{key}: {details['msg']}"
    allowed = ALLOWED[kind].format(**details.get("ctx", {})) if kind in ALLOWED else details["msg"]
    if kind == "list_type":
        allowed = _list_of(value)
    # YAML reads a bare NO, the code of Norway, as false.
    hint = " (in quotes, as 'NO')" if kind == "string_type" and isinstance(value, bool) else ""
    return f"{key}: {value!r:.100}; allowed: {allowed}{hint}"


def _list_of(value: Any) -> str:
    """Say that a value has to be a list, and how it is written as one."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return "list in brackets"
    entries = [entry.strip() for entry in str(value).split(",")]
    return f"list in brackets, such as [{', '.join(entries):.100}]"
