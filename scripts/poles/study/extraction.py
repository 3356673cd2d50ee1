"""Provenance read back from files, and the check that a file still holds what was written to it."""

import json
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from typing import Any

from poles.errors import StudyError
from poles.study import embedding, places, seals

PACKAGE = "datapackage.json"
"""File that describes the files beside it, and holds the records of those that have no place for one."""
_COMMENT = re.compile(rb"^<!-- provenance: (.*) -->$", re.MULTILINE)
_DESCRIPTION = re.compile(rb"<dc:description>(.*?)</dc:description>", re.DOTALL)


def _read_gzip(path: Path) -> str | None:
    with path.open("rb") as stream:
        if stream.read(4) != b"\x1f\x8b\x08\x10":
            return None
        stream.seek(10)
        comment = bytearray()
        while (byte := stream.read(1)) not in (b"", b"\0"):
            comment += byte
    return comment.decode("latin-1")


def _read_parquet(path: Path) -> str | None:
    import polars as pl

    try:
        return pl.read_parquet_metadata(path).get("provenance")
    except pl.exceptions.PanicException as error:  # it is no Exception
        raise ValueError(str(error)) from None


def _read_json(path: Path) -> str | None:
    text = path.read_bytes()
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        document = json.loads(error.doc[: error.pos])  # what follows the end breaks the seal
    record = document.get("provenance") if isinstance(document, dict) else None
    return None if record is None else json.dumps(record)


def _read_comment(path: Path) -> str | None:
    found = _COMMENT.findall(path.read_bytes())
    return found[-1].decode() if found else None


def _read_svg(path: Path) -> str | None:
    from xml.etree import ElementTree

    content = path.read_bytes()
    if found := _DESCRIPTION.search(content):
        return unescape(found[1].decode())
    ElementTree.fromstring(content)
    return None


def _read_png(path: Path) -> str | None:
    from PIL import Image

    with Image.open(path) as image:
        return image.info.get("Description")


def _package_of(path: Path) -> tuple[dict[str, Any], str] | None:
    """Record of the Data Package that lists a file, and the digest that the file should have.

    Files whose format has no place for a record have it in ``datapackage.json`` of their folder.
    """
    package = path.with_name(PACKAGE)
    if not package.is_file():
        return None
    try:
        document = json.loads(package.read_bytes())
        listed = {resource["path"]: resource["hash"] for resource in document["resources"]}
        digest = listed.get(path.name, "").removeprefix("sha256:")
    except (ValueError, KeyError, TypeError, AttributeError):  # a file of the user beside a source
        return None
    if "provenance" not in document:
        return None
    if outside := next((name for name in listed if places.leads_out(name)), None):
        raise StudyError(f"{package}: lists {outside!r:.200}, which leads out of its folder")
    if not digest:
        return None
    record = _read(package)
    if record is None or not seals.holds(package, str(record.get("sha256"))):
        raise StudyError(f"{package}: does not hold what was written to it")
    return record, digest


def _read_packaged(path: Path) -> str | None:
    found = _package_of(path)
    if found is None:
        return None
    path.stat()
    record, digest = found
    place = Path(record.get("file", "")).with_name(path.name).as_posix()
    return json.dumps({**record, "file": place, "sha256": digest})


PACKAGED = (".csv", ".csv.gz", ".graphml", ".gexf", ".net", ".json", ".html")
"""Ends of the names of files whose record stands in `PACKAGE`; some JSON and HTML files hold their own."""
_READERS = {
    ".csv": _read_packaged,
    ".graphml": _read_packaged,
    ".gexf": _read_packaged,
    ".net": _read_packaged,
    ".parquet": _read_parquet,
    ".json": lambda path: _read_json(path) or _read_packaged(path),
    ".md": _read_comment,
    ".html": lambda path: _read_comment(path) or _read_packaged(path),
    ".svg": _read_svg,
    ".png": _read_png,
    ".gz": lambda path: _read_gzip(path) or _read_packaged(path),
}
_KEYS = {"rule": str, "wildcards": dict, "params": dict, "log": str, "inputs": dict}
"""What the record of a job holds, besides what `poles.study.seals` adds."""


def _is_record(value: Any) -> bool:
    """Whether a value is a record of this study: of a job, or of primary data. Others use the same key."""
    if not isinstance(value, dict):
        return False
    if "rule" not in value and isinstance(value.get("answers"), dict):
        return _are_paths(value["answers"])
    return (
        all(isinstance(value.get(key), kind) for key, kind in _KEYS.items())
        and all(isinstance(digest, str) for digest in value["inputs"].values())
        and isinstance(value.get("store", []), list)
        and _are_paths([*value["inputs"], *value.get("store", [])])
    )


def _are_paths(names: Iterable[Any]) -> bool:
    """Whether all values may be paths of files."""
    return all(isinstance(name, str) and "\0" not in name for name in names)


def _read(path: Path) -> dict[str, Any] | None:
    """Provenance that a file carries, with the digest of the file; None where it carries none."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        return None
    try:
        text = reader(path)
        record = json.loads(text) if text else None
    except (FileNotFoundError, StudyError):
        raise
    except Exception as error:
        raise StudyError(f"{path}: not readable as {path.suffix[1:]} ({error})") from None
    return record if _is_record(record) else None


def read(path: str | Path) -> dict[str, Any] | None:
    """Provenance that a file carries.

    Parameters
    ----------
    path : str or Path
        A result, or a source.

    Returns
    -------
    dict or None
        Keys ``rule``, ``wildcards``, ``params`` (among them ``code``: a digest and its roots), ``log``
        (path), ``inputs`` ({path: SHA-256}) and ``file`` (the place for which it was written); None where the
        file carries none, as a source from outside does.

    Raises
    ------
    StudyError
        If the file cannot be read in the format that its name promises, or its record is no JSON.
    """
    record = _read(Path(path))
    if record is not None:
        record.pop("sha256", None)
    return record


def is_intact(path: str | Path) -> bool:
    """Whether a result still holds what was written to it: the digest in its record is that of the file.

    This finds what the digests of inputs cannot: a file changed and then built upon.

    Parameters
    ----------
    path : str or Path
        A file that carries provenance.
    """
    path = Path(path)
    record = _read(path)
    if record is None or not isinstance(record.get("sha256"), str):
        return False
    if path.name != PACKAGE and _package_of(path):
        return record["sha256"] == embedding.file_digest(path)
    return seals.holds(path, record["sha256"])
