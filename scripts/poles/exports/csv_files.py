"""CSV files that programs read alike: UTF-8, text in quotes, empty fields for missing values.

Quotes show readers which tell ``"NA"`` from ``NA`` that this is Namibia and not a missing value.
"""

import io
import zlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from poles.errors import StudyError
from poles.study import embedding


def write_csv(frames: Iterable[pl.DataFrame], path: str | Path) -> int:
    """Write frames of the same columns one below the other; equal rows give equal bytes.

    Parameters
    ----------
    frames : iterable of pl.DataFrame
        At least one. Numbers are written with all digits, so that a reader gets the same numbers.
    path : str or Path
        ``.csv``, or ``.csv.gz``, which is compressed without a time stamp.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    StudyError
        If a number is not finite.
    """
    packer = zlib.compressobj(wbits=31) if Path(path).suffix == ".gz" else None
    parts: list[bytes] = []
    count = 0
    for number, frame in enumerate(frames):
        _check_finite(frame, path)
        stream = io.BytesIO()
        frame.write_csv(stream, include_header=number == 0, quote_style="non_numeric")
        parts.append(packer.compress(stream.getvalue()) if packer else stream.getvalue())
        count += len(frame)
    embedding.replace_file(path, b"".join([*parts, packer.flush() if packer else b""]))
    return count


def _check_finite(frame: pl.DataFrame, path: str | Path) -> None:
    """Refuse infinite numbers and NaN, which every reader takes for something else."""
    for name, kind in frame.schema.items():
        if kind.is_float() and not frame[name].is_finite().fill_null(True).all():
            raise StudyError(f"{path}: {name} holds a number that is not finite; allowed: a number, or null")
