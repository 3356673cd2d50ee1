"""Packing of many numbers into text that a page can hold, and that a browser unpacks at once."""

import base64
import gzip
from collections.abc import Mapping
from typing import Any

import numpy as np

BITS = 10
"""Bits of the fraction of a packed number: an error of at most 1 in 2,000."""


def pack(arrays: Mapping[str, np.ndarray], exact: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Pack arrays of numbers.

    Parameters
    ----------
    arrays : Mapping
        Float arrays by name; NaN where there is no number.
    exact : frozenset of str
        Names of the arrays whose numbers keep all bits of single precision. The fractions of the others are
        rounded to `BITS` bits, which makes the text shorter.

    Returns
    -------
    dict
        ``text``: base64 of gzip of the bytes of all numbers in single precision, little-endian: the lowest
        byte of each, then the next ones, as equal bytes in a row are short when compressed. ``places``: first
        number and number of numbers of each array by name.
    """
    places, parts, start = {}, [], 0
    for name, values in arrays.items():
        numbers = np.ascontiguousarray(values, dtype="<f4").ravel()
        places[name] = [start, len(numbers)]
        start += len(numbers)
        parts.append(numbers.view("<u4") if name in exact else _rounded(numbers))
    words = np.concatenate(parts) if parts else np.zeros(0, "<u4")
    planes = words.view(np.uint8).reshape(-1, 4).T.tobytes()
    return {"text": base64.b64encode(gzip.compress(planes, 9, mtime=0)).decode(), "places": places}


def unpack(packed: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays of a packed text, as the page sees them; the inverse of `pack` but for rounding."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(packed["text"])), np.uint8)
    numbers = planes.reshape(4, -1).T.copy().view("<f4").ravel()
    return {name: numbers[start : start + length] for name, (start, length) in packed["places"].items()}


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """Bits of numbers whose fraction is rounded to `BITS` bits. All kinds of NaN become one."""
    half = np.uint32(1 << (22 - BITS))
    known = np.where(np.isfinite(numbers), numbers, 0).astype("<f4").view("<u4")
    rounded = (known + half) & ~np.uint32(2 * half - 1)
    return np.where(np.isfinite(numbers), rounded, np.array([np.nan], "<f4").view("<u4")).astype("<u4")
