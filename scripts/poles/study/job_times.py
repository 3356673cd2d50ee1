"""When the jobs behind the results ran, from their logs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from poles.study.run_warnings import LOGS

# What `poles.study.jobs.END` writes.
_END = re.compile(
    r"^\d\d:\d\d:\d\d INFO (\w+): done in ([\d.]+) s, ([\d.]+) s of CPU, from (\S+) to (\S+)$", re.MULTILINE
)


class Job(NamedTuple):
    """A finished job.

    Attributes
    ----------
    rule : str
        Its rule.
    log : str
        Its log, below `LOGS`, which no other job has.
    started, ended : str
        Times in UTC, as `poles.study.jobs.TIME` writes them.
    wall, cpu : float
        Seconds. `wall` is without the start of Python and the imports, `cpu` is with them.
    """

    rule: str
    log: str
    started: str
    ended: str
    wall: float
    cpu: float


def read_jobs() -> list[Job]:
    """Read when the jobs behind the results ran, in the folder in which the study worked.

    Each job writes its times at the end of its log. Snakemake's benchmarks have no times of day.
    Jobs that are running, or failed, are left out.

    Returns
    -------
    list of Job
        In the order of the start of the jobs.
    """
    jobs = []
    for path in sorted(path for path in LOGS.rglob("*.log") if path.is_file()):
        end = _END.search(path.read_text(encoding="utf-8", errors="replace"))
        if end is not None:
            rule, wall, cpu, started, ended = end.groups()
            log = path.relative_to(LOGS).as_posix()
            jobs.append(Job(rule, log, started, ended, float(wall), float(cpu)))
    return sorted(jobs, key=lambda job: (job.started, job.log))


def by_stage(jobs: Iterable[Job], stages: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Add up the jobs of each stage of the study.

    Parameters
    ----------
    jobs : iterable of Job
        As `read_jobs` returns them.
    stages : Mapping
        Stage of each rule. Jobs of other rules are left out.

    Returns
    -------
    dict
        For each stage, in the order of their first jobs: number of jobs, start of the first and end of the
        last one, and the sums of their seconds. As several jobs run at once, fewer may have passed.
    """
    sums: dict[str, dict[str, Any]] = {}
    for job in jobs:
        if job.rule not in stages:
            continue
        first = {"jobs": 0, "started": job.started, "ended": job.ended, "wall": 0.0, "cpu": 0.0}
        stage = sums.setdefault(stages[job.rule], first)
        stage["jobs"] += 1
        stage["ended"] = max(stage["ended"], job.ended)
        stage["wall"] = round(stage["wall"] + job.wall, 1)
        stage["cpu"] = round(stage["cpu"] + job.cpu, 2)
    return sums
