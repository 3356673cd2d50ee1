"""Provenance read back from files, and the check that a file still holds what was written to it."""

import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

from poles.errors import StudyError
from poles.study import embedding

PACKAGE = "datapackage.json"
"""File that describes the files beside it, and holds the records of those that have no place for one."""
_COMMENT = re.compile(r"\n<!-- provenance: (.*) -->\n\Z")


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

    return pl.read_parquet_metadata(path).get("provenance")


def _read_json(path: Path) -> str | None:
    document = json.loads(path.read_bytes())
    record = document.get("provenance") if isinstance(document, dict) else None
    return None if record is None else json.dumps(record)


def _read_comment(path: Path) -> str | None:
    match = _COMMENT.search(path.read_text(encoding="utf-8"))
    return match and match[1]


def _read_svg(path: Path) -> str | None:
    from xml.etree import ElementTree

    element = ElementTree.parse(path).find(".//{http://purl.org/dc/elements/1.1/}description")
    return None if element is None else element.text


def _read_png(path: Path) -> str | None:
    from PIL import Image

    with Image.open(path) as image:
        return image.info.get("Description")


def _package_of(path: Path) -> tuple[dict[str, Any], str] | None:
    """Description of the Data Package that lists a file, and the digest that the file should have.

    Files whose format has no place for a record have it in ``datapackage.json`` of their folder.
    """
    package = path.with_name(PACKAGE)
    if not package.is_file():
        return None
    try:
        document = json.loads(package.read_bytes())
        listed = {resource["path"]: resource["hash"] for resource in document["resources"]}
    except (ValueError, KeyError, TypeError):  # a file of the user beside a source
        return None
    if path.name not in listed or "provenance" not in document:
        return None
    if not is_intact(package):
        raise StudyError(f"{package}: does not hold what was written to it")
    return document, listed[path.name].removeprefix("sha256:")


def _read_packaged(path: Path) -> str | None:
    found = _package_of(path)
    if found is None:
        return None
    path.stat()
    return json.dumps({**found[0]["provenance"], "content": found[1]})


_READERS = {
    ".csv": _read_packaged,
    ".graphml": _read_packaged,
    ".gexf": _read_packaged,
    ".net": _read_packaged,
    ".parquet": _read_parquet,
    ".json": lambda path: _read_json(path) or _read_packaged(path),
    ".md": _read_comment,
    ".html": _read_comment,
    ".svg": _read_svg,
    ".png": _read_png,
    ".gz": lambda path: _read_gzip(path) or _read_packaged(path),
}


def _record(path: Path) -> dict[str, Any] | None:
    """Provenance that a file carries, with the digest of its content; None where it carries none."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        return None
    try:
        text = reader(path)
        return None if not text else json.loads(text)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise StudyError(f"{path}: not readable as {path.suffix[1:]} ({error})") from None


def read(path: str | Path) -> dict[str, Any] | None:
    """Provenance that a file carries.

    Parameters
    ----------
    path : str or Path
        A result, or a source.

    Returns
    -------
    dict or None
        Keys ``rule``, ``wildcards``, ``params`` (among them ``code``: a digest and its roots), ``log`` (path)
        and ``inputs`` ({path: SHA-256}); None where the file carries none, as a source from outside does.

    Raises
    ------
    StudyError
        If the file cannot be read in the format that its name promises, or its record is no JSON.
    """
    record = _record(Path(path))
    if record is not None:
        record.pop("content", None)
    return record


def _content(path: Path) -> str:
    """Digest of what a file holds besides its provenance."""
    import polars as pl
    from PIL import Image

    if path.suffix == ".parquet":
        return embedding.table_digest(pl.read_parquet(path))
    if path.name != PACKAGE and _package_of(path):
        return embedding.file_digest(path)
    if path.suffix == ".gz":
        return embedding.digest_of(gzip.decompress(path.read_bytes()))
    if path.suffix == ".json":
        document = json.loads(path.read_bytes())
        document.pop("provenance", None)
        return embedding.digest_of(embedding.canonical(document).encode())
    if path.suffix == ".svg":
        return embedding.drawing_digest(path.read_bytes(), _read_svg(path) or "")
    if path.suffix == ".png":
        with Image.open(path) as image:
            return embedding.image_digest(image)
    return embedding.digest_of(_COMMENT.sub("", path.read_text(encoding="utf-8")).encode())


def is_intact(path: str | Path) -> bool:
    """Whether a result still holds what was written to it: its content gives the digest in its record.

    This finds what the digests of inputs cannot: a file changed and then built upon.

    Parameters
    ----------
    path : str or Path
        A file that carries provenance.
    """
    record = _record(Path(path))
    try:
        return record is not None and record.get("content") == _content(Path(path))
    except (OSError, EOFError, ValueError, zlib.error):
        return False
