"""Time and memory of the jobs behind the results, by rule, from Snakemake's benchmarks and the logs."""

import argparse
import contextlib
import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from poles.errors import StudyError
from poles.study.job_times import read_jobs
from poles.study.jobs import TIME

BENCHMARKS = Path("results/benchmarks")


class MeasuredJob(NamedTuple):
    """A finished job with what it took.

    Attributes
    ----------
    rule : str
        Its rule.
    log : str
        Its log, below `poles.study.run_warnings.LOGS`.
    cpu, wall : float
        Seconds.
    memory : float or None
        Peak in MB; None if the job ended before the first measurement.
    """

    rule: str
    log: str
    cpu: float
    wall: float
    memory: float | None


def measured_jobs() -> Iterator[MeasuredJob]:
    """Yield the jobs behind the results that have a benchmark, in the folder in which the study worked."""
    ended = {job.log: job for job in read_jobs()}
    for path in sorted(BENCHMARKS.rglob("*.tsv")):
        end = ended.get(path.relative_to(BENCHMARKS).with_suffix(".log").as_posix())
        if end is None:
            continue  # the job is running, or failed
        with path.open() as file:
            job = next(csv.DictReader(file, delimiter="\t"))
        memory = None if job["max_rss"] in ("NA", "-") else float(job["max_rss"])
        yield MeasuredJob(end.rule, end.log, end.cpu, float(job["s"]), memory)


def read_timings() -> pl.DataFrame:
    """Read the time and memory of the job behind each result, in the folder in which the study worked.

    Wall time and memory are those of Snakemake's benchmarks. CPU time is what the job itself measured at its
    end. Jobs of an earlier run count where their results still stand.

    Returns
    -------
    pl.DataFrame
        rule, jobs, cpu and wall (seconds, sums over the jobs), memory (MB, of the largest job), sorted by CPU
        time.

    Raises
    ------
    StudyError
        If there are no benchmarks.
    """
    rows = [(job.rule, job.cpu, job.wall, job.memory) for job in measured_jobs()]
    if not rows:
        raise StudyError(f"{BENCHMARKS}: no finished job; run the study in this folder first")
    jobs = pl.DataFrame(
        rows, ["rule", "cpu", "wall", "memory"], orient="row", schema_overrides={"memory": pl.Float64}
    )
    by_rule = jobs.group_by("rule").agg(pl.len().alias("jobs"), pl.sum("cpu", "wall"), pl.max("memory"))
    return by_rule.sort("cpu", "rule", descending=[True, False])


def describe_timings(*, markdown: bool = False) -> str:
    """Describe `read_timings` as a table of text or of Markdown, with a line for the whole study.

    Below it stands how long the jobs took together, from the start of the first to the end of the last one.
    """
    timings = read_timings()
    whole = timings.select(pl.lit("all").alias("rule"), pl.sum("jobs", "cpu", "wall"), pl.max("memory"))
    rows = [("rule", "jobs", "CPU s", "wall s", "MB")]
    for rule, jobs, cpu, wall, memory in pl.concat([timings, whole]).iter_rows():
        rows.append((rule, f"{jobs}", f"{cpu:.1f}", f"{wall:.1f}", "" if memory is None else f"{memory:.0f}"))
    if markdown:
        lines = ["| {} | {} | {} | {} | {} |".format(*row) for row in rows]
        lines.insert(1, "|---|---:|---:|---:|---:|")
    else:
        lines = ["{:22}{:>5}{:>10}{:>10}{:>7}".format(*row) for row in rows]
    jobs = read_jobs()
    first, last = (
        datetime.strptime(time, TIME) for time in (jobs[0].started, max(job.ended for job in jobs))
    )
    return "\n".join([*lines, "", f"From the first start to the last end: {last - first}"])


def answer(arguments: Sequence[str]) -> str:
    """Describe the timings as the arguments of a command ask: of another folder, or as Markdown."""
    parser = argparse.ArgumentParser(
        prog="timings.py", description="Print jobs, CPU time, wall time and memory of the last run by rule."
    )
    parser.add_argument("folder", nargs="?", default=".", help="folder in which the study worked")
    parser.add_argument("--markdown", action="store_true", help="print a table of Markdown")
    chosen = parser.parse_args(arguments)
    with contextlib.chdir(chosen.folder):
        return describe_timings(markdown=chosen.markdown)
