"""Damage of every kind to a finished study: the audit names it in a sentence, and says what to do."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from poles.audits import chain, link
from poles.errors import StudyError
from poles.study import embedding, run_record
from workflow import Project

FIGURES = "results/figures/full/max_entropy/"
LINKS = "results/full/citation/links/{}.parquet"
SCORES = "results/full/citation/scores/max_entropy.parquet"
TABLES = "results/tables/"


def swap(project: Project, *paths: str) -> None:
    """Let two files change places."""
    first, second = (project.folder / path for path in paths)
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])


def damage(path: Path) -> None:
    """Put bytes where readers of the format do not look."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        frame = pl.read_parquet(path)
        path.write_bytes(content[:footer] + b"more" + content[footer:])
        assert pl.read_parquet(path).equals(frame)
    else:
        path.write_bytes(content + b"\n")


@pytest.mark.parametrize(
    "path",
    [f"{FIGURES}archetypes.png", "results/claims.html", f"{TABLES}claims.csv", LINKS.format(2010)],
    ids=lambda path: Path(path).suffix,
)
def test_bytes_that_no_reader_sees_are_seen(twin: Project, tmp_path: Path, path: str):
    """In a copy, and in the study without the digests of the last complete run."""
    damage(twin.folder / path)
    (twin.folder / "results/audit.json").unlink()
    copied = tmp_path / "copy" / Path(path).name
    copied.parent.mkdir()
    shutil.copy(twin.folder / path, copied)
    shutil.copy(twin.folder / TABLES / "datapackage.json", copied.parent)
    for name in (path, str(copied)):
        assert f"first broken link: {name} does not hold what was written to it" in twin.broken(name)


def test_outputs_of_one_job_that_change_places_are_named(twin: Project):
    """They have one rule, wildcards, parameters and inputs; each record says which file it is of."""
    (twin.folder / "results/audit.json").unlink()  # without the digests of the last complete run
    tables = LINKS.format(2003), LINKS.format(2004)
    figures = f"{FIGURES}archetypes.png", f"{FIGURES}alignment.png"
    for paths in (tables, figures):
        swap(twin, *paths)
    for path, other in (tables, figures[::-1]):
        sentence = f"{path} stands in the place of another file: it was written as {other}"
        assert sentence in twin.broken(path)
    shown = twin.audit("--all").stdout
    for other in (*tables, *figures):
        assert f"    BROKEN: stands in the place of another file: it was written as {other}\n" in shown


def test_a_copy_says_which_file_it_was(twin: Project, tmp_path: Path):
    shutil.copy(twin.folder / FIGURES / "archetypes.png", tmp_path / "slide.png")
    answer = twin.audit(str(tmp_path / "slide.png"))
    assert answer.returncode == 0, answer.stderr
    assert f"\n    written as {FIGURES}archetypes.png\n" in answer.stdout
    # A folder of this name is no study.
    (tmp_path / "results").mkdir()
    shutil.copy(tmp_path / "slide.png", tmp_path / "results/slide.png")
    answer = twin.audit(str(tmp_path / "results/slide.png"))
    assert answer.returncode == 0, answer.stderr
    assert f"\n    written as {FIGURES}archetypes.png\n" in answer.stdout


def garbage(path: Path) -> None:
    path.write_bytes(b"no table at all, and longer than twelve bytes")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def bare(path: Path) -> None:
    pl.read_parquet(path).write_parquet(path)


def file_for_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("no folder")


MISSING = "is missing"
DAMAGES: dict[Callable[[Path], None], str] = {
    garbage: "not readable as parquet",
    folder: "is a folder",
    pipe: "it is no regular file",
    bare: "carries no provenance, although it is a result",
    file_for_folder: MISSING,
}


@pytest.mark.parametrize("change", DAMAGES, ids=lambda change: change.__name__)
def test_what_is_no_result_ends_in_a_sentence_for_every_question(
    twin: Project, change: Callable[[Path], None]
):
    change(twin.folder / SCORES)
    of_link = ["--link", "US", "CN", "2015"]
    for question in ([f"{FIGURES}archetypes.svg"], of_link, ["--claim", "poles_diverge_citation"]):
        named = twin.broken(*question)
        assert SCORES in named and (DAMAGES[change] in named or "has changed since" in named), named
    (twin.folder / "results/audit.json").unlink()
    if DAMAGES[change] == MISSING:  # nothing says any more that there were scores
        answer = twin.audit(*of_link, "--json")
        assert answer.returncode == 0, answer.stderr
        assert {row["layer"] for row in json.loads(answer.stdout)["null_models"]} == {"collaboration"}
    else:
        assert f"{SCORES}: {DAMAGES[change]}" in twin.broken(*of_link).replace("cannot be read (", "")


def test_a_folder_without_results_is_no_study(tiny: Project, tmp_path: Path):
    answer = Project(tmp_path).python(str(tiny.folder / "scripts/audit.py"), "--all")
    assert answer.returncode == 1
    assert answer.stderr.startswith("results: nothing of a study here; give this command in the folder")


def test_a_rule_that_runs_another_script_is_named(twin: Project):
    """Its code has the digest of the script that it ran before."""
    shutil.copy(twin.folder / "scripts/plot_clusters.py", twin.folder / "scripts/plot_other.py")
    rules = twin.folder / "workflow/rules/figures.smk"
    assert rules.read_text().count("scripts/plot_clusters.py") == 1
    rules.write_text(rules.read_text().replace("scripts/plot_clusters.py", "scripts/plot_other.py"))
    assert twin.plan() == {}, "Snakemake itself does not see it"
    figure = f"{FIGURES}archetypes.svg"
    sentence = "made by script plot_clusters; in the workflow rule plot_clusters runs plot_other"
    assert f"{figure} {sentence}" in twin.broken(figure)


def test_files_of_the_run_that_are_folders_end_in_a_sentence(twin: Project):
    for name in ("run.json", "audit.json", "logs/score_links.log", "tables/datapackage.json"):
        path = twin.folder / "results" / name
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)
    answer = twin.audit("--all")
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert "results/audit.json: no such file" in answer.stdout
    assert "results/run.json: no such file" in answer.stdout
    assert "✗ results/tables/datapackage.json\n    BROKEN: is a folder" in answer.stdout


def test_code_that_is_no_python_ends_in_a_sentence(twin: Project):
    script = twin.folder / "scripts/plot_losses.py"
    script.write_text("with\n")
    answer = twin.audit("--all")
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert "scripts/plot_losses.py: not valid Python" in answer.stdout
    rules = twin.folder / "workflow/rules/figures.smk"
    rules.write_text(f"{rules.read_text()}\nundefined_name\n")
    answer = twin.audit("--all")
    assert answer.returncode == 1 and "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        ("--link US CN 2015", True),
        ("--claim us_only --full", True),
        (f"{FIGURES}archetypes.svg --full --json", True),
        (f"{FIGURES}archetypes.svg", False),
    ],
)
def test_whoever_stops_reading_gets_the_status(twin: Project, arguments: str, holds: bool):
    if not holds:
        damage(twin.folder / LINKS.format(2015))
    program = shlex.join([sys.executable, "scripts/audit.py", *arguments.split()])
    command = ["bash", "-c", f"{program} | true; exit ${{PIPESTATUS[0]}}"]
    answer = subprocess.run(command, cwd=twin.folder, capture_output=True, text=True, check=False)
    assert answer.returncode == (0 if holds else 1), answer.stderr
    assert "Broken" not in answer.stderr and "Traceback" not in answer.stderr
    assert bool(answer.stderr) == (not holds)


def test_without_the_record_of_the_run_a_note_says_what_is_not_known(twin: Project):
    assert "results/run.json" not in twin.audit("--all").stdout
    (twin.folder / "results/run.json").unlink()
    for question in ("--all", f"{FIGURES}archetypes.svg"):
        answer = twin.audit(question)
        assert answer.returncode == 0, answer.stderr
        assert "results/run.json: no such file, so neither packages nor the configuration" in answer.stdout


def test_the_record_of_another_run_is_named(twin: Project, monkeypatch: pytest.MonkeyPatch):
    path = twin.folder / "results/run.json"
    run = json.loads(path.read_text())
    earlier = [{**job, "ended": "2020-01-01T00:00:00+00:00"} for job in run["jobs"]]
    monkeypatch.chdir(twin.folder)
    assert run_record.notes(run) == []
    for changes in ({"jobs": earlier}, {"jobs": []}, {"audit": "0" * 64}):
        [note] = run_record.notes(run | changes)
        assert note.startswith("results/run.json is of another run than results/"), changes
    path.write_text(json.dumps(run | {"jobs": earlier}))
    answer = twin.audit(f"{FIGURES}archetypes.svg")
    assert answer.returncode == 0, answer.stderr
    assert "results/run.json is of another run than results/logs/" in answer.stdout


def test_the_command_that_a_note_names_writes_the_record_of_the_run_anew(twin: Project):
    path = twin.folder / "results/run.json"
    run = json.loads(path.read_text())
    path.unlink()
    twin.run("-R", "audit_results")
    again = json.loads(path.read_text())
    assert again["packages"] == run["packages"] and again["config"] == run["config"]
    assert "results/run.json" not in twin.audit("--all").stdout


def test_a_deleted_result_is_made_again_by_the_command_that_is_named(twin: Project):
    path = LINKS.format(2010)
    before = embedding.file_digest(twin.folder / path)
    (twin.folder / path).unlink()
    for question in (path, "results/claims.md", "--all"):
        named = twin.broken(question)
        use = "results/full/" if question == "results/claims.md" else "the study has it"
        assert f"first broken link: {path} is missing, but {use}" in named, question
        assert f"(`snakemake {path}` makes it again)" in named
    twin.run(path)
    assert embedding.file_digest(twin.folder / path) == before
    assert twin.audit("--all").returncode == 0
    assert twin.plan() == {}


def test_a_remedy_names_the_configuration_of_the_run(twin: Project):
    run = json.loads((twin.folder / "results/run.json").read_text())
    (twin.folder / "two.yaml").write_text("clusters: {k: 4}\n")
    run["given"] = {"configfiles": ["two.yaml"], "config": {"poles": ["US", "CN"]}}
    (twin.folder / "results/run.json").write_text(json.dumps(run))
    figure = f"{FIGURES}archetypes.svg"
    (twin.folder / figure).unlink()
    command = twin.broken(figure).split("`")[1]
    assert command == f'snakemake {figure} --configfile two.yaml --config \'poles=["US", "CN"]\''
    twin.run(*shlex.split(command)[1:])
    assert twin.audit(figure).returncode == 0


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (f"{FIGURES}archetype.svg", f"{FIGURES}archetypes.svg"),
        ("archetypes.svg", f"{FIGURES}archetypes.svg"),
        ("results/claim.csv", f"{TABLES}claims.csv"),
        ("results/full/citation/link/2010.parquet", LINKS.format(2010)),
        ("results/full/max_entropy/scores/citation.parquet", SCORES),
    ],
)
def test_a_mistyped_name_is_answered_with_names_like_it(
    tiny: Project, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
):
    monkeypatch.chdir(tiny.folder)
    with pytest.raises(StudyError, match=re.escape(f"{name}: no result here; do you mean ")) as error:
        chain.locate(name)
    assert meant in str(error.value).replace("?", " ").split()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("xyzzy", "xyzzy: no result here; name a file below results/, or a copy of one"),
        ("results/full", "results/full: a folder; name a file in it, or --all for the whole study"),
        (".", ".: a folder; name a file in it, or --all for the whole study"),
    ],
)
def test_names_like_nothing_and_folders_are_answered_too(tiny: Project, name: str, sentence: str):
    assert tiny.broken(name) == f"{sentence}\n"
    assert tiny.broken("--code", name) == f"{sentence}\n"


def test_a_copied_csv_file_is_known_by_its_bytes_or_points_to_its_package(twin: Project, tmp_path: Path):
    copied = tmp_path / "mine.csv"
    shutil.copy(twin.folder / TABLES / "claims.csv", copied)
    answer = twin.audit(str(copied))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"✓ {TABLES}claims.csv")
    assert f"mine.csv has the bytes of {TABLES}claims.csv, whose chain this is" in answer.stdout
    digest = embedding.file_digest(copied)
    listed = json.loads((twin.folder / TABLES / "datapackage.json").read_text())["resources"]
    assert f"sha256:{digest}" in [entry["hash"] for entry in listed]
    (twin.folder / "results/audit.json").unlink()
    named = twin.broken(str(copied))
    assert "mine.csv: carries no provenance" in named
    assert (
        f"datapackage.json of its folder, with its SHA-256: copy both files, or look there for {digest}"
        in named
    )


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (("US", "NR"), "NR: no link in 2015; NR (Nauru) has none in any year"),
        (("China", "US"), "China: no link in 2015; did you mean CN?"),
        (("US", "us"), "--link: US and US; a link joins two countries"),
        (("", "US"), ": no link in 2015; give two codes of ISO 3166-1 alpha-2"),
    ],
)
def test_a_country_without_links_is_answered(
    tiny: Project, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str], sentence: str
):
    monkeypatch.chdir(tiny.folder)
    with pytest.raises(StudyError, match=re.escape(sentence)):
        link.trace(*pair, 2015)


def test_a_country_without_links_in_a_year_is_told_its_years(tiny: Project, monkeypatch: pytest.MonkeyPatch):
    """The years are those of the tables themselves."""
    years: dict[str, set[int]] = {}
    for path in (tiny.folder / "results/full").glob("*/links/*.parquet"):
        frame = pl.read_parquet(path)
        for code in {*frame["source"], *frame["target"]}:
            years.setdefault(code, set()).add(int(path.stem))
    code, found = next((code, found) for code, found in sorted(years.items()) if 0 < len(found) < 34)
    absent = min(set(range(1990, 2024)) - found)
    listed = ", ".join(map(str, sorted(found)))
    monkeypatch.chdir(tiny.folder)
    with pytest.raises(StudyError, match=f"^{code}: no link in {absent}; {code} has links in {listed}$"):
        link.trace(code, "US", absent)


def test_commands_are_written_for_a_terminal():
    given = {"configfiles": ["my file.yaml"], "config": {"poles": ["US"], "source": {"kind": "demo"}}}
    words = shlex.split(run_record.command("-R", "rule", given=given))
    assert words[:5] == ["snakemake", "-R", "rule", "--configfile", "my file.yaml"]
    assert words[5:] == ["--config", 'poles=["US"]', 'source={"kind": "demo"}']
    assert run_record.command("results/a.md", given={}) == "snakemake results/a.md"
