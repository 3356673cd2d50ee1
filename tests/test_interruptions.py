"""Runs that are cut off: what the next run removes and refuses, and what is said of jobs that failed."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import faults
from conftest import ROOT
from poles.errors import remedy
from poles.study import interruptions, jobs, run_record, tables
from poles.study.interruptions import Job
from poles.study.tables import YEAR, Table
from workflow import Project

KIND = Table(("year",), {"year": YEAR})
RECORD = {"rule": "make", "wildcards": {}, "params": {}, "log": "results/logs/make.log", "inputs": {}}
BEGIN = "from poles.study import interruptions; print(interruptions.begin(), flush=True); input()"
"""A run that is at work until something can be read from its standard input, or there will be nothing."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which a study works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def another_run(folder: Path) -> subprocess.Popen[str]:
    """Start a run in a process of its own, and wait until it is at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline()
    return process


def test_a_run_removes_what_a_killed_one_has_not_finished_and_nothing_else(study: Path):
    kept = ["results/works/1990.parquet", "results/a.partial", "results/.hidden", "harvest/.p.partial"]
    left = ["results/works/.1990.parquet.partial", "results/harvest/.0.parquet.x1.partial/0.arrow"]
    for name in kept + left:
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).touch()
    process = another_run(study)
    assert {path.relative_to(study).as_posix() for path in study.rglob("*") if path.is_file()} == {
        *kept, interruptions.RUN.as_posix()
    }  # fmt: skip
    assert not (study / left[1]).parent.exists()
    process.communicate("\n")
    assert process.returncode == 0


def test_a_second_run_is_refused_until_the_first_has_ended_even_if_it_is_killed(study: Path):
    first = another_run(study)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", BEGIN]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert f"{study}: another run (process {first.pid}) is at work in this folder; wait" in second.stderr
    assert interruptions.was_cut_off()
    first.kill()
    first.communicate()
    assert interruptions.was_cut_off()
    third = another_run(study)
    third.communicate("\n")
    assert third.returncode == 0


def test_a_run_that_came_to_its_end_was_not_cut_off(study: Path):
    assert not interruptions.was_cut_off()
    code = BEGIN.replace("input()", "interruptions.end()")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert (study / interruptions.RUN).is_file() and not interruptions.was_cut_off()


def test_results_that_cannot_be_written_are_named(study: Path):
    (study / "results").write_text("no folder")
    with pytest.raises(interruptions.StudyError, match="results: File exists; then give"):
        interruptions.begin()


def test_a_folder_that_is_read_only_is_named_with_what_mends_it(study: Path, monkeypatch: pytest.MonkeyPatch):
    def touch(path: Path) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(interruptions.StudyError) as raised:
        interruptions.begin()
    assert str(raised.value) == (
        f"{study}/results: Read-only file system; mount its disk for writing (`mount -o remount,rw` and its "
        "mount point); then give the same command again"
    )


JOB = """
import sys
from pathlib import Path
from types import SimpleNamespace
from poles.study import jobs
job = SimpleNamespace(rule="wait", wildcards={}, params={}, log=["wait.log"], input=[], output=["x"],
                      config={"source": {}})
with jobs.run(job):
    print("at work", flush=True)
    input()
"""


def test_a_job_ends_with_the_run_that_started_it(study: Path):
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), jobs.PROCESS_OF_RUN: str(run.pid)}
    job = subprocess.Popen(
        [sys.executable, "-c", JOB], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert job.stdout.readline() == "at work\n"
    assert job.poll() is None
    run.kill()
    run.wait()
    assert job.wait(600) < 0, "it was killed; a busy machine may let it wait"
    job.stdin.close()
    job.stdout.close()
    run.stdin.close()
    assert "ERROR the run that started this job has ended" in (study / "wait.log").read_text()


WRITERS = {
    "polars": "frame.write_parquet(PATH)",
    "pyarrow": "import pyarrow.parquet as pq; pq.write_table(frame.to_arrow(), PATH)",
    "Python": "open(PATH, 'wb').write(bytes(200_000))",
}
"""Ways in which the study writes files."""


@pytest.mark.parametrize("writer", WRITERS)
def test_a_job_on_a_full_disk_ends_with_one_line(study: Path, writer: str):
    (study / "results").mkdir()
    code = JOB.replace('print("at work", flush=True)\n    input()', WRITERS[writer])
    code = code.replace("PATH", "'results/x.parquet'").replace('output=["x"]', 'output=["results/x.parquet"]')
    setup = "import polars as pl, random\nframe = pl.DataFrame({'a': random.Random(0).randbytes(200_000)})\n"
    setup = setup.replace("random.Random(0).randbytes(200_000)", "[random.random() for _ in range(30_000)]")
    process = subprocess.run(
        [sys.executable, "-c", setup + code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    place = study / "results"
    assert process.stderr.splitlines() == [
        f"wait: {place}: File too large; allow larger files (`ulimit -f unlimited`)"
    ]
    assert process.stderr.strip() in (study / "wait.log").read_text()


def test_what_mends_a_disk_is_said_of_the_folder_that_is_there(tmp_path: Path):
    place = tmp_path / "it's" / "here"
    place.parent.mkdir()
    message = remedy(PermissionError(13, "Permission denied", str(place / "a.parquet")), "elsewhere")
    quoted = str(tmp_path) + "/it'\"'\"'s"
    assert message == f"{place}/a.parquet: Permission denied; make it writable (`chmod -R u+rwX '{quoted}'`)"
    assert "No space left on device; free some space" in remedy(OSError(28, "full"), place)
    assert remedy(OSError("Read-only file system (os error 30): x"), place).startswith(f"{place}: Read-only")
    assert remedy(FileNotFoundError(2, "No such file"), place) is None
    assert remedy(ValueError("no (os error) of a disk"), place) is None


COMMAND = "snakemake --configfile my.yaml"


def told(*failed: Job, made: set[str] = frozenset()) -> list[str]:
    """Lines that are said of jobs that failed."""
    given = {"configfiles": ["my.yaml"]}
    text = interruptions.account(failed, made, lambda *arguments: run_record.command(*arguments, given=given))
    first, *lines = text.splitlines()
    assert first == "The study has stopped. What other jobs have made stays."
    return lines


LOGS = {
    "killed": (
        "",
        "- make: was killed, such as for lack of memory; make.log has what it did until then",
    ),
    "bad input": (
        "12:00:00 ERROR make: a.csv: no column year\n",
        "- make: a.csv: no column year",
    ),
    "a fault of the code": (
        "12:00:00 ERROR make: failed\nTraceback (most recent call last):\n  x\nKeyError: 'a'\n",
        "- make: KeyError: 'a' (make.log has more)",
    ),
    "no log": (
        None,
        "- make: ended before it began; the messages above say why, unless it was killed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_each_job_that_failed_has_a_line_and_the_command_to_go_on_follows(study: Path, name: str):
    text, line = LOGS[name]
    if text is not None:
        (study / "make.log").write_text(text)
    assert told(Job("make", "make.log", [])) == [line, f"Mend what is named, then go on: {COMMAND}"]


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda content: content[:100], "not readable as parquet"),
    "empty": (lambda content: b"", "not readable as parquet"),
    "longer": (lambda content: content + b"x", "not readable as parquet"),
    "changed": (lambda content: content[:5] + b"x" + content[6:], "does not hold what was written to it"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_input_is_named_with_the_command_that_makes_it_again(study: Path, name: str):
    change, fault = DAMAGES[name]
    paths = [f"results/{year}.parquet" for year in (1990, 1991)]
    for path in paths:
        tables.write(pl.DataFrame({"year": [1990]}), KIND, path, RECORD)
    whole = told(Job("use", "use.log", paths), made=set(paths))
    Path(paths[1]).write_bytes(change(Path(paths[1]).read_bytes()))
    lines = told(Job("use", "use.log", paths), made=set(paths))
    assert len(whole) == 2 and whole[0] == lines[0]
    assert lines[1].startswith(f"  {paths[1]} {fault}")
    assert lines[2:] == [f"  to mend it: snakemake -R {paths[1]} --configfile my.yaml"]
    assert told(Job("use", "use.log", paths), made=set()) == whole, "a file of the user, which no rule makes"


def test_a_file_that_the_audit_names_can_be_made_again(study: Path):
    path = "results/1990.parquet"
    tables.write(pl.DataFrame({"year": [1990]}), KIND, path, RECORD)
    error = (
        f"audit_results: audit: {path} has changed since results/z.parquet was made: SHA-256 0, recorded 1"
    )
    (study / "audit.log").write_text(f"12:00:00 ERROR {error}\n")
    lines = told(Job("audit_results", "audit.log", []), made={path})
    assert lines[2] == f"  to mend it: snakemake -R {path} --configfile my.yaml"


@pytest.mark.slow
def test_the_last_steps_of_a_run_that_was_killed_are_done_by_the_next(twin: Project):
    record = twin.folder / "results/run.json"
    record.unlink()
    assert twin.plan() == {}
    (twin.folder / interruptions.RUN).write_text("1\n")
    assert twin.plan() == {"audit_results": 1, "all": 1}
    assert twin.plan("results/claims.parquet") == {}, "other targets have no last steps"
    twin.run()
    assert record.is_file() and twin.plan() == {}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The study of `make faults`."""
    return faults.prepare(tmp_path_factory.mktemp("faults") / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["read_works is killed", "a table is cut", "the lock is lost"])
def test_faults_are_mended_as_the_study_says(undisturbed: Project, tmp_path: Path, name: str):
    outcome = faults.disturb(undisturbed, name, tmp_path / "disturbed", seed=1)
    assert outcome.message and outcome.commands
