"""Where every number comes from: digests of code, provenance inside files, and its verification."""

import gzip
import hashlib
import io
import json
import os
import re
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from poles.errors import StudyError

_COMMENT = re.compile(r"\n<!-- provenance: (.*) -->\n\Z")


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(content: bytes) -> str:
    """SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def table_digest(frame: Any) -> str:
    """SHA-256 of a polars frame: of the plain Parquet file that it makes."""
    stream = io.BytesIO()
    frame.rechunk().write_parquet(stream, compression="uncompressed", statistics=False)
    return digest_of(stream.getvalue())


def image_digest(image: Any) -> str:
    """SHA-256 of the pixels of a Pillow image."""
    return digest_of(f"{image.mode} {image.size} ".encode() + image.tobytes())


def drawing_digest(svg: bytes, description: str) -> str:
    """SHA-256 of an SVG file without its description."""
    return digest_of(svg.replace(escape(description).encode(), b"", 1))


def canonical(provenance: Mapping[str, Any]) -> str:
    """One spelling of a provenance record, so that equal records are equal bytes."""
    return json.dumps(provenance, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, though several jobs write it at once."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(text: str, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a Markdown or HTML page with its provenance in a closing comment."""
    text = f"{text.rstrip()}\n"
    record = canonical({**provenance, "content": digest_of(text.encode())})
    # "--" would end an HTML comment; \u002d is the same character to a JSON reader.
    record = record.replace("--", "-\\u002d")
    replace_file(path, f"{text}\n<!-- provenance: {record} -->\n".encode())


def write_json(content: Mapping[str, Any], path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a JSON object with its provenance under the key ``provenance``."""
    document = {**content, "provenance": {**provenance, "content": digest_of(canonical(content).encode())}}
    replace_file(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def write_gzip(content: bytes, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a gzip file with its provenance in the header's comment field (RFC 1952, FCOMMENT).

    The time stamp is zero, so equal content gives equal bytes; every gzip reader skips the comment.
    """
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    record = canonical({**provenance, "content": digest_of(content)}).encode("ascii")
    header = b"\x1f\x8b\x08\x10" + bytes(4) + b"\x00\xff" + record + b"\0"
    body = compressor.compress(content) + compressor.flush()
    trailer = zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    replace_file(path, header + body + trailer)


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


_READERS = {
    ".parquet": _read_parquet,
    ".json": _read_json,
    ".md": _read_comment,
    ".html": _read_comment,
    ".svg": _read_svg,
    ".png": _read_png,
    ".gz": _read_gzip,
}


def _record(path: Path) -> dict[str, Any] | None:
    """Everything that a file says of itself."""
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
        Keys ``rule``, ``wildcards``, ``params`` (among them ``code``: a digest and its roots) and ``inputs``
        ({path: SHA-256}); None where the file carries none, as a source from outside does.

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
        return table_digest(pl.read_parquet(path))
    if path.suffix == ".gz":
        return digest_of(gzip.decompress(path.read_bytes()))
    if path.suffix == ".json":
        document = json.loads(path.read_bytes())
        return digest_of(
            canonical({key: part for key, part in document.items() if key != "provenance"}).encode()
        )
    if path.suffix == ".svg":
        return drawing_digest(path.read_bytes(), _read_svg(path) or "")
    if path.suffix == ".png":
        with Image.open(path) as image:
            return image_digest(image)
    return digest_of(_COMMENT.sub("", path.read_text(encoding="utf-8")).encode())


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
