"""The order of the packages: data flow one way, and a package imports only from the packages before it."""

import ast
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
