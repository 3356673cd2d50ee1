"""Runs that are cut off: what a killed run left, one run at a time in a folder, and what a failed one says.

Snakemake locks a folder by files, which stay after a kill, and which anybody can remove while a run is at
work. The lock of this module ends with the process of the run.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from poles.errors import StudyError, remedy
from poles.study import audit, locks

RUN = Path(".snakemake/run_of_study")
"""Holds the process of the run that is at work, or was cut off; empty after a run that came to its end."""
RESULTS = Path("results")
PROBE = RESULTS / ".run.partial"
"""Written to see whether results can be."""
AUDIT = "audit_results"
"""Rule whose message names a file that no longer fits others."""
UNFINISHED = ".*.partial"
"""Files and folders that become results when they are complete."""
_RESULT = re.compile(r"results/[\w./=-]*\w")
_ERROR = re.compile(r"^\d\d:\d\d:\d\d ERROR (.*)$", re.MULTILINE)
_EXCEPTION = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt)\b.*$", re.MULTILINE)


class Job(NamedTuple):
    """A job that failed: its rule, its log if it has one, and its inputs."""

    rule: str
    log: str | None
    inputs: Sequence[str]


def was_cut_off() -> bool:
    """Whether the last run in this folder has neither ended nor failed, or is still at work."""
    return RUN.is_file() and RUN.stat().st_size > 0


def begin() -> list[str]:
    """Begin a run in the working folder, and remove what killed runs left unfinished.

    Returns
    -------
    list of str
        What was removed.

    Raises
    ------
    StudyError
        If another run is at work here, or results cannot be written.
    """
    try:
        RUN.parent.mkdir(exist_ok=True)
        if not _is_alone():
            raise StudyError(
                f"{Path.cwd()}: another run (process {RUN.read_text().strip()}) is at work in this folder; "
                "wait until it has ended, then give the same command again"
            )
        RUN.write_text(f"{os.getpid()}\n")
        RESULTS.mkdir(exist_ok=True)
        PROBE.touch()
        removed = list(_remove_unfinished())
    except OSError as error:
        if error.filename == str(PROBE):
            error.filename = str(RESULTS)
        message = remedy(error, RESULTS) or f"{error.filename or RESULTS}: {error.strerror}"
        raise StudyError(f"{message}; then give the same command again") from None
    return removed


def end() -> None:
    """End a run that has done, or said, all that it could."""
    RUN.write_text("")


def _is_alone() -> bool:
    """Whether no other run is at work here, as far as the file system tells."""
    try:
        return locks.taken(RUN) is not None
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):  # no locks here; Snakemake has one of its own
            return True
        raise


def _remove_unfinished() -> Iterator[str]:
    """Remove unfinished files and folders of results; yield those that a killed run left."""
    for path in sorted(RESULTS.rglob(UNFINISHED)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        if path != PROBE:
            yield path.as_posix()


def account(failed: Iterable[Job], made: Collection[str], command: Callable[..., str]) -> str:
    """Say of each job that failed why, and which command mends it.

    Parameters
    ----------
    failed : iterable of Job
        The jobs.
    made : collection of str
        Results that the study makes.
    command : callable
        Gives the command of Snakemake with some arguments, under the configuration of the run.

    Returns
    -------
    str
        Lines for a terminal.
    """
    lines = ["The study has stopped. What other jobs have made stays."]
    mended = False
    for job in sorted(failed):
        reason = _reason(job)
        lines.append(f"- {job.rule}: {reason.removeprefix(f'{job.rule}: ')}")
        for path, fault in _damaged(job, reason, made):
            lines.append(f"  {path} {fault}")
            lines.append(f"  to mend it: {command('-R', path)}")
            mended = True
    if not mended:
        lines.append(f"Mend what is named, then go on: {command()}")
    return "\n".join(lines)


def _reason(job: Job) -> str:
    """Why a job failed: the last error in its log, or that it was killed."""
    path = Path(job.log or "")
    if not path.is_file():
        return "ended before it began; the messages above say why, unless it was killed"
    text = path.read_text(encoding="utf-8", errors="replace")
    if errors := _ERROR.findall(text):
        if errors[-1] == f"{job.rule}: failed" and (raised := _EXCEPTION.findall(text)):
            return f"{raised[-1]} ({path} has more)"
        return errors[-1]
    return f"was killed, such as for lack of memory; {path} has what it did until then"


def _damaged(job: Job, reason: str, made: Collection[str]) -> Iterator[tuple[str, str]]:
    """Inputs of a job, and files in its message, that are not what the study has made; each with a fault."""
    named = [path for path in _RESULT.findall(reason) if path in made]
    for path in dict.fromkeys([*named, *(path for path in job.inputs if path in made)]):
        try:
            content = audit.read_content(path)
        except OSError as error:
            yield path, audit.absence(error)
            continue
        if faults := content.faults or (() if content.record else (audit.UNRECORDED,)):
            yield path, faults[0]
        elif path in named and job.rule == AUDIT:
            yield path, "is not what other results were made from"
