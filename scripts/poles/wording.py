"""Sentences about the data."""

from collections.abc import Sequence


def enumerated(parts: Sequence[str]) -> str:
    """Parts of a sentence, at least one: A, B and C."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
