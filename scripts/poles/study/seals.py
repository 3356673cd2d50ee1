"""Seals of files: the digest of a file in the record that the file itself holds.

A file is first written with zeros in place of its digest. Then the SHA-256 of all its bytes takes their
place. So a seal covers every byte, the record and whatever follows the data included.
"""

import hashlib
import mmap
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNSEALED = "0" * 64
"""What stands in a record in place of the digest of its file, until the file is sealed."""
_KEYS = (b'"sha256":"', b'"sha256": "')
"""What precedes a seal in a record, by the two ways in which records are spelled."""
_PNG, _PNG_RECORD = b"\x89PNG", b"iTXtDescription\0"

_Bytes = bytearray | mmap.mmap


def unsealed(provenance: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Record of a file before it is sealed.

    Parameters
    ----------
    provenance : Mapping
        Provenance of the job. That of primary data names no job.
    path : str or Path
        The file, relative to the folder in which the study works.

    Returns
    -------
    dict
        With the place of the file, so that two files of one job can be told apart, and a place for the seal.
        Primary data may be moved, so they are not told where they stand.
    """
    place = {"file": Path(path).as_posix()} if "rule" in provenance else {}
    return {**provenance, **place, "sha256": UNSEALED}


def sealed(content: bytes) -> bytes:
    """Content of a file with its seal, given that with a record of `unsealed`."""
    data = bytearray(content)
    _fill(data)
    return bytes(data)


def seal(path: str | Path) -> None:
    """Seal a file on the disk that holds a record of `unsealed`."""
    with Path(path).open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as data:
        _fill(data)


def holds(path: str | Path, digest: str) -> bool:
    """Whether the bytes of a file are those that were sealed.

    Parameters
    ----------
    path : str or Path
        A file that is not empty.
    digest : str
        The seal in its record.
    """
    with Path(path).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        gaps = _gaps(data, digest)
        return bool(gaps) and _digest(data, gaps) == digest


def _fill(data: _Bytes) -> None:
    """Seal a file."""
    gaps = _gaps(data, UNSEALED)
    if not gaps:
        raise ValueError("a file to be sealed must hold a record with a place for its digest")
    own, *checksums = gaps
    data[own] = _digest(data, gaps).encode()
    for gap in checksums:
        chunk = data.rfind(_PNG_RECORD, 0, gap.start)
        data[gap] = zlib.crc32(data[chunk : gap.start]).to_bytes(4, "big")


def _gaps(data: _Bytes, digest: str) -> list[slice]:
    """Bytes that a seal does not cover: itself, and the checksum of the chunk of a PNG file that holds it."""
    for key in _KEYS:
        place = data.rfind(key + digest.encode() + b'"')
        if place >= 0:
            break
    else:
        return []
    begin = place + len(key)
    gaps = [slice(begin, begin + len(digest))]
    if data[:4] == _PNG:
        chunk = data.rfind(_PNG_RECORD, 0, begin)
        end = chunk + 4 + int.from_bytes(data[chunk - 4 : chunk], "big")
        gaps.append(slice(end, end + 4))
    return gaps


def _digest(data: _Bytes, gaps: list[slice]) -> str:
    """SHA-256 of a file with zeros in its gaps: digits for the seal, bytes for a checksum."""
    state, begin = hashlib.sha256(), 0
    with memoryview(data) as view:
        for gap, zero in zip(gaps, (b"0", b"\0"), strict=False):
            state.update(view[begin : gap.start])
            state.update(zero * (gap.stop - gap.start))
            begin = gap.stop
        state.update(view[begin:])
    return state.hexdigest()
