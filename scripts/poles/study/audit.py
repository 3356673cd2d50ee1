"""The audit: the chain from a result back to its sources, and its first broken link."""

import errno
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from poles.errors import StudyError
from poles.study import embedding, extraction
from poles.study.digest import code_digest, module_digests

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


class Content(NamedTuple):
    """What a file holds, whatever else has happened since.

    Attributes
    ----------
    digest : str
        SHA-256 of the file.
    record : dict or None
        Provenance that the file carries; None for a source from outside.
    place : str or None
        Path for which the file was written, if its record names one.
    faults : tuple of str
        What is wrong with the file by itself, one sentence each.
    """

    digest: str
    record: dict[str, Any] | None
    place: str | None
    faults: tuple[str, ...]


class Link(NamedTuple):
    """One file of a chain.

    Attributes
    ----------
    path : str
        The file.
    depth : int
        Number of steps from the result.
    place : str or None
        Path for which the file was written, if its record names one.
    digest : str or None
        SHA-256 of the file; None if the file is not there.
    recorded : str or None
        SHA-256 that the file should have; None if nothing records it.
    record : dict or None
        Provenance that the file carries; None for a source from outside.
    breaks : tuple of str
        What is wrong with the file, one sentence each; empty if the link holds, or if the file is not there
        and need not be.
    repeated : bool
        Whether the chain has listed the file before. Its inputs are then not listed again.
    """

    path: str
    depth: int
    place: str | None
    digest: str | None
    recorded: str | None
    record: dict[str, Any] | None
    breaks: tuple[str, ...]
    repeated: bool


def read_content(path: str) -> Content:
    """Hash a file, read its record, and check that it still holds what was written to it.

    Parameters
    ----------
    path : str
        A result, or a source.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    """
    if not Path(path).is_file() and not Path(path).is_dir() and Path(path).exists():
        raise OSError(errno.EINVAL, "it is no regular file", path)  # such as a pipe, on which to wait
    digest = embedding.file_digest(path)
    try:
        record = extraction.read(path)
    except StudyError as error:
        return Content(digest, None, None, (str(error).removeprefix(f"{path}: "),))
    if record is None:
        return Content(digest, None, None, ())
    place = record.pop("file", None)
    if extraction.is_intact(path):
        return Content(digest, record, place, ())
    fault = "does not hold what was written to it: the SHA-256 in its record is not that of the file"
    if "rule" in record and place is None:
        fault = "has a record of an earlier version of the study, which does not tell whether it has changed"
    return Content(digest, record, place, (fault,))


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
    if "rule" not in record and "answers" in record:
        return None
    code = record.get("params", {}).get("code")
    digest, *roots = code.split() if isinstance(code, str) and code.strip() else [""]
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


MISSING = "is missing"
UNRECORDED = "carries no provenance, although it is a result"


def absence(error: OSError) -> str:
    """What is wrong with the place of a file that cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MISSING
    return "is a folder" if isinstance(error, IsADirectoryError) else f"cannot be read ({error.strerror})"


def displaced(content: Content) -> str:
    """Say that a file is not where it was written."""
    return f"stands in the place of another file: it was written as {content.place}"


def no_faults(path: str, record: dict[str, Any]) -> Iterable[str]:
    """Nothing is wrong besides what `Walk` finds itself."""
    return ()


class Walk:
    """Walks along chains of results, which look at each file once.

    Parameters
    ----------
    read : callable
        Reads a file, as `read_content` does.
    faults : callable
        What else is wrong with a file, given its path and its record: one sentence each.
    complete : bool
        Whether a file that is not there is a broken link.

    Attributes
    ----------
    contents : dict
        Content of each file that has been read, by path.
    """

    def __init__(
        self,
        read: Callable[[str], Content] = read_content,
        faults: Callable[[str, dict[str, Any]], Iterable[str]] = no_faults,
        complete: bool = True,
    ):
        self.read, self.faults, self.complete = read, faults, complete
        self.contents: dict[str, Content] = {}

    def along(self, path: str, claimed: str | None = None) -> Iterator[Link]:
        """Walk the chain of a result depth first: the result, then its inputs, back to the sources.

        Parameters
        ----------
        path : str
            A result, relative to the folder in which the study worked.
        claimed : str, optional
            SHA-256 that the file should have.

        Yields
        ------
        Link
        """
        yield from self._visit(path, 0, claimed, str(AUDIT))

    def _visit(self, path: str, depth: int, claimed: str | None, user: str) -> Iterator[Link]:
        """Walk the chain below one file, which `user` was made from."""
        repeated = path in self.contents
        try:
            content = self.contents[path] if repeated else self.read(path)
        except OSError as error:
            fault = absence(error)
            use = "the study has it" if user == str(AUDIT) else f"{user} was made from it"
            breaks = (f"{fault}, but {use}",) if self.complete or fault != MISSING else ()
            yield Link(path, depth, None, None, claimed, None, breaks, repeated)
            return
        self.contents[path] = content
        record = content.record
        link = Link(path, depth, content.place, content.digest, claimed, record, (), repeated)
        yield link._replace(breaks=tuple(self._breaks(link, content, user)))
        if record is not None and not repeated:
            for name, value in _inputs_of(path, record):
                yield from self._visit(name, depth + 1, value, path)

    def _breaks(self, link: Link, content: Content, user: str) -> Iterator[str]:
        """What is wrong with a file that is there."""
        path, digest, record = link.path, content.digest, content.record
        unreadable = record is None and content.faults
        yield from content.faults if unreadable else ()
        if link.recorded and digest != link.recorded:
            recorded = link.recorded[:16]
            yield f"has changed since {user} was made: SHA-256 {digest[:16]}, recorded {recorded}"
        elif record is None and not unreadable and path.startswith("results/"):
            yield UNRECORDED
        if record is not None and not link.repeated:
            yield from content.faults
        if self.complete and path.startswith("results/") and content.place not in (None, path):
            yield displaced(content)
        if record is not None:
            if difference := code_state(record):
                yield difference
            yield from self.faults(path, record)


def summary(paths: Iterable[str]) -> dict[str, Any]:
    """Digests of results and of all files that they were made from.

    Parameters
    ----------
    paths : iterable of str
        Results.

    Returns
    -------
    dict
        ``files``: {path: SHA-256}. ``rules``: {rule: number of files that it made}. ``modules``: {path of a
        module of the code behind them: digest of its code}.

    Raises
    ------
    StudyError
        If a link is broken. The message names the file and says what is wrong with it.
    """
    walk = Walk()
    rules: dict[str, int] = {}
    modules: dict[str, str] = {}
    for path in sorted(set(paths)):
        for link in walk.along(path):
            if link.breaks:
                raise StudyError(f"audit: {link.path} {link.breaks[0]}")
            if not link.repeated:
                rule = (link.record or {}).get("rule", "source")
                rules[rule] = rules.get(rule, 0) + 1
                code = str((link.record or {}).get("params", {}).get("code", ""))
                modules |= module_digests(*code.split()[1:])
    files = {path: content.digest for path, content in walk.contents.items()}
    log.info("%d files of %d rules, every link holds", len(files), len(rules))
    parts: dict[str, dict[str, Any]] = {"files": files, "modules": modules, "rules": rules}
    return {name: dict(sorted(part.items())) for name, part in parts.items()}


def recorded_digests(folder: Path = Path()) -> dict[str, str]:
    """SHA-256 of all results and sources after the last complete run; empty if no audit has recorded them.

    Parameters
    ----------
    folder : Path
        Folder in which the study worked.

    Raises
    ------
    StudyError
        If the audit does not hold what was written to it.
    """
    path = folder / AUDIT
    try:
        files = json.loads(path.read_bytes())["files"]
        digests = {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    if not extraction.is_intact(path):
        raise StudyError(
            f"{path}: does not hold what was written to it, so it cannot tell what has changed; put back the "
            "one of the last run, or `snakemake -R audit_results` writes it anew"
        )
    return digests


def recorded_digest(path: str) -> str | None:
    """SHA-256 of a result after the last complete run; None if no audit has recorded it."""
    return recorded_digests().get(path)


def nearest_break(links: Iterable[Link]) -> Link | None:
    """Find the broken link that is nearest to the result; None if every link holds."""
    return min((link for link in links if link.breaks), key=lambda link: link.depth, default=None)
