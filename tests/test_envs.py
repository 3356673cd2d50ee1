"""The two descriptions of the software agree, and the code is the same under every supported Python."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from poles.study import digest

SUPPORTED = ("3.11", "3.12", "3.13")
"""Versions of Python that the study supports, the oldest first."""
REQUIREMENTS = (ROOT / "envs/requirements.txt").read_text()
CRATE = (ROOT / "envs/crate.txt").read_text()
SLURM = (ROOT / "envs/slurm.txt").read_text()
PINS = {"requirements.txt": REQUIREMENTS, "crate.txt": CRATE, "slurm.txt": SLURM}
CONDA_NAMES = {"matplotlib-base": "matplotlib", "python-isal": "isal", "snakemake-minimal": "snakemake"}


@pytest.mark.parametrize("pins", PINS.values(), ids=list(PINS))
def test_every_package_is_pinned_with_hashes(pins: str):
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", pins.strip())
    assert len(blocks) > 10
    for block in blocks:
        assert re.match(r"[\w.-]+==[\w.]+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize("pins", PINS.values(), ids=list(PINS))
def test_no_address_of_an_index_stands_in_the_pins(pins: str):
    assert "://" not in pins
    assert "--index" not in pins
    assert "--extra-index" not in pins
    assert "--find-links" not in pins


@pytest.mark.parametrize(
    ("extra", "added"),
    [(CRATE, {"roc-validator", "rocrate"}), (SLURM, {"snakemake-executor-plugin-slurm"})],
    ids=["crate.txt", "slurm.txt"],
)
def test_further_packages_change_no_package_of_the_study(extra: str, added: set[str]):
    study, further = (
        dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)) for text in (REQUIREMENTS, extra)
    )
    both = further.keys() & study
    assert {name: further[name] for name in both} == {name: study[name] for name in both}
    assert added < further.keys() - study


def test_conda_and_pip_agree_on_every_direct_dependency():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", REQUIREMENTS, re.MULTILINE))
    lines = [line.split("#")[0] for line in (ROOT / "envs/requirements.in").read_text().splitlines()]
    direct = {re.split(r"[\[<>=! ]", line.strip())[0] for line in lines if line.strip()}
    conda = yaml.safe_load((ROOT / "envs/study.yaml").read_text())["dependencies"]
    versions = dict(entry.split("=") for entry in conda if ">" not in entry and "=" in entry)
    conda_pins = {CONDA_NAMES.get(name, name): version for name, version in versions.items()}
    assert conda_pins == {name: pins[name] for name in direct}


def interpreter(version: str) -> str:
    """Path of an interpreter of a version; the test is skipped where none is found."""
    for path in filter(
        None, (shutil.which(f"python{version}", path=folder) for folder in os.get_exec_path())
    ):
        # What stands on the path may be a script that chooses an interpreter by the environment.
        code = "import sys; print(sys.executable)"
        process = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if process.returncode == 0:
            return process.stdout.strip()
    pytest.skip(f"no python{version} on the path")


def test_pages_and_tools_name_the_supported_versions():
    listed = f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
    for page in ("README.md", "Makefile"):
        assert f"Python {listed}" in (ROOT / page).read_text(), page
    running = (ROOT / "docs/running.md").read_text()
    assert set(re.findall(r"\b3\.1\d\b", running)) == set(SUPPORTED)
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["ruff"]["target-version"] == f"py{SUPPORTED[0].replace('.', '')}"
    assert tools["mypy"]["python_version"] == SUPPORTED[0]
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in SUPPORTED


@pytest.mark.parametrize("version", SUPPORTED)
def test_code_has_the_same_digest_and_no_warnings_in_every_version(version: str):
    scripts = sorted((ROOT / "scripts").glob("*.py"))
    code = (
        "import sys; from pathlib import Path; from poles.study import digest\n"
        "for path in sorted(Path('.').rglob('*.py')): compile(path.read_bytes(), str(path), 'exec')\n"
        "print(*(digest.code_digest(root) for root in sys.argv[1:]))"
    )
    process = subprocess.run(
        [interpreter(version), "-W", "error", "-c", code, *(path.stem for path in scripts)],
        cwd=ROOT / "scripts",
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == [digest.code_digest(path.stem) for path in scripts]


@pytest.mark.slow
@pytest.mark.parametrize("version", SUPPORTED[1:])
def test_types_hold_in_newer_versions(version: str, tmp_path: Path):
    command = [sys.executable, "-m", "mypy", "--python-version", version, "--cache-dir", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout
