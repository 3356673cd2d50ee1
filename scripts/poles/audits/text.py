"""Text of numbers and tables for a terminal, and values for JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

MOST = 24
"""Most rows of a table that are listed, if not all are asked for."""


def number(value: float) -> str:
    """Text of a number with four digits, or of a truth value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}"


def keys(values: Mapping[str, Any]) -> str:
    """Keys and values in one line."""
    return "; ".join(f"{key} {_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(entry)}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def table(rows: Sequence[Mapping[str, Any]], full: bool = True, indent: str = "") -> str:
    """Text of a table with all its columns.

    Parameters
    ----------
    rows : sequence of Mapping
        Rows with equal keys.
    full : bool
        Whether to list all rows. Otherwise the middle of a long table is left out, and a line says so.
    indent : str
        Put before every line.
    """
    if not rows:
        return f"{indent}none"
    frame = pl.DataFrame(rows, infer_schema_length=None)
    left_out = 0 if full else max(0, len(frame) - MOST)
    parts = [frame]
    if left_out:
        half = MOST // 2
        parts = [pl.concat([frame.head(half), frame.tail(half)])]
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, tbl_formatting="NOTHING", float_precision=4,
        tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=60,
        fmt_table_cell_list_len=8,
    ):  # fmt: skip
        lines = [line.rstrip() for line in str(parts[0]).splitlines()]
    if left_out:
        lines.insert(1 + MOST // 2, f" ... {left_out} more; --full lists them")
    return "\n".join(indent + line for line in lines)


def finite(value: Any) -> Any:
    """A value that JSON has a word for: numbers that are not finite become None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    return [finite(entry) for entry in value] if isinstance(value, list | tuple) else value
