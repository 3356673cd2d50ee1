"""Lines of memory and time in the size of the input, fitted to the jobs of finished runs.

Snakemake's benchmarks hold the peak of the memory, the logs the CPU time, and the provenance of the results
the inputs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from poles.errors import StudyError
from poles.study import extraction, resources, run_warnings
from poles.study.resources import DEFAULT, VARIANT, Need
from poles.study.timings import measured_jobs

IDLE_MEMORY = 160.0
"""MB of Python with polars, scipy and numba. A benchmark shows less if they were still loading."""
IDLE_SECONDS = 1.0
"""CPU time of their imports."""
SPREAD = 2.0
"""Jobs of which the largest is less than so many times the smallest do not show how needs grow."""
HEAD = """\
# What jobs of each rule took at most: memory in MB and CPU time in seconds at size 0, and what each MB of
# input adds (of make_demo: each 1,000 works). `size` is that of the largest measured job. docs/clusters.md
# says which command makes this table, and what a job asks for.
"""


class Job(NamedTuple):
    """A measured job.

    Attributes
    ----------
    rule : str
        Its rule.
    size : float
        Its size, as `Need` explains.
    memory : float or None
        Peak in MB; None if the job ended before it was looked at.
    seconds : float
        CPU time.
    """

    rule: str
    size: float
    memory: float | None
    seconds: float


def read_run(folder: Path) -> list[Job]:
    """Read the jobs behind the results of a finished run.

    Parameters
    ----------
    folder : Path
        Where the study worked; `results` stands in it. Inputs from outside are looked up from there.

    Returns
    -------
    list of Job
        Jobs that read files of which no size is known are left out, such as shards of a release.

    Raises
    ------
    StudyError
        If there are no benchmarks.
    """
    with chdir(folder):
        records = {}
        for path in Path("results").rglob("*"):
            if path.suffix in (".svg", "") or not path.is_file():
                continue  # beside each SVG file stands a PNG file, which is read faster
            record = extraction.read(path)
            if record:
                records[record["log"]] = record
        jobs = []
        for job in measured_jobs():
            record = records.get((run_warnings.LOGS / job.log).as_posix())
            size = None if record is None else _size(record)
            if size is not None:
                jobs.append(Job(job.rule.removesuffix(VARIANT), size, job.memory, job.cpu))
        return jobs


def _size(record: dict[str, Any]) -> float | None:
    """Size of the job that left a record of provenance, as `Need` explains; None if it is not known."""
    params = record["params"]
    if params.get("release"):
        return None
    return params["demo"]["works"] / 1000 if "demo" in params else resources.megabytes(record["inputs"])


def fit_needs(jobs: Iterable[Job]) -> dict[str, Need]:
    """Fit the lines of all rules.

    Parameters
    ----------
    jobs : iterable of Job
        Of one or several runs. Runs of different sizes show how needs grow.

    Returns
    -------
    dict of Need
        By rule, in the order of the alphabet. The entry `DEFAULT` comes last. It is as large as the largest
        measured job in either respect, and does not grow.

    Raises
    ------
    StudyError
        If there are no jobs.
    """
    by_rule = defaultdict(list)
    for job in jobs:
        by_rule[job.rule].append(job)
    every = [job for rule in by_rule.values() for job in rule]
    if not every:
        raise StudyError("no measured job; name folders of finished runs")
    needs = {}
    for rule in sorted(by_rule):
        sizes = np.array([job.size for job in by_rule[rule]])
        memory = line(sizes, [job.memory or IDLE_MEMORY for job in by_rule[rule]], IDLE_MEMORY)
        seconds = line(sizes, [job.seconds for job in by_rule[rule]], IDLE_SECONDS)
        needs[rule] = Need(float(sizes.max()), *memory, *seconds)
    largest = max([IDLE_MEMORY, *(job.memory or 0.0 for job in every)])
    needs[DEFAULT] = Need(0.0, largest, 0.0, max(job.seconds for job in every), 0.0)
    return needs


def line(sizes: NDArray[np.floating], values: Sequence[float], least: float) -> tuple[float, float]:
    """Fit a line that does not fall and that no value exceeds.

    Parameters
    ----------
    sizes : array of float, shape (n,)
        At least 0.
    values : sequence of float, length n
        What was measured at each size.
    least : float
        What a job takes that does next to nothing. It is taken for the value at size 0 if the sizes are too
        much alike to show how values grow (`SPREAD`).

    Returns
    -------
    tuple of float
        Value at size 0 and slope. The line is that of least squares with neither below 0, raised until no
        value lies above it, nor `least` at the size of a value.
    """
    from scipy.optimize import nnls  # this takes a moment

    x, y = sizes, np.asarray(values, dtype=float)
    if sizes.max() < SPREAD * sizes.min() or sizes.max() == 0:
        x, y = np.append(sizes, 0.0), np.append(np.maximum(values, least), least)
    (base, slope), _ = nnls(np.column_stack([np.ones_like(x), x]), y)
    short = np.maximum(values, least) - base - slope * sizes
    return float(base + max(0.0, np.max(short))), float(slope)


def describe_needs(needs: dict[str, Need]) -> str:
    """Text of the table for `poles.study.resources.read_needs`, rounded up."""

    def up(value: float, digits: int) -> str:
        return f"{max(0.0, np.ceil(value * 10**digits - 1e-6)) / 10**digits:.{digits}f}"

    lines = [
        f"{rule}: {{size: {up(need.size, 2)}, memory: {up(need.memory, 0)}, "
        f"memory_slope: {up(need.memory_slope, 2)}, seconds: {up(need.seconds, 1)}, "
        f"seconds_slope: {up(need.seconds_slope, 3)}}}"
        for rule, need in needs.items()
    ]
    return HEAD + "\n".join(lines) + "\n"


def describe_runs(folders: Iterable[Path]) -> str:
    """Text of the table that the jobs of some finished runs give."""
    return describe_needs(fit_needs(job for folder in folders for job in read_run(folder)))
