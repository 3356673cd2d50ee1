"""The schema of every table of the study, and how tables are written and read.

A table is sorted by its key and carries its provenance in the Parquet metadata, so equal content means
equal bytes. Countries are ISO 3166-1 alpha-2 codes (Namibia is the string "NA"), years are int16.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from poles import provenance
from poles.errors import StudyError

COUNTRY = pl.String
YEAR = pl.Int16
PAIR = {"source": COUNTRY, "target": COUNTRY}


class Table(NamedTuple):
    """A kind of table: its key, the type of every column, and the rows of a Parquet row group."""

    key: tuple[str, ...]
    columns: Mapping[str, Any]
    row_group: int | None = None  # None: what polars takes


RECORDS = Table(
    ("position",),
    {
        "position": pl.Int64,  # place of the file among the source's files << 32 | row in the file
        "work_id": pl.Int64,
        "year": YEAR,  # null: none given, or none that a calendar has
        "type": pl.String,
        "is_retracted": pl.Boolean,
        "is_paratext": pl.Boolean,
        "is_xpac": pl.Boolean,
        "updated": pl.String,  # YYYY-MM-DDThh:mm:ss.ffffff, so that later is greater
        "primary_subfield": pl.Int32,
        "topic_subfields": pl.List(pl.Int32),
        "n_authors": pl.Int32,
        "authorships": pl.List(  # country codes as listed, and of the institutions
            pl.Struct({"countries": pl.List(COUNTRY), "institutions": pl.List(COUNTRY)})
        ),
        "references": pl.List(pl.Int64),  # as recorded
    },
)
# Records of the field or citing it: by year, in small groups, so that one year is read without the rest.
KEPT = Table(("year", "position"), {**RECORDS.columns, "is_core": pl.Boolean}, row_group=8192)
CORE = Table(("work_id",), {"work_id": pl.Int64})
COUNTS = Table(
    ("year",),
    {
        "year": YEAR,
        "read": pl.Int64,  # records
        "identified": pl.Int64,  # of which with the id of a work
    },
)
WORKS = Table(
    ("work_id",),
    {
        "work_id": pl.Int64,
        "year": YEAR,
        "type": pl.String,
        "is_core": pl.Boolean,  # in the field; false for a work outside that cites it
        "countries": pl.List(COUNTRY),  # sorted, distinct
        "n_authors": pl.Int32,
        "references": pl.List(pl.Int64),  # sorted, distinct, without the work itself
    },
)
LOSSES = Table(
    ("year", "order"),
    {
        "year": YEAR,  # null: works without a year
        "order": pl.Int8,  # place of the step in the selection
        "step": pl.String,
        "unit": pl.String,  # "works" or "references"
        "left": pl.Int64,  # what is left after the step
        "left_core": pl.Int64,  # of which in the field (null where it is not known yet)
    },
)
LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Int64})
FRACTIONAL_LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Float64})
COUNTRIES = Table(
    ("year", "country"),
    {
        "year": YEAR,
        "country": COUNTRY,
        "papers": pl.Float64,  # of the field; by the variant's counting
        "international_papers": pl.Float64,
        "collaboration_links": pl.Int32,  # partner countries
        "collaboration_strength": pl.Float64,  # weight of the links to other countries
        "citation_links_out": pl.Int32,  # countries cited
        "citation_links_in": pl.Int32,  # countries citing
        "citation_strength_out": pl.Float64,
        "citation_strength_in": pl.Float64,
    },
)
MOMENTS = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,
        **PAIR,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "std": pl.Float64,
        "p_upper": pl.Float64,  # P[w >= observed]; null where the model has none
    },
)
DIAGNOSTICS = Table(
    ("year",),
    {
        "year": YEAR,
        "nodes": pl.Int32,
        "links": pl.Int32,
        "iterations": pl.Int32,
        "residual": pl.Float64,  # largest relative error of any constraint
        "ess_min": pl.Float64,  # effective sample size and split R-hat: samplers only
        "ess_median": pl.Float64,
        "rhat_max": pl.Float64,
        "rhat_median": pl.Float64,
        "note": pl.String,  # what a reader should know of that year
    },
)
SCORES = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,
        **PAIR,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "std": pl.Float64,
        "z": pl.Float64,  # null where std is 0: the model leaves that pair no freedom
        "p": pl.Float64,  # upper tail
        "q": pl.Float64,  # Benjamini-Hochberg within a year
    },
)
TRUTH = Table(("source", "target"), {**PAIR, "archetype": pl.String})
EXCLUDED = Table(("source", "target"), {**PAIR, "reason": pl.String})
CLUSTERS = Table(
    ("source", "target"),
    {
        **PAIR,
        "cluster": pl.Int16,  # from 1
        "archetype": pl.String,
        "distance": pl.Float64,  # to the own centroid, under dynamic time warping
        "silhouette": pl.Float64,  # simplified: from distances to centroids
    },
)
TRENDS = Table(
    ("country", "pole", "channel"),
    {
        "country": COUNTRY,
        "pole": COUNTRY,
        "channel": pl.String,
        "slope": pl.Float64,  # change of z per decade, with its 95 % interval
        "slope_low": pl.Float64,
        "slope_high": pl.Float64,
        "mean_z": pl.Float64,  # in the recent years of the config
    },
)
RECOVERY = Table(
    ("planted", "recovered"),
    {"planted": pl.String, "recovered": pl.String, "pairs": pl.Int64, "adjusted_rand_index": pl.Float64},
)
CLAIMS = Table(
    ("claim", "variant", "null"),
    {
        "claim": pl.String,
        "variant": pl.String,
        "null": pl.String,
        "statement": pl.String,
        "statistic": pl.Float64,
        "verdict": pl.String,
        "why": pl.String,
    },
)


def trajectories(channels: Sequence[str]) -> Table:
    """Kind of table that holds trajectories in the given channels: z-scores, and z preprocessed."""
    values = {f"{kind}_{name}": pl.Float64 for kind in "zx" for name in channels}
    return Table(("source", "target", "year"), {**PAIR, "year": YEAR, **values, "interpolated": pl.Boolean})


def centroids(channels: Sequence[str]) -> Table:
    """Kind of table that holds the barycentre of each cluster, by year, in the given channels."""
    names = {"cluster": pl.Int16, "archetype": pl.String, "year": YEAR}
    return Table(("cluster", "year"), {**names, **{f"x_{name}": pl.Float64 for name in channels}})


def alignment(poles: Sequence[str]) -> Table:
    """Kind of table that holds the group of each country, and its archetype with each pole."""
    columns = {f"archetype_{pole}": pl.String for pole in poles}
    return Table(("country",), {"country": COUNTRY, "group": pl.String, **columns})


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Give a frame exactly the columns, types and order of its kind of table.

    Parameters
    ----------
    frame : pl.DataFrame
        At least the columns of `table`; others are dropped.
    table : Table
        What the frame is meant to be.

    Returns
    -------
    pl.DataFrame
        Sorted by the key.

    Raises
    ------
    StudyError
        If a column is missing, a value does not fit its type, or a key occurs twice.
    """
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise StudyError(f"table lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    try:
        frame = frame.select(pl.col(name).cast(kind) for name, kind in table.columns.items())
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"table does not fit its schema: {error}") from None
    frame = frame.sort(table.key, nulls_last=True)
    twice = frame.select(table.key).is_duplicated()
    if twice.any():
        key = frame.filter(twice).row(0, named=True)
        raise StudyError(f"key occurs twice: {', '.join(f'{name}={key[name]}' for name in table.key)}")
    return frame


def write(frame: pl.DataFrame, table: Table, path: str | Path, record: Mapping[str, Any]) -> pl.DataFrame:
    """Write a table with its provenance; equal content and provenance give equal bytes.

    Parameters
    ----------
    frame : pl.DataFrame
        Conformed to `table` before it is written.
    table : Table
        The kind of table.
    path : str or Path
        A ``.parquet`` file; it is there whole or not at all.
    record : Mapping
        Provenance of the job.

    Returns
    -------
    pl.DataFrame
        What was written.
    """
    frame = conform(frame, table)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    record = {**record, "content": provenance.table_digest(frame)}
    frame.write_parquet(
        partial, row_group_size=table.row_group, metadata={"provenance": provenance.canonical(record)}
    )
    partial.replace(path)
    return frame


def read(path: str | Path, table: Table) -> pl.DataFrame:
    """Read a table and check that it is what it is taken for.

    Parameters
    ----------
    path : str or Path
        A file written by `write`.
    table : Table
        The kind of table expected.

    Returns
    -------
    pl.DataFrame
        Columns as in `table`.

    Raises
    ------
    StudyError
        If the file is missing, no Parquet, or another kind of table.
    """
    try:
        frame = pl.read_parquet(path)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file") from None
    except pl.exceptions.PolarsError as error:
        raise StudyError(f"{path}: not a readable Parquet file ({error})") from None
    if frame.schema != pl.Schema(table.columns):
        raise StudyError(f"{path}: columns {dict(frame.schema)}, expected {dict(table.columns)}")
    return frame
