"""The chain of any result, from the result down to the source, and its first broken link."""

import argparse
import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from poles.errors import StudyError
from poles.study import embedding, extraction
from poles.study.digest import code_digest

log = logging.getLogger(__name__)

AUDIT = Path("results/audit.json")
"""Digests of all results as the last complete run left them."""


class Link(NamedTuple):
    """One file of a chain.

    Attributes
    ----------
    path : str
        The file.
    depth : int
        Steps from the result.
    digest : str or None
        SHA-256 of the file as it is; None if it is gone.
    record : dict or None
        Provenance that it carries; None for a source from outside.
    breaks : tuple of str
        What does not hold about it.
    seen : bool
        Whether it stood in the chain before; its own inputs are then not listed again.
    """

    path: str
    depth: int
    digest: str | None
    record: dict[str, Any] | None
    breaks: tuple[str, ...]
    seen: bool


def code_state(record: dict[str, Any]) -> str | None:
    """What is wrong with the code that a record names, or None.

    Parameters
    ----------
    record : dict
        Provenance of a file. The list of answers in a store of primary data names no code: a change of code
        does not make it anew.
    """
    if "answers" in record:
        return None
    digest, *roots = str(record.get("params", {}).get("code", "")).split()
    if not roots:
        return "its record names no code"
    try:
        present = code_digest(*roots)
    except StudyError as error:
        return str(error)
    return None if present == digest else f"made by code {digest}, the present code is {present}"


def _made_from(path: str, record: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Files that a file was made from, each with the SHA-256 that it should have.

    What came over the network stands in a store: its own records vouch for it, not the digests of its bytes,
    in which no two harvests of the same works agree.
    """
    yield from record.get("inputs", {}).items()
    yield from ((name, None) for name in record.get("store", []))
    yield from ((f"{Path(path).parent}/{name}", value) for name, value in record.get("answers", {}).items())


def walk(path: str, claimed: str | None = None, visited: dict[str, str] | None = None) -> Iterator[Link]:
    """Walk the chain of a result, depth first: the result, then what it was made from, down to the sources.

    Parameters
    ----------
    path : str
        A result, relative to the folder in which the study worked.
    claimed : str, optional
        SHA-256 that the file should have.
    visited : dict, optional
        Digests of files walked before, which are not hashed again; grows.

    Yields
    ------
    Link
    """
    yield from _visit(path, 0, claimed, str(AUDIT), {} if visited is None else visited)


def _visit(path: str, depth: int, claimed: str | None, user: str, visited: dict[str, str]) -> Iterator[Link]:
    seen = path in visited
    breaks, record = [], None
    try:
        digest = visited.setdefault(path, "") or embedding.file_digest(path)
        visited[path] = digest
        record = extraction.read(path)
    except FileNotFoundError:
        yield Link(path, depth, None, None, (f"is gone, but {user} was made from it",), seen)
        return
    except StudyError as error:
        breaks.append(str(error))
    if claimed and digest != claimed:
        breaks.append(f"has changed since {user} was made: SHA-256 {digest[:16]}, recorded {claimed[:16]}")
    if record is None and not breaks and path.startswith("results/"):
        breaks.append("carries no provenance, although it is a result")
    if record is not None and not seen and not extraction.is_intact(path):
        breaks.append(
            "does not hold what was written to it: its content gives another digest than its record"
        )
    if record is not None and (state := code_state(record)):
        breaks.append(state)
    yield Link(path, depth, digest, record, tuple(breaks), seen)
    if record is not None and not seen:
        for name, value in _made_from(path, record):
            yield from _visit(name, depth + 1, value, path, visited)


def summary(paths: Iterable[str]) -> dict[str, Any]:
    """Digests of results and of everything they were made from; a broken link is an error.

    Parameters
    ----------
    paths : iterable of str
        Results.

    Returns
    -------
    dict
        ``files``: {path: SHA-256}, ``rules``: how many files each rule made.

    Raises
    ------
    StudyError
        If a link is broken: names the file and what does not hold.
    """
    files: dict[str, str] = {}
    rules: dict[str, int] = {}
    for path in sorted(set(paths)):
        for link in walk(path, visited=files):
            if link.breaks:
                raise StudyError(f"audit: {link.path} {link.breaks[0]}")
            if not link.seen:
                rule = (link.record or {}).get("rule", "source")
                rules[rule] = rules.get(rule, 0) + 1
    log.info("%d files of %d rules, every link holds", len(files), len(rules))
    return {"files": dict(sorted(files.items())), "rules": dict(sorted(rules.items()))}


def recorded_digest(path: str) -> str | None:
    """SHA-256 of a result as the last complete run left it, or None where that is not on record."""
    try:
        return json.loads(AUDIT.read_bytes())["files"].get(path)
    except (OSError, ValueError, KeyError):
        return None


def _describe(link: Link) -> str:
    """One entry of a chain: path, state, and what made it."""
    indent = "  " * link.depth
    mark = "✗" if link.breaks else "✓"
    lines = [f"{indent}{mark} {link.path}  sha256 {link.digest[:16] if link.digest else 'none'}"]
    lines += [f"{indent}    BROKEN: {text}" for text in link.breaks]
    if link.record is None:
        lines[0] += "  (source)" if not link.breaks else ""
    elif link.seen:
        lines[0] += "  (above)"
    elif "answers" in link.record:
        lines[0] += "  (source: answers as they came)"
    else:
        params = {key: value for key, value in link.record["params"].items() if key != "code"}
        wildcards = " ".join(f"{key}={value}" for key, value in link.record["wildcards"].items())
        lines.append(f"{indent}    rule {link.record['rule']} {wildcards}".rstrip())
        lines.append(f"{indent}    code {link.record['params']['code']}")
        lines += [f"{indent}    params {json.dumps(params, ensure_ascii=False)}"] if params else []
    return "\n".join(lines)


def chain(path: str, full: bool = False) -> tuple[list[str], Link | None]:
    """Describe the chain of a result, and find its first broken link.

    Parameters
    ----------
    path : str
        A result, relative to the folder in which the study worked.
    full : bool
        Whether to list every file; else files of one rule below the same parent are listed once, with their
        number. All are checked either way.

    Returns
    -------
    lines : list of str
        The chain, indented by depth.
    broken : Link or None
        The first link that does not hold, nearest to the result.
    """
    lines: list[str] = []
    broken: list[Link] = []
    kept: dict[int, tuple[Any, ...]] = {}
    hidden: dict[int, int] = {}

    def close(depth: int) -> None:
        for level in sorted((level for level in kept if level >= depth), reverse=True):
            kept.pop(level)
            if count := hidden.pop(level, 0):
                lines.append(f"{'  ' * level}✓ ... and {count} more like the last, every one checked")

    quiet: int | None = None
    for link in walk(path, recorded_digest(path)):
        broken += [link] if link.breaks else []
        if quiet is not None and link.depth > quiet and not link.breaks:
            continue
        quiet = None
        family = (
            Path(link.path).parent,
            link.record and (*map(link.record.get, ("rule", "params", "wildcards")), link.seen),
        )
        if not full and not link.breaks and kept.get(link.depth) == family:
            hidden[link.depth] = hidden.get(link.depth, 0) + 1
            quiet = link.depth
            continue
        close(link.depth)
        lines.append(_describe(link))
        kept[link.depth] = family
    close(0)
    return lines, min(broken, key=lambda link: link.depth) if broken else None


def main() -> str | None:
    """Command line: print the chain of one result.

    Returns
    -------
    str or None
        What is broken first; None if every link holds.
    """
    parser = argparse.ArgumentParser(
        description="Print the chain of a result, and name its first broken link."
    )
    parser.add_argument(
        "result", help="file below results/, relative to the folder in which the study worked"
    )
    parser.add_argument("--full", action="store_true", help="list every file of the chain")
    arguments = parser.parse_args()
    path = os.path.relpath(arguments.result)
    if not path.startswith("results/") or not Path(path).is_file():
        return f"{arguments.result}: no result here; name a file below results/, from the folder of the study"
    lines, broken = chain(path, arguments.full)
    print("\n".join(lines))
    if broken:
        remedy = f" (to mend it: snakemake -R {broken.record['rule']})" if broken.record else ""
        return f"first broken link: {broken.path} {broken.breaks[0]}{remedy}"
    print("every link holds")
    return None
