"""The files of a source of works.

Imports the standard library alone, because the workflow uses it before any job runs.
"""

import heapq
import json
import re
from collections.abc import Iterable, Sequence
from glob import glob
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, build_opener

from poles.errors import StudyError
from poles.study import embedding, places

ENDINGS = (".jsonl", ".json", ".gz", ".zip", ".parquet")
"""Endings of files with OpenAlex works; a ``.gz`` file holds JSON or JSON lines."""

PIN = Path("results/harvest/release.json")
"""File that pins the release: its manifest when the study first read it."""

TIMEOUT = 60
"""Seconds to wait until the download of a manifest begins or continues."""

SHARD = 10**9
"""Bytes of files that one job reads, about."""

FEWEST, MOST = 2, 128
"""Limits of the number of shards that follows from bytes. Every job of the second pass reads the results of
all jobs of the first."""

_S3 = re.compile(r"s3://[A-Za-z0-9._-]+(/|$)")
_MANIFESTS = ("manifest.json", "manifest")  # names since 2026, and before
_FETCH = "aws s3 sync --no-sign-request s3://openalex/data/parquet/works FOLDER/data/parquet/works"


class Part(NamedTuple):
    """A file of a release.

    Attributes
    ----------
    name : str
        Path relative to the folder of works, ``updated_date=2026-09-01/part_0000.gz``.
    size, records : int
        Number of bytes and of works.
    """

    name: str
    size: int
    records: int


class Release(NamedTuple):
    """A release of OpenAlex's snapshot, described by its manifest.

    Attributes
    ----------
    path : str
        Folder or ``s3://`` address in the configuration.
    endpoint : str or None
        URL of the S3 service; None for AWS.
    works : str
        Folder or address of the works.
    date : str or None
        Date of the release; None if the manifest has none, as before 2026.
    parts : tuple of Part
        The files, sorted by name.
    """

    path: str
    endpoint: str | None
    works: str
    date: str | None
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """The date and a digest of the content, which do not depend on where the release is stored."""
        content = embedding.digest_of(json.dumps([self.date, self.parts]).encode())
        return f"{self.date or 'undated'} {content[:16]}"

    @property
    def summary(self) -> dict[str, Any]:
        """A summary of the content, which does not depend on where the release is stored."""
        return {
            "date": self.date,
            "digest": self.digest,
            "files": len(self.parts),
            "bytes": sum(part.size for part in self.parts),
            "records": sum(part.records for part in self.parts),
        }


def _is_remote(path: str) -> bool:
    return "://" in path


class _NoRedirects(HTTPRedirectHandler):
    """Follows no answer that sends to another address, which may be on any host."""

    def redirect_request(self, *details: Any) -> None:
        """Leave the answer as it is, an error."""


_OPENER = build_opener(_NoRedirects)


def sent_away(host: str, status: int, target: str | None) -> str:
    """Say that a host sends to another address, which is not asked."""
    where = f"{target!r:.80}" if target else "another place"
    return (
        f"{host} answers with {status} and sends to {where}; only the configured address is asked: if that "
        "one is right, set source.endpoint to it"
    )


def url_of(address: str, endpoint: str | None) -> str:
    """Return the URL of an object of S3 for requests without credentials.

    Parameters
    ----------
    address : str
        ``s3://bucket/key``.
    endpoint : str or None
        URL of the service; None for AWS.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    key = quote(key, safe="/=~")
    if endpoint is None and "." not in bucket:
        return f"https://{bucket}.s3.amazonaws.com/{key}"
    return f"{(endpoint or 'https://s3.amazonaws.com').rstrip('/')}/{bucket}/{key}"


def _fetch(address: str, endpoint: str | None) -> bytes | None:
    """Fetch an object of S3; None if it does not exist."""
    url = url_of(address, endpoint)
    host = url.partition("://")[2].partition("/")[0]
    try:
        with _OPENER.open(url, timeout=TIMEOUT) as answer:
            return answer.read()
    except HTTPError as error:
        if 300 <= error.code < 400:
            raise StudyError(f"{address}: {sent_away(host, error.code, error.headers['Location'])}") from None
        if error.code == 404 and b"NoSuchBucket" in error.read():
            bucket = address.split("/")[2]
            raise StudyError(f"source.path: {address}: {host} has no bucket named {bucket}") from None
        if error.code == 403:  # also for objects that do not exist, where listing is not allowed
            raise PermissionError(address) from None
        if error.code == 404:
            return None
        raise StudyError(
            f"{address}: {host} answers with {error.code} {error.reason}; try again later"
        ) from None
    except (URLError, TimeoutError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise StudyError(f"{address}: {host} cannot be reached ({reason}); check source.endpoint") from None


def _content(place: str, endpoint: str | None) -> bytes | None:
    """Read a file or object; None if it does not exist."""
    if _is_remote(place):
        return _fetch(place, endpoint)
    return Path(place).read_bytes() if Path(place).is_file() else None


def _manifest(root: str, endpoint: str | None) -> tuple[str, str, dict[str, Any]]:
    """Find the works of a snapshot: their folder, the place of their manifest, and its document.

    Where both layouts exist, Parquet is taken.
    """
    folders = (
        "data/parquet/works",
        "parquet/works",
        "data/jsonl/works",
        "jsonl/works",
        "data/works",
        "works",
    )
    denied = ""
    for works in (*(f"{root}/{name}" for name in folders), root):
        for name in _MANIFESTS:
            try:
                content = _content(f"{works}/{name}", endpoint)
            except PermissionError as error:
                content, denied = None, denied or f" (access denied: {error})"
            if content is not None:
                return works, f"{works}/{name}", _document(content, f"{works}/{name}")
        if not _is_remote(root) and next(Path(works).glob("updated_date=*"), None):
            raise StudyError(
                f"{works}: has no manifest.json; a release writes it last, so the copy is incomplete: "
                f"fetch it again with: {_FETCH}"
            )
    remedy = "" if _is_remote(root) else f"; fetch one with: {_FETCH}"
    raise StudyError(
        f"source.path: {root} holds no snapshot of OpenAlex works, which is a folder data/parquet/works or "
        f"data/jsonl/works with a manifest and folders updated_date=...{denied}{remedy}"
    )


def _document(content: bytes, place: str) -> dict[str, Any]:
    """Parse a JSON object."""
    try:
        document = json.loads(content)
        document.get("date")
    except (ValueError, AttributeError) as error:
        raise StudyError(f"{place}: not a manifest of OpenAlex, which is a JSON object ({error})") from None
    return document


def _parts(document: dict[str, Any], place: str) -> tuple[Part, ...]:
    """Return the parts that a manifest lists, after checking their sum."""
    try:
        entries = document["files"] if "files" in document else document["entries"]
        parts = sorted(
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
    if not parts:
        raise StudyError(f"{place}: the manifest lists no files; fetch the snapshot again")
    for part in parts:
        check_name(part.name, place)
    # Before 2026 the totals stand in a map of their own.
    totals = document["meta"] if isinstance(document.get("meta"), dict) else document
    total, stated = sum(part.records for part in parts), totals.get("record_count")
    if stated is not None and stated != total:
        raise StudyError(
            f"{place}: states {stated} records, but {total} in its list of files; fetch the snapshot again"
        )
    return tuple(parts)


def _check_whole(works: str, document: dict[str, Any], endpoint: str | None) -> None:
    """Refuse works of another release than the one of the manifest above them, which covers all entities."""
    place = f"{works.rpartition('/')[0]}/{_MANIFESTS[0]}"
    try:
        content = _content(place, endpoint)
    except PermissionError:
        content = None
    date = None if content is None else _document(content, place).get("date")
    if None not in (date, document.get("date")) and date != document["date"]:
        raise StudyError(
            f"{works}: two releases are mixed: {place} is dated {date}, the manifest of the works "
            f"{document['date']}; fetch the snapshot again"
        )


def check_name(name: str, place: str | Path) -> None:
    """Refuse the name of a part that leads out of the folder of works.

    Parameters
    ----------
    name : str
        As in `Part`.
    place : str or Path
        Where the name is listed, for the message.

    Raises
    ------
    StudyError
        If it is absolute, has a drive, goes up, or is no name but an address.
    """
    if not name or "://" in name or places.leads_out(name):
        raise StudyError(
            f"{place}: lists {name!r:.200}, which leads out of the folder of works; a part has a name such "
            "as updated_date=2026-09-01/part_0000.gz: fetch the snapshot again"
        )


def _check_folder(release: Release) -> None:
    """Refuse a folder whose files differ from those in the manifest, or have other lengths."""
    works = Path(release.works)
    listed = {part.name for part in release.parts}
    present = {path.relative_to(works).as_posix() for path in works.glob("updated_date=*/[!.]*")}
    for problem, remedy, names in (
        ("of the manifest are missing", "fetch the snapshot again", sorted(listed - present)),
        (
            "are not listed in the manifest",
            "remove files left from another release",
            sorted(present - listed),
        ),
    ):
        if names:
            raise StudyError(f"{works}: {len(names)} files {problem}, the first is {names[0]}; {remedy}")
    for part in release.parts:
        check_part(works, part.name, part.size)


def check_part(works: Path, name: str, size: int) -> None:
    """Refuse a part of another length than its manifest states, or a link to a file elsewhere.

    Parameters
    ----------
    works : Path
        Folder of works.
    name : str
        Name of the part in it.
    size : int
        Bytes.

    Raises
    ------
    StudyError
        If the file has another length, is missing, or is not in the folder.
    """
    file = works / name
    if places.is_link_out(file, works):
        raise StudyError(
            f"{works}: {name} is a link to {file.resolve()}, which is outside this folder; copy the file "
            "into the folder, or name the folder in which all files are"
        )
    try:
        length = file.stat().st_size
    except OSError as error:
        raise StudyError(f"{file}: cannot be read ({error.strerror})") from None
    if length != size:
        raise StudyError(f"{file}: has {length} bytes, but the manifest says {size}; fetch the file again")


def read_release(path: str | None, endpoint: str | None = None) -> Release:
    """Read the manifest of a snapshot; if it is a folder, check that all files are there.

    Parameters
    ----------
    path : str
        Folder or ``s3://bucket/prefix`` that holds ``data``, or a folder between it and ``works``. Where both
        layouts exist, Parquet is taken.
    endpoint : str, optional
        URL of an S3 service other than AWS.

    Returns
    -------
    Release

    Raises
    ------
    StudyError
        If there is no snapshot, the address cannot be reached, the manifest is missing, or it contradicts
        itself, the manifest of all entities, or the files of the folder.
    """
    if not path:
        raise StudyError(
            "source.path: not given; for kind snapshot give the folder of the snapshot, or its address"
        )
    root = path.rstrip("/")
    if _is_remote(path) and not _S3.match(path):
        raise StudyError(f"source.path: {path} is not an address of S3 such as s3://openalex")
    if not _is_remote(path) and not Path(root).is_dir():
        raise StudyError(
            f"source.path: {path} is not a folder; give the folder of the snapshot, which holds data/"
        )
    works, place, document = _manifest(root, endpoint)
    release = Release(path, endpoint, works, document.get("date"), _parts(document, place))
    _check_whole(works, document, endpoint)
    if not _is_remote(root):
        _check_folder(release)
    return release


def pinned() -> Release:
    """Read the pinned release; see `pin_release`.

    Raises
    ------
    StudyError
        If no release is pinned, or the file cannot be read.
    """
    try:
        document = json.loads(PIN.read_bytes())
        parts = tuple(Part(*part) for part in document.pop("parts"))
        for part in parts:
            check_name(part.name, PIN)
        return Release(**document, parts=parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StudyError(f"{PIN}: not a pinned release ({error}); remove it and run again") from None


def _check_same(before: Release, now: Release) -> None:
    """Refuse another release than the pinned one."""
    if before.digest != now.digest:
        raise StudyError(
            f"{now.works}: the release was {before.digest} when the study began to read it, and is now "
            f"{now.digest}; works of two releases must not be mixed: remove results/harvest and run again"
        )


def pin_release(path: str | None, endpoint: str | None = None) -> Release:
    """Read the manifest of a snapshot once, and keep it in a file for all later jobs and runs.

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
        As `read_release`, or if the manifest of a folder differs from the pinned one.
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
    """Read the manifest again after all files were read, and check that the release is the pinned one.

    Returns
    -------
    Release

    Raises
    ------
    StudyError
        If the release has changed, or its manifest cannot be read.
    """
    before = pinned()
    now = read_release(before.path, before.endpoint)
    _check_same(before, now)
    return now


def works_files(pattern: str | None) -> list[str]:
    """List the files of works that match a pattern, in a fixed order.

    Parameters
    ----------
    pattern : str
        A glob, which may contain ``**``, of files that end in one of `ENDINGS`; or one such file.

    Returns
    -------
    list of str
        At least one path, sorted.

    Raises
    ------
    StudyError
        If no file matches, or a file with another ending does.
    """
    if not pattern:
        raise StudyError("source.path: not given; for kind works give a glob of files of works")
    if _is_remote(pattern):
        raise StudyError(
            f"source.path: {pattern} is an address, but kind works reads local files; use kind snapshot"
        )
    if Path(pattern).is_dir():
        raise StudyError(f"source.path: {pattern} is a folder; give a glob such as {pattern}/*.jsonl.gz")
    # A file may have a name with brackets, which a glob takes for a choice of characters.
    names = [pattern] if Path(pattern).is_file() else sorted(glob(pattern, recursive=True))  # noqa: PTH207
    files = [name for name in names if Path(name).is_file()]
    if not files:
        raise StudyError(
            f"source.path: no file matches {pattern}; give a glob of files of OpenAlex works "
            f"({', '.join(ENDINGS)}), relative to {Path.cwd()}"
        )
    for name in files:
        if Path(name).suffix not in ENDINGS:
            raise StudyError(
                f"source.path: {pattern} matches {name}, which does not end in one of {', '.join(ENDINGS)}; "
                "narrow the glob or rename the file"
            )
    return files


def shards(files: Sequence[str], count: int | None, sizes: Iterable[int] | None = None) -> list[list[str]]:
    """Divide files into groups of about equal size.

    The files are assigned in order of falling size, each to the group that is smallest so far.

    Parameters
    ----------
    files : sequence of str
        Paths, in the order of the source.
    count : int or None
        Number of groups; if there are fewer files, every file is a group. None: so many that a group has
        about `SHARD` bytes, within `FEWEST` and `MOST`.
    sizes : iterable of int, optional
        Size of each file, if the files do not exist yet; by default their bytes on disk.

    Returns
    -------
    list of list of str
        No group is empty. The files of a group are in the order of the source, and so are the groups by
        their first files.

    Raises
    ------
    StudyError
        If `count` is below 1, or a file is missing.
    """
    if count is not None and count < 1:
        raise StudyError(f"source.shards: {count} is too few; give 1 or more")
    try:
        sizes = [Path(file).stat().st_size for file in files] if sizes is None else list(sizes)
    except FileNotFoundError as error:
        raise StudyError(f"{error.filename}: no such file") from None
    if count is None:
        count = min(max(FEWEST, round(sum(sizes) / SHARD)), MOST)
    # The number of files breaks ties, so that files of equal size 0 go to separate groups.
    groups: list[tuple[int, int, int, list[int]]] = [(0, 0, n, []) for n in range(min(count, len(files)))]
    for place in sorted(range(len(files)), key=lambda place: (-sizes[place], place)):
        size, held, number, places = heapq.heappop(groups)
        places.append(place)
        heapq.heappush(groups, (size + sizes[place], held + 1, number, places))
    return [[files[place] for place in places] for places in sorted(sorted(group[3]) for group in groups)]
