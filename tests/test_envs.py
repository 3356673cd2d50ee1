"""The two descriptions of the software agree."""

import re

import yaml

from conftest import ROOT

REQUIREMENTS = (ROOT / "envs/requirements.txt").read_text()
CONDA_NAMES = {"matplotlib-base": "matplotlib", "python-isal": "isal", "snakemake-minimal": "snakemake"}


def test_every_package_is_pinned_with_hashes():
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", REQUIREMENTS.strip())
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"[\w.-]+==[\w.]+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_no_address_of_an_index_stands_in_the_pins():
    assert "://" not in REQUIREMENTS
    assert "--index" not in REQUIREMENTS
    assert "--extra-index" not in REQUIREMENTS
    assert "--find-links" not in REQUIREMENTS


def test_conda_and_pip_agree_on_every_direct_dependency():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", REQUIREMENTS, re.MULTILINE))
    lines = [line.split("#")[0] for line in (ROOT / "envs/requirements.in").read_text().splitlines()]
    direct = {re.split(r"[\[<>=! ]", line.strip())[0] for line in lines if line.strip()}
    conda = yaml.safe_load((ROOT / "envs/study.yaml").read_text())["dependencies"]
    versions = dict(entry.split("=") for entry in conda if ">" not in entry and "=" in entry)
    conda_pins = {CONDA_NAMES.get(name, name): version for name, version in versions.items()}
    assert conda_pins == {name: pins[name] for name in direct}
