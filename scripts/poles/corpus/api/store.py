"""The store of a harvest: every answer as it came, in a folder for each list of works that was asked for.

A unit is the answers to one list: pages ``p1-00000.json.gz`` (first round, first page), whole authorships
``W123.json.gz`` (or ``W123.gone.json.gz``), and in the end ``complete.json``, which holds their digests.
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
    """A stored page: round and number, both as they were asked for, and its file."""

    round: int
    number: int
    path: Path


class Unit:
    """Answers to one list of works.

    Parameters
    ----------
    folder : Path
        Where they are kept; made when the first one is.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.record = folder / "complete.json"

    def __str__(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    def is_complete(self) -> bool:
        """Whether nothing more is to be asked."""
        return self.record.is_file()

    def summary(self) -> dict[str, Any]:
        """What `finish` wrote down."""
        try:
            return json.loads(self.record.read_bytes())
        except (OSError, ValueError) as error:
            raise StudyError(
                f"{self.record}: cannot be read ({error}); delete it to have it checked anew"
            ) from None

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def pages(self) -> list[PageFile]:
        """Stored pages in the order in which they were asked for."""
        matches = [match for name in self._names() if (match := _PAGE.fullmatch(name))]
        return [PageFile(int(match[1]), int(match[2]), self.folder / match[0]) for match in matches]

    def works(self) -> dict[str, Path | None]:
        """Works that were asked for singly: the file of each, or None where it is gone."""
        matches = [match for name in self._names() if (match := _WORK.fullmatch(name))]
        return {match[1]: None if match[2] else self.folder / match[0] for match in matches}

    def save_page(self, round_: int, number: int, body: bytes) -> None:
        """Keep a page."""
        self._save(f"p{round_}-{number:05d}.json.gz", body)

    def save_work(self, work: str, body: bytes, gone: bool) -> None:
        """Keep the answer to the question for one work."""
        self._save(f"{work}{'.gone' * gone}.json.gz", body)

    def _save(self, name: str, body: bytes) -> None:
        """Write a file so that it is there whole or not at all, even if the power fails: it was paid for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{name}.partial"
        with partial.open("wb") as stream:
            stream.write(gzip.compress(body, 6, mtime=0))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self.folder / name)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write down that the unit is complete, with the digest of every answer.

        Parameters
        ----------
        summary : Mapping
            What is to be known of the unit: the query, numbers of works.
        """
        files = [page.path for page in self.pages()]
        files += [self.folder / name for name in self._names() if _WORK.fullmatch(name)]
        answers = {path.name: embedding.file_digest(path) for path in files}
        times = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files]
        span = {
            "first": min(times).isoformat(timespec="seconds"),
            "last": max(times).isoformat(timespec="seconds"),
        }
        embedding.write_json({**summary, **span}, self.record, {"answers": answers})


def read_answer(path: Path) -> Any:
    """Document of a stored answer.

    Raises
    ------
    StudyError
        If the file is no longer as it was written.
    """
    try:
        return orjson.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise StudyError(
            f"{path}: a stored answer that cannot be read ({error}); delete it and the complete.json beside "
            "it, and it is fetched again"
        ) from None


def describe(store: Path, identity: str, query: Mapping[str, Any]) -> None:
    """Keep a query in words beside its units, for a reader of the store."""
    path = store / identity / "query.json"
    if not path.exists():
        embedding.replace_file(path, (json.dumps(query, indent=1) + "\n").encode())
