"""Memory and time that a job asks for: for each rule a line in the size of the input, and margins.

`workflow/resources.yaml` holds the lines. `poles.study.resource_lines` fits them to jobs of finished runs.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from poles.errors import StudyError

TABLE = Path("workflow/resources.yaml")
DEFAULT = "default"
"""Entry of the table for rules of which no job was measured."""
VARIANT = "_of_variant"
"""Ending of rules that differ from another one in their paths alone."""
SNAKEMAKE = 450
"""MB of the two processes of Snakemake that stand around a job on a cluster."""
MEMORY_MARGIN = 1.3
"""Snakemake's benchmark looks at a job now and then, and may miss the peak."""
TIME_MARGIN = 4
"""Processors differ, and a job waits for files and for other jobs of its node. Measured is CPU time."""
START = 2
"""Minutes for the start of Python and Snakemake from a shared file system."""


class Need(NamedTuple):
    """What jobs of a rule took: two lines that no measured job exceeds.

    Attributes
    ----------
    size : float
        Size of the largest measured job, which stands in where the input of a job is not there yet. The size
        of a job is that of its input in MB; of `make_demo`, which has none, the number of works in thousands.
    memory, memory_slope : float
        Peak in MB at size 0, and what each unit of size adds.
    seconds, seconds_slope : float
        CPU time at size 0, and what each unit of size adds.
    """

    size: float
    memory: float
    memory_slope: float
    seconds: float
    seconds_slope: float


def read_needs(root: Path) -> dict[str, Need]:
    """Read the needs of all rules.

    Parameters
    ----------
    root : Path
        Root of the project.

    Returns
    -------
    dict of Need
        By rule. The entry `DEFAULT` is that of all other rules.

    Raises
    ------
    StudyError
        If the table is not there, or an entry has other keys or no numbers.
    """
    path = root / TABLE
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        needs = {
            rule: Need(**{key: float(value) for key, value in row.items()}) for rule, row in rows.items()
        }
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        keys = ", ".join(Need._fields)
        raise StudyError(f"{path}: {error}; allowed: a map of rules, each with numbers for {keys}") from None
    if DEFAULT not in needs:
        raise StudyError(f"{path}: no entry {DEFAULT}, which is that of all rules that are not listed")
    return needs


def need_of(rule: str, needs: Mapping[str, Need]) -> Need:
    """Need of a rule; a rule that changes paths alone has that of the rule it was made from."""
    return needs.get(rule.removesuffix(VARIANT), needs[DEFAULT])


def megabytes(paths: Iterable[str | Path]) -> float | None:
    """Size of files in MB; None if one of them is not there."""
    try:
        return sum(Path(path).stat().st_size for path in paths) / 1e6
    except FileNotFoundError:
        return None


def memory(need: Need, size: float | None, attempt: int) -> int:
    """Memory to ask for.

    Parameters
    ----------
    need : Need
        That of the rule.
    size : float or None
        Size of the job; None if its input is not there yet.
    attempt : int
        1 for the first try. Each further one asks for as much again.

    Returns
    -------
    int
        MB, in steps of 100.
    """
    peak = need.memory + need.memory_slope * (need.size if size is None else size)
    return math.ceil(attempt * (MEMORY_MARGIN * peak + SNAKEMAKE) / 100) * 100


def minutes(need: Need, size: float | None, attempt: int) -> int:
    """Time to ask for in minutes, from the same arguments as `memory`."""
    seconds = need.seconds + need.seconds_slope * (need.size if size is None else size)
    return attempt * (START + math.ceil(TIME_MARGIN * seconds / 60))
