"""Raw records from JSON files in all their forms: lines, an array, a page of the API, one work; gzip and zip.

With a prefilter, JSON lines are read in large blocks and indexed by their bytes (`json_index`). Only
candidates and lines of an unusual form are parsed.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from isal import igzip, igzip_lib

from poles.corpus import json_index, raw_schema
from poles.corpus.prefilter import Prefilter
from poles.corpus.raw_schema import RAW_SCHEMA, Chunk, Tally
from poles.corpus.storage import File, open_seekable, open_stream, reason
from poles.errors import StudyError

BLOCK = 4 << 20
"""Bytes of text that are read and indexed at once."""

LINES = 4096
"""Most lines that are indexed at once."""

_ISAL_ERROR = cast(type[Exception], igzip_lib.error)  # the types of isal describe an instance

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
    "is_truncated": "is_authors_truncated",
    "authors_count": "authors_count",
    "countries_count": "countries_distinct_count",
    "references_count": "referenced_works_count",
}
"""Key of a JSON record that each raw column is made from."""

_LONGEST = 16
"""Length of the longest key that `json_index` finds; longer ones are searched for in the line."""
_SCALAR = re.compile(rb'\s*:\s*([\w.+-]+|"[^"\\]*")')
"""What follows a key, if its value is a number, true, false, null or a plain text."""

Located = tuple[int, str, Mapping[str, Any]]
"""A record, after its number in the file and its place there (``line 12``)."""


def chunks(file: File, columns: Sequence[str], prefilter: Prefilter | None, tally: Tally) -> Iterator[Chunk]:
    """Read the raw records of a JSON file.

    Parameters
    ----------
    file : File
        See `records.read_records`.
    columns : sequence of str
        Columns of `RAW_SCHEMA` to be read.
    prefilter : Prefilter, optional
        Passes the records that can be kept; the others are counted and left out.
    tally : Tally
        Counts the records of the file, and by year those that are left out.

    Yields
    ------
    Chunk

    Raises
    ------
    StudyError
        As `records.read_records`.
    """
    chunk = _Columns(columns)
    for row, place, record in _records(file, columns, prefilter, tally):
        try:
            chunk.add(row, place, record)
        except ValueError as error:
            raise StudyError(f"{file}, {place}: {error}") from None
        if len(chunk.places) == raw_schema.CHUNK:
            yield chunk.chunk()
            chunk = _Columns(columns)
    if chunk.places:
        yield chunk.chunk()


def _records(
    file: File, columns: Sequence[str], prefilter: Prefilter | None, tally: Tally
) -> Iterator[Located]:
    """Yield the candidates of a JSON file, or of all JSON files in a zip file."""
    if file.suffix != ".zip":
        with open_stream(file) as stream:
            text = igzip.open(stream) if file.suffix == ".gz" else stream
            yield from _Reader(file, "", columns, prefilter, tally).read(text)
        return
    try:
        with open_seekable(file) as archive_stream, zipfile.ZipFile(archive_stream) as archive:
            names = (name for name in archive.namelist() if not name.startswith("__MACOSX/"))
            members = [name for name in names if name.endswith((".json", ".jsonl"))]
            if not members:
                raise StudyError(f"{file}: holds no file that ends in .json or .jsonl")
            for name in members:
                with archive.open(name) as member:
                    reader = _Reader(file, f"{name}, ", columns, prefilter, tally)
                    yield from reader.read(member)
    except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: encrypted
        raise StudyError(f"{file}: cannot be read as a zip file ({error})") from None


class _Reader:
    """Reads one stream of JSON.

    Parameters
    ----------
    file : File
        The file, for messages.
    prefix : str
        The member of an archive and a comma, for messages; else empty.
    columns : sequence of str
        Columns of `RAW_SCHEMA` to be read.
    prefilter : Prefilter or None
    tally : Tally
    """

    def __init__(
        self, file: File, prefix: str, columns: Sequence[str], prefilter: Prefilter | None, tally: Tally
    ):
        self.file, self.prefix, self.prefilter, self.tally = file, prefix, prefilter, tally
        keys = dict.fromkeys(KEYS[name] for name in columns)
        indexed = [key for key in keys if len(key) <= _LONGEST]
        self.names = json_index.keys(indexed)
        self.members = [b'"%b":' % key.encode() for key in indexed]
        self.long_keys = [b'"%b"' % key.encode() for key in keys if len(key) > _LONGEST]
        self.number = 0  # of the line that is being read

    def read(self, stream: IO[bytes]) -> Iterator[Located]:
        """Yield the records of a stream that holds a document on each line, or one document on many."""
        try:
            yield from self._head(stream)
            if self.prefilter is None:
                yield from self._lines(stream)
            else:
                yield from self._candidates(stream, self.prefilter)
        except (OSError, EOFError, zlib.error, _ISAL_ERROR, zipfile.BadZipFile) as error:
            raise StudyError(
                f"{self.file}: cannot be read beyond {self.prefix}line {self.number} ({reason(error)})"
            ) from None

    def _head(self, stream: IO[bytes]) -> Iterator[Located]:
        """Yield the records of the first line that is not blank, or of one document on many lines."""
        for text in stream:
            self.number += 1
            text = text.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else text
            if not text.strip():
                continue
            try:
                document = _parse(text)
            except json.JSONDecodeError as error:
                if error.pos < len(error.doc.rstrip()):
                    raise self._invalid(self.number, error) from None
                document = self._whole(text + stream.read())
            yield from self._unfold(document)
            return

    def _lines(self, stream: IO[bytes]) -> Iterator[Located]:
        """Yield the records of all remaining lines."""
        for text, begin, stop in _blocks(stream):
            for line in text[begin : stop - 1].split(b"\n"):
                self.number += 1
                if line.strip():
                    yield from self._parsed(line)

    def _candidates(self, stream: IO[bytes], prefilter: Prefilter) -> Iterator[Located]:
        """Yield the candidates of the remaining lines; count the other records."""
        counts = np.zeros(raw_schema.YEARS + 1, np.int64)
        for text, begin, stop in _blocks(stream):
            block = np.frombuffer(text, np.uint8)
            while begin < stop:
                number_before, rows_counted = self.number, 0
                index, line_count, begin = json_index.index(
                    block, begin, stop, LINES, prefilter.rules, counts
                )
                lines = np.flatnonzero(index.candidate)
                values = json_index.members(block, index.start[lines], index.stop[lines], self.names)
                rows = zip(*(array.tolist() for array in (lines, *values)), strict=True)
                for line, irregular, *bounds in rows:
                    self.number = number_before + int(index.number[line]) + 1
                    self.tally.rows += line - rows_counted
                    rows_counted = line + 1
                    if irregular or index.irregular[line]:
                        yield from self._parsed(text[index.start[line] : index.stop[line]])
                    else:
                        yield from self._parsed(self._cut(text, index.start[line], index.stop[line], *bounds))
                self.number = number_before + line_count
                self.tally.rows += len(index.candidate) - rows_counted
        self.tally.add(counts)

    def _cut(self, text: bytes, start: int, stop: int, first: Iterable[int], last: Iterable[int]) -> bytes:
        """Return a record with only the needed keys, cut out by the bounds of their values.

        Parsing costs more than everything else, so it is given no more than this.
        """
        members = zip(self.members, first, last, strict=True)
        parts = [key + text[begin:end] for key, begin, end in members if begin >= 0]
        for key in self.long_keys:
            place = text.find(key, start, stop)
            # Behind a backslash the key would be part of a text.
            if place > start and text[place - 1] != ord("\\"):
                value = _SCALAR.match(text, place + len(key), stop)
                parts += [key + value[0]] if value else []
        return b"{%b}" % b",".join(parts)

    def _parsed(self, text: bytes) -> Iterator[Located]:
        """Yield the records of one line."""
        try:
            document = _parse(text)
        except json.JSONDecodeError as error:
            raise self._invalid(self.number, error) from None
        yield from self._unfold(document)

    def _whole(self, text: bytes) -> Any:
        """Parse a document that spreads over many lines."""
        try:
            return _parse(text)
        except json.JSONDecodeError as error:
            raise self._invalid(self.number - 1 + error.lineno, error) from None

    def _invalid(self, number: int, error: json.JSONDecodeError) -> StudyError:
        return StudyError(f"{self.file}, {self.prefix}line {number}: not valid JSON ({error.msg})")

    def _unfold(self, document: Any) -> Iterator[Located]:
        """Yield the works in a document, numbered and with their places."""
        place = f"{self.prefix}line {self.number}"
        if (stated := _stated(document)) is not None:
            self.tally.stated = max(stated, self.tally.stated or 0)
        for within, work in _works(document, f"{self.file}, {place}"):
            row = self.tally.rows
            self.tally.rows += 1
            yield row, place + within, work


def _parse(text: bytes) -> Any:
    """Parse a JSON document, also one that the fast parser refuses for what its texts hold.

    Programs cut titles in the middle of a character, leave line breaks in them, or write NaN. A record with
    such a title is no worse. In the text, U+FFFD or ? stands for what is no character.

    Raises
    ------
    json.JSONDecodeError
        If the structure is invalid.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        content = text.decode("utf-8", "replace")
        try:
            document = json.loads(content, strict=False, parse_int=_whole_number)
            encoded = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        except RecursionError:
            raise json.JSONDecodeError("too many levels", content, 0) from None
        return json.loads(encoded)


def _whole_number(digits: str) -> int | float:
    """Read a whole number; one of more digits than any count or id becomes what a float makes of it."""
    return int(digits) if len(digits) < 100 else float(digits)


def _works(document: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the works in a document, each after its place there.

    A document is one work, an array of works, or a page of the API with works in ``results``.
    """
    if type(document) is dict and "results" not in document:
        if "id" not in document and "error" in document:
            raise StudyError(f"{where}: an error of the API instead of works ({document['error']!r:.80})")
        yield "", document
        return
    works = document["results"] if type(document) is dict else document
    if type(works) is not list:
        raise StudyError(f"{where}: {works!r:.50} is not a work; a work is a JSON object")
    for number, work in enumerate(works, 1):
        if type(work) is not dict:
            raise StudyError(f"{where}, record {number}: {work!r:.50} is not a work; a work is a JSON object")
        yield f", record {number}", work


def _stated(document: Any) -> int | None:
    """Return how many works a page of the API says that its whole list has; None if there is no number."""
    meta = document.get("meta") if type(document) is dict and "results" in document else None
    return _count(meta, "count") if type(meta) is dict else None


def _blocks(stream: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the lines of a stream in blocks; only lines that two blocks share are copied.

    Yields
    ------
    text : bytes
        A part of the stream.
    begin, stop : int
        Bounds of whole lines in it; at least `json_index.PADDING` bytes follow.
    """
    padding = bytes(json_index.PADDING)
    pieces: list[bytes] = []  # of the line that goes on in the next block
    while block := stream.read(BLOCK):
        begin = block.find(b"\n") + 1
        if not begin:
            pieces.append(block)
            continue
        line = b"".join([*pieces, block[:begin]])
        yield line + padding, 0, len(line)
        stop = max(begin, block.rfind(b"\n", begin, -len(padding)) + 1)
        if stop > begin:
            yield block, begin, stop
        pieces = [block[stop:]]
    if line := b"".join(pieces):
        yield line + b"\n" + padding, 0, len(line) + 1


def _typed(kind: type, description: str) -> Callable[[Mapping[str, Any], str], Any]:
    """Make a getter of values that are of one type or null."""

    def get(record: Mapping[str, Any], key: str) -> Any:
        value = record.get(key)
        if value is not None and type(value) is not kind:
            raise ValueError(f"{key} is {value!r:.50}, but has to be {description}")
        return value

    return get


_text = _typed(str, "text")
_flag = _typed(bool, "true or false")
_list = _typed(list, "a list")
_object = _typed(dict, "an object")


def _objects(record: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a list; nulls are left out."""
    for value in _list(record, key) or ():
        if type(value) is dict:
            yield value
        elif value is not None:
            raise ValueError(f"{key} holds {value!r:.50}, but has to hold objects")


def _texts(record: Mapping[str, Any], key: str) -> list[str | None]:
    """Return the texts in a list, nulls included."""
    values = _list(record, key) or []
    for value in values:
        if type(value) is not str and value is not None:
            raise ValueError(f"{key} holds {value!r:.50}, but has to hold texts")
    return values


def _count(record: Mapping[str, Any], key: str) -> int | None:
    """Return a count; None if the value is none that fits."""
    value = record.get(key)
    return value if type(value) is int and 0 <= value < 2**63 else None


def _year(record: Mapping[str, Any], key: str) -> int | None:
    """Return the year, which may be written as 1999.0 or as text; None if the value is not a year."""
    value = record.get(key)
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and -(2**15) <= number < 2**15 else None


def _subfield(topic: Mapping[str, Any] | None) -> str | None:
    """Return the subfield of a topic, which is an object with an id, or the id itself: a text or a number."""
    subfield = topic and topic.get("subfield")
    subfield = subfield.get("id") if type(subfield) is dict else subfield
    return None if subfield is None else str(subfield)


def _score(topic: Mapping[str, Any] | None) -> float | None:
    """Return the score of a topic, which JSON may write as a whole number."""
    score = topic.get("score") if topic else None
    if score is not None and type(score) not in (int, float):
        raise ValueError(f"score of a topic is {score!r:.50}, but has to be a number")
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
    "is_truncated": lambda record: record.get("is_authors_truncated") is True,
    "authors_count": lambda record: _count(record, "authors_count"),
    "countries_count": lambda record: _count(record, "countries_distinct_count"),
    "references_count": lambda record: _count(record, "referenced_works_count"),
}
_LISTS: dict[str, Callable[[Mapping[str, Any]], Iterable[str | None]]] = {
    "topic_subfields": lambda record: [_subfield(topic) for topic in _objects(record, "topics")],
    "references": lambda record: _texts(record, "referenced_works"),
}


class _Lists:
    """Lists that are stored end to end, because Arrow takes these many times faster than lists of lists."""

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
    """The raw columns of a chunk of JSON records, filled record by record."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.places: list[str] = []
        self.rows: list[int] = []
        self.scalars: dict[str, list[Any]] = {name: [] for name in columns if name in _SCALARS}
        self.lists = {name: _Lists() for name in columns if name in _LISTS}
        self.with_authorships = "authorships" in columns
        self.countries, self.institutions, self.types = _Lists(), _Lists(), _Lists()
        self.authorship_ends = [0]

    def add(self, row: int, place: str, record: Mapping[str, Any]) -> None:
        """Add one record; raise ValueError if a value in it is of an unexpected type."""
        self.rows.append(row)
        self.places.append(place)
        for name, values in self.scalars.items():
            values.append(_SCALARS[name](record))
        for name, lists in self.lists.items():
            lists.add(_LISTS[name](record))
        if self.with_authorships:
            for authorship in _objects(record, "authorships"):
                self.countries.add(_texts(authorship, "countries"))
                institutions = list(_objects(authorship, "institutions"))
                self.institutions.add([_text(institution, "country_code") for institution in institutions])
                self.types.add([_text(institution, "type") for institution in institutions])
            self.authorship_ends.append(len(self.countries.ends) - 1)

    def frame(self) -> pl.DataFrame:
        """Return the columns of `RAW_SCHEMA`, and ``row``."""
        columns = {name: pl.Series(values, dtype=RAW_SCHEMA[name]) for name, values in self.scalars.items()}
        columns |= {name: pl.Series(lists.array()) for name, lists in self.lists.items()}
        if self.with_authorships:
            authorships = pa.StructArray.from_arrays(
                [self.countries.array(), self.institutions.array(), self.types.array()],
                ["countries", "institutions", "types"],
            )
            ends = pa.array(self.authorship_ends, pa.int64())
            columns["authorships"] = pl.Series(pa.LargeListArray.from_arrays(ends, authorships))
        return pl.DataFrame({"row": pl.Series(self.rows, dtype=pl.Int64), **columns})

    def chunk(self) -> Chunk:
        """Return the records added so far."""
        return Chunk(self.frame(), self.places.__getitem__)
