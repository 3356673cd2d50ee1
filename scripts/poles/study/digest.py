"""Digest of the code behind a result: a script and every project module that it imports."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from poles.errors import StudyError

SCRIPTS = Path(__file__).resolve().parents[2]
"""Folder of all Python of the study; modules are looked up here."""


def _module_file(name: str) -> Path | None:
    """File of a project module by dotted name, or None where the module is not the project's."""
    base = SCRIPTS.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(path: Path) -> Iterator[str]:
    """Dotted names that one source file may import, packages on the way to them included."""
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise StudyError(
                    f"{path}, line {node.lineno}: import by the full name, as `from poles import ...`"
                )
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


@functools.cache
def code_files(*roots: str) -> tuple[Path, ...]:
    """Files that the given modules consist of: themselves, every project module they import, and their data.

    Parameters
    ----------
    *roots : str
        Dotted module names below ``scripts/``, e.g. ``"fit_null"``, ``"poles.nulls.max_entropy"``.

    Returns
    -------
    tuple of Path
        Sorted, relative to ``scripts/``.

    Raises
    ------
    StudyError
        If a root is no file below ``scripts/``.

    Notes
    -----
    The data of a module are the files beside it whose names begin with its own: countries.csv of
    countries.py, page.html.j2 of page.py. Modules imported by a computed name are not seen and must be given
    as roots. Packages outside the project are the business of the pinned environment.
    """
    found: set[Path] = set()
    queue: list[str] = []
    for root in roots:
        if _module_file(root) is None:
            raise StudyError(f"code digest: no module {root!r} below {SCRIPTS.name}/")
        parts = root.split(".")
        queue += [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    while queue:
        path = _module_file(queue.pop())
        if path is not None and path not in found:
            data = (file for file in path.parent.glob(f"{path.stem}.*") if file.suffix != ".py")
            found.update((path, *data))
            queue += _imported(path)
    return tuple(sorted(path.relative_to(SCRIPTS) for path in found))


@functools.cache
def code_digest(*roots: str) -> str:
    """Digest of the code behind a result: 16 hexadecimal digits over names and bytes of `code_files`."""
    digest = hashlib.sha256()
    for path in code_files(*roots):
        digest.update(f"{path.as_posix()}\0".encode())
        digest.update(hashlib.sha256((SCRIPTS / path).read_bytes()).digest())
    return digest.hexdigest()[:16]
