"""The answer as the first page of Snakemake's report shows it, which can only read the configuration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poles.report.captions import plain

ANSWERS = Path("results/answers.json")


def read() -> dict[str, Any]:
    """Read the answer that the last run wrote, in the folder in which the study worked.

    Returns
    -------
    dict
        ``question``, ``short``, ``note``, and ``lines`` with ``topic``, ``finding`` and ``agreement``: text
        for reStructuredText. Empty if no run wrote one, or the file is not readable: the next run writes it.
    """
    try:
        found = json.loads(ANSWERS.read_bytes())
        lines = [{key: plain(text) for key, text in line.items()} for line in found["lines"]]
        return {key: plain(found[key]) for key in ("question", "short", "note")} | {"lines": lines}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def last_run(page: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """What `poles.study.run_record.first_page` says of the last run, as text for reStructuredText."""
    return {key: [[plain(str(text)) for text in row] for row in rows] for key, rows in page.items()}
