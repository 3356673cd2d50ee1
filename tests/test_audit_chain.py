"""The audit of chains and of the whole study: what it names, what it knows from earlier, copies elsewhere."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

from poles.audits import environment, expected, hashes
from poles.study import embedding
from workflow import Project

LINKS = "results/full/citation/links/2010.parquet"
FIGURE = "results/figures/full/max_entropy/archetypes.svg"


@pytest.fixture
def settled(twin: Project) -> Project:
    """A copy of the study whose files an audit keeps: it does not keep those that have only just changed."""
    time.sleep(hashes.SETTLED)
    return twin


def tamper(path: Path) -> None:
    """Swap two weights of a table; its record, its size and its time stamps stay."""
    before, metadata = path.stat(), {"provenance": pl.read_parquet_metadata(path)["provenance"]}
    frame = pl.read_parquet(path)
    weights = frame["weight"].to_list()
    for place in range(1, len(weights)):
        swapped = [*weights[: place - 1], weights[place], weights[place - 1], *weights[place + 1 :]]
        if swapped != weights:
            frame.with_columns(weight=pl.Series(swapped)).write_parquet(path, metadata=metadata)
            if path.stat().st_size == before.st_size:
                break
    assert path.stat().st_size == before.st_size and pl.read_parquet(path)["weight"].to_list() != weights
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_whole_study_holds_and_a_second_audit_reads_nothing(settled: Project):
    first = settled.audit("--all", "--cold")
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.endswith("every link holds\n")
    files, read = map(int, re.search(r"(\d+) files, of which (\d+) were read", first.stdout).groups())
    assert files == read > 150
    made = {path.relative_to(settled.folder).as_posix() for path in (settled.folder / "results").rglob("*.*")}
    made = {path for path in made if not path.startswith(expected_of_run())}
    second = settled.audit("--all", "--json")
    found = json.loads(second.stdout)
    assert found["holds"] and f"{files} files, of which 0 were read" in found["notes"][-1]
    assert {link["path"] for link in found["links"]} == made


def expected_of_run() -> tuple[str, ...]:
    """Paths below results/ that belong to a run and not to a result."""
    from poles.study.audit import NO_RESULTS

    return NO_RESULTS


def test_a_tampered_file_of_equal_size_and_time_is_found_by_a_warm_audit_too(settled: Project):
    assert settled.audit("--all").returncode == 0
    tamper(settled.folder / LINKS)
    assert settled.plan() == {}, "Snakemake itself does not see it"
    assert f"{LINKS} has changed since results/full/" in settled.broken("--all")
    assert f"{LINKS} has changed since results/full/" in settled.broken(FIGURE)
    shown = settled.audit("--all").stdout
    assert f"✗ {LINKS}\n    BROKEN: " in shown and re.search(r"✗ build_networks +69 +1\n", shown)


def test_what_only_a_cold_audit_finds(settled: Project):
    """The limit of the cache: whoever edits it, or can set the times that programs cannot set."""
    assert settled.audit("--all").returncode == 0
    tamper(settled.folder / LINKS)
    path = settled.folder / ".snakemake/audit.json"
    cache = json.loads(path.read_bytes())
    state = (settled.folder / LINKS).stat()
    cache["files"][LINKS][0] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    path.write_text(json.dumps(cache))
    assert settled.audit("--all").returncode == 0
    assert f"{LINKS} has changed since" in settled.broken("--all", "--cold")


def test_a_broken_cache_is_no_obstacle(twin: Project):
    (twin.folder / ".snakemake/audit.json").write_text('{"version": 1, "files": ')
    assert twin.audit(FIGURE).returncode == 0
    shutil.rmtree(twin.folder / ".snakemake")
    assert twin.audit(FIGURE).returncode == 0


def test_a_replaced_figure_is_named(twin: Project):
    other = twin.folder / "results/figures/full/max_entropy/alignment.svg"
    shutil.copy(other, twin.folder / FIGURE)
    assert f"{FIGURE} has changed since results/audit.json was made" in twin.broken(FIGURE)
    # Without the digests of a complete run: the record in it is that of another file.
    (twin.folder / "results/audit.json").unlink()
    sentence = (
        "stands in the place of another file: it was written as results/figures/full/max_entropy/alignm"
    )
    assert f"{FIGURE} {sentence}" in twin.broken(FIGURE)
    text = other.read_text().replace("#", "#", 1)
    (twin.folder / FIGURE).write_text(text.replace("<path ", "<path  ", 1))
    assert f"{FIGURE} does not hold what was written to it" in twin.broken(FIGURE)


def test_a_copied_folder_of_results_is_audited_as_far_as_it_goes(tiny: Project, tmp_path: Path):
    shutil.copytree(tiny.folder / "results", tmp_path / "copy/results")
    copied = tmp_path / "copy" / FIGURE
    answer = tiny.audit(str(copied))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith(f"✓ {FIGURE}")
    embedding.replace_file(tmp_path / "copy" / LINKS, b"")
    assert f"{LINKS} not readable as parquet" in tiny.broken(str(copied))


def test_a_result_copied_alone_says_what_its_record_says(tiny: Project, tmp_path: Path):
    copied = tmp_path / "slides.svg"
    shutil.copy(tiny.folder / FIGURE, copied)
    answer = tiny.python("scripts/audit.py", str(copied))  # among its inputs
    assert answer.returncode == 0 and "rule make_demo" in answer.stdout
    away = tmp_path / "away"
    away.mkdir()
    elsewhere = Project(away).python(str(tiny.folder / "scripts/audit.py"), str(copied))
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert "rule plot_clusters" in elsewhere.stdout
    assert "? results/full/clusters/max_entropy.parquet  not here; recorded sha256 " in elsewhere.stdout
    assert "inputs are not here; the chain ends at what the file itself records" in elsewhere.stdout
    copied.write_text(copied.read_text().replace("<path ", "<path  ", 1))
    assert "does not hold what was written to it" in tiny.broken(str(copied))
    (tmp_path / "plain.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "plain.svg: carries no provenance, so it is no result" in tiny.broken(str(tmp_path / "plain.svg"))
    assert "none.svg: no result here" in tiny.broken(str(tmp_path / "none.svg"))


def test_params_are_compared_with_the_configuration(twin: Project):
    other = ("--config", "clusters={seed: 2}")
    message = "params differ from the configuration: clusters.seed was 1 and is 2"
    assert message in twin.broken(FIGURE, *other)
    (twin.folder / "two.yaml").write_text("clusters: {seed: 2}\n")
    assert message in twin.broken(FIGURE, "--configfile", "two.yaml")
    assert twin.audit("results/full/countries.parquet", *other).returncode == 0, "nothing of it has a seed"
    config = twin.folder / "config/config.yaml"
    config.write_text(f"{config.read_text()}\nclusters: {{seed: 2}}\n")
    assert message in twin.broken(FIGURE)
    config.write_text("years: [1990]\n")
    answer = twin.audit(FIGURE)
    assert answer.returncode == 0
    assert "params were not compared with the configuration: the workflow cannot be read" in answer.stdout


def test_the_configuration_of_the_last_run_counts(twin: Project):
    """A study with a configuration of its own is not broken because the shipped one is another."""
    (twin.folder / "two.yaml").write_text("clusters: {seed: 2}\n")
    clusters = "results/full/clusters/max_entropy.parquet"
    twin.run(clusters, "--configfile", "two.yaml")
    run = json.loads((twin.folder / "results/run.json").read_text())
    assert run["given"] == {"configfiles": ["two.yaml"], "config": {}}
    (twin.folder / "results/audit.json").unlink()
    assert twin.audit(clusters).returncode == 0
    (twin.folder / "two.yaml").unlink()
    answer = twin.audit(clusters)
    assert answer.returncode == 0
    assert (
        "two.yaml: not here; params are compared with the configuration in results/run.json" in answer.stdout
    )


@pytest.mark.parametrize(
    ("recorded", "present", "said"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b.1 was 2 and is 3"),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}, "a was 1 and is 2"),
        ({"a": 1}, {"a": 1, "c": None}, 'c was "nothing" and is null'),
        ({"a": [1]}, {"a": [1, 2]}, "a was [1] and is [1, 2]"),
    ],
)
def test_the_first_difference_is_said(recorded, present, said):
    assert expected.difference(recorded, present) == said


def test_pins_are_read_with_their_conditions(tmp_path: Path):
    (tmp_path / "pins.txt").write_text(
        "Polars==1.2 \\\n    --hash=sha256:00\n    # via -r envs/requirements.in\n"
        "old.name==3 ; python_version < '3' \\\n    --hash=sha256:00\n"
        "some_name==4 ; python_version >= '3' \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    )
    assert environment.pinned(tmp_path / "pins.txt") == {"polars": "1.2", "some-name": "4"}
    assert list(environment.faults({})) == []


def test_packages_are_compared_with_the_pins_and_with_the_last_run(monkeypatch: pytest.MonkeyPatch):
    pins = {"kept": "1", "upgraded": "1", "repinned": "2", "gone": "1", "new": "1", "never-installed": "1"}
    monkeypatch.setattr(environment, "pinned", lambda: pins)
    present = {"kept": "1", "upgraded": "3", "repinned": "2", "new": "1", "of-nobody": "7"}
    monkeypatch.setattr(environment, "installed", lambda: present)
    run = {"packages": {"kept": "1", "upgraded": "1", "repinned": "1", "gone": "1"}}
    assert list(environment.faults(run)) == [
        "upgraded 3 is installed; envs/requirements.txt pins 1",
        "repinned 2 is installed; the last run used 1",
        "gone is not installed; the last run used 1",
    ]
