"""The frame around the one function of a job: its log, its provenance record, and errors in one line."""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poles import STARTED
from poles.errors import StudyError, remedy
from poles.stats import progress
from poles.study import embedding

log = logging.getLogger("poles")

TIME = "%Y-%m-%dT%H:%M:%S+00:00"
"""Format of a time in UTC: whole seconds, as RO-Crate wants them."""
END = "%s: done in %.1f s, %.2f s of CPU, from %s to %s"
"""Last line of the log of a job: rule, seconds, CPU seconds, start and end."""
PROCESS_OF_RUN = "POLES_PROCESS_OF_RUN"
"""Variable of the environment with the process of Snakemake that starts the jobs."""
LOOK = 0.5
"""Seconds after which a job looks again whether its run is still there."""


class _Configuration(dict[str, Any]):
    """The part of the configuration that a script may read: how the source is fetched."""

    def __missing__(self, key: str) -> Any:
        raise StudyError(
            f"configuration: {key} is read past the params of the rule, so no change of it would be seen; "
            "pass it through params"
        )


def record_of(job: Any) -> dict[str, Any]:
    """Provenance of a Snakemake job: rule, wildcards, params, log and the SHA-256 of every input.

    Parameters
    ----------
    job : snakemake.script.Snakemake
        The object that Snakemake gives to a script.

    Returns
    -------
    dict
        Only facts that follow from content: no time, host or commit, so two runs give equal records.

    Raises
    ------
    StudyError
        If a param is no plain value: Snakemake would not see that it changes.
    """
    for key, value in job.params.items():
        try:
            json.dumps(value)
        except TypeError as error:
            raise StudyError(
                f"param {key}: {error}; allowed: text, numbers, true, false, null, and lists and maps of them"
            ) from None
    return {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "params": dict(job.params.items()),
        "log": str(job.log[0]),
        "inputs": {str(path): embedding.file_digest(path) for path in sorted(set(job.input))},
    }


def options(job: Any) -> dict[str, Any]:
    """Params of a Snakemake job for the function that it calls, without those that only its record needs.

    They are the digest of its code and, of a figure, the ``source`` of the data.
    """
    return {key: value for key, value in job.params.items() if key not in ("code", "source")}


def _show_progress(job: Any) -> None:
    """Show on a terminal how far the job is. Where nobody looks on, the log alone has it."""
    if not sys.stderr.isatty():
        return
    name = " ".join([job.rule, *(str(value) for _, value in job.wildcards.items())])
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    progress.log.addHandler(handler)


def _end_with_run() -> None:
    """Let this job end soon after the run that started it, even if that is killed.

    The system lets it go on, beside the next run and perhaps under another configuration, and it would put
    its result in the place of a later one.
    """
    if run := os.environ.get(PROCESS_OF_RUN):
        threading.Thread(target=_end_after, args=(int(run),), daemon=True).start()


def _end_after(process: int) -> None:
    """Wait for the end of a process, then end this one."""
    while _is_there(process):
        time.sleep(LOOK)
    log.error("the run that started this job has ended, so the job ends too")
    os.kill(os.getpid(), signal.SIGKILL)  # at once, and whatever the main thread is doing


def _is_there(process: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # that of another user
        return True
    return True


@contextmanager
def run(job: Any) -> Iterator[dict[str, Any]]:
    """Run the body of an entry point: keep its log, and end with one line if the input is bad.

    Parameters
    ----------
    job : snakemake.script.Snakemake
        The object that Snakemake gives to a script; ``job.log[0]`` receives the log.

    Yields
    ------
    dict
        The provenance record for everything that the job writes.
    """
    Path(job.log[0]).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(job.log[0], mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    _show_progress(job)
    _end_with_run()
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handler)
    start = time.monotonic()
    try:
        record = record_of(job)
        job.config = _Configuration(source=job.config["source"])
        yield record
        # Imports count too. Snakemake's benchmark reads this time only now and then, so it misses the end.
        times = [f"{datetime.fromtimestamp(at, UTC):{TIME}}" for at in (STARTED, time.time())]
        log.info(END, job.rule, time.monotonic() - start, time.process_time(), *times)
    except StudyError as error:
        log.error("%s: %s", job.rule, error)
        sys.exit(f"{job.rule}: {error}")
    except BaseException as error:
        if message := remedy(error, Path(next(iter(job.output), ".")).parent):
            log.error("%s: %s", job.rule, message)
            sys.exit(f"{job.rule}: {message}")
        log.exception("%s: failed", job.rule)
        raise
    finally:
        handler.close()
