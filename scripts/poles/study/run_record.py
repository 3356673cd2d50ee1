"""What belongs to a run and not to a result: results/run.json."""

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
    """Answer of git about the project, or None where there is no git or no repository."""
    try:
        answer = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def write_run(root: Path, config: Mapping[str, Any], source: Mapping[str, Any] | None = None) -> None:
    """Write results/run.json: what belongs to a run and not to a result.

    Commit, software and time stand here only, so that two runs give equal results.

    Parameters
    ----------
    root : Path
        Root of the project.
    config : Mapping
        Configuration of the run.
    source : Mapping, optional
        What is to be known of the source and is in no result: when it was harvested, at what cost.
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
