"""Tests that tell, before a record is parsed, whether it can be kept.

A record that passes is a candidate: it is parsed, and the full condition decides. A prefilter may pass too
many records, but never too few.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from poles.corpus import flat_lists, json_index
from poles.corpus.json_index import Rules

Leaves = dict[str, list[pa.Array]]
"""Parquet columns of a batch, by the raw column that is made from them."""


class Prefilter(Protocol):
    """A test that every record to be kept passes.

    Attributes
    ----------
    columns : tuple of str
        Raw columns that the test reads.
    rules : Rules
        The same test for lines of JSON.
    """

    columns: tuple[str, ...]
    rules: Rules

    def passes(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether each row of a batch of Parquet columns is a candidate."""


def _any_true(lists: pa.Array, values: np.ndarray) -> np.ndarray:
    """Whether any value of each list is true; `values` are in the order of ``lists.flatten()``."""
    ends = np.cumsum(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False))
    true_before = np.concatenate([[0], np.cumsum(values)])
    return np.diff(true_before[np.concatenate([[0], ends])]) > 0


class FieldPrefilter:
    """Passes works with a topic in one of some subfields.

    Parameters
    ----------
    subfields : sequence of int
        Numbers of OpenAlex subfields.
    any_topic : bool
        Whether all topics count, or only the primary one.
    """

    def __init__(self, subfields: Sequence[int], any_topic: bool):
        self.columns: tuple[str, ...] = ("primary_subfield",)
        if any_topic:
            self.columns += ("topic_subfields",)
        self.digits = [str(number) for number in subfields]
        no_ids = json_index.id_set(np.empty(0, np.int64))
        self.rules = Rules(*json_index.patterns(self.digits), any_topic, *no_ids, citing=False)

    def passes(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether the digits of a subfield occur in the topics."""
        candidates = np.zeros(len(ids), np.bool_)
        for name in self.columns:
            for column in leaves[name]:
                is_list = pa.types.is_large_list(column.type)
                hits = self._hits(column.flatten() if is_list else column)
                candidates |= _any_true(column, hits) if is_list else hits
        return candidates

    def _hits(self, values: pa.Array) -> np.ndarray:
        """Whether the digits of a subfield occur in each value; each distinct value is searched once."""
        coded = pc.dictionary_encode(values.cast(pa.string()))
        distinct = coded.dictionary.to_pylist()
        hits = np.array([any(digits in value for digits in self.digits) for value in distinct] + [False])
        return hits[pc.fill_null(coded.indices, len(distinct)).to_numpy()]


class CorePrefilter:
    """Passes the works of the field and the works that cite one of them.

    Parameters
    ----------
    core : pl.Series
        Ids of the works of the field: sorted, distinct int64.
    """

    def __init__(self, core: pl.Series):
        self.columns: tuple[str, ...] = ("references",)
        # A read-only array is another type, for which the index would be compiled once more.
        self.ids = json_index.id_set(core.to_numpy(writable=True))
        self.rules = Rules(*json_index.patterns([]), False, *self.ids, citing=True)

    def condition(self) -> pl.Expr:
        """Whether a record is one of the works or cites one, over ``work_id`` and ``references``.

        It costs less than `pl.Expr.is_in`, which builds a set of the ids for every frame.
        """

        def kept(columns: Sequence[pl.Series]) -> pl.Series:
            works, references = columns
            cited = flat_lists.values(references).to_numpy()
            hits = flat_lists.sums(json_index.among(cited, *self.ids), flat_lists.lengths(references))
            return pl.Series(json_index.among(works.to_numpy(), *self.ids) | (hits > 0))

        return pl.map_batches(["work_id", "references"], kept, return_dtype=pl.Boolean, is_elementwise=True)

    def passes(self, leaves: Leaves, ids: np.ndarray) -> np.ndarray:
        """Whether the work, or a work that it cites, is in the field."""
        candidates = json_index.among(ids, *self.ids)
        for column in leaves["references"]:
            numbers = work_numbers(column.flatten())
            candidates |= _any_true(column, json_index.among(numbers, *self.ids) | (numbers < 0))
        return candidates


def work_numbers(texts: pa.Array) -> np.ndarray:
    """Return the numbers in the ids of works, int64.

    The number is -1 where the id is null or has another form than ``https://openalex.org/W123``.
    """
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.full(len(texts), -1)
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return json_index.numbers_between(np.frombuffer(data, np.uint8), bounds)
