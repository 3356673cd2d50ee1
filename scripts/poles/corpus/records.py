"""From a file of OpenAlex works to records: one normaliser for every format and every age of the schema.

JSON and Parquet are first brought to the same raw columns (`RAW`: ids and codes as the text they are recorded
as), which `normalise` turns into `RECORDS`; so equal works give equal records, whatever they came in.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from poles.corpus import json_lines, parquet
from poles.corpus.prefilter import Prefilter
from poles.corpus.raw_schema import RAW, Chunk, Tally
from poles.corpus.storage import File, open_seekable
from poles.corpus.tables import RECORDS
from poles.errors import StudyError

log = logging.getLogger(__name__)

_MAGIC = {".gz": b"\x1f\x8b", ".zip": b"PK", ".parquet": b"PAR1"}


def read_records(
    path: str | File,
    file_index: int,
    columns: Sequence[str] | None = None,
    keep: pl.Expr | None = None,
    tally: Tally | None = None,
    sieve: Prefilter | None = None,
) -> Iterator[pl.DataFrame]:
    """Read the works of one file, chunk by chunk.

    Parameters
    ----------
    path : str or File
        ``.parquet`` in the shape of the OpenAlex snapshot, ``.zip`` of JSON files, or JSON, with or without
        ``.gz``: lines, an array, a page of the API, or one work. All are streamed but for JSON that spreads
        one document over many lines, which is held whole.
    file_index : int
        Place of the file among the files of its source.
    columns : sequence of str, optional
        Columns of `RECORDS` that are wanted (position and work_id always are); all by default. Nothing
        else is read from a Parquet file.
    keep : pl.Expr, optional
        Which records are wanted, by any wanted column but ``authorships`` and ``n_authors``.
    tally : Tally, optional
        An empty one, to be filled with what there is and what is left out; the latter is logged in any case.
    sieve : Sieve, optional
        Lets through every record that `keep` may want. The others are counted and looked at no further: in
        JSON lines, whether their strings and brackets are closed, but not what they hold.

    Yields
    ------
    pl.DataFrame
        `RECORDS`, or `columns` of it, in the order of the file. Country codes are in capitals.

    Raises
    ------
    StudyError
        If the file is cut short or holds something else than works; with its line or row.
    """
    file = Path(path) if isinstance(path, str) else path
    tally = Tally() if tally is None else tally
    asked = set(RECORDS.columns if columns is None else columns) | {"position", "work_id"}
    names = [name for name in RECORDS.columns if name in asked]
    made_from = {"n_authors": "authorships", "is_paratext": "type"}
    sources = asked | {"year"} | {made_from[name] for name in asked & made_from.keys()}
    sources |= set(sieve.columns if sieve else ())
    read_chunks = parquet.chunks if file.suffix == ".parquet" else json_lines.chunks
    _check_magic(file)
    for chunk in read_chunks(file, [name for name in RAW if name in sources], sieve, tally):
        raw = _identify(chunk, file, tally).with_columns(position=(file_index << 32) + pl.col("row"))
        yield normalise(raw, keep, tally).select(names)
    _report(file, tally)


def _report(file: File, tally: Tally) -> None:
    """Log what a file did not give; refuse one that holds no work at all among its records."""
    nameless = tally.without_id.total()
    if nameless and nameless == tally.rows:
        raise StudyError(f"{file}: none of its {tally.rows} records has an id; OpenAlex works are wanted")
    if not tally.rows:
        log.warning("%s: holds no works", file)
    if nameless or tally.codes or tally.references:
        log.warning(
            "%s: %d of %d records have no id and are dropped; dropped from the others: %d country codes that "
            "are not two letters, %d references that are no work ids",
            file, nameless, tally.rows, tally.codes, tally.references,
        )  # fmt: skip


def _check_magic(file: File) -> None:
    """Refuse a file that is empty, or whose first bytes are not those of the format in its name."""
    magic = _MAGIC.get(file.suffix, b"")
    with open_seekable(file) as stream:
        start = stream.read(max(1, len(magic)))
    if not start.startswith(magic) or not start:
        what = f"no {file.suffix[1:]} file, for it begins with {start!r}" if start else "empty"
        raise StudyError(f"{file}: {what}; fetch or make it again")


def _identify(chunk: Chunk, file: File, tally: Tally) -> pl.DataFrame:
    """Turn ids into numbers; count records by year, and drop those without an id."""
    raw, number = chunk.frame, _work_number(pl.col("work_id"))
    numbered = raw.with_columns(number.alias("number"), _NORMAL["year"].alias("of_year"))
    nameless = pl.col("work_id").fill_null("") == ""
    odd = pl.col("number").is_null() & ~nameless
    if numbered.select(odd.any()).item():
        row, text = numbered.with_row_index("place").filter(odd).select("place", "work_id").row(0)
        raise StudyError(
            f"{file}, {chunk.places(row)}: id {text!r} is not that of a work "
            "(https://openalex.org/W123 or W123)"
        )
    by_year = numbered.group_by("of_year", nameless.alias("nameless")).len()
    for year, without_id, count in by_year.iter_rows():
        (tally.without_id if without_id else tally.identified)[year] += count
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
    # Single and double precision of the same score become equal; what is no number becomes null.
    "topic_score": pl.when(pl.col("topic_score").is_finite()).then(pl.col("topic_score").round(6)),
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
        Columns of `RECORDS`, as far as `raw` has what they are made of.
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
        pl.col(name).cast(kind) for name, kind in RECORDS.columns.items() if name in frame.columns
    )
