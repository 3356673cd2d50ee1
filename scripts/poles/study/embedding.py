"""Provenance inside files: writers that embed a record in each format, and seal the file.

`poles.study.seals` makes the seals, `poles.study.extraction` reads the records back.
"""

import hashlib
import json
import os
import threading
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from poles.study.seals import sealed, unsealed


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(content: bytes) -> str:
    """SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


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
    # "--" would end an HTML comment. A JSON reader takes \u002d for the same character.
    record = canonical(unsealed(provenance, path)).replace("--", "-\\u002d")
    replace_file(path, sealed(f"{text.rstrip()}\n\n<!-- provenance: {record} -->\n".encode()))


def write_json(content: Mapping[str, Any], path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a JSON object with its provenance under the key ``provenance``."""
    document = {**content, "provenance": unsealed(provenance, path)}
    replace_file(path, sealed((json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()))


def write_gzip(
    content: bytes | Iterable[bytes | memoryview],
    path: str | Path,
    provenance: Mapping[str, Any],
    *,
    fast: bool = False,
) -> None:
    """Write a gzip file with its provenance in the header's comment field (RFC 1952, FCOMMENT).

    The time stamp is zero, so equal content gives equal bytes. Every gzip reader skips the comment.

    Parameters
    ----------
    content : bytes, or iterable of buffers
        What the file holds, whole or in parts; the parts make no difference to the file.
    path : str or Path
    provenance : Mapping
    fast : bool
        Whether to compress with ISA-L, which takes a tenth of the time of zlib, for files 1.4 times as large.
    """
    library: Any
    library, level = zlib, 6
    if fast:
        from isal import isal_zlib  # the workflow imports this module with the standard library alone

        library, level = isal_zlib, 1
    compressor = library.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum, size, body = 0, 0, []
    for part in [content] if isinstance(content, bytes) else content:
        checksum = zlib.crc32(part, checksum)
        size += len(part)
        body.append(compressor.compress(part))
    body.append(compressor.flush())
    record = canonical(unsealed(provenance, path)).encode("ascii")
    header = b"\x1f\x8b\x08\x10" + bytes(4) + b"\x00\xff" + record + b"\0"
    trailer = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    replace_file(path, sealed(b"".join([header, *body, trailer])))
