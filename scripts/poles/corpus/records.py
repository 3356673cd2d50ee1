"""From a file of OpenAlex works to records: one normaliser for every format and every age of the schema.

The readers of JSON and Parquet produce the same raw columns (`RAW_SCHEMA`), in which ids and codes are the
text that the file holds. `normalise` turns them into `RECORDS`. So equal works give equal records in any
format.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from poles.corpus import flat_lists, json_lines, parquet, raw_schema
from poles.corpus.prefilter import Prefilter, work_numbers
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
    position = ((file_index << 32) + pl.col("row")).alias("position")
    for chunk in read_chunks(file, [name for name in RAW_SCHEMA if name in raw_names], prefilter, tally):
        parts = []
        if len(chunk.frame):
            raw = _identify(chunk, file, tally).with_columns(position)
            parts.append(normalise(raw, keep, tally).select(names))
        if chunk.decoded is not None:
            decoded = chunk.decoded.with_columns(position)
            parts.append(_finish(decoded, keep, tally).select(names))
        frame = pl.concat(parts)
        yield frame if frame["position"].is_sorted() else frame.sort("position")
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
}
"""Expressions that turn a raw column into one of `RECORDS`."""


def _work_numbers(texts: pl.Series) -> pl.Series:
    """Numbers in the ids of works, as `_work_number` gives them."""
    numbers = pl.Series(work_numbers(texts.to_arrow()))
    others = (numbers < 0).arg_true()
    if len(others):  # few, so that the usual form is read by compiled code
        numbers = numbers.scatter(others, _evaluated(_work_number, texts.gather(others)))
    return numbers


_VALUES: dict[str, Callable[[pl.Series], pl.Series]] = {
    "topic_subfields": lambda texts: _evaluated(_subfield_number, texts),
    "references": _work_numbers,
}
"""What turns the values of a raw column of lists into those of `RECORDS`; the others are dropped."""


def _evaluated(expression: Callable[[pl.Expr], pl.Expr], series: pl.Series) -> pl.Series:
    """Evaluate an expression of one column."""
    return pl.select(expression(pl.lit(series))).to_series()


def _capital(code: pl.Expr) -> pl.Expr:
    """Country code in capitals; null for a code that is not two letters."""
    capitals = code.str.to_uppercase()
    return pl.when(capitals.str.contains(r"^[A-Z]{2}$")).then(capitals)


def _types_of(placed: pl.Series, typed: pl.Series) -> pl.Series:
    """Type of each institution, null where the lists of types hold none at its place."""
    counts, held, types = flat_lists.lengths(placed), flat_lists.lengths(typed), flat_lists.values(typed)
    if np.array_equal(counts, held):
        return types
    within = np.arange(counts.sum()) - np.repeat(flat_lists.ends(counts)[:-1], counts)
    place = within + np.repeat(flat_lists.ends(held)[:-1], counts)
    is_held = pl.Series(within < np.repeat(held, counts))
    return types.gather(pl.select(pl.when(is_held).then(pl.Series(place))).to_series())


def _normal_authorships(raw: pl.Series, tally: Tally) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """Drop codes that are null or not two letters, and with them the types of their institutions.

    Returns
    -------
    authorships : pl.Series
        As in `RECORDS`.
    authors, countries : ndarray of int64
        Number of authorships of each record, and of the distinct countries in them.
    """
    every = flat_lists.values(raw)
    authors = flat_lists.sums(every.is_not_null().to_numpy(), flat_lists.lengths(raw))
    each = every.drop_nulls()
    fields: dict[str, pl.Series] = {}
    record = np.repeat(np.arange(len(raw)), authors)
    met: list[pl.DataFrame] = []
    for name in ("countries", "institutions"):
        lists = each.struct.field(name)
        texts, counts = flat_lists.values(lists), flat_lists.lengths(lists)
        codes = _evaluated(_capital, texts)
        tally.codes += codes.null_count() - texts.null_count()
        is_kept = codes.is_not_null()
        left = flat_lists.sums(is_kept.to_numpy(), counts)
        fields[name] = flat_lists.nested(codes.filter(is_kept), left)
        met.append(pl.DataFrame({"record": np.repeat(record, left), "code": codes.filter(is_kept)}))
        if name == "institutions":
            types = _types_of(lists, each.struct.field("types"))
            fields["types"] = flat_lists.nested(types.filter(is_kept), left)
    authorships = flat_lists.nested(pl.DataFrame(fields).to_struct(), authors)
    countries = np.bincount(pl.concat(met).unique()["record"].to_numpy(), minlength=len(raw))
    return authorships, authors, countries


def _is_incomplete(countries: np.ndarray) -> pl.Expr:
    """Whether a record states more authors, countries or references than it holds.

    Lists of works from the API cut off authors, and some programs cut records. OpenAlex counts only countries
    of institutions, so fewer than listed are no contradiction.
    """
    references = pl.col("references").list.len() + pl.col("references dropped")
    tests = (
        pl.col("is_truncated"),
        pl.col("authors_count") > pl.col("n_authors"),
        pl.col("countries_count") > pl.Series(countries),
        pl.col("references_count") > references,
    )
    return pl.any_horizontal(test.fill_null(False) for test in tests)


def _finish(decoded: pl.DataFrame, keep: pl.Expr | None, tally: Tally) -> pl.DataFrame:
    """Turn decoded records into records: as `normalise`, for what has no text and nothing to be dropped."""
    years = decoded["year"].fill_null(raw_schema.YEARS).to_numpy()
    tally.add(np.bincount(years, minlength=raw_schema.YEARS + 1))
    frame = decoded.with_columns(
        expression
        for name, expression in _NORMAL.items()
        if name in decoded.columns and name != "primary_subfield"
    )
    if keep is not None:
        frame = frame.filter(keep)
    return frame.select(
        pl.col(name).cast(kind) for name, kind in RECORDS.columns.items() if name in frame.columns
    )


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
    for name in _VALUES.keys() & set(raw.columns):
        lists, dropped = flat_lists.changed(frame[name], _VALUES[name])
        frame = frame.with_columns(lists.alias(name), pl.Series(f"{name} dropped", dropped))
    if keep is not None:
        frame = frame.filter(keep)
    if "references" in raw.columns:
        tally.references += int(frame["references dropped"].sum())
    if "authorships" in raw.columns:
        authorships, authors, countries = _normal_authorships(frame["authorships"], tally)
        frame = frame.with_columns(authorships.alias("authorships"), pl.Series("n_authors", authors))
        if set(_MADE_FROM["is_incomplete"]) <= set(raw.columns):
            frame = frame.with_columns(_is_incomplete(countries).alias("is_incomplete"))
    return frame.select(
        pl.col(name).cast(kind) for name, kind in RECORDS.columns.items() if name in frame.columns
    )
