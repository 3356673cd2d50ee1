"""The words of the Makefile that need no environment."""

import re
import shutil
import subprocess
from pathlib import Path

from conftest import ROOT


def make(folder: Path, word: str) -> str:
    process = subprocess.run(["make", "-s", "-C", folder, word], capture_output=True, text=True, check=True)
    return process.stdout


def test_help_lists_every_word_with_what_it_does(tmp_path: Path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    words = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split(maxsplit=1) for line in make(tmp_path, "help").splitlines()]
    assert [word for word, _ in listed] == words
    assert all(text.strip() for _, text in listed)


def test_clean_removes_everything_but_the_description_of_results(tmp_path: Path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("results/README.md", "results/full/clusters/a.parquet", ".snakemake/log/a", "harvest/page"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    make(tmp_path, "clean")
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["Makefile", "harvest/page", "results/README.md"]
