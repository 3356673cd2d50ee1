"""What the columns of tables mean: the comments beside them in the modules ``tables.py``.

A column is described where its type is declared, so the two cannot part. Comments do not enter the digest of
the code, so a better wording computes no table again; `digest` is for the rule that exports the descriptions.
"""

import ast
import functools
import hashlib
import io
import json
import re
import tokenize
from pathlib import Path

from poles.errors import StudyError

PACKAGES = Path(__file__).resolve().parents[1]
"""Folder of the packages of the study."""
MODULES = "*/tables.py"


def _comments(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """Comments at the end of a line of code, and comments that have lines of their own, by line."""
    trailing: dict[int, str] = {}
    own: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ").rstrip()
            (own if token.line.lstrip().startswith("#") else trailing)[token.start[0]] = text
    return trailing, own


def _pattern(key: ast.expr) -> str:
    """Pattern of the names of a column: its name, or that of an f-string with any text in its braces."""
    if isinstance(key, ast.JoinedStr):
        return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "(.+)" for p in key.values)
    return re.escape(str(key.value)) if isinstance(key, ast.Constant) else ""


def _described(
    statement: ast.stmt, trailing: dict[int, str], own: dict[int, str], shared: dict[str, dict[str, str]]
) -> dict[str, str]:
    """Descriptions of the columns that a statement declares, by the pattern of their names."""
    found: dict[str, str] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.DictComp):
            pairs: list[tuple[ast.expr | None, ast.expr]] = [(node.key, node.value)]
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        else:
            continue
        for key, value in pairs:
            if key is None:
                found |= shared.get(value.id, {}) if isinstance(value, ast.Name) else {}
                continue
            above: list[str] = []
            line = key.lineno - 1
            while line in own:
                above.insert(0, own[line])
                line -= 1
            text = trailing.get(value.end_lineno or key.lineno) or " ".join(above)
            if text:
                found[_pattern(key)] = text
    return found


@functools.cache
def _of_module(path: Path) -> dict[str, dict[str, str]]:
    """Descriptions of the columns that a module declares, by the name of the constant or function."""
    source = path.read_text(encoding="utf-8")
    trailing, own = _comments(source)
    base = PACKAGES / "study/tables.py"
    found = {} if path == base else dict(_of_module(base))
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef):
            found[statement.name] = _described(statement, trailing, own, found)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = _described(statement, trailing, own, found)
    return found


def describe(origin: str, column: str) -> str:
    """Description of a column: the comment beside its declaration.

    Parameters
    ----------
    origin : str
        Package, and the name of the constant or function that declares the table: ``nulls.SCORES``.
    column : str
        Name of the column. A name that is made of parts, such as ``f"z_{name}"``, describes every column that
        fits it; the longest fits best.

    Returns
    -------
    str
        With a capital letter and a full stop.

    Raises
    ------
    StudyError
        If there is no such declaration, or no comment beside the column.
    """
    package, _, name = origin.partition(".")
    declared = _of_module(PACKAGES / package / "tables.py").get(name)
    if declared is None:
        raise StudyError(f"{package}/tables.py: no table {name}")
    fitting = [pattern for pattern in declared if re.fullmatch(pattern, column)]
    if not fitting:
        raise StudyError(f"{package}/tables.py: no comment beside column {column} of {name}")
    text = declared[max(fitting, key=lambda pattern: len(pattern.replace("(.+)", "")))]
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith((".", "?")) else ".")


def digest() -> str:
    """Digest of the descriptions of all tables, 16 hexadecimal digits."""
    texts = {str(path.parent.name): _of_module(path) for path in sorted(PACKAGES.glob(MODULES))}
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]
