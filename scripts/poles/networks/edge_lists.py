"""Yearly links between countries that somebody has already: edge lists in CSV or Parquet."""

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from poles import countries
from poles.errors import StudyError
from poles.networks.tables import FRACTIONAL_LINKS, LINKS
from poles.study import tables

log = logging.getLogger(__name__)

COLUMNS = {
    "year": ("year",),
    "source": ("source", "i"),
    "target": ("target", "j"),
    "weight": ("weight", "papers"),
}
"""Columns of an edge list, with the names under which they are accepted; further columns are not read."""
REST = "OTH"
"""The one name of more than two letters that is taken for a country: the rest of the world."""


def _read(path: Path) -> pl.DataFrame:
    """Columns year, source, target, weight as text (numbers as they are in Parquet), and ``row``, from 1."""
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            # Text throughout: a reader that guesses takes NA, which is Namibia, for a missing value.
            frame = pl.read_csv(path, infer_schema=False, null_values=[""])
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise StudyError(f"{path}: not readable as CSV, CSV.gz or Parquet ({reason})") from None
    lower = {name.strip().lower(): name for name in reversed(frame.columns)}
    found = {
        column: next((lower[name] for name in names if name in lower), None)
        for column, names in COLUMNS.items()
    }
    missing = [" or ".join(COLUMNS[column]) for column, name in found.items() if name is None]
    if missing:
        raise StudyError(f"{path}: lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    return frame.select(pl.col(name).alias(column) for column, name in found.items()).with_row_index("row", 1)


def _refuse(path: Path, bad: pl.DataFrame, what: str, wanted: str) -> None:
    """Raise an error on the first of the rows, if there are any."""
    if len(bad):
        row = bad.row(0, named=True)
        raise StudyError(
            f"{path}, row {row['row']} ({row['year']}, {row['source']}, {row['target']}, {row['weight']}): "
            f"{what}; {wanted}"
        )


def _checked(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """Years and weights as numbers, codes in capitals; every value that is none of these is refused."""
    try:
        typed = frame.with_columns(
            pl.col("year").cast(pl.Int64, strict=False),
            pl.col("source", "target").cast(pl.String).str.strip_chars().str.to_uppercase(),
            pl.col("weight").cast(pl.Float64, strict=False),
        )
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"{path}: not an edge list ({error})") from None

    def refuse(bad: pl.Expr, what: str, wanted: str) -> None:
        _refuse(path, frame.filter(typed.select(bad).to_series()), what, wanted)

    refuse(pl.col("year").is_null(), "no year", "a whole number is wanted")
    for end in ("source", "target"):
        known = pl.col(end).str.contains(rf"^(?:[A-Z]{{2}}|{REST})$").fill_null(False)
        long = pl.col(end).is_in(countries.load()["code3"].implode())
        refuse(~known & long, f"three letters as {end}", "two-letter codes (ISO 3166-1 alpha-2) are wanted")
        refuse(
            ~known,
            f"no country as {end}",
            f"two letters (ISO 3166-1 alpha-2), or {REST} for the rest, are wanted",
        )
    refuse(pl.col("weight").is_null(), "no weight", "a number is wanted")
    refuse(~pl.col("weight").is_finite(), "weight is not finite", "a number is wanted")
    refuse(pl.col("weight") < 0, "weight is negative", "a number above 0 is wanted")
    return typed


def read_links(path: str | Path, layer: str, years: Sequence[int]) -> dict[int, pl.DataFrame]:
    """Read the links of one layer.

    Parameters
    ----------
    path : str or Path
        CSV, CSV.gz or Parquet with columns year, source (or i), target (or j) and weight (or papers). In an
        undirected layer a pair may stand once, in either order, or in both; where the two differ, the larger
        counts. A link of a country to itself is kept.
    layer : str
        ``collaboration`` (undirected) or ``citation`` (directed: source cites target).
    years : sequence of int
        Years of the study; links of other years are left out.

    Returns
    -------
    dict
        For every year its links, sorted, with source <= target where the layer is undirected: `LINKS`,
        or `FRACTIONAL_LINKS` where any weight of the file is no whole number.

    Raises
    ------
    StudyError
        If a value is missing or malformed, or a link stands in two rows: with the row, of which 1 is the
        first below the header. If no link falls into the years.
    """
    if not path:
        raise StudyError(f"source.networks.{layer}: missing; a CSV, CSV.gz or Parquet file is wanted")
    path = Path(path)
    recorded = _read(path)
    links = _checked(path, recorded)
    again = ~pl.struct("year", "source", "target").is_first_distinct()
    _refuse(
        path, recorded.filter(links.select(again).to_series()), "second row of that link", "one is wanted"
    )
    unknown = sorted({*links["source"], *links["target"]} - set(countries.names()) - {REST})
    if unknown:
        log.warning("%s: not among the countries of ISO 3166-1: %s", path, ", ".join(unknown))
    links = links.with_columns(_weights(recorded["weight"], links["weight"]))
    given = links
    links = given.filter(pl.col("weight") != 0)
    absent = len(given) - len(links)
    links = links.filter(pl.col("year").is_in(list(years)))
    if len(given) and not len(links):
        first, last = given["year"].min(), given["year"].max()
        raise StudyError(f"{path}: no link in the years {years[0]}-{years[-1]}; the file has {first}-{last}")
    outside = len(given) - absent - len(links)
    if layer != "citation":
        links = _undirected(path, links)
    log.info(
        "%s: %s, %d links in %d years between %d countries; left out: %d of weight 0, %d outside %d-%d",
        path, layer, len(links), links["year"].n_unique(), len({*links["source"], *links["target"]}),
        absent, outside, years[0], years[-1],
    )  # fmt: skip
    table = LINKS if links["weight"].dtype == pl.Int64 else FRACTIONAL_LINKS
    return {year: tables.conform(links.filter(pl.col("year") == year), table) for year in years}


def _weights(recorded: pl.Series, weights: pl.Series) -> pl.Series:
    """Weights as int64 if all are whole numbers (``3`` or ``3.0``), else as they are."""
    if recorded.dtype == pl.String or recorded.dtype.is_integer():
        exact = recorded.cast(pl.Int64, strict=False)
        if not exact.has_nulls():
            return exact
    whole = (weights == weights.floor()) & (weights < 2**53)
    return weights.cast(pl.Int64) if whole.all() else weights


def _undirected(path: Path, links: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, source <= target; of two different weights the larger."""
    pairs = links.group_by(
        "year",
        pl.min_horizontal("source", "target").alias("a"),
        pl.max_horizontal("source", "target").alias("b"),
    ).agg(pl.col("weight").max(), (pl.col("weight").n_unique() > 1).alias("differ"))
    if pairs["differ"].any():
        log.warning(
            "%s: %d pairs have different weights in their two directions; the larger counts",
            path, pairs["differ"].sum(),
        )  # fmt: skip
    return pairs.select("year", "weight", source="a", target="b")
