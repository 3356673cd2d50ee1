"""Read yearly links between countries from edge lists of the user, in CSV or Parquet."""

import csv
import gzip
import io
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from poles import countries
from poles.errors import DAMAGED, StudyError
from poles.networks.edge_files import ALLOWED, REST, Format, recognise
from poles.networks.network_files import matrix_of, matrix_rows, refuse_loose_quotes, rows_of
from poles.networks.tables import links_table
from poles.study import tables, windows

log = logging.getLogger(__name__)

COLUMNS = {
    "year": ("year",),
    "source": ("source", "i"),
    "target": ("target", "j"),
    "weight": ("weight", "papers"),
}
"""Columns of an edge list, with their accepted names. Other columns are not read."""
ENDS = ("source", "target")
YEARS = (1000, 2999)
"""First and last year that a row may have, within the years of the study or not."""
TOO_LARGE = 2**53
"""Weight from which on floating-point numbers do not hold all whole numbers."""
_UNQUOTED = "\N{SYMBOL FOR NULL}"
"""Stands for NA without quotes while such rows are looked for."""


def _list(names: Iterable[object], most: int = 8) -> str:
    """Names or numbers in one short line."""
    parts = [_short(name) for name in names]
    return ", ".join(parts[:most]) + (f" and {len(parts) - most} more" if len(parts) > most else "")


def _short(value: object) -> str:
    """Text of a value, in one line, cut if it is long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:40]}..."


def _columns_of(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Name in the file of each of `COLUMNS`."""
    by_lower_name = {name.strip().lower(): name for name in reversed(names)}
    chosen = {
        column: by_lower_name[name]
        for column, accepted in COLUMNS.items()
        for name in reversed(accepted)
        if name in by_lower_name
    }
    missing = [" or ".join(accepted) for column, accepted in COLUMNS.items() if column not in chosen]
    if missing:
        raise StudyError(f"{path}: lacks column {', '.join(missing)}; it has {_list(names, 12)}")
    return chosen


def _table(path: Path, content: bytes | None, separator: str | None) -> pl.DataFrame:
    """Read `COLUMNS` and number the rows from 1: text if from CSV, typed if from Parquet."""
    try:
        if separator is None or content is None:
            frame = pl.read_parquet(path)
        else:
            # Everything is read as text, because type inference takes NA (Namibia) for a missing value.
            frame = pl.read_csv(content, separator=separator, infer_schema=False, null_values=[""])
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = (content and separator and _fault(content, separator)) or str(error).partition("\n")[0][:200]
        raise StudyError(f"{path}: not readable as {ALLOWED} ({reason})") from None
    if separator is not None and matrix_of(frame.columns):
        rows = matrix_rows(frame, path)
    else:
        chosen = _columns_of(path, frame.columns)
        rows = frame.select(pl.col(name).alias(column) for column, name in chosen.items()).with_row_index(
            "row", 1
        )
    if separator is not None:  # lines without any value are no rows
        rows = rows.filter(~pl.all_horizontal(pl.col(*COLUMNS).is_null()))
    if not len(rows):
        raise StudyError(f"{path}: no rows below the header; allowed: at least one link")
    return rows


def _fault(content: bytes, separator: str) -> str:
    """Why a text is no table: the first line that is not in UTF-8, or has more values than the header."""
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=separator)
        header = next((values for values in lines if values), [])
        longer = next((values for values in lines if len(values) > len(header)), None)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} is not in UTF-8; save the file as UTF-8"
    except csv.Error:
        return ""
    if longer is None:
        return ""
    return (
        f"line {lines.line_num} has {len(longer)} values, but the header has {len(header)}; the header must "
        "be the first line and name every column, so in R set row.names = FALSE"
    )


def _read(path: Path, layout: Format) -> pl.DataFrame:
    """Read an edge list as it is, see `_table`. Refuse rows with a missing value that looks like Namibia."""
    if layout.kind != "table":
        return rows_of(path, layout)
    if layout.separator is None:
        return _table(path, None, None)
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if layout.gzipped else content
    except DAMAGED as error:
        raise StudyError(f"{path}: not readable as {ALLOWED} ({error})") from None
    refuse_loose_quotes(path, content, layout.separator)
    rows = _table(path, content, layout.separator)
    if rows.select(pl.any_horizontal(pl.col(ENDS) == "NA").any()).item():
        _refuse_missing(path, content, layout.separator)
    return rows


def _refuse_missing(path: Path, content: bytes, separator: str) -> None:
    """Refuse NA without quotes where other codes are in quotes. R writes a missing value so."""
    between = re.escape(separator.encode())
    before, after = rb"(?<=[\n" + between + rb"])", rb"(?=[\r\n" + between + rb"]|\Z)"
    if not re.search(before + rb'"[A-Za-z]{2}"' + after, content.partition(b"\n")[2]):
        return
    marked = re.sub(before + rb"NA" + after, _UNQUOTED.encode(), content)
    missing = _table(path, marked, separator).filter(pl.any_horizontal(pl.col(ENDS) == _UNQUOTED))
    if len(missing):
        raise StudyError(
            f"{path}, row {_list(missing['row'])}: NA without quotes where other codes are in quotes, as R "
            'writes a missing value; allowed: "NA" in quotes for Namibia; or leave these rows out'
        )


def _refuse(path: Path, invalid: pl.DataFrame, reason: str, allowed: str) -> None:
    """Raise an error that names the first invalid row, if there is one."""
    if len(invalid):
        raise StudyError(f"{path}, {_row(invalid)}: {reason}; allowed: {allowed}")


def _row(rows: pl.DataFrame) -> str:
    """Number and values of the first of some rows."""
    number, *values = (_short("" if value is None else value) for value in rows.row(0))
    return f"row {number} ({', '.join(values)})"


def _as_text(path: Path, rows: pl.DataFrame, columns: Sequence[str], allowed: str) -> pl.DataFrame:
    """Text of columns that have text or a number; refuse columns of any other type."""
    for name in columns:
        kind = rows[name].dtype
        if not (kind.is_numeric() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
            raise StudyError(f"{path}: {name} is of type {_short(kind)}; allowed: {allowed}")
    return rows.select(pl.col(columns).cast(pl.String).str.strip_chars())


def _years(path: Path, rows: pl.DataFrame) -> pl.Series:
    """Years as integers, from whole numbers in any spelling."""
    allowed = "a whole number such as 2000"
    text = _as_text(path, rows, ["year"], allowed)["year"]
    number = text.cast(pl.Float64, strict=False)
    year = number.cast(pl.Int64, strict=False)
    _refuse(path, rows.filter(text.is_null() | (text == "")), "no year", allowed)
    _refuse(path, rows.filter(text.str.contains(r"^\d+[-/.]\d+[-/.]\d+")), "the year is a date", allowed)
    beyond = ~number.is_between(*YEARS) & (number == number.floor())
    _refuse(path, rows.filter(beyond), "no such year", f"a year from {YEARS[0]} to {YEARS[1]}")
    is_whole = (number == year).fill_null(False)
    _refuse(path, rows.filter(~is_whole), "the year is no whole number", allowed)
    return year


def common_years(networks: Mapping[str, str | None]) -> dict[str, int]:
    """Find the years in which all edge lists of a study have links, whatever lies between.

    Parameters
    ----------
    networks : Mapping
        Path of the edge list of each layer; None for a layer without one.

    Returns
    -------
    dict
        ``first`` and ``last`` year.

    Raises
    ------
    StudyError
        If a file is not readable or has no link, a year or weight is invalid, or two files share no year.
    """
    periods = {}
    for layer, path in networks.items():
        if path:
            file = Path(path)
            rows = _read(file, recognise(path, layer))
            years = _years(file, rows).filter(_numbers(file, rows) > 0).unique().sort().to_list()
            if not years:
                raise StudyError(f"{path}: all weights are 0; allowed: at least one link")
            periods[path] = years[0], years[-1]
    first, last = max(first for first, _ in periods.values()), min(last for _, last in periods.values())
    if first > last:
        each = ", ".join(f"{path} has {windows.named(*period)}" for path, period in periods.items())
        raise StudyError(f"source.networks: {each}; allowed: files that share years")
    return {"first": first, "last": last}


def _numbers(path: Path, rows: pl.DataFrame) -> pl.Series:
    """Weights as int64 if all are whole numbers, such as ``3``, ``3.0`` or ``3e0``; else as float64."""
    text = _as_text(path, rows, ["weight"], "a number")["weight"]
    number = text.cast(pl.Float64, strict=False)
    digits = "digits with a decimal point, such as 1000 or 0.5"
    _refuse(path, rows.filter(text.is_null() | (text == "")), "no weight", "a number")
    _refuse(
        path,
        rows.filter(text.str.contains(r"^[\d.,' ]*[,' ][\d.,' ]*$")),
        "a weight with a comma or blank",
        digits,
    )
    _refuse(path, rows.filter(number.is_null()), "the weight is no number", digits)
    _refuse(path, rows.filter(~number.is_finite()), "weight is not finite", "a number")
    _refuse(path, rows.filter(number < 0), "weight is negative", "a number, not below 0")
    _refuse(path, rows.filter(number >= TOO_LARGE), "the weight is too large", f"a number below {TOO_LARGE}")
    return number.cast(pl.Int64) if (number == number.floor()).all() else number


def _codes(path: Path, rows: pl.DataFrame, merge: Mapping[str, str]) -> pl.DataFrame:
    """Codes of countries in capitals. Those in `merge` are replaced; all others must be known."""
    text = _as_text(path, rows, ENDS, "codes of ISO 3166-1 alpha-2")
    codes = text.select(pl.col(ENDS).str.to_uppercase())
    for code, country in merge.items():
        count = codes.select(pl.any_horizontal(pl.col(ENDS) == code).sum()).item()
        log.log(
            logging.INFO if count else logging.WARNING,
            "%s: %s counts as %s (selection.merge): %d rows", path, code, country, count,
        )  # fmt: skip
    codes = codes.with_columns(pl.col(ENDS).replace(dict(merge)))
    named = _named(codes)
    if named:
        log.info(
            "%s: names and three-letter codes are read as two-letter codes: %s",
            path, _list(f"{text} {code}" for text, code in named.items()),
        )  # fmt: skip
        codes = codes.with_columns(pl.col(ENDS).replace(named))
    for end in ENDS:
        empty = (codes[end] == "").fill_null(True)
        _refuse(path, rows.filter(empty), f"no country as {end}", "a code of ISO 3166-1 alpha-2")
    invalid = codes.select(~pl.col(ENDS).is_in([*countries.names(), REST]))
    any_invalid = invalid["source"] | invalid["target"]
    if any_invalid.any():
        place = any_invalid.arg_true()[0]
        end = ENDS[0] if invalid["source"][place] else ENDS[1]
        texts = pl.concat([text[name].filter(invalid[name]) for name in ENDS]).unique(maintain_order=True)
        _refuse_codes(path, rows[place], end, text[end][place], texts)
    return codes


def _named(codes: pl.DataFrame) -> dict[str, str]:
    """Two-letter codes of texts in capitals that name one country and are no such code themselves."""
    texts = sorted(
        {*codes["source"].drop_nulls(), *codes["target"].drop_nulls()} - {*countries.names(), REST}
    )
    return {text: code for text in texts if (code := countries.named(text))}


def _refuse_codes(path: Path, invalid: pl.DataFrame, end: str, first: str, texts: Iterable[str]) -> None:
    """Refuse a code that is no country, and say which one was probably meant."""
    others = [text for text in texts if text != first]
    rename = {text.upper(): countries.meant(text) for text in (first, *others)}
    mapping = [f"{code}: {country}" for code, country in rename.items() if country and code.isalnum()]
    parts = [
        f"{path}, {_row(invalid)}: {_short(first)} as {end} is no code of ISO 3166-1 alpha-2",
        countries.advice(first),
        f"the file also has {_list(others)}" if others else "",
        f"allowed: two-letter codes, XK, and {REST} for the rest",
        f"or else selection.merge: {{{_list(mapping)}}}" if 0 < len(mapping) <= 8 else "",
    ]
    raise StudyError("; ".join(part for part in parts if part))


def _checked(path: Path, rows: pl.DataFrame, merge: Mapping[str, str]) -> pl.DataFrame:
    """Convert years and weights to numbers and codes to countries; refuse every other value."""
    years = _years(path, rows)
    return _codes(path, rows, merge).with_columns(year=years, weight=_numbers(path, rows), row=rows["row"])


def _refuse_repeated(path: Path, rows: pl.DataFrame, links: pl.DataFrame) -> None:
    """Refuse a link that has two rows; name both."""
    keyed = links.select("year", *ENDS, first=pl.col("row").min().over("year", *ENDS))
    repeated = keyed["first"] != links["row"]
    if repeated.any():
        first = rows.filter(rows["row"] == keyed.filter(repeated)["first"][0])
        _refuse(path, rows.filter(repeated), f"the same link as {_row(first)}", "one row for a link")


def read_links(
    path: str | Path,
    layer: str,
    years: Sequence[int],
    merge: Mapping[str, str] | None = None,
    needed: tuple[int, int] | None = None,
) -> dict[int, pl.DataFrame]:
    """Read the links of one layer.

    Parameters
    ----------
    path : str or Path
        CSV, CSV.gz or Parquet with columns year, source (or i), target (or j) and weight (or papers). Commas,
        semicolons, tabs or vertical bars separate the values of a text. In an
        undirected layer a pair may have one row, in either order, or two rows; if their weights differ, the
        larger one counts. Links of a country to itself are kept.
    layer : str
        ``collaboration`` (undirected) or ``citation`` (directed: source cites target).
    years : sequence of int
        Years of the study; links of other years are left out.
    merge : Mapping, optional
        Codes that count as a country, ``{"UK": "GB"}``.
    needed : (int, int), optional
        First and last year in which the study needs links: those of the trajectories and of the recent years.

    Returns
    -------
    dict
        Sorted links by year, with source <= target if the layer is undirected: `LINKS`, or `FRACTIONAL_LINKS`
        if any weight of the file is not a whole number.

    Raises
    ------
    StudyError
        If the file is of another format. If a value is missing or invalid, a code is no country, or a link
        has two rows; the message names the row, counted from 1 below the header. If there is no link in these
        years, or all links are after the first needed year or before the last one.
    """
    layout = recognise(path, layer)
    path = Path(path)
    rows = _read(path, layout)
    all_rows = _checked(path, rows, merge or {})
    _refuse_repeated(path, rows, all_rows)
    all_links = all_rows.filter(pl.col("weight") != 0)
    links = all_links.filter(pl.col("year").is_in(list(years)))
    _check_years(path, all_links["year"], years, needed)
    outside = len(all_links) - len(links)
    if layer != "citation":
        links = _undirected(path, links)
    log.info(
        "%s: %s, %d links in %d years between %d countries; left out: %d of weight 0, %d outside %d-%d",
        path, layer, len(links), links["year"].n_unique(), len({*links["source"], *links["target"]}),
        len(all_rows) - len(all_links), outside, years[0], years[-1],
    )  # fmt: skip
    table = links_table(links)
    return {year: tables.conform(links.filter(pl.col("year") == year), table) for year in years}


def _check_years(
    path: Path, present: pl.Series, years: Sequence[int], needed: tuple[int, int] | None
) -> None:
    """Refuse links that do not cover the years that the study needs; warn of years without links."""
    if present.is_empty():
        raise StudyError(f"{path}: all weights are 0; allowed: at least one link")
    in_file = sorted(present.unique())
    advice = f"set years: {{first: {in_file[0]}, last: {in_file[-1]}}}, or other years within them"
    has = f"the file has {windows.named(in_file[0], in_file[-1])}; {advice}"
    absent = sorted({*years} - {*in_file})
    if len(absent) == len(years):
        raise StudyError(f"{path}: no link in the years {windows.named(years[0], years[-1])}; {has}")
    if needed and not in_file[0] <= needed[0] <= needed[1] <= in_file[-1]:
        raise StudyError(f"{path}: the study needs links of {windows.named(*needed)}; {has}")
    if absent:
        log.warning(
            "%s: no link in %d of the years %s: %s",
            path, len(absent), windows.named(years[0], years[-1]), _list(absent),
        )  # fmt: skip


def _undirected(path: Path, links: pl.DataFrame) -> pl.DataFrame:
    """Keep one row for each pair, with source <= target and the larger of two different weights."""
    pairs = links.group_by(
        "year",
        pl.min_horizontal("source", "target").alias("a"),
        pl.max_horizontal("source", "target").alias("b"),
    ).agg(pl.col("weight").max(), (pl.col("weight").n_unique() > 1).alias("differ"))
    if pairs["differ"].any():
        log.warning(
            "%s: %d pairs have different weights in their two directions; the larger one counts",
            path, pairs["differ"].sum(),
        )  # fmt: skip
    return pairs.select("year", "weight", source="a", target="b")
