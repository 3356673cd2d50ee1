"""What source files declare: options of functions, attributes of classes, constants.

Files are read, never imported: the workflow asks whenever it is parsed, and importing the modules takes
seconds.
"""

from __future__ import annotations

import ast
import contextlib
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poles.errors import StudyError
from poles.study import values

NULLS = Path("scripts/poles/nulls")
"""Folder of the null models, relative to the root of the project."""
WORLD = Path("scripts/poles/corpus/demo/world.py")
"""Module of the demo world, relative to the root of the project."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names that a null model may have, as result paths contain them."""
TYPES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
"""Annotations of single values, and what messages call them."""
LISTS = ("Sequence", "list")
"""Annotations of lists, whose entries have one type."""
LIMITS = {
    "Gt": ("above {}", operator.gt),
    "Ge": ("at least {}", operator.ge),
    "Lt": ("below {}", operator.lt),
    "Le": ("at most {}", operator.le),
    "MinLen": ("at least {} entries", lambda value, least: len(value) >= least),
    "MaxLen": ("at most {} entries", lambda value, most: len(value) <= most),
}
"""Limits of `annotated_types` that an ``Annotated`` option may have: what messages say, and a test."""
RESERVED = "all"
"""Name under which tables hold the claims about several null models."""


@dataclass(frozen=True)
class Option:
    """A keyword argument of a function.

    Attributes
    ----------
    annotation : ast.expr or None
        Its declared type.
    required : bool
        Whether it has no default.
    """

    annotation: ast.expr | None
    required: bool

    def read(self, value: Any) -> Any:
        """Convert a value of the configuration to the declared type, and check its limits.

        Parameters
        ----------
        value : object
            As YAML gives it; numbers may be text, such as ``1e3``.

        Raises
        ------
        ValueError
            If the value does not have that type, or is beyond a limit.
        """
        try:
            return _converted(value, self.annotation)
        except TypeError:  # what has no length, or no order
            raise ValueError(value) from None

    def __str__(self) -> str:
        return _described(self.annotation)


@dataclass(frozen=True)
class NullModel:
    """What a module of a null model declares.

    Attributes
    ----------
    options : Mapping of str to Option
        Keyword arguments of its function ``fit``.
    whole_weights_only : bool
        ``WHOLE_WEIGHTS_ONLY = True``: the model cannot take fractional counting.
    yearly_jobs : bool
        ``YEARLY_JOBS = True``: the years are fitted in several jobs, and the model is told which links count.
    """

    options: Mapping[str, Option]
    whole_weights_only: bool
    yearly_jobs: bool


def null_models(root: Path) -> dict[str, NullModel]:
    """Find the null models: the modules of `NULLS` whose function ``fit`` takes ``network`` first.

    Parameters
    ----------
    root : Path
        Root of the project.

    Returns
    -------
    dict
        Null models by name, sorted.

    Raises
    ------
    StudyError
        If a file of that folder is not valid Python, a model has the name `RESERVED`, or a limit of an option
        is no number.
    """
    models = {}
    for path in sorted((root / NULLS).glob("*.py")):
        body = body_of(path)
        fit = definition(body, ast.FunctionDef, "fit")
        if not NAME.fullmatch(path.stem) or fit is None:
            continue
        positional = [*fit.args.posonlyargs, *fit.args.args]
        if positional and positional[0].arg == "network":
            if path.stem == RESERVED:
                raise StudyError(
                    f"null model {RESERVED}: claims about several models have this name; rename {path}"
                )
            constants = literals(body)
            _check_limits(path, fit)
            models[path.stem] = NullModel(
                _options(fit),
                whole_weights_only=constants.get("WHOLE_WEIGHTS_ONLY", False),
                yearly_jobs=constants.get("YEARLY_JOBS", False),
            )
    return models


def world_knobs(root: Path) -> list[str]:
    """List the knobs of a demo world: the attributes of `poles.corpus.demo.world.Plan`."""
    plan = definition(body_of(root / WORLD), ast.ClassDef, "Plan")
    targets = (node.target for node in plan.body if isinstance(node, ast.AnnAssign))
    return [target.id for target in targets if isinstance(target, ast.Name)]


def defaults(root: Path, null: str) -> dict[str, Any]:
    """Default of each option of a null model that is a literal, by name.

    Parameters
    ----------
    root : Path
        Root of the project.
    null : str
        Name of the model.
    """
    fit = definition(body_of(root / NULLS / f"{null}.py"), ast.FunctionDef, "fit")
    arguments = fit.args
    found = {}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        with contextlib.suppress(ValueError, TypeError):
            found[argument.arg] = ast.literal_eval(default) if default is not None else None
    return found


def body_of(path: Path) -> list[ast.stmt]:
    """Read the statements of a module.

    Raises
    ------
    StudyError
        If the file is not valid Python.
    """
    try:
        return ast.parse(path.read_bytes()).body
    except SyntaxError as error:
        raise StudyError(f"{path}, line {error.lineno}: not valid Python ({error.msg})") from None


def definition(body: list[ast.stmt], kind: type[ast.FunctionDef] | type[ast.ClassDef], name: str) -> Any:
    """Function or class of that name; None if the module does not define it."""
    return next((node for node in body if isinstance(node, kind) and node.name == name), None)


def literals(body: list[ast.stmt]) -> dict[str, Any]:
    """Constants of a module whose values are literals, by name."""
    constants = {}
    for node in body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                with contextlib.suppress(ValueError, TypeError):
                    constants[name] = ast.literal_eval(value)
    return constants


def _keywords(function: ast.FunctionDef) -> list[ast.arg]:
    """Arguments that a function takes by keyword, without the first one."""
    arguments = function.args
    return [*(arguments.args if arguments.posonlyargs else arguments.args[1:]), *arguments.kwonlyargs]


def _options(function: ast.FunctionDef) -> dict[str, Option]:
    """Options of a function: what it takes by keyword, without the first argument."""
    arguments = function.args
    keywords = _keywords(function)[: -len(arguments.kwonlyargs) or None]
    optional = len(keywords) - min(len(arguments.defaults), len(keywords))
    options = {
        argument.arg: Option(argument.annotation, required=place < optional)
        for place, argument in enumerate(keywords)
    }
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        options[argument.arg] = Option(argument.annotation, required=default is None)
    return options


def _converted(value: Any, annotation: ast.expr | None) -> Any:
    """Convert a value to an annotated type; text becomes what YAML makes of it if the type is not known."""
    match annotation:
        case ast.Name(id="int" | "float" as kind):
            number = values.number(value)
            if kind == "float":
                return float(number)
            if isinstance(number, float) and not number.is_integer():
                raise ValueError(value)
            return int(number)
        case ast.Name(id="str"):
            return _instance(value, str)
        case ast.Name(id="bool"):
            return values.flag(value)
        case ast.Constant(value=None):
            return _instance(None if value == "null" else value, type(None))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            try:  # in `str | None` the text "null" is no string
                return _converted(value, right)
            except ValueError:
                return _converted(value, left)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            if value not in _choices(choices):
                raise ValueError(value)
            return value
        case ast.Subscript(value=ast.Name(id=kind), slice=inner) if kind in LISTS:
            return [_converted(entry, inner) for entry in _instance(value, list)]
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[inner, *metadata])):
            converted = _converted(value, inner)
            for kind, limit in _limits(metadata):
                if not LIMITS[kind][1](converted, limit):
                    raise ValueError(value)
            return converted
    return values.plain(value)


def _limits(metadata: list[ast.expr]) -> Iterator[tuple[str, float]]:
    """Limits in the metadata of an ``Annotated``: names of `LIMITS` with their numbers. The rest is left."""
    for entry in metadata:
        match entry:
            case ast.Call(func=ast.Name(id=kind) | ast.Attribute(attr=kind), args=[limit], keywords=[]) if (
                kind in LIMITS
            ):
                yield kind, values.number(ast.literal_eval(limit))


def _check_limits(path: Path, fit: ast.FunctionDef) -> None:
    """Refuse limits that can only be known by importing the module."""
    for node in (found for argument in _keywords(fit) for found in ast.walk(argument)):
        match node:
            case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[_, *metadata])):
                try:
                    list(_limits(metadata))
                except ValueError:
                    raise StudyError(
                        f"{path}, line {node.lineno}: a limit is no number; allowed: a number such as in "
                        "Ge(1), as the file is not imported when it is read"
                    ) from None


def _instance(value: Any, kind: type) -> Any:
    """Return the value if it is of that type."""
    if not isinstance(value, kind):
        raise ValueError(value)
    return value


def _choices(node: ast.expr) -> list[Any]:
    """Values of a ``Literal``."""
    return [ast.literal_eval(choice) for choice in (node.elts if isinstance(node, ast.Tuple) else [node])]


def _described(annotation: ast.expr | None) -> str:
    """Describe an annotated type for messages."""
    match annotation:
        case ast.Name(id=kind) if kind in TYPES:
            return TYPES[kind]
        case ast.Constant(value=None):
            return "null"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{_described(left)} or {_described(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return ", ".join(map(str, _choices(choices)))
        case ast.Subscript(value=ast.Name(id=kind), slice=inner) if kind in LISTS:
            return f"list, each entry {_described(inner)}"
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[inner, *metadata])):
            limits = (LIMITS[kind][0].format(limit) for kind, limit in _limits(metadata))
            return ", ".join([_described(inner), *limits])
    return "any value"
