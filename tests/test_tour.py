"""The tour of docs/provenance.md: every screen is what its command prints, on the tiny study.

Numbers and digests may differ, as other code gives other ones; all other words must not.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from conftest import ROOT
from workflow import Project

PAGE = (ROOT / "docs/provenance.md").read_text(encoding="utf-8")
SCREEN = re.compile(
    r"```sh\n\.venv/bin/python (scripts/audit\.py .*)\n```\n+(?:[^`#]*\n\n)?```text\n(.*?)```", re.DOTALL
)
NUMBER = re.compile(r"[0-9a-f]{16}|[0-9a-f]{7,40}|-?\d+(\.\d+)?(e-?\d+)?")


def screens() -> Iterator[tuple[str, str, str]]:
    """Title of a section of the tour, the command in it, and what the page says that it prints."""
    for section in re.split(r"\n##+ ", PAGE)[1:]:
        for command, screen in SCREEN.findall(section):
            yield section.splitlines()[0], command, screen


def tamper_with_a_cell(project: Project) -> None:
    """Change one weight of a table, keeping its record and its time stamps."""
    path = project.folder / "results/full/citation/links/2010.parquet"
    before, record = path.stat(), pl.read_parquet_metadata(path)["provenance"]
    first = pl.int_range(pl.len()) == 0
    frame = pl.read_parquet(path).with_columns(pl.col("weight") + first.cast(pl.Int64))
    frame.write_parquet(path, metadata={"provenance": record})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_a_constant(project: Project) -> None:
    """Change a tolerance in a null model."""
    project.edit("scripts/poles/nulls/max_entropy.py", "xtol=1e-3", "xtol=1e-4")


def swap_params(project: Project) -> None:
    """Let two params of the rule of a figure change places."""
    name = "workflow/rules/figures.smk"
    rule = (project.folder / name).read_text()
    old = re.search(r" +channels=CHANNELS,\n +clustering=.*\n +poles=config\[.poles.\],\n", rule)[0]
    new = old.replace("CHANNELS", "X").replace('config["poles"]', "CHANNELS").replace("X", 'config["poles"]')
    project.edit(name, old, new)


def replace_a_figure(project: Project) -> None:
    """Put another figure in the place of one, with its time stamps."""
    folder = project.folder / "results/figures/full/max_entropy"
    before = (folder / "alignment.svg").stat()
    shutil.copy(folder / "poles.svg", folder / "alignment.svg")
    os.utime(folder / "alignment.svg", ns=(before.st_atime_ns, before.st_mtime_ns))


def upgrade_a_package(project: Project) -> None:
    """Install another version of a package, as far as Python knows of it."""
    site = project.folder / "site/polars-99.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: polars\nVersion: 99.0\n")
    os.environ["PYTHONPATH"] = str(site.parent)


CHANGES: dict[str, Callable[[Project], None]] = {
    "A tampered cell": tamper_with_a_cell,
    "An edited constant": edit_a_constant,
    "Swapped parameters": swap_params,
    "A replaced figure": replace_a_figure,
    "An upgraded package": upgrade_a_package,
}
"""What is done to the study before the screen of a section, by the title of the section."""


def plain(line: str) -> str:
    """A line without numbers and runs of blanks."""
    return re.sub(r"\s+", " ", NUMBER.sub("#", line)).strip()


def test_the_tour_has_a_screen_for_every_question_and_change():
    titles = [title for title, _, _ in screens()]
    assert set(CHANGES) < set(titles) and len(titles) >= len(CHANGES) + 4


@pytest.mark.parametrize(("title", "command", "screen"), [*screens()], ids=lambda text: text[:40])
def test_a_screen_is_what_its_command_prints(
    tiny: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str, command: str, screen: str
):
    monkeypatch.setenv("PYTHONPATH", "")
    project = tiny.twin(tmp_path / "twin") if title in CHANGES else tiny
    if title in CHANGES:
        CHANGES[title](project)
        assert (project.plan() == {}) == (title != "An edited constant"), "what Snakemake itself sees"
    answer = project.python(*shlex.split(command))
    assert (answer.returncode != 0) == (title in CHANGES), answer.stderr
    printed = iter([plain(line) for line in (answer.stdout + "\n" + answer.stderr).splitlines()])
    for line in screen.splitlines():
        if line.strip() != "[...]" and plain(line):
            assert plain(line) in printed, f"{line!r} is not printed, or not here"
