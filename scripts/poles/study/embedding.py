"""Provenance inside files: the digests of contents, and writers that embed a record in each format.

`poles.study.extraction` reads the records back.
"""

import hashlib
import io
import json
import os
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(content: bytes) -> str:
    """SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def table_digest(frame: Any) -> str:
    """SHA-256 of a polars frame, written as Parquet without compression."""
    stream = io.BytesIO()
    frame.rechunk().write_parquet(stream, compression="uncompressed", statistics=False)
    return digest_of(stream.getvalue())


def image_digest(image: Any) -> str:
    """SHA-256 of the pixels of a Pillow image, as colours and not as numbers of colours in a palette."""
    return digest_of(f"{image.size} ".encode() + image.convert("RGBA").tobytes())


def drawing_digest(svg: bytes, description: str) -> str:
    """SHA-256 of an SVG file without its description."""
    return digest_of(svg.replace(escape(description).encode(), b"", 1))


def canonical(provenance: Mapping[str, Any]) -> str:
    """One spelling of a provenance record, so that equal records are equal bytes."""
    return json.dumps(provenance, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file in one step: a reader never sees a part of it, even if several jobs write it at once."""
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
    # "--" would end an HTML comment. A JSON reader takes \u002d for the same character.
    record = record.replace("--", "-\\u002d")
    replace_file(path, f"{text}\n<!-- provenance: {record} -->\n".encode())


def write_json(content: Mapping[str, Any], path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a JSON object with its provenance under the key ``provenance``."""
    document = {**content, "provenance": {**provenance, "content": digest_of(canonical(content).encode())}}
    replace_file(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def write_gzip(content: bytes, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a gzip file with its provenance in the header's comment field (RFC 1952, FCOMMENT).

    The time stamp is zero, so equal content gives equal bytes. Every gzip reader skips the comment.
    """
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    record = canonical({**provenance, "content": digest_of(content)}).encode("ascii")
    header = b"\x1f\x8b\x08\x10" + bytes(4) + b"\x00\xff" + record + b"\0"
    body = compressor.compress(content) + compressor.flush()
    trailer = zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    replace_file(path, header + body + trailer)
