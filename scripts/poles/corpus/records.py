"""From a file of OpenAlex works to records: one normaliser for every format and every age of the schema.

The readers of JSON and Parquet produce the same raw columns (`RAW_SCHEMA`), in which ids and codes are the
text that the file holds. `normalise` turns them into `RECORDS`. So equal works give equal records in any
format.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from poles.corpus import json_lines, parquet
from poles.corpus.prefilter import Prefilter
from poles.corpus.raw_schema import RAW_SCHEMA, Chunk, Tally
from poles.corpus.storage import File, open_seekable
from poles.corpus.tables import RECORDS
from poles.errors import StudyError

_MAGIC = {".gz": b"\x1f\x8b", ".zip": b"PK", ".parquet": b"PAR1"}
_STATED = ("is_truncated", "authors_count", "countries_count", "references_count")
_MADE_FROM = {
    "n_authors": ("authorships",),
    "is_paratext": ("type",),
    "is_incomplete": ("authorships", "references", *_STATED),
}
"""Raw columns that a column of `RECORDS` is made from, where there are others than its own."""


def read_records(
    path: str | File,
    file_index: int,
    columns: Sequence[str] | None = None,
    keep: pl.Expr | None = None,
    tally: Tally | None = None,
    prefilter: Prefilter | None = None,
) -> Iterator[pl.DataFrame]:
    """Read the works of one file, chunk by chunk.

    Parameters
    ----------
    path : str or File
        ``.parquet`` in the shape of the OpenAlex snapshot, ``.zip`` of JSON files, or JSON, with or without
        ``.gz``: lines, an array, a page of the API, or one work. Every file is streamed, except a JSON
        document that spreads over many lines, which is held in memory whole.
    file_index : int
        Number of the file among the files of its source.
    columns : sequence of str, optional
        Columns of `RECORDS` to be returned, besides position and work_id; all by default. Of a Parquet file
        no other columns are read.
    keep : pl.Expr, optional
        Which records are returned: a condition on any of the columns but ``authorships`` and ``n_authors``.
    tally : Tally, optional
        An empty one, which is filled with counts.
    prefilter : Prefilter, optional
        Passes every record for which `keep` may hold. The other records are counted, but not parsed: of
        JSON lines only the closing of strings and brackets is checked.

    Yields
    ------
    pl.DataFrame
        `RECORDS`, or `columns` of it, in the order of the file. Country codes are in capitals.

    Raises
    ------
    StudyError
        If the file is cut short or holds something else than works; the message names the line or row.
    """
    file = Path(path) if isinstance(path, str) else path
    tally = Tally() if tally is None else tally
    requested = set(RECORDS.columns if columns is None else columns) | {"position", "work_id"}
    names = [name for name in RECORDS.columns if name in requested]
    raw_names = requested | {"year"}
    raw_names |= {raw for name in requested & _MADE_FROM.keys() for raw in _MADE_FROM[name]}
    raw_names |= set(prefilter.columns if prefilter else ())
    read_chunks = parquet.chunks if file.suffix == ".parquet" else json_lines.chunks
    _check_magic(file)
    for chunk in read_chunks(file, [name for name in RAW_SCHEMA if name in raw_names], prefilter, tally):
        raw = _identify(chunk, file, tally).with_columns(position=(file_index << 32) + pl.col("row"))
        yield normalise(raw, keep, tally).select(names)
    _check_ids(file, tally)


def _check_ids(file: File, tally: Tally) -> None:
    """Refuse a file in which no record has an id."""
    without_id = tally.without_id.total()
    if without_id and without_id == tally.rows:
        raise StudyError(
            f"{file}: none of its {tally.rows} records has an id; this is not a file of OpenAlex works"
        )


def _check_magic(file: File) -> None:
    """Refuse a file that is empty, or that does not begin as the format in its name does."""
    magic = _MAGIC.get(file.suffix, b"")
    with open_seekable(file) as stream:
        start = stream.read(max(1, len(magic)))
    if not start:
        raise StudyError(f"{file}: the file is empty; fetch or make it again")
    if not start.startswith(magic):
        raise StudyError(
            f"{file}: not a {file.suffix[1:]} file, because it begins with {start!r}; fetch or make it again"
        )


def _identify(chunk: Chunk, file: File, tally: Tally) -> pl.DataFrame:
    """Turn ids into numbers, count the records by year, and drop those without an id."""
    raw, number = chunk.frame, _work_number(pl.col("work_id"))
    numbered = raw.with_columns(number.alias("number"), _NORMAL["year"].alias("of_year"))
    lacks_id = pl.col("work_id").fill_null("") == ""
    is_foreign = pl.col("number").is_null() & ~lacks_id
    if numbered.select(is_foreign.any()).item():
        row, text = numbered.with_row_index("place").filter(is_foreign).select("place", "work_id").row(0)
        raise StudyError(
            f"{file}, {chunk.locate(row)}: id {text!r} is not the id of a work, such as "
            "https://openalex.org/W123 or W123"
        )
    by_year = numbered.group_by("of_year", lacks_id.alias("lacks_id")).len()
    for year, without_id, count in by_year.iter_rows():
        (tally.without_id if without_id else tally.with_id)[year] += count
    return numbered.filter(~lacks_id).with_columns(pl.col("number").alias("work_id"))


def _work_number(text: pl.Expr) -> pl.Expr:
    """Number in the id of a work, ``https://openalex.org/W123`` or ``W123``; null for any other text."""
    digits = text.str.strip_prefix("https://openalex.org/").str.strip_prefix("W")
    number = digits.cast(pl.Int64, strict=False)
    return pl.when(number >= 0).then(number)


def _subfield_number(text: pl.Expr) -> pl.Expr:
    """Number of a subfield, from ``1702``, ``1702.0``, ``subfields/1702`` or a URL; null for other text."""
    return text.str.extract(r"^(?:.*/)?(\d+)(?:\.0+)?$", 1).cast(pl.Int32, strict=False)


def _time(text: pl.Expr) -> pl.Expr:
    """Time in one spelling.

    Files also hold bare dates, a blank instead of T, a Z or zero offset, and fewer decimals; all are UTC.
    """
    text = text.str.replace(r"(?:Z|[+-]00:?00)$", "").str.replace(" ", "T", literal=True)
    text = pl.when(text.str.len_bytes() == 10).then(text + "T00:00:00").otherwise(text)
    return pl.when(text.str.contains(".", literal=True)).then(text).otherwise(text + ".").str.pad_end(26, "0")


_NORMAL: dict[str, pl.Expr] = {
    "year": pl.col("year").cast(pl.Int16, strict=False),
    "is_retracted": pl.col("is_retracted").fill_null(False),
    # OpenAlex is replacing the flag with the type.
    "is_paratext": pl.col("is_paratext").fill_null(False) | pl.col("type").eq_missing("paratext"),
    "is_xpac": pl.col("is_xpac").fill_null(False),
    "updated": _time(pl.col("updated")),
    "primary_subfield": _subfield_number(pl.col("primary_subfield")),
    # After rounding, a score is the same in single and double precision; one that is not finite becomes null.
    "topic_score": pl.when(pl.col("topic_score").is_finite()).then(pl.col("topic_score").round(6)),
    "topic_subfields": pl.col("topic_subfields").list.eval(_subfield_number(pl.element())),
    "references": pl.col("references").list.eval(_work_number(pl.element())),
}
"""Expressions that turn a raw column into one of `RECORDS`; the other columns stay as they are."""


def _within_authorships(change: Callable[[pl.Expr, pl.Expr, pl.Expr], Sequence[pl.Expr]]) -> pl.Expr:
    """Change the lists of every authorship: its countries, and countries and types of its institutions."""
    names = ("countries", "institutions", "types")
    lists = change(*(pl.element().struct.field(name) for name in names))
    return pl.col("authorships").list.eval(
        pl.struct(values.alias(name) for name, values in zip(names, lists, strict=True))
    )


def _capitals(codes: pl.Expr) -> pl.Expr:
    """Country codes in capitals; null for a code that is not two letters."""
    code = pl.element().str.to_uppercase()
    return codes.list.eval(pl.when(code.str.contains(r"^[A-Z]{2}$")).then(code))


def _without_nulls(countries: pl.Expr, institutions: pl.Expr, types: pl.Expr) -> list[pl.Expr]:
    """Drop codes that are null, and with them the types of their institutions."""
    places = institutions.list.eval(pl.element().is_not_null().arg_true())
    kept = [codes.list.drop_nulls() for codes in (countries, institutions)]
    # A file without types gives none at any place.
    return [
        values.fill_null([]) for values in (*kept, types.fill_null([]).list.gather(places, null_on_oob=True))
    ]


def _code_count(frame: pl.DataFrame) -> int:
    """Number of country codes in both lists of all authorships, without nulls."""
    countries, institutions = (
        (codes.list.len() - codes.list.eval(pl.element().is_null()).list.sum()).fill_null(0)
        for codes in (pl.element().struct.field(name) for name in ("countries", "institutions"))
    )
    return frame.select(pl.col("authorships").list.eval(countries + institutions).list.sum().sum()).item()


def _is_incomplete() -> pl.Expr:
    """Whether a record states more authors, countries or references than it holds.

    Lists of works from the API cut off authors, and some programs cut records. OpenAlex counts only countries
    of institutions, so fewer than listed are no contradiction.
    """
    codes = pl.element().struct.field("countries").list.concat(pl.element().struct.field("institutions"))
    countries = pl.col("authorships").list.eval(codes.list.explode(empty_as_null=False, keep_nulls=False))
    references = pl.col("references").list.len() + pl.col("references dropped")
    tests = (
        pl.col("is_truncated"),
        pl.col("authors_count") > pl.col("n_authors"),
        pl.col("countries_count") > countries.list.n_unique(),
        pl.col("references_count") > references,
    )
    return pl.any_horizontal(test.fill_null(False) for test in tests)


def normalise(raw: pl.DataFrame, keep: pl.Expr | None = None, tally: Tally | None = None) -> pl.DataFrame:
    """Turn raw records into records.

    Parameters
    ----------
    raw : pl.DataFrame
        Some or all columns of `RAW_SCHEMA`, in which ``work_id`` is already a number, and ``position``.
    keep : pl.Expr, optional
        Which records are returned. It is applied before the authorships, which take the most time.
    tally : Tally, optional
        The numbers of dropped country codes and references are added to it.

    Returns
    -------
    pl.DataFrame
        The columns of `RECORDS` that can be made from the columns of `raw`.
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
        tally.references += int(frame["references dropped"].sum())
    if "authorships" in raw.columns:
        frame = frame.with_columns(pl.col("authorships").fill_null([]).list.drop_nulls())
        count_before = _code_count(frame)
        frame = frame.with_columns(
            _within_authorships(
                lambda countries, institutions, types: [_capitals(countries), _capitals(institutions), types]
            )
        )
        tally.codes += count_before - _code_count(frame)
        frame = frame.with_columns(
            _within_authorships(_without_nulls),
            pl.col("authorships").list.len().cast(pl.Int32).alias("n_authors"),
        )
    if set(_MADE_FROM["is_incomplete"]) <= set(raw.columns):
        frame = frame.with_columns(_is_incomplete().alias("is_incomplete"))
    return frame.select(
        pl.col(name).cast(kind) for name, kind in RECORDS.columns.items() if name in frame.columns
    )
