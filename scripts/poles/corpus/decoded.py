"""Decoded works, gathered into frames."""

import functools
from collections.abc import Collection

import numpy as np
import polars as pl
import pyarrow as pa

from poles.corpus import flat_lists, json_bytes, json_decode, json_index
from poles.study import kernels

_FLAGS = ("is_retracted", "is_paratext", "is_xpac")
_OR_NONE = ("year", "primary_subfield")
"""Numbers that are -1 where there is none."""
_STATED = (
    "authorships",
    "references",
    "is_truncated",
    "authors_count",
    "countries_count",
    "references_count",
)
"""Raw columns that tell whether a work states more than it holds."""


@functools.cache
def prepare() -> None:
    """Compile the index and the decoder, or load them, which takes a dozen seconds or one."""
    with kernels.one_compiles("decoder"):
        block, none = np.frombuffer(bytes(json_bytes.PADDING), np.uint8), np.zeros(0, np.int64)
        rules = json_index.Rules(*json_index.patterns([]), False, *json_index.id_set(none), citing=False)
        json_index.index(block, 0, 0, 0, rules, np.zeros(1, np.int64))
        wanted, regular = np.zeros(len(json_decode.KEYS), np.bool_), np.zeros(0, np.bool_)
        json_decode.decode(block, none, none, wanted, regular, json_decode.buffers(0, 0))


class Decoded:
    """Gathers works that `json_decode` decodes, until they are taken as a frame.

    Parameters
    ----------
    columns : collection of str
        Columns of `RAW_SCHEMA` to be read.
    keys : collection of str
        Keys of a JSON record that these are made from.
    """

    def __init__(self, columns: Collection[str], keys: Collection[str]):
        prepare()
        self.columns = frozenset(columns)
        self.wanted = np.array([key in keys for key in json_decode.KEYS])
        self.room, self.room_size = json_decode.buffers(0, 0), 0
        self._clear()

    def _clear(self) -> None:
        self.rows: list[tuple[np.ndarray, np.ndarray]] = []
        self.pieces: dict[str, list[np.ndarray]] = {name: [] for name in json_decode.Buffers._fields}
        self.bases = np.zeros(8, np.int64)
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def decode(self, block: np.ndarray, start: np.ndarray, stop: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Decode works, and keep those that are regular.

        Parameters
        ----------
        block : ndarray of uint8
            The text.
        start, stop : ndarray of int64, shape (works,)
            Where each work begins and ends.
        rows : ndarray of int64, shape (works,)
            Number of each in its file. They may still change until `take` is called.

        Returns
        -------
        ndarray of bool, shape (works,)
            Whether each work is regular.
        """
        size = int((stop - start).sum()) + len(start)
        if len(start) > len(self.room.work) or size > self.room_size:
            self.room_size = max(size, 2 * self.room_size)
            self.room = json_decode.buffers(max(len(start), len(self.room.work)), self.room_size)
        is_regular = np.empty(len(start), np.bool_)
        works, sizes = json_decode.decode(block, start, stop, self.wanted, is_regular, self.room)
        for place in np.flatnonzero(self.room.score_first[:works] >= 0).tolist():
            first, last = self.room.score_first[place], self.room.score_last[place]
            self.room.score[place] = float(block[first:last].tobytes())
        if works:
            self.rows.append((rows, is_regular))
            self._keep(works, sizes)
            self.count += works
        return is_regular

    def _keep(self, works: int, sizes: np.ndarray) -> None:
        """Copy what was decoded."""
        types, times, references, subfields, authorships, countries, institutions, kinds = sizes.tolist()
        codes = institutions // 2
        lengths = {
            **dict.fromkeys(("work", "year", "flags", "incomplete", "subfield", "score"), works),
            **{"has_type": works, "has_updated": works, "has_kind": codes, "types": types, "updated": times},
            **{"references": references, "subfields": subfields, "countries": countries},
            **{"institutions": institutions, "kinds": kinds},
        }
        for name, length in lengths.items():
            self.pieces[name].append(getattr(self.room, name)[..., :length].copy())
        ends = {
            **dict.fromkeys(("type_ends", "updated_ends", "reference_ends", "subfield_ends"), works),
            **{"authorship_ends": works, "country_ends": authorships, "institution_ends": authorships},
            "kind_ends": codes,
        }
        for (name, length), base in zip(ends.items(), self.bases.tolist(), strict=True):
            self.pieces[name].append(getattr(self.room, name)[1 : length + 1] + base)
        self.bases += sizes

    def _whole(self, name: str) -> np.ndarray:
        """All values of a buffer, end to end."""
        return np.concatenate(self.pieces[name], axis=-1)

    def _ends(self, name: str) -> np.ndarray:
        """Where values end, after where the first one begins."""
        return np.concatenate([np.zeros(1, np.int64), *self.pieces[name]])

    def _lists(self, ends: str, values: np.ndarray) -> pa.Array:
        return pa.LargeListArray.from_arrays(self._offsets(ends), flat_lists.array(values))

    def _offsets(self, name: str, size: int = 1) -> pa.Array:
        """Where values of a size end, after where the first one begins."""
        return flat_lists.array(self._ends(name) // size)

    def _texts(self, ends: str, letters: str, given: str) -> pa.Array:
        """Texts; null where they are not given."""
        is_given = self._whole(given)
        bits = np.packbits(is_given, bitorder="little")
        parts = [pa.py_buffer(part) for part in (bits, self._ends(ends), self._whole(letters))]
        return pa.Array.from_buffers(pa.large_string(), len(is_given), parts)

    def _codes(self, ends: str, letters: str) -> pa.Array:
        """Lists of country codes, from their letters."""
        values = self._whole(letters)
        parts = [pa.py_buffer(part) for part in (np.arange(0, len(values) + 1, 2), values)]
        codes = pa.Array.from_buffers(pa.large_string(), len(values) // 2, [None, *parts])
        return pa.LargeListArray.from_arrays(self._offsets(ends, 2), codes)

    def _authorships(self) -> pa.Array:
        institutions = self._codes("institution_ends", "institutions")
        kinds = self._texts("kind_ends", "kinds", "has_kind")
        lists = {
            "countries": self._codes("country_ends", "countries"),
            "institutions": institutions,
            "types": pa.LargeListArray.from_arrays(institutions.offsets, kinds),
        }
        return pa.StructArray.from_arrays(list(lists.values()), list(lists))

    def take(self) -> pl.DataFrame:
        """Return the gathered works, in the order in which they came, and forget them.

        Returns
        -------
        pl.DataFrame
            ``row``, and for `columns` what `RECORDS` has, but for the year, times, flags and scores: these
            are as in `RAW_SCHEMA`. With ``authorships`` also ``n_authors``, and ``is_incomplete`` if
            `columns` has all that it takes.
        """
        whole, ends = self._whole, self._offsets("authorship_ends")
        columns = {
            "work_id": whole("work"),
            "year": whole("year"),
            "type": pl.Series(self._texts("type_ends", "types", "has_type")),
            **dict(zip(_FLAGS, whole("flags"), strict=False)),
            "updated": pl.Series(self._texts("updated_ends", "updated", "has_updated")),
            "primary_subfield": whole("subfield"),
            "topic_score": whole("score"),
            "topic_subfields": pl.Series(self._lists("subfield_ends", whole("subfields"))),
            "authorships": pl.Series(pa.LargeListArray.from_arrays(ends, self._authorships())),
            "references": pl.Series(self._lists("reference_ends", whole("references"))),
        }
        columns = {name: values for name, values in columns.items() if name in self.columns}
        if "authorships" in self.columns:
            columns["n_authors"] = np.diff(self._ends("authorship_ends"))
        if self.columns.issuperset(_STATED):
            columns["is_incomplete"] = whole("incomplete")
        rows = np.concatenate([numbers[is_regular] for numbers, is_regular in self.rows])
        frame = pl.DataFrame({"row": rows, **columns})
        self._clear()
        given = (pl.when(pl.col(name) >= 0).then(pl.col(name)) for name in _OR_NONE if name in columns)
        flags = (pl.when(pl.col(name) >= 0).then(pl.col(name) == 1) for name in _FLAGS if name in columns)
        return frame.with_columns(*given, *flags)
