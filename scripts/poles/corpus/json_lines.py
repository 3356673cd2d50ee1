"""Raw records of JSON files in all their forms: lines, an array, a page of the API, one work; gzip and zip.

JSON lines of which few are wanted are read in large blocks and indexed by their bytes (`json_index`); only
lines that a sieve lets through, and those of an unusual form, are parsed.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from isal import isal_zlib

from poles.corpus import json_index, raw_schema
from poles.corpus.prefilter import Prefilter
from poles.corpus.raw_schema import RAW, Chunk, Tally
from poles.corpus.storage import File, open_seekable, open_stream, reason
from poles.errors import StudyError

BLOCK = 4 << 20
"""Bytes of text that are indexed at once."""

PACKED = 1 << 17
"""Bytes of gzip that are unpacked at once."""

LINES = 4096
"""Most lines that are indexed at once."""

KEYS = {
    "work_id": "id",
    "year": "publication_year",
    "type": "type",
    "is_retracted": "is_retracted",
    "is_paratext": "is_paratext",
    "is_xpac": "is_xpac",
    "updated": "updated_date",
    "primary_subfield": "primary_topic",
    "topic_score": "primary_topic",
    "topic_subfields": "topics",
    "authorships": "authorships",
    "references": "referenced_works",
}
"""Keys of a record of which the raw columns are made."""

Located = tuple[int, str, Mapping[str, Any]]
"""A record with its number in the file and the place at which it stands there."""


def chunks(file: File, wanted: Sequence[str], sieve: Prefilter | None, tally: Tally) -> Iterator[Chunk]:
    """Raw records of a JSON file.

    Parameters
    ----------
    file : File
        See `records.read_records`.
    wanted : sequence of str
        Columns of `RAW`.
    sieve : Sieve, optional
        Tells which records can be wanted; others are counted and left out.
    tally : Tally
        Its rows, and the identified ones of them that are left out, are counted.

    Yields
    ------
    Chunk

    Raises
    ------
    StudyError
        As `records.read_records`.
    """
    columns = _Columns(wanted)
    for row, place, record in _records(file, wanted, sieve, tally):
        try:
            columns.add(row, place, record)
        except ValueError as error:
            raise StudyError(f"{file}, {place}: {error}") from None
        if len(columns.places) == raw_schema.CHUNK:
            yield columns.chunk()
            columns = _Columns(wanted)
    if columns.places:
        yield columns.chunk()


def _records(file: File, wanted: Sequence[str], sieve: Prefilter | None, tally: Tally) -> Iterator[Located]:
    """Records of a JSON file that may be wanted; of a zip file, those of all its JSON files."""
    if file.suffix != ".zip":
        with open_stream(file) as stream:
            yield from _Reader(file, "", wanted, sieve, tally).read(_unpacked(stream, file))
        return
    try:
        with open_seekable(file) as stream, zipfile.ZipFile(stream) as archive:
            names = (name for name in archive.namelist() if not name.startswith("__MACOSX/"))
            members = [name for name in names if name.endswith((".json", ".jsonl"))]
            if not members:
                raise StudyError(f"{file}: holds no .json or .jsonl file")
            for name in members:
                with archive.open(name) as stream:
                    yield from _Reader(file, f"{name}, ", wanted, sieve, tally).read(stream)
    except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: encrypted
        raise StudyError(f"{file}: not a readable zip file ({error})") from None


def _unpacked(stream: io.BufferedIOBase, file: File) -> io.BufferedIOBase:
    # The reader behind igzip.open, which would copy what is read twice.
    return io.BufferedReader(isal_zlib._GzipReader(stream, PACKED)) if file.suffix == ".gz" else stream


class _Reader:
    """Reads one stream of JSON.

    Parameters
    ----------
    file : File
        What is read, and for an archive which member, for messages.
    prefix : str
    wanted : sequence of str
        Columns of `RAW`.
    sieve : Sieve or None
    tally : Tally
    """

    def __init__(self, file: File, prefix: str, wanted: Sequence[str], sieve: Prefilter | None, tally: Tally):
        self.file, self.prefix, self.sieve, self.tally = file, prefix, sieve, tally
        keys = dict.fromkeys(KEYS[name] for name in wanted)
        self.names = json_index.keys(list(keys))
        self.members = [b'"%b":' % key.encode() for key in keys]
        self.number = 0  # of the line that is read

    def read(self, stream: io.BufferedIOBase) -> Iterator[Located]:
        """Records of a stream: a document on every line, or one document on many."""
        try:
            yield from self._head(stream)
            yield from self._lines(stream) if self.sieve is None else self._sifted(stream)
        except (OSError, EOFError, zlib.error, isal_zlib.error, zipfile.BadZipFile) as error:
            raise StudyError(
                f"{self.file}: cannot be read beyond {self.prefix}line {self.number} ({reason(error)})"
            ) from None

    def _head(self, stream: io.BufferedIOBase) -> Iterator[Located]:
        """Records of the first line that is not blank, or of the whole stream if it spreads over many."""
        for text in stream:
            self.number += 1
            text = text.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else text
            if not text.strip():
                continue
            try:
                document = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                if "end of data" not in error.msg:
                    raise self._invalid(self.number, error) from None
                document = self._whole(text + stream.read())
            yield from self._unfold(document)
            return

    def _lines(self, stream: Iterable[bytes]) -> Iterator[Located]:
        """Records of all lines that are left."""
        for text in stream:
            self.number += 1
            if text.strip():
                yield from self._parsed(text)

    def _sifted(self, stream: io.BufferedIOBase) -> Iterator[Located]:
        """Records that may be wanted of the lines that are left; the others are counted."""
        counts = np.zeros(raw_schema.YEARS + 1, np.int64)
        for text, stop in _blocks(stream):
            block, begin = np.frombuffer(text, np.uint8), 0
            while begin < stop:
                before, done = self.number, 0
                found, lines, begin = json_index.index(block, begin, stop, LINES, self.sieve.rules, counts)
                chosen = np.flatnonzero(found.wanted)
                spans = json_index.members(block, found.start[chosen], found.stop[chosen], self.names)
                for line, odd, *places in zip(*(array.tolist() for array in (chosen, *spans)), strict=True):
                    self.number = before + int(found.number[line]) + 1
                    self.tally.rows += line - done
                    done = line + 1
                    if odd or found.odd[line]:
                        yield from self._parsed(text[found.start[line] : found.stop[line]])
                    else:
                        yield from self._parsed(self._cut(text, *places))
                self.number = before + lines
                self.tally.rows += len(found.wanted) - done
        self.tally.add(counts)

    def _cut(self, text: bytearray, first: Iterable[int], last: Iterable[int]) -> bytes:
        """What is wanted of a record, by the places of its values: parsing costs more than all else."""
        spans = zip(self.members, first, last, strict=True)
        return b"{%b}" % b",".join([key + text[begin:end] for key, begin, end in spans if begin >= 0])

    def _parsed(self, text: bytes | bytearray) -> Iterator[Located]:
        """Records of one line."""
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise self._invalid(self.number, error) from None
        yield from self._unfold(document)

    def _whole(self, text: bytes) -> Any:
        """Read a document that spreads over many lines."""
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise self._invalid(self.number - 1 + error.lineno, error) from None

    def _invalid(self, number: int, error: orjson.JSONDecodeError) -> StudyError:
        return StudyError(f"{self.file}, {self.prefix}line {number}: not valid JSON ({error.msg})")

    def _unfold(self, document: Any) -> Iterator[Located]:
        """Works in a document: itself, an array of works, or the results of an API page."""
        place = f"{self.prefix}line {self.number}"
        for within, work in _works(document, f"{self.file}, {place}"):
            row = self.tally.rows
            self.tally.rows += 1
            yield row, place + within, work


def _works(document: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Works in a document, each with its place in it."""
    if type(document) is dict and "results" not in document:
        if "id" not in document and "error" in document:
            raise StudyError(f"{where}: an error of the API, not works ({document['error']!r:.80})")
        yield "", document
        return
    works = document["results"] if type(document) is dict else document
    if type(works) is not list:
        raise StudyError(f"{where}: {works!r:.50} is no work, which is a JSON object")
    for number, work in enumerate(works, 1):
        if type(work) is not dict:
            raise StudyError(f"{where}, record {number}: {work!r:.50} is no work, which is an object")
        yield f", record {number}", work


def _blocks(stream: io.BufferedIOBase) -> Iterator[tuple[bytearray, int]]:
    """Whole lines of a stream, block by block, as the beginning of a buffer that is used again."""
    size, held = BLOCK, 0
    buffer = bytearray(size + json_index.PADDING)
    while True:
        with memoryview(buffer) as view:
            begin = held
            while held < size and (count := stream.readinto(view[held:size])):
                held += count
        stop = buffer.rfind(b"\n", begin, held) + 1
        if held < size:  # the stream has ended
            if held > stop:
                buffer[held] = 10
                stop = held + 1
            if stop:
                yield buffer, stop
            return
        if stop:
            yield buffer, stop
            rest = buffer[stop:held]
            held = len(rest)
            buffer[:held] = rest
        else:  # a line that is longer than the buffer
            size *= 2
            buffer = buffer[:held] + bytes(size - held + json_index.PADDING)


def _typed(kind: type, wanted: str) -> Callable[[Mapping[str, Any], str], Any]:
    """Getter of a value of one type, or null."""

    def get(record: Mapping[str, Any], key: str) -> Any:
        value = record.get(key)
        if value is not None and type(value) is not kind:
            raise ValueError(f"{key} is {value!r:.50}; {wanted} is wanted")
        return value

    return get


_text = _typed(str, "text")
_flag = _typed(bool, "true or false")
_list = _typed(list, "a list")
_object = _typed(dict, "an object")


def _objects(record: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Objects in a list; nulls are left out."""
    for value in _list(record, key) or ():
        if type(value) is dict:
            yield value
        elif value is not None:
            raise ValueError(f"{key} holds {value!r:.50}; objects are wanted")


def _texts(record: Mapping[str, Any], key: str) -> list[str | None]:
    """Texts in a list, nulls included."""
    values = _list(record, key) or []
    for value in values:
        if type(value) is not str and value is not None:
            raise ValueError(f"{key} holds {value!r:.50}; texts are wanted")
    return values


def _year(record: Mapping[str, Any], key: str) -> int | None:
    """Year, or null for what is no year."""
    try:
        year = int(record[key])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return year if -(2**15) <= year < 2**15 else None


def _subfield(topic: Mapping[str, Any] | None) -> str | None:
    """Subfield of a topic: an object with an id, or the bare id, text or number."""
    subfield = topic and topic.get("subfield")
    subfield = subfield.get("id") if type(subfield) is dict else subfield
    return None if subfield is None else str(subfield)


def _score(topic: Mapping[str, Any] | None) -> float | None:
    """Score of a topic, which JSON may write as a whole number."""
    score = topic.get("score") if topic else None
    if score is not None and type(score) not in (int, float):
        raise ValueError(f"score of a topic is {score!r:.50}; a number is wanted")
    return None if score is None else float(score)


_SCALARS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "work_id": lambda record: _text(record, "id"),
    "year": lambda record: _year(record, "publication_year"),
    "type": lambda record: _text(record, "type"),
    "is_retracted": lambda record: _flag(record, "is_retracted"),
    "is_paratext": lambda record: _flag(record, "is_paratext"),
    "is_xpac": lambda record: _flag(record, "is_xpac"),
    "updated": lambda record: _text(record, "updated_date"),
    "primary_subfield": lambda record: _subfield(_object(record, "primary_topic")),
    "topic_score": lambda record: _score(_object(record, "primary_topic")),
}
_LISTS: dict[str, Callable[[Mapping[str, Any]], Iterable[str | None]]] = {
    "topic_subfields": lambda record: [_subfield(topic) for topic in _objects(record, "topics")],
    "references": lambda record: _texts(record, "referenced_works"),
}


class _Lists:
    """Lists laid end to end: Arrow takes them many times faster than lists of lists."""

    def __init__(self) -> None:
        self.values: list[str | None] = []
        self.ends = [0]

    def add(self, values: Iterable[str | None]) -> None:
        self.values.extend(values)
        self.ends.append(len(self.values))

    def array(self) -> pa.Array:
        return pa.LargeListArray.from_arrays(
            pa.array(self.ends, pa.int64()), pa.array(self.values, pa.large_string())
        )


class _Columns:
    """Raw columns of a chunk of JSON records."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.places: list[str] = []
        self.rows: list[int] = []
        self.scalars: dict[str, list[Any]] = {name: [] for name in wanted if name in _SCALARS}
        self.lists = {name: _Lists() for name in wanted if name in _LISTS}
        self.with_authorships = "authorships" in wanted
        self.countries, self.institutions, self.authorship_ends = _Lists(), _Lists(), [0]

    def add(self, row: int, place: str, record: Mapping[str, Any]) -> None:
        """Take over one record; ValueError says what in it is of an unexpected shape."""
        self.rows.append(row)
        self.places.append(place)
        for name, values in self.scalars.items():
            values.append(_SCALARS[name](record))
        for name, lists in self.lists.items():
            lists.add(_LISTS[name](record))
        if self.with_authorships:
            for authorship in _objects(record, "authorships"):
                self.countries.add(_texts(authorship, "countries"))
                self.institutions.add(
                    _text(institution, "country_code") for institution in _objects(authorship, "institutions")
                )
            self.authorship_ends.append(len(self.countries.ends) - 1)

    def frame(self) -> pl.DataFrame:
        """Columns of `RAW`, and ``row``."""
        columns = {name: pl.Series(values, dtype=RAW[name]) for name, values in self.scalars.items()}
        columns |= {name: pl.Series(lists.array()) for name, lists in self.lists.items()}
        if self.with_authorships:
            codes = pa.StructArray.from_arrays(
                [self.countries.array(), self.institutions.array()], ["countries", "institutions"]
            )
            ends = pa.array(self.authorship_ends, pa.int64())
            columns["authorships"] = pl.Series(pa.LargeListArray.from_arrays(ends, codes))
        return pl.DataFrame({"row": pl.Series(self.rows, dtype=pl.Int64), **columns})

    def chunk(self) -> Chunk:
        """The records so far."""
        return Chunk(self.frame(), self.places.__getitem__)
