"""Warnings of the jobs of a study, which their logs hold, in one file: results/warnings.json."""

import json
import re
from pathlib import Path

from poles.study.embedding import replace_file

LOGS = Path("results/logs")
WARNINGS = Path("results/warnings.json")
_WARNING = re.compile(r"^\d\d:\d\d:\d\d WARNING (.*)$", re.MULTILINE)


def write_warnings() -> dict[str, list[str]]:
    """Collect the warnings in the logs of all jobs, and write them to `WARNINGS`.

    Returns
    -------
    dict
        Distinct warnings of each log that has any, by the path of the log below `LOGS`.
    """
    by_log = {}
    for path in sorted(LOGS.rglob("*.log")):
        texts = list(dict.fromkeys(_WARNING.findall(path.read_text(encoding="utf-8", errors="replace"))))
        if texts:
            by_log[path.relative_to(LOGS).as_posix()] = texts
    replace_file(WARNINGS, (json.dumps(by_log, indent=1, ensure_ascii=False) + "\n").encode())
    return by_log


def read_warnings() -> dict[str, list[str]]:
    """Warnings as `write_warnings` left them; none if there is no such file."""
    return json.loads(WARNINGS.read_bytes()) if WARNINGS.is_file() else {}
