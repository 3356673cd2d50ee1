"""Files of a source of works; standard library alone, so that a workflow can ask before any job runs."""

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from poles.errors import StudyError

ENDINGS = (".jsonl", ".json", ".gz", ".zip", ".parquet")
"""Endings of files that hold OpenAlex work records; ``.gz`` holds one of the first two."""

_MANIFESTS = ("manifest.json", "manifest")  # since 2026, and before
_RELEASE = "aws s3 sync --no-sign-request s3://openalex/data/parquet/works FOLDER/data/parquet/works"


def _works_folder(root: Path) -> Path:
    """Folder of a snapshot's works: holds the partitions ``updated_date=...``; Parquet goes first."""
    inside = ("data/parquet/works", "parquet/works", "data/jsonl/works", "jsonl/works", "data/works", "works")
    for folder in (*(root / name for name in inside), root):
        if next(folder.glob("updated_date=*"), None) or any((folder / name).is_file() for name in _MANIFESTS):
            return folder
    raise StudyError(
        f"source.path: {root} holds no snapshot of OpenAlex works (data/parquet/works or data/jsonl/works "
        f"with folders updated_date=...); fetch one with: {_RELEASE}"
    )


def _manifest(works: Path) -> dict[str, dict[str, Any]]:
    """Files that the manifest of a works folder lists: relative path to content_length and record_count."""
    path = next((works / name for name in _MANIFESTS if (works / name).is_file()), None)
    if path is None:
        raise StudyError(
            f"{works}: no manifest.json, which a release writes last, so the copy is not complete; "
            f"fetch it again with: {_RELEASE}"
        )
    try:
        document = json.loads(path.read_bytes())
        entries = document["files"] if "files" in document else document["entries"]
        listed = {entry["url"].rpartition("/works/")[2]: entry["meta"] for entry in entries}
        for meta in listed.values():
            int(meta["content_length"]), int(meta["record_count"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"{path}: not a manifest of OpenAlex, which lists files with url, content_length and "
            f"record_count ({type(error).__name__}: {error})"
        ) from None
    return listed


def _snapshot_files(root: Path) -> Iterator[tuple[Path, int]]:
    """Part files of a snapshot with their number of records, after the check against the manifest."""
    if not root.is_dir():
        raise StudyError(f"source.path: {root} is no folder; a snapshot is the folder that holds data/")
    works = _works_folder(root)
    listed = _manifest(works)
    found = {path.relative_to(works).as_posix(): path for path in works.glob("updated_date=*/[!.]*")}
    for what, names in (
        ("listed in the manifest but not there", sorted(set(listed) - set(found))),
        (
            "there but not listed in the manifest (left from another release?)",
            sorted(set(found) - set(listed)),
        ),
    ):
        if names:
            raise StudyError(f"{works}: {len(names)} files {what}, the first is {names[0]}")
    if not listed:
        raise StudyError(f"{works}: the manifest lists no files")
    for name, path in sorted(found.items()):
        size, expected = path.stat().st_size, int(listed[name]["content_length"])
        if size != expected:
            raise StudyError(f"{path}: {size} bytes, but the manifest says {expected}; fetch the file again")
        yield path, int(listed[name]["record_count"])


def _works_files(pattern: str) -> Iterator[Path]:
    """Files that a glob names, each of a kind that can be read."""
    if Path(pattern).is_dir():
        raise StudyError(f"source.path: {pattern} is a folder; a glob such as {pattern}/*.jsonl.gz is wanted")
    names = sorted(glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [Path(name) for name in names if Path(name).is_file()]
    if not found:
        raise StudyError(
            f"source.path: no file matches {pattern}; give a glob of files of OpenAlex works "
            f"({', '.join(ENDINGS)}), relative to {Path.cwd()}"
        )
    for path in found:
        if path.suffix not in ENDINGS:
            raise StudyError(
                f"source.path: {pattern} matches {path}, which ends in none of {', '.join(ENDINGS)}; "
                "narrow the glob or rename the file"
            )
    return iter(found)


def _checked(kind: str, path: str | None) -> str:
    if kind not in ("works", "snapshot"):
        raise StudyError(f"source.kind: {kind!r} has no files of its own; works and snapshot have")
    if not path:
        what = "a glob of work files" if kind == "works" else "the folder of the snapshot"
        raise StudyError(f"source.path: missing; kind {kind} wants {what}")
    if "://" in path:
        raise StudyError(f"source.path: {path} is an address; copy it to a folder first: {_RELEASE}")
    return path


def source_files(kind: str, path: str | None) -> list[str]:
    """List the local files of a source of works, in a fixed order.

    Parameters
    ----------
    kind : str
        ``works`` (files of OpenAlex work records) or ``snapshot`` (a copy of the OpenAlex snapshot).
    path : str
        ``works``: a glob, ``**`` included, of files that end in one of `ENDINGS`. ``snapshot``: the folder
        that holds ``data``, or one on the way from there to ``works``. Where both formats are there,
        Parquet is taken.

    Returns
    -------
    list of str
        Sorted by path, at least one.

    Raises
    ------
    StudyError
        If nothing is found; if a snapshot is without its manifest, or its files are not those that the
        manifest lists, with their lengths.
    """
    path = _checked(kind, path)
    if kind == "works":
        return [str(file) for file in _works_files(path)]
    return [str(file) for file, _ in _snapshot_files(Path(path))]


def record_counts(kind: str, path: str | None) -> dict[str, int]:
    """Number of records of every file, as far as the source states it: the manifest of a snapshot does.

    Parameters
    ----------
    kind, path : str
        As for `source_files`.

    Returns
    -------
    dict
        Number of records by file; empty for kind ``works``.
    """
    path = _checked(kind, path)
    return {} if kind == "works" else {str(file): count for file, count in _snapshot_files(Path(path))}


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
