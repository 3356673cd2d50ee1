"""Contents of files that an earlier audit has read, known again by size, time stamps and place on the disk.

A file is known if its size, the time of its last change, the time at which its entry in the file system last
changed, and its number there are those of the earlier audit. Whoever sets the first time back changes the
second one, which programs cannot set. So only who turns back the clock of the machine, writes to the disk
past the file system, or edits the cache, can change a file so that it is still known. A cold audit, which
knows no file, finds that too.
"""

import json
import time
from pathlib import Path
from typing import Any

from poles.errors import StudyError
from poles.study import audit, embedding, extraction, run_record
from poles.study.audit import Content, read_content

CACHE = Path(".snakemake/audit.json")
"""What earlier audits have read, in the folder in which the study worked."""
SETTLED = 2.0
"""Seconds after its last change from which a file is kept: a later change has another time stamp by then."""
VERSION = 2
"""Form of the cache; another one is not read."""


class Reader:
    """Reads files, or knows them from an earlier audit.

    Parameters
    ----------
    cold : bool
        Whether to read every file, whatever earlier audits say.

    Attributes
    ----------
    known, read : int
        Number of files of either kind.
    """

    def __init__(self, cold: bool = False):
        self._files: dict[str, list[Any]] = {}
        self._records: dict[str, Any] = {}
        self.known = self.read = 0
        if not cold:
            self._load()

    def _load(self) -> None:
        """Take over what earlier audits have read."""
        try:
            cache = json.loads(CACHE.read_bytes())
            if cache["version"] == VERSION and _is_whole(cache):
                self._files, self._records = cache["files"], cache["records"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # there is none, or a broken one

    def __call__(self, path: str) -> Content:
        """Content of a file, see `poles.study.audit.read_content`."""
        before = _stamp(path)
        known = self._files.get(path)
        if known is not None and known[0] == before:
            self.known += 1
            _, digest, record, place, faults = known
            held = None if record is None else dict(self._records[record])
            return Content(digest, held, place, tuple(faults))
        content = read_content(path)
        self.read += 1
        self._files.pop(path, None)
        changed = max(time for part in (before[1:3], before[5:7]) for time in part)
        if _stamp(path) == before and changed < (time.time() - SETTLED) * 1e9:
            self._keep(path, before, content)
        return content

    def result(self, path: str) -> Content:
        """Content of a result, which must be there and carry its record.

        Raises
        ------
        StudyError
            If it does not. It may have changed, see its faults.
        """
        try:
            content = self(path)
        except OSError as error:
            first = "remove what is there; " if Path(path).exists() else ""
            again = f"{first}`{run_record.command(path)}` makes it again"
            raise StudyError(f"{path}: {audit.absence(error)}; {again}") from None
        if content.record is None:
            fault = next(iter(content.faults), audit.UNRECORDED)
            raise StudyError(f"{path}: {fault}; audit.py --all says more")
        return content

    def _keep(self, path: str, stamp: list[int], content: Content) -> None:
        """Remember a file. Files of one job share a record."""
        name = None
        if content.record is not None:
            name = embedding.digest_of(embedding.canonical(content.record).encode())[:32]
            self._records[name] = content.record
        self._files[path] = [stamp, content.digest, name, content.place, list(content.faults)]

    def save(self) -> None:
        """Keep what has been read for later audits, if this folder can be written to."""
        if not self.read:
            return
        used = {entry[2] for entry in self._files.values()}
        records = {name: record for name, record in self._records.items() if name in used}
        cache = {"version": VERSION, "files": self._files, "records": records}
        try:
            embedding.replace_file(CACHE, json.dumps(cache).encode())
        except OSError:
            return


def _is_whole(cache: dict[str, Any]) -> bool:
    """Whether every file that a cache knows has a stamp, a digest, faults, and no record or a known one."""
    return isinstance(cache["records"], dict) and all(
        isinstance(stamp, list)
        and isinstance(digest, str)
        and (record is None or isinstance(cache["records"][record], dict))
        and isinstance(faults, list)
        for stamp, digest, record, _, faults in cache["files"].values()
    )


def _stamp(path: str) -> list[int]:
    """Size, times and number of a file, and of the Data Package beside it, which may hold its record."""
    states = [Path(path).stat()]
    package = Path(path).with_name(extraction.PACKAGE)
    if package.name != Path(path).name and package.is_file():
        states.append(package.stat())
    return [
        value
        for state in states
        for value in (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    ]
