"""What packages and jobs import: only packages before them, and only the libraries that they need."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import poles

ROOT = Path(poles.__file__).parent
ORDER = [
    "stats",
    "study",
    "corpus",
    "networks",
    "nulls",
    "trajectories",
    "archetypes",
    "blocs",
    "claims",
    "figures",
    "exports",
    "report",
    "explorer",
    "audits",
]
"""Packages in the order of the data. The modules beside them (errors, layers, countries) come first."""


def rank(parts: tuple[str, ...]) -> int:
    """Place of a module, given as parts of its dotted name below ``poles``, in the order."""
    return ORDER.index(parts[0]) if parts and parts[0] in ORDER else -1


def imports(path: Path) -> set[tuple[str, ...]]:
    """Modules of the project that a file imports, anywhere in it, as parts below ``poles``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {tuple(name.split(".")[1:]) for name in names if name.startswith("poles.")}


def test_every_package_has_a_place():
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ORDER)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_from_packages_before_it(path):
    module = path.relative_to(ROOT).with_suffix("").parts
    later = {".".join(parts) for parts in imports(path) if rank(parts) > rank(module)}
    assert not later, f"poles.{'.'.join(module)} imports from later packages: {', '.join(sorted(later))}"


SLOW = ["scipy.stats", "scipy.optimize", "sklearn", "tslearn", "pandas", "matplotlib", "numba"]
"""Libraries that take a quarter of a second to two seconds of each job that imports them."""
COMPILED = {
    "make_demo",
    "find_core",
    "read_works",
    "cluster_trajectories",
    "study_stability",
    "verify_clusters",
}
"""Scripts whose modules hold compiled functions, null models aside."""
LOADED = """
import json, sys
slow, *groups = json.loads(sys.stdin.read())
for imports in groups:
    exec("\\n".join(imports))
    print(json.dumps([name for name in slow if name in sys.modules]))
"""
"""Program that runs the imports of groups of scripts one after the other, and says what has been loaded."""


def test_jobs_import_only_the_libraries_that_they_need():
    groups: list[list[str]] = [[], [], []]
    for path in sorted((ROOT.parent).glob("*.py")):
        group = 2 if path.stem in COMPILED else path.stem.startswith("plot_")
        groups[group] += [
            ast.unparse(node)
            for node in ast.parse(path.read_bytes()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
    assert all(groups)
    process = subprocess.run(
        [sys.executable, "-c", LOADED],
        input=json.dumps([SLOW, *groups]),
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    tables, figures, compiled = map(json.loads, process.stdout.splitlines())
    assert tables == []
    assert figures == ["matplotlib"]
    assert compiled == ["matplotlib", "numba"]
