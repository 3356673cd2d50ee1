"""The record of a run, results/run.json: commit, software, time and configuration."""

import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from poles.study.embedding import file_digest, replace_file


def _git(root: Path, *arguments: str) -> str | None:
    """Output of a git command about the project, or None if git or the repository is missing."""
    try:
        process = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return process.stdout.strip()


def write_run(root: Path, config: Mapping[str, Any], source: Mapping[str, Any] | None = None) -> None:
    """Write results/run.json: the facts that belong to a run and not to a result.

    Commit, software and time stand in this file only, so that two runs give equal results.

    Parameters
    ----------
    root : Path
        Root of the project.
    config : Mapping
        Configuration of the run.
    source : Mapping, optional
        Facts about the source that no result holds, such as the date and the cost of a harvest.
    """
    status = _git(root, "status", "--porcelain")
    packages = {item.name.lower(): item.version for item in metadata.distributions()}
    run = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git(root, "rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
        "requirements": file_digest(root / "envs/requirements.txt"),
        "config": dict(config),
    }
    if source is not None:
        run["source"] = dict(source)
    replace_file("results/run.json", (json.dumps(run, indent=1) + "\n").encode())
