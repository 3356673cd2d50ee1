"""The audit: the chain from a result back to its sources, and its first broken link."""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from poles.errors import StudyError
from poles.study import embedding, extraction
from poles.study.digest import code_digest

log = logging.getLogger(__name__)

NO_RESULTS = (
    "results/README.md",
    "results/report.html",
    "results/run.json",
    "results/warnings.json",
    "results/ro-crate-metadata.json",
    "results/code/",
    "results/logs/",
    "results/benchmarks/",
)
"""Files and folders that belong to a run. They carry no record of their own."""
AUDIT = Path("results/audit.json")
"""Digests of all results after the last complete run."""


class Link(NamedTuple):
    """One file of a chain.

    Attributes
    ----------
    path : str
        The file.
    depth : int
        Number of steps from the result.
    digest : str or None
        SHA-256 of the file; None if the file is missing.
    record : dict or None
        Provenance that the file carries; None for a source from outside.
    breaks : tuple of str
        What is wrong with the file, one sentence each; empty if the link holds.
    repeated : bool
        Whether the chain has listed the file before. Its inputs are then not listed again.
    """

    path: str
    depth: int
    digest: str | None
    record: dict[str, Any] | None
    breaks: tuple[str, ...]
    repeated: bool


def code_state(record: dict[str, Any]) -> str | None:
    """Compare the code that a record names with the present code.

    Parameters
    ----------
    record : dict
        Provenance of a file. The list of answers in a store of primary data names no code, as a change of
        code does not fetch them again.

    Returns
    -------
    str or None
        What is wrong; None if the code is the same.
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


def _inputs_of(path: str, record: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Files that a file was made from, each with the SHA-256 that it should have.

    Data from the network stand in a store, whose own records hold the digests of their content. The bytes of
    these files differ between two harvests of the same works, so no digest is expected of them.
    """
    yield from record.get("inputs", {}).items()
    yield from ((name, None) for name in record.get("store", []))
    yield from ((f"{Path(path).parent}/{name}", value) for name, value in record.get("answers", {}).items())


def walk(path: str, claimed: str | None = None, visited: dict[str, str] | None = None) -> Iterator[Link]:
    """Walk the chain of a result depth first: the result, then its inputs, back to the sources.

    Parameters
    ----------
    path : str
        A result, relative to the folder in which the study worked.
    claimed : str, optional
        SHA-256 that the file should have.
    visited : dict, optional
        Digests of files that earlier walks have hashed, by path. They are not hashed again; new ones are
        added.

    Yields
    ------
    Link
    """
    yield from _visit(path, 0, claimed, str(AUDIT), {} if visited is None else visited)


def _visit(path: str, depth: int, claimed: str | None, user: str, visited: dict[str, str]) -> Iterator[Link]:
    """Walk the chain below one file, which `user` was made from."""
    repeated = path in visited
    breaks, record = [], None
    try:
        if not repeated:
            visited[path] = embedding.file_digest(path)
        record = extraction.read(path)
    except FileNotFoundError:
        yield Link(path, depth, None, None, (f"is missing, but {user} was made from it",), repeated)
        return
    except StudyError as error:
        breaks.append(str(error))
    digest = visited[path]
    if claimed and digest != claimed:
        breaks.append(f"has changed since {user} was made: SHA-256 {digest[:16]}, recorded {claimed[:16]}")
    if record is None and not breaks and path.startswith("results/"):
        breaks.append("carries no provenance, although it is a result")
    if record is not None and not repeated and not extraction.is_intact(path):
        breaks.append(
            "does not hold what was written to it: the digest of its content is not the one in its record"
        )
    if record is not None and (difference := code_state(record)):
        breaks.append(difference)
    yield Link(path, depth, digest, record, tuple(breaks), repeated)
    if record is not None and not repeated:
        for name, value in _inputs_of(path, record):
            yield from _visit(name, depth + 1, value, path, visited)


def summary(paths: Iterable[str]) -> dict[str, Any]:
    """Digests of results and of all files that they were made from.

    Parameters
    ----------
    paths : iterable of str
        Results.

    Returns
    -------
    dict
        ``files``: {path: SHA-256}. ``rules``: {rule: number of files that it made}.

    Raises
    ------
    StudyError
        If a link is broken. The message names the file and says what is wrong with it.
    """
    files: dict[str, str] = {}
    rules: dict[str, int] = {}
    for path in sorted(set(paths)):
        for link in walk(path, visited=files):
            if link.breaks:
                raise StudyError(f"audit: {link.path} {link.breaks[0]}")
            if not link.repeated:
                rule = (link.record or {}).get("rule", "source")
                rules[rule] = rules.get(rule, 0) + 1
    log.info("%d files of %d rules, every link holds", len(files), len(rules))
    return {"files": dict(sorted(files.items())), "rules": dict(sorted(rules.items()))}


def recorded_digest(path: str) -> str | None:
    """SHA-256 of a result after the last complete run; None if no audit has recorded it."""
    try:
        return json.loads(AUDIT.read_bytes())["files"].get(path)
    except (OSError, ValueError, KeyError):
        return None


def _describe(link: Link) -> str:
    """One entry of a chain: the path, whether the link holds, and the rule that made the file."""
    indent = "  " * link.depth
    mark = "✗" if link.breaks else "✓"
    lines = [f"{indent}{mark} {link.path}  sha256 {link.digest[:16] if link.digest else 'none'}"]
    lines += [f"{indent}    BROKEN: {text}" for text in link.breaks]
    if link.record is None:
        lines[0] += "  (source)" if not link.breaks else ""
    elif link.repeated:
        lines[0] += "  (above)"
    elif "answers" in link.record:
        lines[0] += "  (source: answers as received)"
    else:
        params = {key: value for key, value in link.record["params"].items() if key != "code"}
        wildcards = " ".join(f"{key}={value}" for key, value in link.record["wildcards"].items())
        lines.append(f"{indent}    rule {link.record['rule']} {wildcards}".rstrip())
        lines.append(f"{indent}    code {link.record['params']['code']}")
        lines += [f"{indent}    params {json.dumps(params, ensure_ascii=False)}"] if params else []
    return "\n".join(lines)


def _family(link: Link) -> tuple[Any, ...]:
    """What files of one job in one folder have in common."""
    record = link.record and tuple(map(link.record.get, ("rule", "params", "wildcards")))
    return Path(link.path).parent, record, link.repeated


class _Listing:
    """Entries of a chain, of which files like the one before are counted and not listed.

    Attributes
    ----------
    lines : list of str
        The entries.
    families : dict
        `_family` of the last entry, by depth, on the way from the result to the last entry.
    folded : dict
        Number of files like that entry that are not listed, by depth.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.families: dict[int, tuple[Any, ...]] = {}
        self.folded: dict[int, int] = {}

    def fold(self, link: Link) -> bool:
        """Count a file that holds and is like the entry before; whether it is one."""
        if link.breaks or self.families.get(link.depth) != _family(link):
            return False
        self.folded[link.depth] = self.folded.get(link.depth, 0) + 1
        return True

    def add(self, link: Link) -> None:
        """List a file."""
        self.close(link.depth)
        self.lines.append(_describe(link))
        self.families[link.depth] = _family(link)

    def close(self, depth: int = 0) -> None:
        """Say how many files were not listed at this depth and below."""
        for level in sorted((level for level in self.families if level >= depth), reverse=True):
            del self.families[level]
            if count := self.folded.pop(level, 0):
                self.lines.append(f"{'  ' * level}✓ ... and {count} more like this one, all checked")


def chain(path: str, full: bool = False) -> tuple[list[str], Link | None]:
    """Describe the chain of a result, and find its first broken link.

    Parameters
    ----------
    path : str
        A result, relative to the folder in which the study worked.
    full : bool
        Whether to list every file. Otherwise only the first of the files that one rule made with the same
        params is listed, with the number of the others. All files are checked in either case.

    Returns
    -------
    lines : list of str
        The chain, indented by depth.
    broken : Link or None
        The broken link that is nearest to the result.
    """
    listing = _Listing()
    broken: list[Link] = []
    folded_depth: int | None = None
    for link in walk(path, recorded_digest(path)):
        broken += [link] if link.breaks else []
        if folded_depth is not None and link.depth > folded_depth and not link.breaks:
            continue  # below a file that is not listed
        folded_depth = None
        if not full and listing.fold(link):
            folded_depth = link.depth
        else:
            listing.add(link)
    listing.close()
    return listing.lines, nearest_break(broken)


def nearest_break(links: Iterable[Link]) -> Link | None:
    """Find the broken link that is nearest to the result; None if every link holds."""
    return min((link for link in links if link.breaks), key=lambda link: link.depth, default=None)
