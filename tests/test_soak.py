"""The random edits of `make soak`: every configuration is valid, and a file that differs is named."""

import random
from pathlib import Path

import pytest

import soak
from conftest import ROOT
from poles.study import config
from workflow import Project


def test_every_edit_changes_its_keys_alone_and_gives_a_valid_configuration():
    chance, settings, drawn = random.Random(0), soak.first_settings(), set()
    for _ in range(60):
        before = settings
        settings, keys = soak.edited(settings, chance)
        for key in soak.VALUES:
            values = [soak.value(part, key) for part in (before, settings)]
            assert (values[0] != values[1]) == (key in keys)
            assert values[1] in soak.VALUES[key]
        drawn |= set(keys)
        completed = soak.changed(settings, "claims", None)  # a file that only the folder of the runs has
        config.complete(completed, ROOT)
    assert drawn == set(soak.VALUES)


def test_files_that_are_not_those_of_a_fresh_run_are_named(tmp_path: Path):
    projects = [Project(tmp_path / name) for name in ("used", "fresh")]
    for project in projects:
        for name in ("claims.md", "tables/claims.csv", "figures/a.svg", "logs/a.log"):
            (project.folder / "results" / name).parent.mkdir(parents=True, exist_ok=True)
            (project.folder / "results" / name).write_text(name)
    used, fresh = projects
    (used.folder / "results/full/old.parquet").parent.mkdir()
    (used.folder / "results/full/old.parquet").touch()  # of an earlier configuration; the audit tells of it
    (used.folder / "results/logs/a.log").write_text("at another time")
    assert soak.compare(used, fresh) == 3
    (used.folder / "results/tables/claims.csv").write_text("old")
    (used.folder / "results/figures/a.svg").unlink()
    with pytest.raises(AssertionError, match=r"fresh run: \['figures/a.svg', 'tables/claims.csv'\]"):
        soak.compare(used, fresh)
