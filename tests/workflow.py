"""A copy of the project in a folder of its own, and what Snakemake plans or makes there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from poles.study import crate, embedding

PARTS = ("Snakefile", "CITATION.cff", "LICENSE", "workflow", "scripts", "config", "profiles", "envs")
UNFINISHED = shutil.ignore_patterns("*.pyc.*", "*.tmp.*")
"""Compiled files that another process is still writing."""
UNEQUAL = ("run.json", crate.NAME, "report.html", "logs/", "benchmarks/")
"""What two runs cannot have in common; docs/provenance.md says why."""


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): embedding.file_digest(path) for path in paths}


def comparable(results: Path) -> dict[str, str]:
    """SHA-256 of every result that two runs have in common: tables, figures, pages and exports."""
    return {name: digest for name, digest in files(results).items() if not name.startswith(UNEQUAL)}


class Project:
    """A working copy of the project.

    Parameters
    ----------
    folder : Path
        Where it stands.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def copy(cls, folder: Path) -> "Project":
        """Copy the sources of the project, with what Python and numba have compiled of them."""
        for part in PARTS:
            origin = ROOT / part
            if origin.is_dir():
                shutil.copytree(origin, folder / part, ignore=UNFINISHED)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, folder / part)
        return cls(folder)

    def twin(self, folder: Path) -> "Project":
        """Copy everything, results and Snakemake's memory included, with time stamps."""
        shutil.copytree(self.folder, folder)
        return Project(folder)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the folder."""
        return self._run(sys.executable, *arguments)

    def audit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Audit the results in the folder."""
        return self.python("scripts/audit.py", *arguments)

    def broken(self, *arguments: str) -> str:
        """What an audit that fails says, in one line."""
        answer = self.audit(*arguments)
        assert answer.returncode == 1, answer.stdout + answer.stderr
        assert "Traceback" not in answer.stderr
        assert len(answer.stderr.splitlines()) == 1, answer.stderr
        return answer.stderr

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that occurs once in a file of the folder."""
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder, on the configuration of the project."""
        return self._run(sys.executable, "-m", "snakemake", *arguments)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=3600,  # ends a hanging run; a busy machine needs many minutes
            check=False,
        )

    def run(self, *arguments: str) -> None:
        """Run the study; a failure shows Snakemake's own words."""
        answer = self.snakemake(*arguments)
        assert answer.returncode == 0, answer.stderr[-8000:]

    def plan(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule Snakemake would run now."""
        answer = self.snakemake("--dry-run", *arguments)
        assert answer.returncode == 0, answer.stderr[-8000:]
        text = answer.stdout + answer.stderr
        if "Nothing to be done" in text:
            return {}
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", text, re.MULTILINE | re.DOTALL)
        assert table, text[-4000:]
        jobs = (line.split() for line in table[1].strip().splitlines())
        return {rule: int(count) for rule, count in jobs}
