"""Time and memory of the jobs behind the results, by rule, from Snakemake's benchmarks and the logs."""

import csv
from pathlib import Path

import polars as pl

from poles.errors import StudyError
from poles.study.job_times import read_jobs

BENCHMARKS = Path("results/benchmarks")


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
    rows = []
    ended = {job.log: job for job in read_jobs()}
    for path in sorted(BENCHMARKS.rglob("*.tsv")):
        end = ended.get(path.relative_to(BENCHMARKS).with_suffix(".log").as_posix())
        if end is None:
            continue  # the job is running, or failed
        with path.open() as file:
            job = next(csv.DictReader(file, delimiter="\t"))
        # A job that ends before the first measurement has no memory.
        memory = None if job["max_rss"] in ("NA", "-") else float(job["max_rss"])
        rows.append((end.rule, end.cpu, float(job["s"]), memory))
    if not rows:
        raise StudyError(f"{BENCHMARKS}: no finished job; run the study in this folder first")
    jobs = pl.DataFrame(
        rows, ["rule", "cpu", "wall", "memory"], orient="row", schema_overrides={"memory": pl.Float64}
    )
    by_rule = jobs.group_by("rule").agg(pl.len().alias("jobs"), pl.sum("cpu", "wall"), pl.max("memory"))
    return by_rule.sort("cpu", "rule", descending=[True, False])


def describe_timings() -> str:
    """Describe `read_timings` as a table of text, with a line for the whole study."""
    timings = read_timings()
    whole = timings.select(pl.lit("all").alias("rule"), pl.sum("jobs", "cpu", "wall"), pl.max("memory"))
    lines = [f"{'rule':22}{'jobs':>5}{'CPU s':>10}{'wall s':>10}{'MB':>7}"]
    for rule, jobs, cpu, wall, memory in pl.concat([timings, whole]).iter_rows():
        largest = "" if memory is None else f"{memory:.0f}"
        lines.append(f"{rule:22}{jobs:5d}{cpu:10.1f}{wall:10.1f}{largest:>7}")
    return "\n".join(lines)
