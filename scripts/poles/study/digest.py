"""Digest of the code behind a result: a script and every project module that it imports.

Comments, docstrings and blank lines do not enter the digest, so a better wording recomputes nothing.
"""

import ast
import functools
import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from poles.errors import StudyError

SCRIPTS = Path(__file__).resolve().parents[2]
"""Folder of all Python of the study; modules are looked up here."""
_LITERAL_OR_LINE_END = re.compile(
    rb'''
    (   """ (?: \\. | [^\\] )*? """  |  " (?: \\. | [^"\\\n] )* "
    |   \'\'\' (?: \\. | [^\\] )*? \'\'\'  |  ' (?: \\. | [^'\\\n] )* '
    )
    | (?: [ \t]* (?: \#[^\n]* )? \n )+
    ''',
    re.VERBOSE | re.DOTALL,
)
"""A string literal, or the end of a line with its comment and the blank and comment lines that follow."""


class _Module(NamedTuple):
    """One source file: the project files that it imports, and the digest of its code."""

    imports: tuple[Path, ...]
    digest: bytes


@functools.cache
def _file(name: str) -> Path | None:
    """File of a project module by dotted name, or None where the module is not the project's."""
    base = SCRIPTS.joinpath(*name.split("."))
    candidates = (base / "__init__.py", base.with_suffix(".py"))  # Python prefers the package
    return next((path for path in candidates if path.is_file()), None)


def _files(name: str) -> Iterator[Path]:
    """Project files that the import of a dotted name runs: its packages, and the module itself."""
    parts = name.split(".")
    prefixes = (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    yield from filter(None, map(_file, prefixes))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements below a node, nested ones included; unlike `ast.walk`, it leaves expressions out."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for child in getattr(node, field, ()):
            if isinstance(child, ast.stmt):
                yield child
            yield from _statements(child)


def _imported_names(path: Path, statement: ast.stmt) -> list[str]:
    """Dotted names that a statement may import."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        if statement.level:
            place = f"{path}, line {statement.lineno}"
            raise StudyError(f"{place}: import by the full name, as `from poles import ...`")
        return [f"{statement.module}.{alias.name}" for alias in statement.names]
    return []


def _is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is nothing but a string: a docstring, or the description of a constant."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _code(source: bytes, statements: list[ast.stmt]) -> bytes:
    """Cut docstrings, comments and blank lines out of a source.

    Only positions in the source and its lexical rules decide, so the result is the same under every version
    of Python. String literals follow the rules of Python 3.11: no f-string repeats its own quotes inside.
    """
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    spans = [
        (starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
        for node in statements
        if _is_docstring(node) and node.end_lineno is not None and node.end_col_offset is not None
    ]
    for start, end in sorted(spans, reverse=True):
        source = source[:start] + source[end:]
    return _LITERAL_OR_LINE_END.sub(lambda match: match[1] or b"\n", source + b"\n").lstrip(b"\n")


@functools.cache
def _data_files(folder: Path) -> list[Path]:
    """Files of a folder that are no modules."""
    return [path for path in folder.iterdir() if path.suffix != ".py" and path.is_file()]


@functools.cache
def _module(path: Path) -> _Module:
    """Read a source file, or the data of a module, which imports nothing and counts byte for byte."""
    content = path.read_bytes()
    if path.suffix != ".py":
        return _Module((), hashlib.sha256(content).digest())
    # Python ends a line, and a comment, at a lone carriage return too.
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        statements = list(_statements(ast.parse(content, filename=str(path))))
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{path.relative_to(SCRIPTS.parent)}: not valid Python ({error})") from None
    names = {name for statement in statements for name in _imported_names(path, statement)}
    data = (file for file in _data_files(path.parent) if file.name.partition(".")[0] == path.stem)
    files = {*data, *(file for name in names for file in _files(name))}
    return _Module(tuple(files), hashlib.sha256(_code(content, statements)).digest())


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
        If a root is no file below ``scripts/``, or a module is no valid Python or uses a relative import.

    Notes
    -----
    The data of a module are the files beside it whose names begin with its own: countries.csv of
    countries.py, page.html.j2 of page.py. Modules imported by a computed name are not seen and must be given
    as roots. Packages outside the project belong to the pinned environment.
    """
    for root in roots:
        if _file(root) is None:
            raise StudyError(f"code digest: no module {root!r} below {SCRIPTS.name}/")
    files: set[Path] = set()
    queue = [path for root in roots for path in _files(root)]
    while queue:
        path = queue.pop()
        if path not in files:
            files.add(path)
            queue += _module(path).imports
    return tuple(sorted(path.relative_to(SCRIPTS) for path in files))


def module_digest(path: Path) -> str:
    """Digest of the code of one source file, or of the bytes of a file of data: 64 hexadecimal digits."""
    return _module(path).digest.hex()


def module_digests(*roots: str) -> dict[str, str]:
    """`module_digest` of all `code_files` of the given modules, by their paths below ``scripts/``."""
    return {path.as_posix(): module_digest(SCRIPTS / path) for path in code_files(*roots)}


@functools.cache
def code_digest(*roots: str) -> str:
    """Digest of the code behind a result: 16 hexadecimal digits over names and code of `code_files`."""
    digest = hashlib.sha256()
    for path in code_files(*roots):
        digest.update(f"{path.as_posix()}\0".encode())
        digest.update(_module(SCRIPTS / path).digest)
    return digest.hexdigest()[:16]
