"""Text put together from fragments and numbers."""

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@intrinsic
def _copy(typing_context, text, at, source, begin, length):
    """Copy bytes of one array into another; numba would copy slices through objects, or byte by byte."""

    def generate(context, builder, signature, arguments):
        target, origin = (
            builder.gep(context.make_array(kind)(context, builder, array).data, [place])
            for kind, array, place in (
                (signature.args[0], arguments[0], arguments[1]),
                (signature.args[2], arguments[2], arguments[3]),
            )
        )
        cgutils.raw_memcpy(builder, target, origin, arguments[4], 1)
        return context.get_dummy_value()

    return types.void(text, types.int64, source, types.int64, types.int64), generate


def numbers(values: np.ndarray) -> np.ndarray:
    """Entries that stand for whole numbers, at least 0, to be written in decimal."""
    return -1 - values


@compiled
def _length(entry: int, start: np.ndarray) -> int:
    """Length of an entry as text."""
    if entry >= 0:
        return start[entry + 1] - start[entry]
    value, digits = -1 - entry, 1
    while value >= 10:
        value //= 10
        digits += 1
    return digits


@compiled
def join(
    tables: tuple[np.ndarray, ...], counts: tuple[np.ndarray, ...], fragments: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Write the rows of several tables as text, those of the first line before those of the second.

    Parameters
    ----------
    tables : tuple of ndarray of int64, shape (rows, columns)
        What each line holds, in this order: places of fragments, and entries from `numbers`.
    counts : tuple of ndarray of int64, shape (lines,)
        Number of rows of each line in each table.
    fragments : ndarray of uint8
        Fragments, one behind the other.
    start : ndarray of int64, shape (fragments + 1,)
        Bounds of the fragments.

    Returns
    -------
    ndarray of uint8
        Text.
    """
    size = 0
    for table in tables:
        for row in range(table.shape[0]):
            for column in range(table.shape[1]):
                size += _length(table[row, column], start)
    text = np.empty(size, np.uint8)
    done = np.zeros(len(tables), np.int64)
    at = 0
    for line in range(len(counts[0])):
        for place in range(len(tables)):
            table = tables[place]
            for row in range(done[place], done[place] + counts[place][line]):
                for column in range(table.shape[1]):
                    entry = table[row, column]
                    length = _length(entry, start)
                    if entry >= 0:
                        _copy(text, at, fragments, start[entry], length)
                    else:
                        value = -1 - entry
                        for byte in range(length - 1, -1, -1):
                            text[at + byte] = ord("0") + value % 10
                            value //= 10
                    at += length
            done[place] += counts[place][line]
    return text
