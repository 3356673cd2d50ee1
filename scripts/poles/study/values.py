"""Values of the configuration as numbers and flags, the same from a file and from ``--config``.

YAML 1.1 takes ``1e3`` for text, and ``--config`` gives text for all values inside maps.
"""

import json
import math
from pathlib import Path
from typing import Any

import yaml

from poles.errors import StudyError

TEMPLATE = "__use_yte__"
"""Key of a YAML file whose values Snakemake takes for expressions of Python."""


def number(value: Any) -> int | float:
    """Convert a value to a number.

    Parameters
    ----------
    value : object
        A number, or text such as ``1000`` or ``1e3``.

    Returns
    -------
    int or float
        Finite. Text without a point or an exponent gives an exact integer.

    Raises
    ------
    ValueError
        If the value is anything else; true and false are no numbers.
    """
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
        raise ValueError(value)
    return value


def _is_finite(value: int | float) -> bool:
    """Whether a number is finite, and not a whole number beyond all floating-point numbers."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def flag(value: Any) -> bool:
    """Convert a value to true or false.

    Parameters
    ----------
    value : object
        True, false, or text that YAML reads as one of them.

    Raises
    ------
    ValueError
        If the value is anything else; 0 and 1 are no flags.
    """
    value = plain(value)
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def plain(value: Any) -> Any:
    """Convert text to what YAML makes of it; return every other value as it is.

    Raises
    ------
    ValueError
        If the text is no YAML.
    """
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ValueError(value) from None


def check_file(path: str | Path) -> None:
    """Refuse a file of configuration that is more than values: that has expressions, or tags of Python.

    Snakemake evaluates the expressions of a file that asks for it. It does so before it reads the workflow,
    so of a run this refuses the results alone. The audit checks a file before Snakemake sees it.

    Parameters
    ----------
    path : str or Path
        JSON or YAML. If there is no such file, Snakemake says so.

    Raises
    ------
    StudyError
        If the file is not plain YAML, or has the key `TEMPLATE`.
    """
    if not Path(path).is_file():
        return
    try:
        text = Path(path).read_text(encoding="utf-8")
        try:
            json.loads(text)  # as Snakemake, which looks for no expressions there
            return
        except ValueError:
            document = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from None
    if isinstance(document, dict) and TEMPLATE in document:
        raise StudyError(f"{path}: {TEMPLATE}; allowed: values alone, without expressions of Python")
