"""Files of a source of works; standard library alone, so that a workflow can ask before any job runs."""

import heapq
import json
from collections.abc import Iterable, Sequence
from glob import glob
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from poles.errors import StudyError
from poles.study import embedding

ENDINGS = (".jsonl", ".json", ".gz", ".zip", ".parquet")
"""Endings of files that hold OpenAlex work records; ``.gz`` holds one of the first two."""

PIN = Path("results/harvest/release.json")
"""The release that the study reads, as it was when the study began to."""

TIMEOUT = 60
"""Seconds that a manifest at an address may take to begin, or to go on."""

_MANIFESTS = ("manifest.json", "manifest")  # since 2026, and before
_FETCH = "aws s3 sync --no-sign-request s3://openalex/data/parquet/works FOLDER/data/parquet/works"


class Part(NamedTuple):
    """A file of a release.

    Attributes
    ----------
    name : str
        Relative to the folder of all works, ``updated_date=2026-09-01/part_0000.gz``.
    size, records : int
        Bytes, and works in it.
    """

    name: str
    size: int
    records: int


class Release(NamedTuple):
    """A release of OpenAlex's snapshot, by its manifest.

    Attributes
    ----------
    path : str
        Where it was looked for: a folder or an ``s3://`` address.
    endpoint : str or None
        URL of the S3 service; None: AWS.
    works : str
        Folder, or address, of its works.
    date : str or None
        Of the release; None where the manifest gives none, as before 2026.
    parts : tuple of Part
        By name.
    """

    path: str
    endpoint: str | None
    works: str
    date: str | None
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """Date, and a digest of what the release holds, wherever it stands."""
        content = embedding.digest_of(json.dumps([self.date, self.parts]).encode())
        return f"{self.date or 'undated'} {content[:16]}"

    @property
    def summary(self) -> dict[str, Any]:
        """What the release holds, wherever it stands."""
        return {
            "date": self.date,
            "digest": self.digest,
            "files": len(self.parts),
            "bytes": sum(part.size for part in self.parts),
            "records": sum(part.records for part in self.parts),
        }


def _is_remote(path: str) -> bool:
    return "://" in path


def _url(address: str, endpoint: str | None) -> str:
    """URL at which an object of S3 is had without credentials."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if endpoint is None and "." not in bucket:
        return f"https://{bucket}.s3.amazonaws.com/{key}"
    return f"{(endpoint or 'https://s3.amazonaws.com').rstrip('/')}/{bucket}/{key}"


def _fetch(address: str, endpoint: str | None) -> bytes | None:
    """Content of an object of S3, or None if there is none of the name."""
    url = _url(address, endpoint)
    host = url.partition("://")[2].partition("/")[0]
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:
            return answer.read()
    except HTTPError as error:
        if error.code == 404 and b"NoSuchBucket" in error.read():
            bucket = address.split("/")[2]
            raise StudyError(f"source.path: {address}: {host} has no bucket {bucket}") from None
        if error.code == 403:  # also for what is not there, where objects may not be listed
            raise PermissionError(address) from None
        if error.code == 404:
            return None
        raise StudyError(f"{address}: {host} answers {error.code} {error.reason}; try again later") from None
    except (URLError, TimeoutError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise StudyError(f"{address}: {host} cannot be reached ({reason}); see source.endpoint") from None


def _content(place: str, endpoint: str | None) -> bytes | None:
    """Content of a file or object, or None if there is none."""
    if _is_remote(place):
        return _fetch(place, endpoint)
    return Path(place).read_bytes() if Path(place).is_file() else None


def _manifest(root: str, endpoint: str | None) -> tuple[str, str, dict[str, Any]]:
    """Folder of a snapshot's works, its manifest's place, and what that says; Parquet goes first."""
    inside = ("data/parquet/works", "parquet/works", "data/jsonl/works", "jsonl/works", "data/works", "works")
    denied = ""
    for works in (*(f"{root}/{name}" for name in inside), root):
        for name in _MANIFESTS:
            try:
                content = _content(f"{works}/{name}", endpoint)
            except PermissionError as error:
                content, denied = None, denied or f" (access denied: {error})"
            if content is not None:
                return works, f"{works}/{name}", _document(content, f"{works}/{name}")
        if not _is_remote(root) and next(Path(works).glob("updated_date=*"), None):
            raise StudyError(
                f"{works}: no manifest.json, which a release writes last, so the copy is not complete; "
                f"fetch it again with: {_FETCH}"
            )
    remedy = "" if _is_remote(root) else f"; fetch one with: {_FETCH}"
    raise StudyError(
        f"source.path: {root} holds no snapshot of OpenAlex works (data/parquet/works or data/jsonl/works "
        f"with a manifest and folders updated_date=...){denied}{remedy}"
    )


def _document(content: bytes, place: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        document = json.loads(content)
        document.get("date")
    except (ValueError, AttributeError) as error:
        raise StudyError(f"{place}: not a manifest of OpenAlex, but no JSON object ({error})") from None
    return document


def _parts(document: dict[str, Any], place: str) -> tuple[Part, ...]:
    """Files that a manifest lists, the manifest being one in itself."""
    try:
        entries = document["files"] if "files" in document else document["entries"]
        found = sorted(
            Part(
                entry["url"].rpartition("/works/")[2],
                int(entry["meta"]["content_length"]),
                int(entry["meta"]["record_count"]),
            )
            for entry in entries
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"{place}: not a manifest of OpenAlex, which lists files with url, content_length and "
            f"record_count ({type(error).__name__}: {error})"
        ) from None
    if not found:
        raise StudyError(f"{place}: the manifest lists no files")
    total, stated = sum(part.records for part in found), document.get("record_count")
    if stated is not None and stated != total:
        raise StudyError(f"{place}: states {stated} records, but its files have {total}")
    return tuple(found)


def _check_whole(works: str, document: dict[str, Any], endpoint: str | None) -> None:
    """Refuse works of another release than the manifest beside their folder, which covers all entities."""
    place = f"{works.rpartition('/')[0]}/{_MANIFESTS[0]}"
    try:
        content = _content(place, endpoint)
    except PermissionError:
        content = None
    date = None if content is None else _document(content, place).get("date")
    if None not in (date, document.get("date")) and date != document["date"]:
        raise StudyError(
            f"{works}: two releases are mixed: {place} is of {date}, that of the works of {document['date']}"
        )


def _check_folder(release: Release) -> None:
    """Refuse a folder with other files than the manifest lists, or of other lengths."""
    works = Path(release.works)
    listed = {part.name for part in release.parts}
    found = {path.relative_to(works).as_posix() for path in works.glob("updated_date=*/[!.]*")}
    extra = "there but not listed in the manifest (left from another release?)"
    for what, names in (
        ("listed in the manifest but not there", sorted(listed - found)),
        (extra, sorted(found - listed)),
    ):
        if names:
            raise StudyError(f"{works}: {len(names)} files {what}, the first is {names[0]}")
    for part in release.parts:
        check_size(works / part.name, part.size)


def check_size(file: Path, size: int) -> None:
    """Refuse a file of another length than its manifest states.

    Parameters
    ----------
    file : Path
    size : int
        Bytes.

    Raises
    ------
    StudyError
        If it has others, or is gone.
    """
    try:
        found = file.stat().st_size
    except OSError as error:
        raise StudyError(f"{file}: cannot be read ({error.strerror})") from None
    if found != size:
        raise StudyError(f"{file}: {found} bytes, but the manifest says {size}; fetch the file again")


def read_release(path: str | None, endpoint: str | None = None) -> Release:
    """Read what a snapshot holds from its manifest; of a folder, check that it is there.

    Parameters
    ----------
    path : str
        Folder or ``s3://bucket/prefix`` that holds ``data``, or one on the way from there to ``works``. Where
        both formats are there, Parquet is taken.
    endpoint : str, optional
        URL of an S3 service other than AWS.

    Returns
    -------
    Release

    Raises
    ------
    StudyError
        If nothing is found there or the address cannot be reached; if there is no manifest, or one that
        contradicts itself, the manifest of all entities, or the files of the folder.
    """
    if not path:
        raise StudyError(
            "source.path: missing; kind snapshot wants the folder of the snapshot, or its address"
        )
    root = path.rstrip("/")
    if _is_remote(path) and not (path.startswith("s3://") and path.split("/")[2]):
        raise StudyError(f"source.path: {path} is no address of S3; s3://openalex is one")
    if not _is_remote(path) and not Path(root).is_dir():
        raise StudyError(f"source.path: {path} is no folder; a snapshot is the folder that holds data/")
    works, place, document = _manifest(root, endpoint)
    release = Release(path, endpoint, works, document.get("date"), _parts(document, place))
    _check_whole(works, document, endpoint)
    if not _is_remote(root):
        _check_folder(release)
    return release


def pinned() -> Release:
    """Read the release that was pinned (`pin_release`).

    Raises
    ------
    StudyError
        If there is none.
    """
    try:
        document = json.loads(PIN.read_bytes())
        parts = tuple(Part(*part) for part in document.pop("parts"))
        return Release(**document, parts=parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StudyError(f"{PIN}: not a release that was pinned ({error}); remove it and run again") from None


def _check_same(before: Release, now: Release) -> None:
    """Refuse another release than the one pinned."""
    if before.digest != now.digest:
        raise StudyError(
            f"{now.works}: the release was {before.digest} when the study began to read it and is now "
            f"{now.digest}; works of two releases must not be mixed: remove results/harvest and run again"
        )


def pin_release(path: str | None, endpoint: str | None = None) -> Release:
    """Read what a snapshot holds, once: what was read first is kept in a file, for all later jobs and runs.

    Parameters
    ----------
    path, endpoint
        See `read_release`.

    Returns
    -------
    Release

    Raises
    ------
    StudyError
        As `read_release`; or if the manifest of a folder is another than the one pinned.
    """
    if PIN.exists():
        release = pinned()
        if (release.path, release.endpoint) == (path, endpoint):
            if not _is_remote(release.works):
                _check_same(release, read_release(path))
            return release
    release = read_release(path, endpoint)
    embedding.replace_file(PIN, (json.dumps(release._asdict(), indent=1) + "\n").encode())
    return release


def check_release() -> Release:
    """Read the manifest of the pinned release again, after all its files were read.

    Returns
    -------
    Release

    Raises
    ------
    StudyError
        If it has changed meanwhile, or cannot be read.
    """
    before = pinned()
    now = read_release(before.path, before.endpoint)
    _check_same(before, now)
    return now


def works_files(pattern: str | None) -> list[str]:
    """List files of work records, in a fixed order.

    Parameters
    ----------
    pattern : str
        A glob, ``**`` included, of files that end in one of `ENDINGS`.

    Returns
    -------
    list of str
        Sorted by path, at least one.

    Raises
    ------
    StudyError
        If nothing is found, or something else.
    """
    if not pattern:
        raise StudyError("source.path: missing; kind works wants a glob of work files")
    if _is_remote(pattern):
        raise StudyError(
            f"source.path: {pattern} is an address; kind works reads local files, kind snapshot S3"
        )
    if Path(pattern).is_dir():
        raise StudyError(f"source.path: {pattern} is a folder; a glob such as {pattern}/*.jsonl.gz is wanted")
    names = sorted(glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [name for name in names if Path(name).is_file()]
    if not found:
        raise StudyError(
            f"source.path: no file matches {pattern}; give a glob of files of OpenAlex works "
            f"({', '.join(ENDINGS)}), relative to {Path.cwd()}"
        )
    for name in found:
        if Path(name).suffix not in ENDINGS:
            raise StudyError(
                f"source.path: {pattern} matches {name}, which ends in none of {', '.join(ENDINGS)}; "
                "narrow the glob or rename the file"
            )
    return found


def shards(files: Sequence[str], count: int, sizes: Iterable[int] | None = None) -> list[list[str]]:
    """Divide files into groups of about equal size: the largest file first, each to the lightest group.

    Parameters
    ----------
    files : sequence of str
        Paths, in the order of the source.
    count : int
        Most groups wanted; there are as many as files if that is fewer.
    sizes : iterable of int, optional
        Size of each file, for files that are not made yet; by default their bytes on disk.

    Returns
    -------
    list of list of str
        None empty; files in the order of the source within a group, groups in the order of their first files.

    Raises
    ------
    StudyError
        If `count` is below 1, or a file is missing.
    """
    if count < 1:
        raise StudyError(f"source.shards: {count}; at least 1 is wanted")
    try:
        sizes = [Path(file).stat().st_size for file in files] if sizes is None else list(sizes)
    except FileNotFoundError as error:
        raise StudyError(f"{error.filename}: no such file") from None
    # The number of files breaks ties, so that files of no size still go to separate groups.
    groups: list[tuple[int, int, int, list[int]]] = [(0, 0, n, []) for n in range(min(count, len(files)))]
    for place in sorted(range(len(files)), key=lambda place: (-sizes[place], place)):
        size, held, number, places = heapq.heappop(groups)
        places.append(place)
        heapq.heappush(groups, (size + sizes[place], held + 1, number, places))
    return [[files[place] for place in places] for places in sorted(sorted(group[3]) for group in groups)]
