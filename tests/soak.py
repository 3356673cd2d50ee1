"""Change the configuration at random and run the study again, many times in one folder; nothing old may stay.

    python tests/soak.py [--runs 50] [--every 10] [--seed 0] [--folder FOLDER]

Before every run but the first, one or two keys of the configuration get another value of `VALUES`. After
every run the audit of all results must be clean, and Snakemake must plan nothing. After every tenth run and
the last, every table, figure and page must have the bytes of a fresh run of the same configuration in another
folder. The program prints a line for each run, and in the end a table of the keys. It stops at the first run
that fails.
"""

import argparse
import copy
import functools
import json
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import yaml

from conftest import TINY
from incremental import CLAIM
from workflow import Project, comparable

SMALLER = {
    "source": {"shards": 1},
    "demo": {"works": 4000, "seed": 3},
    "trajectories": {"panel": {"min_strength": 8}},
}
"""What differs from the tiny study of the tests, as the study runs many times."""
MORE_CLAIMS = "config/more-claims.yaml"
VALUES: dict[str, Sequence[Any]] = {
    "run.nulls": (["max_entropy"], ["multi_edge"], ["variance_corrected", "max_entropy"]),
    "run.variants": (["full"], ["beyond_growth"], ["full", "literal"], ["fractional"]),
    "years.first": (1990, 1995),
    "years.last": (2022, 2023),
    "trajectories.first": (None, 2003),
    "trajectories.panel.min_strength": (8, 12),
    "clusters.k": (3, 4, 5),
    "clusters.seed": (1, 2),
    "significance.threshold": (1.5, 2, 3),
    "poles": (["US", "CN"], ["CN", "US"], ["US", "IN"]),
    "claims": (None, "config/claims.yaml", MORE_CLAIMS),
    "hubs.seed": (1, 2),
    "alignment.seed": (1, 2),
    "uncertainty.seed": (1, 2),
    "field.match": ("primary", "any"),
    "selection.countries": ("listed", "institutions"),
    "demo.seed": (3, 4),
}
"""Values of keys of the configuration. All of them fit together."""


def value(settings: dict[str, Any], key: str) -> Any:
    """Value of a key whose name has dots; None if it is not set."""
    return functools.reduce(lambda part, name: (part or {}).get(name), key.split("."), settings)


def changed(settings: dict[str, Any], key: str, new: Any) -> dict[str, Any]:
    """Settings with another value of a key whose name has dots."""
    settings = copy.deepcopy(settings)
    *parents, name = key.split(".")
    part = settings
    for parent in parents:
        part = part.setdefault(parent, {})
    part[name] = new
    return settings


def first_settings() -> dict[str, Any]:
    """Settings of the first run: those of the tiny study, with a value for every key that changes."""
    settings = yaml.safe_load(TINY.read_text()) | SMALLER
    for key, values in VALUES.items():
        settings = changed(settings, key, values[0])
    return settings


def edited(settings: dict[str, Any], chance: random.Random) -> tuple[dict[str, Any], list[str]]:
    """Settings with other values of one or two keys, and these keys."""
    keys = chance.sample(list(VALUES), chance.randint(1, 2))
    for key in keys:
        present = value(settings, key)
        settings = changed(settings, key, chance.choice([new for new in VALUES[key] if new != present]))
    return settings, keys


def write(project: Project, settings: dict[str, Any]) -> None:
    """Write the configuration of a project."""
    (project.folder / "config/config.yaml").write_text(yaml.safe_dump(settings))
    claims = (project.folder / "config/claims.yaml").read_text()
    (project.folder / MORE_CLAIMS).write_text(claims + CLAIM)


def run(project: Project) -> int:
    """Run the study; return how many jobs it had. All must be well afterwards."""
    answer = project.snakemake()
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-6000:]
    audit = project.audit("--all")
    assert audit.returncode == 0, audit.stderr
    assert (plan := project.plan()) == {}, f"planned again: {plan}"
    return (answer.stdout + answer.stderr).count("Finished jobid")


def compare(project: Project, fresh: Project) -> int:
    """Compare a study with one that has run once; return how many files are equal, which is all."""
    expected, present = comparable(fresh.folder / "results"), comparable(project.folder / "results")
    different = [name for name, digest in expected.items() if present.get(name, "missing") != digest]
    assert not different, f"not those of a fresh run: {different}"
    return len(expected)


def soak(folder: Path, runs: int, every: int, seed: int) -> Iterator[str]:
    """Run the study many times; yield a line for each run, then those of the table."""
    chance = random.Random(seed)
    project = Project.copy(folder / "study")
    settings, keys = first_settings(), list[str]()
    jobs = defaultdict[str, list[int]](list)
    compared = 0
    for number in range(1, runs + 1):
        if number > 1:
            settings, keys = edited(settings, chance)
        write(project, settings)
        said = ", ".join(f"{key} = {json.dumps(value(settings, key))}" for key in keys) or "the first run"
        line = f"run {number}: {said}: "
        try:
            count = run(project)
            line += f"{count} jobs, audit clean, nothing planned"
            if number % every == 0 or number == runs:
                fresh = Project.copy(folder / "fresh")
                write(fresh, settings)
                fresh.run()
                line += f", {compare(project, fresh)} files as of a fresh run"
                shutil.rmtree(fresh.folder)
                compared += 1
        except AssertionError as error:
            raise AssertionError(f"{line}{error}") from None
        for key in keys:
            jobs[key].append(count)
        yield line
    yield ""
    yield "| key | changes | jobs on average |"
    yield "|---|---:|---:|"
    for key in filter(jobs.__contains__, VALUES):
        yield f"| `{key}` | {len(jobs[key])} | {fmean(jobs[key]):.0f} |"
    yield ""
    yield f"{runs} runs, every audit clean, nothing planned again; {compared} equal to a fresh run"


def main() -> str | None:
    """Run the study as often as asked; return what is wrong, if anything is."""
    parser = argparse.ArgumentParser(description="Change the configuration and run the study, many times.")
    parser.add_argument("--runs", type=int, default=50, help="how often the study runs")
    parser.add_argument("--every", type=int, default=10, help="runs between comparisons with a fresh run")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--folder", type=Path, help="where the studies work; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            for line in soak(options.folder or Path(temporary), options.runs, options.every, options.seed):
                print(line, flush=True)
        except AssertionError as error:
            return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
