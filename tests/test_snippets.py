"""Every command and every block of code in the documentation works.

Commands of Snakemake are planned with ``--dry-run``, and commands on results run on the finished tiny study.
"""

import gzip
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from poles.study import config
from test_docs import CODE, PAGES, prose
from test_networks_pajek import HEAD, archive
from workflow import Project

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"sh", "python", "yaml", "text"}
NOT_RUN = {
    "export OPENALEX_API_KEY=...": "a key belongs to a person",
    ".venv/bin/snakemake --config 'run={nulls: [max_entropy, uniform]}'": "tests/test_workflow.py runs it",
    ".venv/bin/snakemake --report results/report.html": "tests/test_report.py makes a report",
    ".venv/bin/snakemake -n": "all commands of Snakemake are planned",
    ".venv/bin/python scripts/write_crate.py": "tests/test_crate.py runs it",
    ".venv/bin/rocrate-validator validate --profile-identifier provenance-run-crate-0.5 results": (
        "downloads a context; tests/test_crate.py runs the validator"
    ),
    ".venv/bin/snakemake --configfile tests/tiny.yaml": "the tiny study of the tests is this one",
    ".venv/bin/pytest tests/test_docs.py": "this is one of the tests",
    ".venv/bin/pytest tests/test_exports_tables.py": "this is one of the tests",
    ".venv/bin/pytest tests/test_explorer.py": "this is one of the tests",
    ".venv/bin/pytest tests/test_exports_networks.py": "this is one of the tests",
    ".venv/bin/pytest tests/test_definitions.py": "this is one of the tests",
    ".venv/bin/python tests/benchmarks/bench_snapshot.py PYTHON_WITH_DUCKDB": "takes minutes, needs DuckDB",
    ".venv/bin/python tests/benchmarks/bench_reading.py PYTHON_WITH_DUCKDB": "takes minutes, needs DuckDB",
    ".venv/bin/python tests/benchmarks/bench_networks.py PYTHON_WITH_DUCKDB": "takes minutes, needs DuckDB",
    ".venv/bin/python tests/benchmarks/bench_clusters.py": "takes minutes",
    ".venv/bin/python tests/benchmarks/bench_demo.py 60000 --against OLD": "needs another version",
    ".venv/bin/python tests/benchmarks/plot_scale.py FIGURE.svg": "needs finished runs",
    ".venv/bin/python tests/benchmarks/bench_stability.py results/full local_rewiring": (
        "needs a finished run"
    ),
    "POLES_SHARED_DATA=FOLDER .venv/bin/python tests/benchmarks/bench_rewiring.py": (
        "takes minutes, real data"
    ),
    "POLES_SHARED_DATA=FOLDER .venv/bin/python tests/benchmarks/bench_rewiring.py --against OLD --run RUN": (
        "takes minutes, real data and another version"
    ),
    "POLES_SHARED_DATA=FOLDER .venv/bin/python tests/benchmarks/bench_enhanced.py PYTHON_WITH_NEMTROPY": (
        "takes minutes, real data"
    ),
    ".venv/bin/python tests/incremental.py FOLDER": "needs a finished run of the demo",
    ".venv/bin/python scripts/fit_resources.py FOLDER_OF_DEMO FOLDER_OF_WORLD FOLDER_OF_SMALL_STUDY": (
        "needs finished runs; tests/test_resources.py tests what it calls"
    ),
    **dict.fromkeys(
        (
            ".venv/bin/snakemake --workflow-profile profiles/slurm",
            ".venv/bin/snakemake -n --workflow-profile profiles/slurm",
            ".venv/bin/snakemake --workflow-profile profiles/slurm "
            "--default-resources slurm_account=MINE slurm_partition=short",
            ".venv/bin/snakemake --workflow-profile profiles/slurm --latency-wait 120",
        ),
        "needs the packages of envs/slurm.txt; tests/test_resources.py plans with the rest of the profile",
    ),
    '.venv/bin/python tests/worlds.py "the demo"': "takes minutes; tests/test_worlds.py tests the program",
}
"""Commands that no test here runs, and why."""


def blocks() -> Iterator[tuple[str, str, str]]:
    """Yield the page, the language and the text of every block of code."""
    for page in PAGES:
        for _, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            yield str(page.relative_to(ROOT)), language, textwrap.dedent(text)


def statements(text: str) -> Iterator[str]:
    """Split shell code into statements, without comments; a quote or a backslash may continue a line."""
    statement = ""
    for line in text.splitlines():
        statement += f"{line}\n"
        try:
            words = shlex.split(statement, comments=True)
        except ValueError:  # an open quote
            continue
        if not statement.endswith("\\\n"):
            if words:
                yield re.sub(r" +#.*\n\Z", "", statement).strip()
            statement = ""
    assert not statement


def commands() -> list[str]:
    """List the distinct commands of all pages, from blocks and from words in backticks."""
    found = [line for _, language, text in blocks() if language == "sh" for line in statements(text)]
    for page in PAGES:
        found += [code for code in CODE.findall(prose(page)) if code.startswith((".venv/bin/", "make "))]
    return [command for command in dict.fromkeys(found) if not re.search(r"\b(YOURS|RULE)\b", command)]


COMMANDS = commands()


def starting(*starts: str) -> list[str]:
    """Commands that start with one of some words, without those in `NOT_RUN`."""
    return [command for command in COMMANDS if command.startswith(starts) and command not in NOT_RUN]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell as it stands, with this Python in the place of the study's own."""
    python = shlex.quote(sys.executable)
    programs = {"python": python, "snakemake": f"{python} -m snakemake"}
    command = re.sub(r"\.venv/bin/(python|snakemake)\b", lambda match: programs[match[1]], command)
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_every_block_says_its_language_and_every_command_has_a_test():
    assert {language for _, language, _ in blocks()} <= LANGUAGES
    assert set(NOT_RUN) <= set(COMMANDS), "a reason stays behind"
    assert len(COMMANDS) > 20
    tested = starting("make ", ".venv/bin/snakemake", ".venv/bin/python -c", ".venv/bin/python scripts/")
    assert set(COMMANDS) == {*tested, *NOT_RUN}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in which Snakemake plans and runs nothing, with the files that pages name."""
    project = Project.copy(tmp_path_factory.mktemp("snippets"))
    profile = project.folder / "profiles/default/config.yaml"
    profile.write_text(f"{profile.read_text()}dry-run: true\n")
    (project.folder / "my.yaml").write_text("demo: {works: 2000}\n")
    archive(project.folder / "WrldCo_years.zip", WrldCo2000=f"{HEAD}*arcs\n1 2 3\n")
    links = gzip.compress(b"year,source,target,weight\n2000,NA,US,3\n2000,US,CN,3\n")
    (project.folder / "collaboration.csv.gz").write_bytes(links)
    return project


@pytest.mark.parametrize(
    "command",
    starting(".venv/bin/snakemake", ".venv/bin/python scripts/convert"),
    ids=lambda text: text[10:80],
)
def test_commands_of_the_study_can_be_planned(project: Project, command: str):
    process = run(command, project.folder)
    assert process.returncode == 0, process.stderr[-4000:]


@pytest.mark.parametrize(
    "command",
    starting(*(f".venv/bin/python {start}" for start in ("-c", "scripts/audit", "scripts/write_crate"))),
    ids=lambda text: text[10:80],
)
def test_commands_on_tables_run_on_the_tiny_study(tiny: Project, project: Project, command: str):
    process = run(command, project.folder if "collaboration.csv.gz" in command else tiny.folder)
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-4000:]
    assert process.stdout.strip()


@pytest.mark.parametrize("command", starting("make "))
def test_commands_of_make_use_files_that_exist(command: str):
    process = subprocess.run(
        [*shlex.split(command), "--dry-run", "--directory", ROOT], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    named = re.findall(r"(?<![\w/.])(?:scripts|tests|config|envs)/[\w./-]++(?!\*)", process.stdout)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("block", [text for _, language, text in blocks() if language == "yaml"])
def test_blocks_of_yaml_are_configurations(block: str):
    settings = yaml.safe_load((ROOT / "config/networks.yaml").read_text()) | yaml.safe_load(block)
    config.complete(settings, ROOT)


@pytest.mark.parametrize("block", [text for _, language, text in blocks() if language == "python"])
def test_blocks_of_python_compile(block: str):
    compile(block, "block", "exec")  # tests/test_workflow.py runs the example of a null model
