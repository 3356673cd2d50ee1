"""From a file of OpenAlex works to records: one normaliser for every format and every age of the schema.

JSON and Parquet are first brought to the same raw columns (`RAW`: ids and codes as the text they are recorded
as), which `normalise` turns into `tables.RECORDS`; so equal works give equal records, whatever they came in.
"""

import gzip
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from poles import tables
from poles.errors import StudyError
from poles.jobs import log

CHUNK = 20_000
"""Most records in one chunk: some 50 MB."""

RAW = {
    "work_id": pl.String,
    "year": pl.Int64,
    "type": pl.String,
    "is_retracted": pl.Boolean,
    "is_paratext": pl.Boolean,
    "is_xpac": pl.Boolean,
    "updated": pl.String,
    "primary_subfield": pl.String,
    "topic_subfields": pl.List(pl.String),
    "authorships": pl.List(pl.Struct({"countries": pl.List(pl.String), "institutions": pl.List(pl.String)})),
    "references": pl.List(pl.String),
}
"""Raw columns, named as what becomes of them; any value may be null."""

LEAVES: dict[str, tuple[str, ...]] = {
    "work_id": ("id",),
    "year": ("publication_year",),
    "type": ("type",),
    "is_retracted": ("is_retracted",),
    "is_paratext": ("is_paratext",),
    "is_xpac": ("is_xpac",),
    "updated": ("updated_date",),
    "primary_subfield": ("primary_topic.subfield.id", "primary_topic.subfield"),
    "topic_subfields": ("topics.subfield.id", "topics.subfield"),
    "authorships": ("authorships.countries", "authorships.institutions.country_code"),
    "references": ("referenced_works",),
}
"""Parquet leaves, list levels left out, in which a raw column may stand."""

Places = Callable[[int], str]
"""Where in its file a row of a chunk stands: ``line 12``, ``row 3``."""

_MAGIC = {".gz": b"\x1f\x8b", ".zip": b"PK", ".parquet": b"PAR1"}
_LIST_LEVEL = re.compile(r"\.(?:list|bag)\.(?:element|item|array_element|array)\b")


@dataclass
class Tally:
    """What reading a file left out.

    Attributes
    ----------
    rows : int
        Records in the file.
    without_id : Counter
        Records without an id, by year (None: no year); they are dropped.
    codes, references : int
        Country codes that are not two letters, and references that are no work ids, in the records kept.
    """

    rows: int = 0
    without_id: Counter[int | None] = field(default_factory=Counter)
    codes: int = 0
    references: int = 0


def read_records(
    path: str | Path,
    file_index: int,
    columns: Sequence[str] | None = None,
    keep: pl.Expr | None = None,
    tally: Tally | None = None,
) -> Iterator[pl.DataFrame]:
    """Read the works of one file, chunk by chunk.

    Parameters
    ----------
    path : str or Path
        ``.parquet`` in the shape of the OpenAlex snapshot, ``.zip`` of JSON files, or JSON, with or without
        ``.gz``: lines, an array, a page of the API, or one work. All are streamed but for JSON that spreads
        one document over many lines, which is held whole.
    file_index : int
        Place of the file among the files of its source.
    columns : sequence of str, optional
        Columns of `tables.RECORDS` that are wanted (position and work_id always are); all by default. Nothing
        else is read from a Parquet file.
    keep : pl.Expr, optional
        Which records are wanted, by any wanted column but ``authorships`` and ``n_authors``.
    tally : Tally, optional
        An empty one, to be filled with what is left out; that is logged in any case.

    Yields
    ------
    pl.DataFrame
        `tables.RECORDS`, or `columns` of it, in the order of the file. Country codes are in capitals.

    Raises
    ------
    StudyError
        If the file is cut short or holds something else than works; with its line or row.
    """
    path = Path(path)
    tally = Tally() if tally is None else tally
    asked = set(tables.RECORDS.columns if columns is None else columns) | {"position", "work_id"}
    names = [name for name in tables.RECORDS.columns if name in asked]
    made_from = {"n_authors": "authorships", "is_paratext": "type"}
    sources = asked | {"year"} | {made_from[name] for name in asked & made_from.keys()}
    raw_chunks = _parquet_chunks if path.suffix == ".parquet" else _json_chunks
    _check_magic(path)
    for raw, places in raw_chunks(path, [name for name in RAW if name in sources]):
        position = (file_index << 32) + tally.rows
        tally.rows += len(raw)
        chunk = raw.with_columns(
            pl.int_range(position, position + pl.len(), dtype=pl.Int64).alias("position")
        )
        yield normalise(_identify(chunk, path, places, tally), keep, tally).select(names)
    _report(path, tally)


def _report(path: Path, tally: Tally) -> None:
    """Log what a file did not give; refuse one that holds no work at all among its records."""
    nameless = tally.without_id.total()
    if nameless and nameless == tally.rows:
        raise StudyError(f"{path}: none of its {tally.rows} records has an id; OpenAlex works are wanted")
    if not tally.rows:
        log.warning("%s: holds no works", path)
    if nameless or tally.codes or tally.references:
        log.warning(
            "%s: %d of %d records have no id and are dropped; dropped from the others: %d country codes that "
            "are not two letters, %d references that are no work ids",
            path, nameless, tally.rows, tally.codes, tally.references,
        )  # fmt: skip


def _check_magic(path: Path) -> None:
    """Refuse a file whose first bytes are not those of the format in its name."""
    magic = _MAGIC.get(path.suffix, b"")
    try:
        with path.open("rb") as stream:
            start = stream.read(len(magic))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    if start != magic:
        what = f"no {path.suffix[1:]} file, for it begins with {start!r}" if start else "empty"
        raise StudyError(f"{path}: {what}; fetch or make it again")


def _identify(raw: pl.DataFrame, path: Path, places: Places, tally: Tally) -> pl.DataFrame:
    """Turn ids into numbers; drop, and count, records without one."""
    number = _work_number(pl.col("work_id"))
    nameless = pl.col("work_id").fill_null("") == ""
    if raw.select(number.is_not_null().all()).item():
        return raw.with_columns(number)
    tally.without_id.update(raw.filter(nameless).select(_NORMAL["year"])["year"])
    numbered = raw.with_columns(number.alias("number"))
    other = numbered.with_row_index("row").filter(pl.col("number").is_null() & ~nameless)
    if len(other):
        raise StudyError(
            f"{path}, {places(other['row'][0])}: id {other['work_id'][0]!r} is not that of a work "
            "(https://openalex.org/W123 or W123)"
        )
    return numbered.filter(~nameless).with_columns(pl.col("number").alias("work_id"))


def _work_number(text: pl.Expr) -> pl.Expr:
    """Number of a work's id, ``https://openalex.org/W123`` or ``W123``; null for anything else."""
    return text.str.strip_prefix("https://openalex.org/").str.strip_prefix("W").cast(pl.Int64, strict=False)


def _subfield_number(text: pl.Expr) -> pl.Expr:
    """Number of a subfield: of ``1702``, ``subfields/1702`` or a URL, all of which occur; else null."""
    return text.str.extract(r"^(?:.*/)?(\d+)$", 1).cast(pl.Int32, strict=False)


def _time(text: pl.Expr) -> pl.Expr:
    """One spelling of a time: bare dates, a blank for T, Z, and fewer decimals occur; all are UTC."""
    text = text.str.replace(r"(?:Z|[+-]00:?00)$", "").str.replace(" ", "T", literal=True)
    text = pl.when(text.str.len_bytes() == 10).then(text + "T00:00:00").otherwise(text)
    return pl.when(text.str.contains(".", literal=True)).then(text).otherwise(text + ".").str.pad_end(26, "0")


_NORMAL: dict[str, pl.Expr] = {
    "year": pl.col("year").cast(pl.Int16, strict=False),
    "is_retracted": pl.col("is_retracted").fill_null(False),
    # The flag is on its way out of OpenAlex, in favour of the type.
    "is_paratext": pl.col("is_paratext").fill_null(False) | pl.col("type").eq_missing("paratext"),
    "is_xpac": pl.col("is_xpac").fill_null(False),
    "updated": _time(pl.col("updated")),
    "primary_subfield": _subfield_number(pl.col("primary_subfield")),
    "topic_subfields": pl.col("topic_subfields").list.eval(_subfield_number(pl.element())),
    "references": pl.col("references").list.eval(_work_number(pl.element())),
}


def _within_authorships(change: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Change both lists of country codes of every authorship."""
    lists = ("countries", "institutions")
    return pl.col("authorships").list.eval(
        pl.struct(change(pl.element().struct.field(name)).alias(name) for name in lists)
    )


def _capitals(codes: pl.Expr) -> pl.Expr:
    """Country codes in capitals; null for what is not two letters."""
    code = pl.element().str.to_uppercase()
    return codes.list.eval(pl.when(code.str.contains(r"^[A-Z]{2}$")).then(code))


def _code_count(frame: pl.DataFrame) -> int:
    """Country codes in both lists of all authorships, nulls left out."""
    lists = [pl.element().struct.field(name).list for name in ("countries", "institutions")]
    counts = [(codes.len() - codes.eval(pl.element().is_null()).list.sum()).fill_null(0) for codes in lists]
    return frame.select(pl.col("authorships").list.eval(sum(counts)).list.sum().sum()).item()


def normalise(raw: pl.DataFrame, keep: pl.Expr | None = None, tally: Tally | None = None) -> pl.DataFrame:
    """Turn raw records into records.

    Parameters
    ----------
    raw : pl.DataFrame
        Columns of `RAW`, all or some, with ``work_id`` a number already, and ``position``.
    keep : pl.Expr, optional
        Which records are wanted. Applied before the authorships, the dearest part, are looked at.
    tally : Tally, optional
        Numbers of dropped country codes and references are added to it.

    Returns
    -------
    pl.DataFrame
        Columns of `tables.RECORDS`, as far as `raw` has what they are made of.
    """
    tally = Tally() if tally is None else tally
    frame = raw.with_columns(expression for name, expression in _NORMAL.items() if name in raw.columns)
    for name in {"topic_subfields", "references"} & set(raw.columns):
        nulls = pl.col(name).list.eval(pl.element().is_null()).list.sum()
        frame = frame.with_columns(nulls.fill_null(0).alias(f"{name} dropped"))
        frame = frame.with_columns(pl.col(name).fill_null([]).list.drop_nulls())
    if keep is not None:
        frame = frame.filter(keep)
    if "references" in raw.columns:
        tally.references += frame["references dropped"].sum()
    if "authorships" in raw.columns:
        frame = frame.with_columns(pl.col("authorships").fill_null([]).list.drop_nulls())
        recorded = _code_count(frame)
        frame = frame.with_columns(_within_authorships(_capitals))
        tally.codes += recorded - _code_count(frame)
        frame = frame.with_columns(
            _within_authorships(lambda codes: codes.list.drop_nulls().fill_null([])),
            pl.col("authorships").list.len().cast(pl.Int32).alias("n_authors"),
        )
    return frame.select(
        pl.col(name).cast(kind) for name, kind in tables.RECORDS.columns.items() if name in frame.columns
    )


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


_SCALARS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "work_id": lambda record: _text(record, "id"),
    "year": lambda record: _year(record, "publication_year"),
    "type": lambda record: _text(record, "type"),
    "is_retracted": lambda record: _flag(record, "is_retracted"),
    "is_paratext": lambda record: _flag(record, "is_paratext"),
    "is_xpac": lambda record: _flag(record, "is_xpac"),
    "updated": lambda record: _text(record, "updated_date"),
    "primary_subfield": lambda record: _subfield(_object(record, "primary_topic")),
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
        self.scalars: dict[str, list[Any]] = {name: [] for name in wanted if name in _SCALARS}
        self.lists = {name: _Lists() for name in wanted if name in _LISTS}
        self.with_authorships = "authorships" in wanted
        self.countries, self.institutions, self.authorship_ends = _Lists(), _Lists(), [0]

    def add(self, place: str, record: Mapping[str, Any]) -> None:
        """Take over one record; ValueError says what in it is of an unexpected shape."""
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
        """Columns of `RAW`."""
        columns = {name: pl.Series(values, dtype=RAW[name]) for name, values in self.scalars.items()}
        columns |= {name: pl.Series(lists.array()) for name, lists in self.lists.items()}
        if self.with_authorships:
            codes = pa.StructArray.from_arrays(
                [self.countries.array(), self.institutions.array()], ["countries", "institutions"]
            )
            ends = pa.array(self.authorship_ends, pa.int64())
            columns["authorships"] = pl.Series(pa.LargeListArray.from_arrays(ends, codes))
        return pl.DataFrame(columns)


def _json_chunks(path: Path, wanted: Sequence[str]) -> Iterator[tuple[pl.DataFrame, Places]]:
    """Raw records of a JSON file, and where in it each of them stands."""
    chunk = _Columns(wanted)
    for place, record in _json_records(path):
        try:
            chunk.add(place, record)
        except ValueError as error:
            raise StudyError(f"{path}, {place}: {error}") from None
        if len(chunk.places) == CHUNK:
            yield chunk.frame(), chunk.places.__getitem__
            chunk = _Columns(wanted)
    if chunk.places:
        yield chunk.frame(), chunk.places.__getitem__


def _json_records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Records of a JSON file with their place; of a zip file, those of all its JSON files."""
    if path.suffix != ".zip":
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield from _records_of(stream, path, "")
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = (name for name in archive.namelist() if not name.startswith("__MACOSX/"))
            members = [name for name in names if name.endswith((".json", ".jsonl"))]
            if not members:
                raise StudyError(f"{path}: holds no .json or .jsonl file")
            for name in members:
                with archive.open(name) as stream:
                    yield from _records_of(stream, path, f"{name}, ")
    except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: encrypted
        raise StudyError(f"{path}: not a readable zip file ({error})") from None


def _records_of(stream: Iterable[bytes], path: Path, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Records of a stream of JSON: a document on every line, or one document on many."""
    number = 0
    try:
        for number, line in enumerate(stream, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                document = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                if number > 1 or "end of data" not in error.msg:
                    raise StudyError(f"{path}, {prefix}line {number}: not valid JSON ({error.msg})") from None
                document = _whole(text + b"".join(stream), path, prefix)
            yield from _unfold(document, path, f"{prefix}line {number}")
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise StudyError(f"{path}: cannot be read beyond {prefix}line {number} ({error})") from None


def _whole(text: bytes, path: Path, prefix: str) -> Any:
    """Read a document that spreads over many lines."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StudyError(f"{path}, {prefix}line {error.lineno}: not valid JSON ({error.msg})") from None


def _unfold(document: Any, path: Path, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Works in a document: itself, an array of works, or the results of an API page."""
    if type(document) is dict and "results" not in document:
        if "id" not in document and "error" in document:
            raise StudyError(f"{path}, {place}: an error of the API, not works ({document['error']!r:.80})")
        yield place, document
        return
    works = document["results"] if type(document) is dict else document
    if type(works) is not list:
        raise StudyError(f"{path}, {place}: {works!r:.50} is no work, which is a JSON object")
    for number, work in enumerate(works, 1):
        if type(work) is not dict:
            raise StudyError(f"{path}, {place}, record {number}: {work!r:.50} is no work, which is an object")
        yield f"{place}, record {number}", work


def _leaf_paths(file: pq.ParquetFile, path: Path) -> dict[str, list[str]]:
    """Parquet columns that each raw column is made of, as the file spells their paths."""
    leaves = [file.schema.column(number).path for number in range(len(file.schema))]
    spelled = {_LIST_LEVEL.sub("", leaf): leaf for leaf in leaves}
    found = {
        name: [spelled[candidate] for candidate in candidates if candidate in spelled]
        for name, candidates in LEAVES.items()
    }
    missing = [
        LEAVES[name][0] for name in ("work_id", "year", "authorships", "references") if not found[name]
    ]
    if missing:
        raise StudyError(
            f"{path}: lacks the columns {', '.join(missing)} of OpenAlex works; it has "
            f"{', '.join(dict.fromkeys(leaf.partition('.')[0] for leaf in leaves)):.200}"
        )
    return found


def _text_at(expression: pl.Expr, kind: pl.DataType, names: Sequence[str]) -> pl.Expr:
    """Value at the end of a path through structs, as text; lists on the way stay lists."""
    if isinstance(kind, pl.List):
        return expression.list.eval(_text_at(pl.element(), kind.inner, names))
    if names:
        inner = {entry.name: entry.dtype for entry in kind.fields}[names[0]]
        return _text_at(expression.struct.field(names[0]), inner, names[1:])
    if isinstance(kind, pl.Datetime):
        return expression.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    return expression.cast(pl.String)


def _raw_expression(name: str, leaves: Sequence[str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Raw column from the columns of a Parquet file in the shape of the snapshot."""
    if not leaves:
        return pl.lit(None, RAW[name]).alias(name)
    paths = [_LIST_LEVEL.sub("", leaf).split(".") for leaf in leaves]
    column = pl.col(paths[0][0])
    kind = schema[paths[0][0]]
    if name == "authorships":
        given = {path[1]: path[1:] for path in paths}
        absent = pl.lit(None, pl.List(pl.String))
        inner = {entry.name: entry.dtype for entry in kind.inner.fields}
        lists = [
            _text_at(pl.element().struct.field(key), inner[key], given[key][1:]) if key in given else absent
            for key in ("countries", "institutions")
        ]
        both = pl.struct(lists[0].alias("countries"), lists[1].alias("institutions"))
        return column.list.drop_nulls().list.eval(both).alias(name)
    if isinstance(RAW[name], pl.List) or RAW[name] == pl.String:
        return _text_at(column, kind, paths[0][1:]).alias(name)
    return column.cast(RAW[name], strict=False).alias(name)


def _parquet_chunks(path: Path, wanted: Sequence[str]) -> Iterator[tuple[pl.DataFrame, Places]]:
    """Raw records of a Parquet file, and where in it each of them stands."""
    rows = 0
    try:
        with pq.ParquetFile(path) as file:
            leaves = _leaf_paths(file, path)
            columns = [leaf for name in wanted for leaf in leaves[name]]
            for batch in file.iter_batches(CHUNK, columns=columns):
                frame = pl.DataFrame(batch)
                raw = frame.select(_raw_expression(name, leaves[name], frame.schema) for name in wanted)
                yield raw, lambda row, first=rows: f"row {first + row + 1}"
                rows += len(frame)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise StudyError(
            f"{path}: not readable as Parquet file of works after row {rows} ({reason})"
        ) from None
