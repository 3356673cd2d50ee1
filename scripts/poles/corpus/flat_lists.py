"""Columns of lists as the values of all their lists end to end, and the length of each list.

Expressions over values that stand end to end cost several times less than over lists, and far less than over
lists within lists.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa


def array(numbers: np.ndarray) -> pa.Array:
    """Numbers as Arrow has them. `pyarrow.array` would load pandas, 40 MB of memory."""
    kind = pa.from_numpy_dtype(numbers.dtype)
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))])


def lengths(lists: pl.Series) -> np.ndarray:
    """Length of each list, 0 for null; int64."""
    return lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()


def values(lists: pl.Series) -> pl.Series:
    """Values of all lists, nulls included."""
    return lists.explode(empty_as_null=False, keep_nulls=False)


def ends(counts: np.ndarray) -> np.ndarray:
    """Where lists of given lengths end, after where the first one begins."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def sums(numbers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum of the values of each list."""
    return np.diff(ends(numbers)[ends(counts)])


def nested(flat: pl.Series, counts: np.ndarray) -> pl.Series:
    """Lists of given lengths, none of them null.

    Parameters
    ----------
    flat : pl.Series
        Their values.
    counts : ndarray of int64, shape (lists,)
    """
    return pl.Series(pa.LargeListArray.from_arrays(array(ends(counts)), flat.rechunk().to_arrow()))


def changed(lists: pl.Series, change: Callable[[pl.Series], pl.Series]) -> tuple[pl.Series, np.ndarray]:
    """Change the values of lists, and drop those that are then null.

    Parameters
    ----------
    lists : pl.Series
        A null is taken for an empty list.
    change : callable
        Gives as many values as it is given.

    Returns
    -------
    lists : pl.Series
        Without nulls.
    dropped : ndarray of int64
        How many values of each list were dropped.
    """
    counts, flat = lengths(lists), change(values(lists))
    left = sums(flat.is_not_null().to_numpy(), counts)
    return nested(flat.drop_nulls(), left), counts - left
