"""Read yearly links between countries from edge lists of the user, in CSV or Parquet."""

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from poles import countries
from poles.errors import StudyError
from poles.networks.tables import links_table
from poles.study import tables

log = logging.getLogger(__name__)

COLUMNS = {
    "year": ("year",),
    "source": ("source", "i"),
    "target": ("target", "j"),
    "weight": ("weight", "papers"),
}
"""Columns of an edge list, with their accepted names. Other columns are not read."""
REST = "OTH"
"""The only code of three letters that is accepted: the rest of the world."""


def _read(path: Path) -> pl.DataFrame:
    """Read year, source, target, weight (text if from CSV, typed if from Parquet); number the rows from 1."""
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            # Everything is read as text, because type inference takes NA (Namibia) for a missing value.
            frame = pl.read_csv(path, infer_schema=False, null_values=[""])
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise StudyError(f"{path}: not readable as CSV, CSV.gz or Parquet ({reason})") from None
    by_lower_name = {name.strip().lower(): name for name in reversed(frame.columns)}
    chosen = {
        column: next((by_lower_name[name] for name in names if name in by_lower_name), None)
        for column, names in COLUMNS.items()
    }
    missing = [" or ".join(COLUMNS[column]) for column, name in chosen.items() if name is None]
    if missing:
        raise StudyError(f"{path}: lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    columns = (pl.col(name).alias(column) for column, name in chosen.items() if name is not None)
    return frame.select(columns).with_row_index("row", 1)


def _refuse(path: Path, invalid: pl.DataFrame, reason: str, allowed: str) -> None:
    """Raise an error that names the first invalid row, if there is one."""
    if len(invalid):
        row = invalid.row(0, named=True)
        raise StudyError(
            f"{path}, row {row['row']} ({row['year']}, {row['source']}, {row['target']}, {row['weight']}): "
            f"{reason}; allowed: {allowed}"
        )


def _checked(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """Convert years and weights to numbers and codes to capitals; refuse every other value."""
    try:
        typed = frame.with_columns(
            pl.col("year").cast(pl.Int64, strict=False),
            pl.col("source", "target").cast(pl.String).str.strip_chars().str.to_uppercase(),
            pl.col("weight").cast(pl.Float64, strict=False),
        )
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"{path}: not an edge list ({error})") from None

    def refuse(invalid: pl.Expr, reason: str, allowed: str) -> None:
        _refuse(path, frame.filter(typed.select(invalid).to_series()), reason, allowed)

    refuse(pl.col("year").is_null(), "no year", "a whole number")
    for end in ("source", "target"):
        valid = pl.col(end).str.contains(rf"^(?:[A-Z]{{2}}|{REST})$").fill_null(False)
        three_letters = pl.col(end).is_in(countries.load()["code3"].implode())
        refuse(~valid & three_letters, f"three letters as {end}", "two-letter codes (ISO 3166-1 alpha-2)")
        refuse(~valid, f"no country as {end}", f"two letters (ISO 3166-1 alpha-2), or {REST} for the rest")
    refuse(pl.col("weight").is_null(), "no weight", "a number")
    refuse(~pl.col("weight").is_finite(), "weight is not finite", "a number")
    refuse(pl.col("weight") < 0, "weight is negative", "a number above 0")
    return typed


def read_links(path: str | Path, layer: str, years: Sequence[int]) -> dict[int, pl.DataFrame]:
    """Read the links of one layer.

    Parameters
    ----------
    path : str or Path
        CSV, CSV.gz or Parquet with columns year, source (or i), target (or j) and weight (or papers). In an
        undirected layer a pair may have one row, in either order, or two rows; if their weights differ, the
        larger one counts. Links of a country to itself are kept.
    layer : str
        ``collaboration`` (undirected) or ``citation`` (directed: source cites target).
    years : sequence of int
        Years of the study; links of other years are left out.

    Returns
    -------
    dict
        Sorted links by year, with source <= target if the layer is undirected: `LINKS`, or `FRACTIONAL_LINKS`
        if any weight of the file is not a whole number.

    Raises
    ------
    StudyError
        If a value is missing or invalid, or a link has two rows; the message names the row, counted from 1
        below the header. If the file has no link in these years.
    """
    if not path:
        raise StudyError(f"source.networks.{layer}: missing; allowed: a CSV, CSV.gz or Parquet file")
    path = Path(path)
    rows = _read(path)
    links = _checked(path, rows)
    repeated = ~pl.struct("year", "source", "target").is_first_distinct()
    _refuse(path, rows.filter(links.select(repeated).to_series()), "second row of that link", "one row")
    unknown = sorted({*links["source"], *links["target"]} - set(countries.names()) - {REST})
    if unknown:
        log.warning("%s: codes that ISO 3166-1 does not have: %s", path, ", ".join(unknown))
    all_rows = links.with_columns(_weights(rows["weight"], links["weight"]))
    all_links = all_rows.filter(pl.col("weight") != 0)
    links = all_links.filter(pl.col("year").is_in(list(years)))
    if len(all_rows) and not len(links):
        present = sorted(all_rows["year"])
        raise StudyError(
            f"{path}: no link in the years {years[0]}-{years[-1]}; the file has {present[0]}-{present[-1]}"
        )
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


def _weights(original: pl.Series, weights: pl.Series) -> pl.Series:
    """Convert weights to int64 if all are whole numbers, such as ``3`` or ``3.0``."""
    if original.dtype == pl.String or original.dtype.is_integer():
        exact = original.cast(pl.Int64, strict=False)
        if not exact.has_nulls():
            return exact
    is_whole = (weights == weights.floor()) & (weights < 2**53)
    return weights.cast(pl.Int64) if is_whole.all() else weights


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
