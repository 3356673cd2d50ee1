"""The store of a harvest: every answer, unchanged, in one folder for each requested list of works.

A unit is the folder of one list. It holds pages (``p1-00000.json.gz``: first round, first page), single works
with all their authorships (``W123.json.gz``, or ``W123.gone.json.gz`` if the work no longer exists), and in
the end ``complete.json`` with the digests of these files.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from poles.errors import StudyError
from poles.study import embedding

_PAGE = re.compile(r"p(\d)-(\d{5})\.json\.gz")
_WORK = re.compile(r"(W\d+)(\.gone)?\.json\.gz")

GONE = 404


class PageFile(NamedTuple):
    """A stored page: its round, its number in the round, and its file."""

    round: int
    number: int
    path: Path


class Unit:
    """The answers for one list of works.

    Parameters
    ----------
    folder : Path
        Folder of the answers; it is made with the first one.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.record = folder / "complete.json"

    def __str__(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    def is_complete(self) -> bool:
        """Whether all answers are stored."""
        return self.record.is_file()

    def summary(self) -> dict[str, Any]:
        """Return the summary that `finish` wrote.

        Raises
        ------
        StudyError
            If it cannot be read.
        """
        try:
            return json.loads(self.record.read_bytes())
        except (OSError, ValueError) as error:
            raise StudyError(
                f"{self.record}: cannot be read ({error}); delete the file to have it written again"
            ) from None

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def pages(self) -> list[PageFile]:
        """Return the stored pages in the order in which they were requested."""
        matches = [match for name in self._names() if (match := _PAGE.fullmatch(name))]
        return [PageFile(int(match[1]), int(match[2]), self.folder / match[0]) for match in matches]

    def works(self) -> dict[str, Path | None]:
        """Return the file of each work that was requested singly; None if the work no longer exists."""
        matches = [match for name in self._names() if (match := _WORK.fullmatch(name))]
        return {match[1]: None if match[2] else self.folder / match[0] for match in matches}

    def save_page(self, round_: int, number: int, body: bytes) -> None:
        """Store a page."""
        self._save(f"p{round_}-{number:05d}.json.gz", body)

    def save_work(self, work: str, body: bytes, gone: bool) -> None:
        """Store the answer to the request for one work."""
        self._save(f"{work}{'.gone' * gone}.json.gz", body)

    def _save(self, name: str, body: bytes) -> None:
        """Write a file whole or not at all, even if the power fails, because the answer was paid for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{name}.partial"
        with partial.open("wb") as stream:
            stream.write(gzip.compress(body, 6, mtime=0))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self.folder / name)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Record that the unit is complete, with the digest of every answer.

        Parameters
        ----------
        summary : Mapping
            Facts about the unit: its query, its numbers of works.
        """
        files = [page.path for page in self.pages()]
        files += [self.folder / name for name in self._names() if _WORK.fullmatch(name)]
        answers = {path.name: embedding.file_digest(path) for path in files}
        times = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files]
        period = {
            "first": min(times).isoformat(timespec="seconds"),
            "last": max(times).isoformat(timespec="seconds"),
        }
        embedding.write_json({**summary, **period}, self.record, {"answers": answers})


def read_answer(path: Path) -> Any:
    """Read the document of a stored answer.

    Raises
    ------
    StudyError
        If the file has changed since it was written.
    """
    try:
        return orjson.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise StudyError(
            f"{path}: a stored answer that cannot be read ({error}); delete it, and the complete.json beside "
            "it, to fetch it again"
        ) from None


def describe(store: Path, identity: str, query: Mapping[str, Any]) -> None:
    """Write a query beside its units, for people who look into the store."""
    path = store / identity / "query.json"
    if not path.exists():
        embedding.replace_file(path, (json.dumps(query, indent=1) + "\n").encode())
