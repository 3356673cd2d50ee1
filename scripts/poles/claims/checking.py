"""The list of claims, read and checked before any job runs.

The kinds of claims are found by the names of their modules and read without importing them: to parse the
workflow must not take the seconds that their libraries need.
"""

import ast
import functools
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from poles import countries
from poles.errors import StudyError
from poles.layers import LAYERS
from poles.study import signatures
from poles.study.branches import STAGES
from poles.study.values import number

KINDS = Path(__file__).with_name("kinds")
"""Folder of the kinds of claims, see `poles.claims.kinds`."""
COMMON = {"id": "text", "statement": "statement", "kind": "text"}
"""Keys of every claim and their values."""
YEARS = ("first", "last", "recent")
"""Years that a statement may name in braces, see `poles.study.windows.words`."""


def _is_number(value: Any) -> bool:
    """Whether this is a number, after `_with_numbers` has read all that can be read as one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_country(value: Any) -> bool:
    return isinstance(value, str) and value in countries.names()


def _is_statement(value: Any) -> bool:
    """Whether this is text whose braces, if it has any, name `YEARS` alone."""
    try:
        fields = [field for _, *field in string.Formatter().parse(value)]
    except (TypeError, ValueError):
        return False
    names = [field for field in fields if field[0] is not None]
    return value != "" and all(name in YEARS and not form and not kind for name, form, kind in names)


VALUES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "text": (lambda value: isinstance(value, str) and value != "", "text"),
    "country": (_is_country, "a code of ISO 3166-1 alpha-2, or XK (in quotes, as 'NO')"),
    "layer": (lambda value: value in LAYERS, ", ".join(LAYERS)),
    "share": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, at most 1"),
    "positive number": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "whole number": (lambda value: type(value) is int and value > 0, "a whole number above 0"),
    "statement": (_is_statement, f"text; in braces only {', '.join(f'{{{name}}}' for name in YEARS)}"),
}
"""Single values that a kind of claim may ask for: a test, and what a message calls allowed."""
NUMBERS = ("share", "positive number", "whole number")
"""Those of `VALUES` that are numbers, and may be written as YAML 1.1 takes for text, such as ``1e3``."""
LISTS = {"countries": "country", "countries or others": "country", "pair": "country", "names": "text"}
"""Lists that a kind of claim may ask for, by their entries; a pair has two."""
OTHERS = "others"
"""All countries of the panel but the poles, where a kind of claim allows ``countries or others``."""
GROUP = "group of poles"
"""A group of countries against the poles that the claim names under ``poles``."""


class Kind(NamedTuple):
    """What the workflow knows of a kind of claim.

    Attributes
    ----------
    keys, optional : Mapping
        Values of the keys that a claim must have and may have: a name of `VALUES` or `LISTS`, `GROUP`, a list
        of the allowed values, or {values of the keys of a map: values of its entries}.
    stage : str or None
        Last stage of `STAGES` whose choices can change a verdict; None if the kind compares several branches.
    """

    keys: Mapping[str, Any]
    optional: Mapping[str, Any]
    stage: str | None


@functools.cache
def kinds(folder: Path = KINDS) -> dict[str, Kind]:
    """Read what every kind of claim asks for.

    Parameters
    ----------
    folder : Path
        Folder with one module for each kind.

    Returns
    -------
    dict
        Kinds by name.

    Raises
    ------
    StudyError
        If a module lacks something, or asks for values that do not exist.
    """
    return {path.stem: _read_kind(path) for path in sorted(folder.glob("*.py")) if path.stem != "__init__"}


def _read_kind(path: Path) -> Kind:
    body = signatures.body_of(path)
    constants = signatures.literals(body)
    if missing := {"KEYS", "OPTIONAL", "STAGE"} - set(constants):
        raise StudyError(f"{path}: must define as literals: {', '.join(sorted(missing))}")
    if signatures.definition(body, ast.FunctionDef, "judge") is None:
        raise StudyError(f"{path}: must define a function judge")
    kind = Kind(constants["KEYS"], constants["OPTIONAL"], constants["STAGE"])
    if kind.stage not in (*STAGES, None):
        raise StudyError(f"{path}: STAGE {kind.stage!r}; allowed: {', '.join(STAGES)}, None")
    for key, values in {**kind.keys, **kind.optional}.items():
        for name in _names(values):
            if name not in (*VALUES, *LISTS, GROUP):
                allowed = ", ".join((*VALUES, *LISTS, GROUP))
                raise StudyError(f"{path}: {key}: {name!r}; allowed: {allowed}")
    return kind


def _names(values: Any) -> Iterator[str]:
    """Names of values that a description of values contains."""
    if isinstance(values, dict):
        for part in (*values.keys(), *values.values()):
            yield from _names(part)
    elif not isinstance(values, list):
        yield values


def modules(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """Dotted names of the modules that judge these claims."""
    return sorted({f"poles.claims.kinds.{claim['kind']}" for claim in claims})


def countries_of(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sorted codes of the countries that checked claims name."""
    codes: set[str] = set()
    for claim in claims:
        kind = kinds()[claim["kind"]]
        for key, values in {**kind.keys, **kind.optional}.items():
            name = next(iter(values)) if isinstance(values, dict) else values
            is_country = isinstance(name, str) and LISTS.get(name, name) == "country"
            if is_country and claim.get(key, OTHERS) != OTHERS:
                codes.update([claim[key]] if isinstance(claim[key], str) else claim[key])
    return sorted(codes)


def words_of_poles(poles: Sequence[str], year: int) -> dict[str, str]:
    """Texts that a list of claims may leave open, see config/claims-poles.yaml.

    Parameters
    ----------
    poles : sequence of str
        Codes of the poles.
    year : int
        Year whose members make up the European Union.

    Returns
    -------
    dict
        ``code_1``, ``pole_1`` (the name) and ``region_1`` of the first pole, and so on.
    """
    words: dict[str, str] = {}
    for place, code in enumerate(poles, 1):
        region = countries.region_of(code, year)
        words |= {
            f"code_{place}": code,
            f"pole_{place}": countries.in_text(code),
            f"region_{place}": region,
        }
    return words


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """Put words in the place of their names in braces, in all texts of a value."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [_filled(entry, words) for entry in value]
    if isinstance(value, dict):
        return {_filled(key, words): _filled(entry, words) for key, entry in value.items()}
    return value


def read_claims(
    name: str, root: Path, merge: Mapping[str, str], words: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Read and check the list of claims.

    Parameters
    ----------
    name : str
        Path of a YAML file, in the working folder or else below `root`.
    root : Path
        Root of the project.
    merge : Mapping
        Countries that count as another (``selection.merge``).
    words : Mapping, optional
        Texts that the list may leave open, see `words_of_poles`.

    Returns
    -------
    list of dict
        The claims.

    Raises
    ------
    StudyError
        If there is no such file, or `check_claims` refuses its content.
    """
    path = Path(name) if Path(name).exists() else root / name
    if not path.is_file():
        raise StudyError(f"claims: {name}: no such file")
    try:
        claims = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{name}: not readable as YAML ({error})") from None
    return check_claims(_filled(claims, words or {}), name, merge)


def with_years(claims: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Write the years of the study into the statements of checked claims.

    Parameters
    ----------
    claims : sequence of Mapping
        Checked claims.
    words : Mapping
        Text for each of `YEARS`, see `poles.study.windows.words`.

    Returns
    -------
    list of dict
        The claims, without braces in their statements.
    """
    return [{**claim, "statement": claim["statement"].format_map(words)} for claim in claims]


def check_claims(claims: Any, origin: str, merge: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Check a list of claims as read from YAML.

    Parameters
    ----------
    claims : object
        Content of the file.
    origin : str
        Name of the file, for messages.
    merge : Mapping, optional
        Countries that count as another (``selection.merge``), which no claim can name.

    Returns
    -------
    list of dict
        The claims, with their numbers as numbers.

    Raises
    ------
    StudyError
        If this is no list of claims, or a claim has an unknown kind, an unknown or missing key, an impossible
        value, or the id of another claim.
    """
    if not isinstance(claims, list) or not all(isinstance(claim, dict) for claim in claims):
        raise StudyError(f"{origin}: must be a list of claims, each a map")
    claims = [_with_numbers(claim) for claim in claims]
    ids: set[str] = set()
    for place, claim in enumerate(claims, 1):
        name = claim.get("id", f"number {place}")
        fault = next(_faults(claim, merge or {}), None)
        if fault is None and name in ids:
            fault = "another claim has this id"
        if fault:
            raise StudyError(f"{origin}: claim {name}: {fault}")
        ids.add(name)
    return claims


def _with_numbers(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Read the values that have to be numbers as the configuration reads them; the rest is left."""
    kind = kinds().get(claim["kind"]) if isinstance(claim.get("kind"), str) else None
    allowed = {**kind.keys, **kind.optional} if kind else {}
    return {key: _as_number(value, allowed.get(key)) for key, value in claim.items()}


def _as_number(value: Any, allowed: Any) -> Any:
    """Convert a value to a number if it has to be one and can be, or the entries of a map."""
    if isinstance(allowed, dict) and isinstance(value, dict):
        [of_entries] = allowed.values()
        return {key: _as_number(entry, of_entries) for key, entry in value.items()}
    if not isinstance(allowed, str) or allowed not in NUMBERS:
        return value
    try:
        read = number(value)
    except ValueError:
        return value  # it is refused with what is allowed
    return int(read) if float(read).is_integer() else read


def _faults(claim: Mapping[str, Any], merge: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a claim, each with what is allowed."""
    name = claim.get("kind")
    if not isinstance(name, str) or name not in kinds():
        yield f"kind {name!r}; allowed: {', '.join(kinds())}"
        return
    kind = kinds()[name]
    needed: dict[str, Any] = {**COMMON, **kind.keys}
    allowed = {**needed, **kind.optional}
    if missing := [key for key in needed if key not in claim]:
        yield f"missing key {', '.join(missing)}; needed: {', '.join(needed)}"
    if unknown := [str(key) for key in claim if key not in allowed]:
        yield f"unknown key {', '.join(unknown)}; allowed: {', '.join(allowed)}"
    for key, values in allowed.items():
        if key in claim:
            yield from _wrong_values(key, claim[key], values, claim, merge)
    if isinstance(least := claim.get("at_least"), int) and least > (most := _most(claim)):
        yield f"at_least {least}; allowed: at most {most:g}, as the claim counts no more"


def _most(claim: Mapping[str, Any]) -> float:
    """Most countries, or pairs of the largest ones, that a claim can count; infinite without a limit."""
    if isinstance(listed := claim.get("countries"), list):
        return len(listed)
    if isinstance(largest := claim.get("largest"), int):
        return largest * (largest - 1) / 2
    return float("inf")


def _wrong_values(
    key: str, value: Any, values: Any, claim: Mapping[str, Any], merge: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong with one value of a claim, and what is allowed."""
    allowed = None
    if isinstance(values, dict):
        [(of_keys, of_entries)] = values.items()
        if isinstance(value, dict) and value:
            for name, entry in value.items():
                yield from _wrong_values(key, name, of_keys, claim, merge)
                yield from _wrong_values(key, entry, of_entries, claim, merge)
        else:
            allowed = "a map with at least one entry"
    elif isinstance(values, list):
        allowed = None if value in values else ", ".join(values)
    elif values == GROUP:
        allowed = None if value in _groups(claim["poles"]) else ", ".join(_groups(claim["poles"]))
    elif values in LISTS:
        if values == "countries or others" and value == OTHERS:
            return
        if not isinstance(value, list) or not value or len(set(map(repr, value))) < len(value):
            allowed = "a list with at least one entry, none twice"
        elif values == "pair" and len(value) != 2:
            allowed = "two countries"
        else:
            for entry in value:
                yield from _wrong_values(key, entry, LISTS[values], claim, merge)
    else:
        holds, description = VALUES[values]
        if not holds(value):
            advice = countries.advice(value) if values == "country" and isinstance(value, str) else ""
            allowed = f"{description}; {advice}".rstrip("; ")
        elif values == "country" and value in merge:
            yield (
                f"{key} {value!r} counts as {merge[value]} (selection.merge); "
                "allowed: countries that are not merged"
            )
    if allowed:
        yield f"{key} {value!r}; allowed: {allowed}"


def _groups(poles: Sequence[str]) -> list[str]:
    """Groups of countries against some poles, see `poles.blocs.alignment.group_of`."""
    several = ["+".join(some) for size in range(2, len(poles)) for some in permutations(poles, size)]
    return ["both", "neither", *(f"only {pole}" for pole in poles), *several]
