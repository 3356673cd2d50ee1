"""Let things go wrong while the study runs, one fault a round, and mend each as its message says.

    python tests/faults.py [--seed 0] [--folder FOLDER] [FAULT ...]

A small study runs once undisturbed, up to the scores and the files of one network, and a figure. Every round
has a copy of it, in which one of `FAULTS` happens, or one that is named. What the study says must name the
file or folder, and the command that mends it. After that command all tables, figures and exports must have
the bytes of the undisturbed study, no unfinished file may be left, and nothing more may be planned. The seed
and the name of the fault decide which file, which job and about which moment it is.
"""

import argparse
import os
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import polars as pl
import psutil
import yaml

from conftest import TINY
from workflow import Project, comparable

SMALLER = {"source": {"shards": 1}, "demo": {"works": 3000, "seed": 3}}
"""What differs from the tiny study of the tests, as jobs are started several times in a round."""
TARGETS = (
    "results/exports/full/collaboration/datapackage.json",
    "results/figures/losses.svg",
    "results/full/collaboration/scores/max_entropy.parquet",
)
"""What is made in every round."""
INTERMEDIATE = (
    "results/harvest/records/0.parquet",
    "results/works/2010.parquet",
    "results/full/collaboration/links/2010.parquet",
    "results/full/collaboration/nulls/max_entropy.parquet",
)
"""Tables of several stages that others are made from."""
PATIENCE = 1800
"""Seconds after which a run is taken for one that hangs; a busy machine needs many minutes."""


class Outcome(NamedTuple):
    """What the study said of a fault, and the commands that mended it."""

    message: str
    commands: list[str]


class NotTriedError(Exception):
    """A fault that cannot happen on this machine; the message says why."""


class Fault(NamedTuple):
    """A fault: what lets it happen, whether it needs a run with work to do, and what the study must say."""

    happen: Callable[["Round"], Outcome]
    unfinished: bool


class Run:
    """A run of Snakemake at work, whose words are gathered in a file.

    Parameters
    ----------
    folder : Path
        Of the project.
    arguments : str
        Of Snakemake.
    largest : int, optional
        Bytes that a file of the run may have.
    """

    def __init__(self, folder: Path, *arguments: str, largest: int | None = None):
        self.said = Path(tempfile.mkstemp(suffix=".txt", dir=folder)[1])
        limit = None if largest is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest,) * 2)
        with self.said.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                preexec_fn=limit,
            )

    def words(self) -> str:
        """What the run has said until now."""
        return self.said.read_text(errors="replace")

    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.process.poll() is not None

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is the case, or the run has ended."""
        deadline = time.monotonic() + PATIENCE
        while not condition() and not self.is_over() and time.monotonic() < deadline:
            time.sleep(0.002)

    def finished_jobs(self) -> int:
        """Number of jobs that have ended."""
        return self.words().count("Finished jobid")

    def jobs(self, rule: str = "") -> list[psutil.Process]:
        """Processes of jobs that are at work, of all rules or of one."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [child for child in children if is_script(child, rule)]

    def end(self) -> str:
        """Wait for the end of the run, and return what it said."""
        self.process.wait(PATIENCE)
        return self.words()


def is_script(process: psutil.Process, rule: str) -> bool:
    """Whether a process is the job of a rule, or of any."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return any(re.search(rf"/\.snakemake/scripts/tmp\w+\.{rule or '[a-z_]+'}\.py$", word) for word in words)


class Round:
    """A copy of the undisturbed study in which something goes wrong.

    Parameters
    ----------
    project : Project
        The copy.
    seed : str
        Of all choices.
    """

    def __init__(self, project: Project, seed: str):
        self.project, self.folder = project, project.folder
        self.chance = random.Random(seed)

    def forget(self) -> None:
        """Remove all results but the demo snapshot, so that a run has work to do."""
        for path in (self.folder / "results").iterdir():
            if path.name != "demo":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def start(self, *arguments: str, largest: int | None = None) -> Run:
        """Start a run."""
        return Run(self.folder, *TARGETS, *arguments, largest=largest)

    def fails(self, largest: int | None = None) -> str:
        """What a run says that cannot succeed."""
        run = self.start(largest=largest)
        said = run.end()
        assert run.process.returncode > 0, said[-4000:]
        return said

    def mend(self, *commands: str) -> list[str]:
        """Give commands of Snakemake in the folder; they must succeed."""
        for command in commands:
            assert command.startswith("snakemake")
            answer = self.project.snakemake(*shlex.split(command)[1:])
            assert answer.returncode == 0, answer.stderr[-4000:]
        return list(commands)

    def sentence(self, pattern: str, said: str) -> str:
        """The line that must be among what was said, with the folder under a short name."""
        found = re.search(rf"^.*{pattern}.*$", said, re.MULTILINE)
        assert found, f"no {pattern!r} in:\n{said[-6000:]}"
        return found[0].strip().removeprefix("- ").replace(str(self.folder), "FOLDER")

    def unlock(self) -> Outcome:
        """Find the folder locked, and unlock it as the message says."""
        said = self.fails()
        self.sentence("Directory cannot be locked", said)
        assert str(self.folder) in said and "--unlock" in said
        message = (
            "Error: Directory cannot be locked. [...] FOLDER [...] can be removed with the --unlock argument."
        )
        return Outcome(message, [*self.mend("snakemake --unlock"), self.again()])

    def again(self) -> str:
        """Give the same command again; say so."""
        self.project.run(*TARGETS)
        return "the same command again"


def kill_the_run(round_: Round) -> Outcome:
    """Kill Snakemake after some of its jobs; its jobs must end too."""
    run = round_.start()
    jobs = round_.chance.randrange(6)
    run.until(lambda: run.finished_jobs() >= jobs and run.jobs())
    time.sleep(round_.chance.uniform(0, 1))
    at_work = run.jobs()
    run.process.kill()
    run.process.wait()
    _, alive = psutil.wait_procs(at_work, timeout=PATIENCE)
    assert not alive, "a job goes on without its run"
    return round_.unlock()


def kill_everything(round_: Round) -> Outcome:
    """Kill Snakemake and its jobs at once, as a power failure does."""
    run = round_.start()
    jobs = round_.chance.randrange(6)
    run.until(lambda: run.finished_jobs() >= jobs and run.jobs())
    for process in [psutil.Process(run.process.pid), *run.jobs()]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    run.process.wait()
    return round_.unlock()


def kill_a_job(rule: str, pattern: str = "") -> Callable[[Round], Outcome]:
    """Fault in which a job is killed, once there are files of a pattern that it has not finished."""

    def happen(round_: Round) -> Outcome:
        chosen = rule or round_.chance.choice(["find_core", "select_works", "build_networks", "fit_null"])
        run = round_.start()
        run.until(lambda: run.jobs(chosen))
        at_work = run.jobs(chosen)
        if pattern:
            run.until(lambda: list(round_.folder.glob(pattern)))
        else:
            time.sleep(round_.chance.uniform(0, 0.5))
        for process in at_work:
            with suppress(psutil.NoSuchProcess):  # a job may be quick
                process.kill()
        said = run.end()
        assert run.process.returncode > 0, said[-4000:]
        if pattern:
            assert list(round_.folder.glob(pattern)), "a killed job leaves what it has not finished"
        message = round_.sentence(rf"- {chosen}: (was killed|ended before it began).*", said)
        return Outcome(message, mend_as_told(round_, said))

    return happen


def mend_as_told(round_: Round, said: str) -> list[str]:
    """Give the command that the end of a failed run names."""
    commands = re.findall(
        r"^ *(?:to mend it|Mend what is named, then go on): (snakemake.*)$", said, re.MULTILINE
    )
    assert commands, said[-4000:]
    return round_.mend(*dict.fromkeys(commands))


def fill_the_disk(round_: Round) -> Outcome:
    """Let no file of the run be larger than half of a table that it makes."""
    size = (round_.folder / INTERMEDIATE[0]).stat().st_size
    round_.forget()
    said = round_.fails(largest=size // 2)
    message = round_.sentence(r"- \w+: /.*File too large; allow larger files \(`ulimit -f unlimited`\)", said)
    return Outcome(message, ["ulimit -f unlimited", *mend_as_told(round_, said)])


def protect_results(round_: Round) -> Outcome:
    """Mount the results for reading alone, or forbid to write in their folder, which root may anyway."""
    results = round_.folder / "results"
    root = os.geteuid() == 0
    if root:
        try:
            subprocess.run(["mount", "--bind", results, results], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            raise NotTriedError("root may write anywhere, and cannot mount here") from None
        subprocess.run(["mount", "-o", "remount,ro,bind", results], check=True)
    else:
        results.chmod(0o555)
    try:
        said = round_.fails()
    finally:
        if root:
            subprocess.run(["umount", results], check=True)
        else:
            results.chmod(0o755)
    message = round_.sentence(r"/results: (Read-only file system|Permission denied); \w+", said)
    mended = "mount -o remount,rw ..." if root else "chmod -R u+rwX FOLDER/results"
    return Outcome(message, [mended, round_.again()])


def damage(change: Callable[[bytes], bytes]) -> Callable[[Round], Outcome]:
    """Fault in which a table holds other bytes, which no program reads as a table."""

    def happen(round_: Round) -> Outcome:
        path = round_.chance.choice(INTERMEDIATE)
        file = round_.folder / path
        file.write_bytes(change(file.read_bytes()))
        said = round_.fails()
        message = round_.sentence(rf"^  {re.escape(path)} ", said)
        return Outcome(message, mend_as_told(round_, said))

    return happen


def tamper(round_: Round) -> Outcome:
    """Change a value of a table, and keep its record and its time stamps."""
    path = round_.chance.choice(INTERMEDIATE[2:])  # which have a number to change
    file = round_.folder / path
    before, record = file.stat(), pl.read_parquet_metadata(file)["provenance"]
    frame = pl.read_parquet(file)
    name = "weight" if "weight" in frame.columns else "expected"
    row = round_.chance.randrange(len(frame))
    changed = pl.when(pl.int_range(pl.len()) == row).then(pl.col(name) + 1).otherwise(pl.col(name))
    frame.with_columns(changed.cast(frame.schema[name])).write_parquet(file, metadata={"provenance": record})
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    said = round_.project.broken(TARGETS[-1])
    message = round_.sentence(re.escape(path), said)
    told = re.search(r"\(to mend it: (snakemake.*)\)$", said.strip())
    assert told, said
    return Outcome(
        message, round_.mend(f"snakemake {' '.join(TARGETS)} {told[1].removeprefix('snakemake ')}")
    )


def two_runs(round_: Round) -> Outcome:
    """Start a run beside another one."""
    first = round_.start()
    first.until(first.jobs)
    said = round_.fails()
    round_.sentence("Directory cannot be locked", said)
    assert str(round_.folder) in said
    said = first.end()
    assert first.process.returncode == 0, said[-4000:]
    message = (
        "Error: Directory cannot be locked. Please make sure that no other Snakemake process [...] FOLDER"
    )
    return Outcome(message, ["none: the first run goes on", round_.again()])


def two_runs_without_locks(round_: Round) -> Outcome:
    """Remove Snakemake's locks while a run is at work, and start another one."""
    first = round_.start()
    first.until(first.jobs)
    round_.mend("snakemake --unlock")
    said = round_.fails()
    message = round_.sentence(rf"another run \(process {first.process.pid}\) is at work", said)
    message = message.replace(str(first.process.pid), "N")
    said = first.end()
    assert first.process.returncode == 0, said[-4000:]
    return Outcome(message, ["none: the first run goes on", round_.again()])


FAULTS = {
    "the run is killed": Fault(kill_the_run, True),
    "read_works is killed": Fault(kill_a_job("read_works", "results/harvest/records/.*.partial"), True),
    "a job is killed": Fault(kill_a_job(""), True),
    "the disk is full": Fault(fill_the_disk, False),
    "results are read-only": Fault(protect_results, True),
    "a table is cut": Fault(damage(lambda content: content[: len(content) // 2]), False),
    "a table is garbage": Fault(damage(lambda content: random.Random(0).randbytes(len(content))), False),
    "a table is empty": Fault(damage(lambda content: b""), False),
    "a table is tampered with": Fault(tamper, False),
    "two runs at once": Fault(two_runs, True),
    "the lock is lost": Fault(two_runs_without_locks, True),
    "the power fails": Fault(kill_everything, True),
}
"""Faults by name."""


def disturb(undisturbed: Project, name: str, folder: Path, seed: int) -> Outcome:
    """Let one fault happen in a copy of a study, mend it, and compare.

    Parameters
    ----------
    undisturbed : Project
        The study, which has made `TARGETS`.
    name : str
        One of `FAULTS`.
    folder : Path
        Of the copy, which must not be there yet.
    seed : int
        Of the choices of the round.

    Raises
    ------
    AssertionError
        If something is not as it should be: the message, or the files after the command that mends them.
    """
    round_ = Round(undisturbed.twin(folder), f"{seed} {name}")
    fault = FAULTS[name]
    if fault.unfinished:
        round_.forget()
    outcome = fault.happen(round_)
    compare(round_.project, undisturbed)
    return outcome


def compare(project: Project, undisturbed: Project) -> None:
    """Compare a mended study with one that was not disturbed."""
    unfinished = [str(path) for path in (project.folder / "results").rglob(".*.partial")]
    assert not unfinished, f"not removed: {unfinished}"
    expected, present = comparable(undisturbed.folder / "results"), comparable(project.folder / "results")
    assert present == {name: present.get(name, "missing") for name in expected}, "other files"
    different = [name for name, digest in expected.items() if present[name] != digest]
    assert not different, f"other bytes: {different}"
    assert project.plan(*TARGETS) == {}


def prepare(folder: Path) -> Project:
    """Run the study of all rounds, undisturbed."""
    undisturbed = Project.copy(folder)
    settings = yaml.safe_load(TINY.read_text()) | SMALLER
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings))
    undisturbed.run(*TARGETS)
    return undisturbed


def rounds(names: list[str], folder: Path, seed: int) -> Iterator[str]:
    """Yield the lines of a table in Markdown, one a fault."""
    undisturbed = prepare(folder / "undisturbed")
    count = len(comparable(undisturbed.folder / "results"))
    yield f"| fault | what the study says | what mends it | same bytes in {count} files |"
    yield "|---|---|---|---|"
    for name in names:
        try:
            message, commands = disturb(undisturbed, name, folder / name, seed)
            same = "yes"
        except NotTriedError as error:
            message, commands, same = f"not tried: {error}", [], "not tried"
        except AssertionError as error:
            message, commands, same = str(error), [], "**no**"
        mended = ", then ".join(f"`{short(command)}`" for command in commands)
        yield f"| {name} | {short(message)} | {mended} | {same} |"
        if same != "**no**":
            shutil.rmtree(folder / name)


def short(text: str) -> str:
    """A text for a cell of a table: without the targets of the rounds."""
    return (
        text.replace(" ".join(sorted(TARGETS)), "TARGETS")
        .replace(" ".join(TARGETS), "TARGETS")
        .replace("|", "\\|")
    )


def main() -> int:
    """Run the rounds, and print their table; return whether a fault was not mended."""
    parser = argparse.ArgumentParser(description="Let things go wrong while the study runs, and mend them.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"all, or some of: {'; '.join(FAULTS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the choices of all rounds")
    parser.add_argument("--folder", type=Path, help="where the studies work; a temporary one by default")
    options = parser.parse_args()
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; allowed: {'; '.join(FAULTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        failed = False
        for line in rounds(options.faults or list(FAULTS), options.folder or Path(temporary), options.seed):
            print(line, flush=True)
            failed |= "**no**" in line
    return failed


if __name__ == "__main__":
    sys.exit(main())
