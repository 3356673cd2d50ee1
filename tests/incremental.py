"""What a change of a finished study computes again: jobs and CPU time.

    python tests/incremental.py FOLDER

plans changes in a copy of a finished study and prints a table in Markdown. `FOLDER` is where the study
worked. CPU times are those of the jobs when they ran. A job of a new branch has the mean time of its rule.
"""

import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import yaml

from poles.study.job_times import read_jobs
from workflow import Project

CLAIM = """
- id: added
  statement: The United States and India have moved closer in collaboration since {first}.
  kind: trend
  pair: [IN, US]
  layer: collaboration
  direction: rises
  at_least: 10
"""


def config(**keys: object) -> Callable[[Project], None]:
    """Change that sets keys of the configuration."""

    def change(project: Project) -> None:
        path = project.folder / "config/config.yaml"
        settings = yaml.safe_load(path.read_text())
        for key, value in keys.items():
            settings[key] = settings.get(key, {}) | value if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(settings))

    return change


def chosen(**further: str) -> Callable[[Project], None]:
    """Change that adds a variant or a null model to those that are run."""

    def change(project: Project) -> None:
        run = yaml.safe_load((project.folder / "config/config.yaml").read_text())["run"]
        config(run={key: [*run[key], value] for key, value in further.items()})(project)

    return change


def variant(name: str, choices: dict[str, object]) -> Callable[[Project], None]:
    """Change that defines a variant and runs it."""

    def change(project: Project) -> None:
        config(variants={name: choices})(project)
        chosen(variants=name)(project)

    return change


def appended(file: str, text: str) -> Callable[[Project], None]:
    """Change that appends text to a file."""

    def change(project: Project) -> None:
        path = project.folder / file
        path.write_text(path.read_text() + text)

    return change


CHANGES = {
    "nothing": lambda project: None,
    "a claim in `config/claims.yaml`": appended("config/claims.yaml", CLAIM),
    "a figure of the panel (`scripts/poles/figures/hubs.py`)": appended(
        "scripts/poles/figures/hubs.py", "\nADDED = 1\n"
    ),
    "a null model (`multi_edge`)": chosen(nulls="multi_edge"),
    "a variant of the clusters (`{k: 8}`)": variant("eight", {"k": 8}),
    "a variant of the trajectories (`series`)": variant("series", {"preprocessing": "series"}),
    "a variant of the panel (`{min_strength: 100}`)": variant("active", {"min_strength": 100}),
    "a variant of the links (`{window: 5}`)": variant("recent", {"window": 5}),
    "another seed of the clusters": config(clusters={"seed": 2}),
    "other surrogates of the clusters": config(stability={"surrogate_panels": 3}),
    "another threshold of significance": config(significance={"threshold": 3}),
}  # fmt: skip
"""Changes of a finished study."""


def planned(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the rule and the log of every job that a plain run would make."""
    answer = project.snakemake("--dry-run")
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-4000:]
    blocks = re.split(r"^(?=(?:local)?rule \w+:$)", answer.stdout + answer.stderr, flags=re.MULTILINE)
    for block in blocks[1:]:
        rule = re.match(r"(?:local)?rule (\w+):", block)[1]
        log = re.search(r"^ +log: results/logs/(\S+)", block, re.MULTILINE)
        if log:  # all has none
            yield rule, log[1]


@contextmanager
def restored(project: Project) -> Iterator[None]:
    """Undo the changes of files that are no results."""
    kept = {
        path: path.read_bytes()
        for part in ("config", "scripts/poles")
        for path in (project.folder / part).rglob("*")
        if path.suffix in (".yaml", ".py")
    }
    yield
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def table(project: Project) -> Iterator[str]:
    """Lines of the table: jobs and CPU seconds of every change, and their shares of the whole study."""
    with chdir(project.folder):
        times = {job.log: job.cpu for job in read_jobs()}
        by_rule = defaultdict(list)
        for job in read_jobs():
            by_rule[job.rule].append(job.cpu)
    whole = sum(times.values())
    yield f"| added or changed | jobs of {len(times)} | CPU s of {whole:.0f} | share of the CPU time |"
    yield "|---|---:|---:|---:|"
    for name, change in CHANGES.items():
        with restored(project):
            change(project)
            jobs = list(planned(project))
        cpu = sum(times[log] if log in times else fmean(by_rule[rule]) for rule, log in jobs)
        yield f"| {name} | {len(jobs)} | {cpu:.0f} | {100 * cpu / whole:.0f} % |"


def main() -> None:
    """Copy the study and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "study"
        shutil.copytree(sys.argv[1], copy, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git"))
        for line in table(Project(copy)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
