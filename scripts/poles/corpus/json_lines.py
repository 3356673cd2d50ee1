"""Raw records from JSON files in all their forms: lines, an array, a page of the API, one work; gzip and zip.

JSON lines are read in large blocks. With a prefilter, a block is first indexed by its bytes (`json_index`),
so that only candidates are looked at. Works are decoded many at a time (`json_decode`), also those in an
array or a page. Those that are irregular are parsed one by one.
"""

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import IO, Any, cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from isal import igzip, igzip_lib

from poles.corpus import json_bytes, json_decode, json_index, raw_schema
from poles.corpus.decoded import Decoded
from poles.corpus.prefilter import Prefilter
from poles.corpus.raw_schema import RAW_SCHEMA, Chunk, Tally
from poles.corpus.storage import File, open_seekable, open_stream, reason
from poles.errors import DAMAGED, StudyError

BLOCK = 4 << 20
"""Bytes of text that are read and indexed at once."""

LINES = 4096
"""Most lines or works that are indexed or decoded at once."""

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

_PADDING = bytes(json_bytes.PADDING)


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
    gathered = _Gathered(columns)
    for _ in _read(file, gathered, prefilter, tally):
        if len(gathered) >= raw_schema.CHUNK:
            yield gathered.chunk()
    if len(gathered):
        yield gathered.chunk()


def _read(file: File, gathered: "_Gathered", prefilter: Prefilter | None, tally: Tally) -> Iterator[None]:
    """Gather the candidates of a JSON file, or of all JSON files in a zip file, some at a time."""
    if file.suffix != ".zip":
        with open_stream(file) as stream:
            text = igzip.open(stream) if file.suffix == ".gz" else stream
            yield from _Reader(file, "", gathered, prefilter, tally).read(text)
        return
    try:
        with open_seekable(file) as archive_stream, zipfile.ZipFile(archive_stream) as archive:
            names = (name for name in archive.namelist() if not name.startswith("__MACOSX/"))
            members = [name for name in names if name.endswith((".json", ".jsonl"))]
            if not members:
                raise StudyError(f"{file}: holds no file that ends in .json or .jsonl")
            for name in members:
                with archive.open(name) as member:
                    yield from _Reader(file, f"{' '.join(name.split())}, ", gathered, prefilter, tally).read(
                        member
                    )
    except DAMAGED as error:
        raise StudyError(f"{file}: cannot be read as a zip file ({error})") from None


class _Reader:
    """Reads one stream of JSON.

    Parameters
    ----------
    file : File
        The file, for messages.
    prefix : str
        The member of an archive and a comma, for messages; else empty.
    gathered : _Gathered
        Takes the works.
    prefilter : Prefilter or None
    tally : Tally
    """

    def __init__(
        self, file: File, prefix: str, gathered: "_Gathered", prefilter: Prefilter | None, tally: Tally
    ):
        self.file, self.prefix, self.prefilter, self.tally = file, prefix, prefilter, tally
        self.decoded, self.parsed = gathered.decoded, gathered.parsed
        indexed = [key for key in gathered.keys if len(key) <= _LONGEST]
        self.names = json_index.keys(indexed)
        self.members = [b'"%b":' % key.encode() for key in indexed]
        self.long_keys = [b'"%b"' % key.encode() for key in gathered.keys if len(key) > _LONGEST]
        self.number = 0  # of the line that is being read

    def read(self, stream: IO[bytes]) -> Iterator[None]:
        """Gather the works of a stream that holds a document on each line, or one document on many."""
        try:
            yield from self._head(stream)
            if self.prefilter is None:
                yield from self._lines(stream)
            else:
                yield from self._candidates(stream, self.prefilter)
        except (*DAMAGED, _ISAL_ERROR) as error:
            raise StudyError(
                f"{self.file}: cannot be read beyond {self.prefix}line {self.number} ({reason(error)})"
            ) from None

    def _head(self, stream: IO[bytes]) -> Iterator[None]:
        """Gather the works of the first line that is not blank, or of one document on many lines."""
        for text in stream:
            self.number += 1
            text = text.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else text
            if not text.strip():
                continue
            works = self._decoded(text)
            if works is None:
                try:
                    works = self._unfold(_parse(text))
                except json.JSONDecodeError as error:
                    if error.pos < len(error.doc.rstrip()):
                        raise self._invalid(self.number, error) from None
                    text += stream.read()
                    works = self._decoded(text)
                    works = self._unfold(self._whole(text)) if works is None else works
            yield from works
            return

    def _lines(self, stream: IO[bytes]) -> Iterator[None]:
        """Gather the works of all remaining lines."""
        for text, begin, stop in _blocks(stream):
            block, before = np.frombuffer(text, np.uint8), self.number
            number, first, last, line_count = json_decode.lines(block, begin, stop)
            for part in _batches(len(number)):
                lines = number[part] + before + 1, first[part], last[part]
                ordinals = np.arange(len(lines[0]))
                self._take(
                    block, *lines[1:], ordinals, len(ordinals), partial(self._parse_line, text, *lines)
                )
                yield
            self.number = before + line_count

    def _candidates(self, stream: IO[bytes], prefilter: Prefilter) -> Iterator[None]:
        """Gather the candidates of the remaining lines; count the other records."""
        counts = np.zeros(raw_schema.YEARS + 1, np.int64)
        for text, begin, stop in _blocks(stream):
            block = np.frombuffer(text, np.uint8)
            while begin < stop:
                before = self.number
                index, line_count, begin = json_index.index(
                    block, begin, stop, LINES, prefilter.rules, counts
                )
                candidates = np.flatnonzero(index.candidate)
                lines = index.number[candidates] + before + 1, index.start[candidates], index.stop[candidates]
                parse = partial(self._parse_candidate, text, *lines, index.irregular[candidates])
                self._take(block, *lines[1:], candidates, len(index.candidate), parse)
                yield
                self.number = before + line_count
        self.tally.add(counts)

    def _take(
        self,
        block: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        ordinals: np.ndarray,
        count: int,
        parse: Callable[[int], None],
    ) -> None:
        """Gather some of the next works, decoded or parsed.

        Parameters
        ----------
        block : ndarray of uint8
            The text.
        first, last : ndarray of int64, shape (works,)
            Where each work, or line, begins and ends.
        ordinals : ndarray of int64, shape (works,)
            Number of each among the next ones, from 0.
        count : int
            Number of the next ones. All are counted, those that are not taken as one work each.
        parse : callable
            Gathers an irregular one, given its place in `first`: a work, or any number of works in a line.
        """
        rows = self.tally.rows + ordinals
        is_regular = self.decoded.decode(block, first, last, rows)
        end = self.tally.rows + count
        for place in np.flatnonzero(~is_regular).tolist():
            row = self.tally.rows = int(rows[place])
            parse(place)
            if (added := self.tally.rows - row - 1) != 0:
                rows[place + 1 :] += added
                end += added
        self.tally.rows = end

    def _parse_line(
        self, text: bytes, number: np.ndarray, first: np.ndarray, last: np.ndarray, place: int
    ) -> None:
        """Gather the works of an irregular line."""
        self.number = int(number[place])
        line = text[first[place] : last[place]]
        if line.strip():
            works = self._decoded(line) if _may_hold_many(line) else None
            for _ in self._unfold(self._parsed(line)) if works is None else works:
                pass

    def _parse_candidate(
        self,
        text: bytes,
        number: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        irregular: np.ndarray,
        place: int,
    ) -> None:
        """Gather the works of an irregular candidate."""
        start, stop = int(first[place]), int(last[place])
        if not irregular[place]:
            line = slice(place, place + 1)
            block = np.frombuffer(text, np.uint8)
            is_irregular, *bounds = json_index.members(block, first[line], last[line], self.names)
            if not is_irregular[0]:
                self.number = int(number[place])
                record = self._cut(text, start, stop, *(array[0].tolist() for array in bounds))
                for _ in self._unfold(self._parsed(record)):
                    pass
                return
        self._parse_line(text, number, first, last, place)

    def _decoded(self, text: bytes) -> Iterator[None] | None:
        """Gather the works of a document, an array or page with many at a time; None if it is irregular."""
        block = np.frombuffer(text + _PADDING, np.uint8)
        if _may_hold_many(text):
            count, bounds, meta = json_decode.elements(block, len(text))
            if count >= 0:
                if meta[0] >= 0:
                    self._state(_parse(text[meta[0] : meta[1]]))
                return self._elements(text, block, *bounds[:, :count])
        ends = np.zeros(1, np.int64), np.full(1, len(text))
        if not self.decoded.decode(block, *ends, np.full(1, self.tally.rows))[0]:
            return None
        self.tally.rows += 1
        return iter(())

    def _elements(
        self, text: bytes, block: np.ndarray, first: np.ndarray, last: np.ndarray
    ) -> Iterator[None]:
        """Gather the works of an array."""
        for part in _batches(len(first)):
            bounds = first[part], last[part]
            ordinals = np.arange(len(bounds[0]))
            parse = partial(self._parse_element, text, *bounds, part.start + 1)
            self._take(block, *bounds, ordinals, len(ordinals), parse)
            yield

    def _parse_element(
        self, text: bytes, first: np.ndarray, last: np.ndarray, number: int, place: int
    ) -> None:
        """Gather an irregular work of an array."""
        work = _parse(text[first[place] : last[place]])
        self._add(work, f"{self.prefix}line {self.number}", f", record {number + place}")

    def _cut(self, text: bytes, start: int, stop: int, first: Iterable[int], last: Iterable[int]) -> bytes:
        """Return a record with only the needed keys, cut out by the bounds of their values.

        What is not needed is not looked at, as in the works that are left out.
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

    def _parsed(self, text: bytes) -> Any:
        """Parse a line."""
        try:
            return _parse(text)
        except json.JSONDecodeError as error:
            raise self._invalid(self.number, error) from None

    def _whole(self, text: bytes) -> Any:
        """Parse a document that spreads over many lines."""
        try:
            return _parse(text)
        except json.JSONDecodeError as error:
            raise self._invalid(self.number - 1 + error.lineno, error) from None

    def _invalid(self, number: int, error: json.JSONDecodeError) -> StudyError:
        return StudyError(f"{self.file}, {self.prefix}line {number}: not valid JSON ({error.msg})")

    def _unfold(self, document: Any) -> Iterator[None]:
        """Gather the works in a document, one by one."""
        place = f"{self.prefix}line {self.number}"
        if type(document) is dict and "results" in document:
            self._state(document.get("meta"))
        for within, work in _works(document, f"{self.file}, {place}"):
            self._add(work, place, within)
            yield

    def _state(self, meta: Any) -> None:
        """Note how many works a page of the API says that its whole list has, if it gives a number."""
        stated = _count(meta, "count") if type(meta) is dict else None
        if stated is not None:
            self.tally.stated = max(stated, self.tally.stated or 0)

    def _add(self, work: Any, place: str, within: str) -> None:
        """Gather a parsed work."""
        if type(work) is not dict:
            raise StudyError(
                f"{self.file}, {place}{within}: {work!r:.50} is not a work; a work is a JSON object"
            )
        row = self.tally.rows
        self.tally.rows += 1
        try:
            self.parsed.add(row, place + within, work)
        except ValueError as error:
            raise StudyError(f"{self.file}, {place}{within}: {error}") from None


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


def _may_hold_many(text: bytes) -> bool:
    """Whether a document may be an array or a page."""
    return text.lstrip()[:1] == b"[" or b'"results"' in text


def _works(document: Any, where: str) -> Iterator[tuple[str, Any]]:
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
        yield f", record {number}", work


def _batches(count: int) -> Iterator[slice]:
    """Yield the parts of some lines or works that are looked at at once."""
    for start in range(0, count, LINES):
        yield slice(start, min(start + LINES, count))


def _blocks(stream: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the lines of a stream in blocks; only lines that two blocks share are copied.

    Yields
    ------
    text : bytes
        A part of the stream.
    begin, stop : int
        Bounds of whole lines in it; at least `json_bytes.PADDING` bytes follow.
    """
    pieces: list[bytes] = []  # of the line that goes on in the next block
    while block := stream.read(BLOCK):
        begin = block.find(b"\n") + 1
        if not begin:
            pieces.append(block)
            continue
        line = b"".join([*pieces, block[:begin]])
        yield line + _PADDING, 0, len(line)
        stop = max(begin, block.rfind(b"\n", begin, -len(_PADDING)) + 1)
        if stop > begin:
            yield block, begin, stop
        pieces = [block[stop:]]
    if line := b"".join(pieces):
        yield line + b"\n" + _PADDING, 0, len(line) + 1


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
        self.columns = columns
        self.clear()

    def clear(self) -> None:
        """Forget all records."""
        columns = self.columns
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
        """Return the columns of `RAW_SCHEMA`, and ``row``; without records, ``row`` alone."""
        if not self.rows:
            return pl.DataFrame(schema={"row": pl.Int64})
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


class _Gathered:
    """The works of a chunk: those that are decoded, and those that are parsed.

    Parameters
    ----------
    columns : sequence of str
        Columns of `RAW_SCHEMA` to be read.
    """

    def __init__(self, columns: Sequence[str]):
        self.columns, self.keys = columns, dict.fromkeys(KEYS[name] for name in columns)
        self.decoded, self.parsed = Decoded(columns, self.keys), _Columns(columns)

    def __len__(self) -> int:
        return len(self.decoded) + len(self.parsed.rows)

    def chunk(self) -> Chunk:
        """Return the works gathered so far, and forget them."""
        decoded = self.decoded.take() if len(self.decoded) else None
        chunk = Chunk(self.parsed.frame(), self.parsed.places.__getitem__, decoded)
        self.parsed.clear()
        return chunk
