"""Warnings of the jobs of a study, which their logs hold.

results/warnings.json has those of all jobs behind the results of a study, and not those of jobs of an earlier
configuration, whose logs may lie in the same folder. It is written when a run has ended, so no result can
rest on it. A page that shows warnings takes those of the jobs that it rests on (`upstream`), whose logs are
complete by then. They stay true without a rule of their own: a job that gives other warnings has other
inputs, parameters or code, and so has all that rests on it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from poles.study import extraction
from poles.study.embedding import replace_file

LOGS = Path("results/logs")
WARNINGS = Path("results/warnings.json")
_WARNING = re.compile(r"^\d\d:\d\d:\d\d WARNING (.*)$", re.MULTILINE)


def write_warnings(results: Iterable[str | Path]) -> dict[str, list[str]]:
    """Collect the warnings in the logs of all jobs behind some results, and write them to `WARNINGS`.

    Parameters
    ----------
    results : iterable of str or Path
        Results of the study; those that are not there count for nothing.

    Returns
    -------
    dict
        Distinct warnings of each log that has any, by the path of the log below `LOGS`.
    """
    by_log = upstream(path for path in results if Path(path).is_file())
    replace_file(WARNINGS, (json.dumps(by_log, indent=1, ensure_ascii=False) + "\n").encode())
    return by_log


def read_warnings() -> dict[str, list[str]]:
    """Warnings as `write_warnings` left them; none if there is no such file."""
    return json.loads(WARNINGS.read_bytes()) if WARNINGS.is_file() else {}


def upstream(paths: Iterable[str | Path]) -> dict[str, list[str]]:
    """Warnings of the jobs that made some results, and of all jobs that these rest on.

    Parameters
    ----------
    paths : iterable of str or Path
        Results, relative to the folder in which the study worked.

    Returns
    -------
    dict
        As `write_warnings` returns them. A log that is no longer there has none.
    """
    pending, seen, logs = [str(path) for path in paths], set(), set()
    while pending:
        path = pending.pop()
        if path in seen or not path.startswith("results/"):  # what comes from outside has no log
            continue
        seen.add(path)
        if record := extraction.read(path):
            logs.update([Path(record["log"])] if "log" in record else [])
            pending += record.get("inputs", {})
    return _of_logs(path for path in logs if path.is_file())


def sentences(by_log: Mapping[str, Sequence[str]]) -> list[str]:
    """Every distinct warning once, followed by the jobs that gave it.

    Parameters
    ----------
    by_log : Mapping
        As `write_warnings` returns them.
    """
    jobs: dict[str, list[str]] = {}
    for log, texts in by_log.items():
        for text in texts:
            jobs.setdefault(text, []).append(log.removesuffix(".log"))
    return [f"{text} ({', '.join(names)})" for text, names in jobs.items()]


def _of_logs(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Distinct warnings of logs, by the path of the log below `LOGS`; only of those that have any."""
    by_log = {}
    for path in sorted(paths):
        texts = list(dict.fromkeys(_WARNING.findall(path.read_text(encoding="utf-8", errors="replace"))))
        if texts:
            by_log[path.relative_to(LOGS).as_posix()] = texts
    return by_log
