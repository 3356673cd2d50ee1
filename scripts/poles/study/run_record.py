"""The record of a run, results/run.json: what was run, on what, by which software, and when."""

import json
import platform
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from poles import STARTED
from poles.errors import StudyError
from poles.study import audit, branches, job_times
from poles.study.embedding import file_digest, replace_file
from poles.study.jobs import TIME
from poles.study.run_warnings import LOGS

RUN = Path("results/run.json")
SHOWN = ("snakemake", "polars", "numpy", "scipy", "numba", "scikit-learn", "tslearn", "matplotlib")
"""Packages that the first page of the report names; the record has all."""
_PARTS = {
    "packages": dict, "given": dict, "config": dict, "jobs": list, "source": dict, "stages": dict,
    "branches": list, "python": str, "platform": str, "started": str, "finished": str,
}  # fmt: skip
"""Parts of a record that others read."""


def _git(root: Path, *arguments: str) -> str | None:
    """Output of a git command about the project, or None if git or the repository is missing."""
    try:
        process = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return process.stdout.strip()


def write_run(
    root: Path,
    config: Mapping[str, Any],
    source: Mapping[str, Any],
    files: Iterable[str] = (),
    stages: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> None:
    """Write results/run.json: the facts that belong to a run and not to a result.

    Commit, software and times stand in this file only, so that two runs give equal results.

    Parameters
    ----------
    root : Path
        Root of the project.
    config : Mapping
        Configuration of the run.
    source : Mapping
        Facts about the source that no result holds, such as the date of a release or of a harvest.
    files : iterable of str
        Files of the source that are not results. The record has their SHA-256, as the audit found it.
    stages : Mapping, optional
        Stage of each rule.
    given : Mapping, optional
        Files and values of the configuration that the command named (``configfiles``, ``config``).
    """
    status = _git(root, "status", "--porcelain")
    packages = {item.name.lower(): item.version for item in metadata.distributions()}
    jobs = job_times.read_jobs()
    digests = {path: audit.recorded_digest(path) for path in files}
    run = {
        "started": f"{datetime.fromtimestamp(STARTED, UTC):{TIME}}",
        "finished": f"{datetime.now(UTC):{TIME}}",
        "commit": _git(root, "rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
        "requirements": file_digest(root / "envs/requirements.txt"),
        "branches": ["/".join(branch) for branch in branches.branches(config)],
        "source": {**source, **({"files": digests} if digests else {})},
        "stages": job_times.by_stage(jobs, stages or {}),
        "jobs": [job._asdict() for job in jobs],
        "given": dict(given or {}),
        "config": dict(config),
        "audit": file_digest(audit.AUDIT) if audit.AUDIT.is_file() else None,
    }
    replace_file(RUN, (json.dumps(run, indent=1) + "\n").encode())


def read_run() -> dict[str, Any]:
    """Record of the last run in the folder in which the study worked; empty if there is none.

    Raises
    ------
    StudyError
        If the file holds no record.
    """
    if not RUN.is_file():
        return {}
    try:
        run = json.loads(RUN.read_bytes())
    except ValueError:
        run = None
    if not _is_record(run):
        raise StudyError(f"{RUN}: holds no record of a run; `snakemake -R audit_results` writes it anew")
    return run


def _is_record(run: Any) -> bool:
    """Whether a value is the record of a run, as far as others read it."""
    if not isinstance(run, dict) or not all(isinstance(run.get(key), kind) for key, kind in _PARTS.items()):
        return False
    files, values = run["given"].get("configfiles", []), run["given"].get("config", {})
    is_given = isinstance(values, dict) and isinstance(files, list) and all(isinstance(f, str) for f in files)
    jobs = [job for job in run["jobs"] if isinstance(job, dict)]
    return (
        is_given
        and len(jobs) == len(run["jobs"])
        and all(isinstance(job.get(key), str) for job in jobs for key in ("log", "ended"))
    )


def notes(run: Mapping[str, Any]) -> list[str]:
    """What a reader should know of the record of the last run, beside the results.

    Parameters
    ----------
    run : Mapping
        As `read_run` returns it.

    Returns
    -------
    list of str
        A sentence if there is no record, or if it is of another run than the results and their logs.
    """
    if not run:
        return [
            f"{RUN}: no such file, so neither packages nor the configuration of the last run are known; "
            "`snakemake -R audit_results` writes it anew, under the configuration that is given with it"
        ]
    ended = {job["log"]: job["ended"] for job in run.get("jobs", [])}
    for job in job_times.read_jobs():
        if job.ended != (recorded := ended.get(job.log, "unknown to it")):
            return [
                f"{RUN} is of another run than {LOGS}/{job.log}: the job ended at {job.ended}, in the record "
                f"that is {recorded}"
            ]
    if audit.AUDIT.is_file() and run.get("audit") != file_digest(audit.AUDIT):
        return [f"{RUN} is of another run than {audit.AUDIT}, whose SHA-256 it does not have"]
    return []


def command(*arguments: str, given: Mapping[str, Any] | None = None) -> str:
    """Command of Snakemake under a configuration, for a terminal.

    Parameters
    ----------
    *arguments : str
        Files to make, or options.
    given : Mapping, optional
        Files and values of the configuration (``configfiles``, ``config``); those of the last run if left
        out.
    """
    if given is None:
        given = read_run().get("given", {})
    words = ["snakemake", *arguments]
    if files := given.get("configfiles"):
        words += ["--configfile", *files]
    if values := given.get("config"):
        words += ["--config", *(f"{key}={_text(value)}" for key, value in values.items())]
    return shlex.join(words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def first_page() -> dict[str, Any]:
    """What the first page of the report says of the last run.

    Returns
    -------
    dict
        ``facts``: pairs of a name and a text. ``stages``: name, number of jobs, start, end, seconds and CPU
        seconds of each stage. Empty if there is no record of a run.
    """
    try:
        run = read_run()
    except StudyError:
        run = {}  # the next run writes it anew
    if "stages" not in run:  # none, or that of an earlier version of the study
        return {}
    commit = run["commit"] or "unknown, as there is no git repository"
    if run["uncommitted_changes"]:
        commit += ", with uncommitted changes"
    versions = [f"{name} {run['packages'][name]}" for name in SHOWN if name in run["packages"]]
    facts = {
        "Run": f"{run['started']} to {run['finished']}",
        "Branches": ", ".join(run["branches"]),
        "Source": describe_source(run["source"]),
        "Code": f"commit {commit}",
        "Software": ", ".join([f"Python {run['python']}", *versions]),
        "Pinned packages": f"envs/requirements.txt with SHA-256 {run['requirements']}",
        "Machine": run["platform"],
    }
    return {
        "facts": list(facts.items()),
        "stages": [[name, *stage.values()] for name, stage in run["stages"].items()],
    }


def describe_source(source: Mapping[str, Any]) -> str:
    """Say in a sentence from which release, or when, the works or networks come."""
    kind = source["kind"]
    if kind == "demo":
        return f"a made-up world of {source['works']} works, seed {source['seed']}"
    if kind == "snapshot":
        released = source["date"] or "without a date"
        return (
            f"OpenAlex snapshot, release {released} ({source['digest']}), {source['records']} records in "
            f"{source['files']} files, read from {source['path']}"
        )
    if kind == "api":
        works = source["field"]["works"] + source.get("citing", {}).get("works", 0)
        first, last = source["field"]["first"], source["ledger"]["last"]
        return f"OpenAlex REST API ({source['url']}), {works} works, fetched from {first} to {last}"
    if kind == "archive":
        origin = describe_source(source["harvest"])
        return f"{source['path']} (SHA-256 {source['sha256']}), the harvest of: {origin}"
    listed = [f"{path} with SHA-256 {digest}" for path, digest in source.get("files", {}).items()]
    return f"{kind}: {'; '.join(listed[:3])}" + (f" and {len(listed) - 3} more files" if listed[3:] else "")
