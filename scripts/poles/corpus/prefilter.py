"""Which records of a file can be wanted, told before they are parsed.

A sieve may let through too much, never too little: what is let through is parsed and decided upon in full.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from poles.corpus import json_index
from poles.corpus.json_index import Rules

Leaves = dict[str, list[pa.Array]]
"""Columns of a batch that a raw column is made of, by its name."""


class Prefilter(Protocol):
    """A test that every wanted record passes.

    Attributes
    ----------
    columns : tuple of str
        Raw columns that it looks at.
    rules : Rules
        The same test of lines of JSON.
    """

    columns: tuple[str, ...]
    rules: Rules

    def rows(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether each row of a batch of Parquet columns may be wanted."""


def _any_of(lists: pa.Array, values: np.ndarray) -> np.ndarray:
    """Whether any value of each list is true; values as `flatten` gives them."""
    ends = np.cumsum(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False))
    before = np.concatenate([[0], np.cumsum(values)])
    return np.diff(before[np.concatenate([[0], ends])]) > 0


class FieldPrefilter:
    """Works with a topic in some subfields.

    Parameters
    ----------
    subfields : sequence of int
        Numbers of OpenAlex subfields.
    any_topic : bool
        Whether all topics count or the primary one alone.
    """

    def __init__(self, subfields: Sequence[int], any_topic: bool):
        self.columns = ("primary_subfield", "topic_subfields") if any_topic else ("primary_subfield",)
        self.texts = [str(number) for number in subfields]
        nobody = json_index.id_set(np.empty(0, np.int64))
        self.rules = Rules(*json_index.patterns(self.texts), any_topic, *nobody, citing=False)

    def rows(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether the digits of a subfield occur in the topics."""
        wanted = np.zeros(len(ids), np.bool_)
        for name in self.columns:
            for column in leaves[name]:
                lists = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
                hits = self._hits(column.flatten() if lists else column)
                wanted |= _any_of(column, hits) if lists else hits
        return wanted

    def _hits(self, values: pa.Array) -> np.ndarray:
        """Whether the digits of a subfield occur in each value; few differ."""
        coded = pc.dictionary_encode(values.cast(pa.string()))
        known = coded.dictionary.to_pylist()
        hits = np.array([any(text in value for text in self.texts) for value in known] + [False])
        return hits[pc.fill_null(coded.indices, len(known)).to_numpy()]


class CorePrefilter:
    """Works of the field, and works that cite one of them.

    Parameters
    ----------
    core : pl.Series
        Ids of the works of the field: sorted, distinct int64.
    """

    columns = ("references",)

    def __init__(self, core: pl.Series):
        self.ids = json_index.id_set(core.to_numpy())
        self.rules = Rules(*json_index.patterns([]), False, *self.ids, citing=True)

    def rows(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether the work or one that it references is in the field."""
        wanted = json_index.among(ids, *self.ids)
        for column in leaves["references"]:
            numbers = work_numbers(column.flatten())
            wanted |= _any_of(column, json_index.among(numbers, *self.ids) | (numbers < 0))
        return wanted


def work_numbers(texts: pa.Array) -> np.ndarray:
    """Numbers of works by their ids, int64; -1 where an id is null or not of the plainest form."""
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.full(len(texts), -1)
    places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return json_index.numbers_between(np.frombuffer(data, np.uint8), places)
