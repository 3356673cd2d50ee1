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
        "topic_score": pl.Float64,  # of the primary topic, with six decimals; null: not given
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
NAMES = Table(
    ("cluster", "channel"),
    {
        "cluster": pl.Int16,
        "archetype": pl.String,
        "channel": pl.String,
        "pairs": pl.Int64,
        "change": pl.Float64,  # mean of the members in noise units, last years less first
        "low": pl.Float64,  # its 95 % interval
        "high": pl.Float64,
        "direction": pl.String,  # rises, falls, still, unclear
    },
)
SELECTION = Table(
    ("data", "over", "measure", "k"),
    {
        "data": pl.String,  # "observed" or the name of a surrogate
        "over": pl.String,  # what is varied: "pairs", "countries" (resampled), "seeds", "radius 1"; or "fit"
        # Against the fit: adjusted_rand, lowest_jaccard. Of the fit: inertia, silhouette, explained (by what
        # share the inertia is below that of a single cluster).
        "measure": pl.String,
        "k": pl.Int16,
        "value": pl.Float64,  # mean over runs; over surrogate panels
        "low": pl.Float64,  # quantiles 0.05 and 0.95 of the runs; where one more surrogate panel lies at 99 %
        "high": pl.Float64,
        "runs": pl.Int32,  # of the observed panel, or surrogate panels
        "passes": pl.Boolean,  # whether the observed panel is stable and beyond all surrogates at this k
        "preferred": pl.Boolean,  # whether it is the greatest such k
    },
)
CHOICES = Table(
    ("over",),
    {
        "over": pl.String,  # as in SELECTION, at the headline's k; "year 2003" left out; "k 5", "k 8 merged"
        "runs": pl.Int32,
        "adjusted_rand": pl.Float64,  # mean over the runs
        "adjusted_rand_low": pl.Float64,  # quantile 0.05
        "lowest_jaccard": pl.Float64,
        "same_archetype": pl.Float64,  # share of the pairs, of matched clusters
        "same_name": pl.Float64,  # the same by the names that each run gives
        "archetypes": pl.Float64,  # how many of the headline's names a run finds, on average
    },
)
STABILITY = Table(
    ("source", "target"),
    {
        **PAIR,
        "archetype": pl.String,
        "stability": pl.Float64,  # share of runs in which the pair keeps its archetype, clusters matched
        "same_name": pl.Float64,  # share of runs that give it the same name
        "core": pl.Boolean,  # stability as the config asks of a core pair
        "with_stable": pl.String,  # archetype by one cluster more
        "merged": pl.String,  # archetype by twice as many clusters, merged (`refits.Panel.named`)
    },
)
PAIR_TRENDS = Table(
    ("source", "target", "channel"),
    {
        **PAIR,
        "channel": pl.String,
        "slope": pl.Float64,  # change of z per decade, with its 95 % interval
        "low": pl.Float64,
        "high": pl.Float64,
        "p": pl.Float64,
        "correlation": pl.Float64,  # of neighbouring years, less the trend
        "direction": pl.Int8,  # 1 rises, -1 falls, 0 neither at level 0.05
        "archetype": pl.String,  # of the pair, from the directions of all its channels
    },
)
SIGNAL = Table(
    ("channel",),
    {
        "channel": pl.String,
        "pairs": pl.Int64,  # of the panel
        "signal": pl.Float64,  # median and quartiles of the pairs: change over all years by the yearly noise
        "signal_low": pl.Float64,
        "signal_high": pl.Float64,
        "trendless": pl.Int64,  # pairs without a significant trend in this channel
        "trendless_in_all": pl.Int64,  # in none of the channels
    },
)
AGREEMENT = Table(
    ("clustered", "directions"),
    {
        "clustered": pl.String,  # archetype of the cluster
        "directions": pl.String,  # of the pair's own trends, by channel: "+", "-", "0"
        "by_trends": pl.String,  # archetype of these directions
        "pairs": pl.Int64,
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
        "unchanged_slope": pl.Float64,  # of z had no affinity changed; null where the slope is not of z
    },
)
POLES = Table(
    ("country",),
    {
        "country": COUNTRY,  # taken as a pole
        "strength": pl.Float64,  # share of the panel's strength, mean over layers
        "partners": pl.Int64,  # in the panel
        "attracted": pl.Int64,  # partners with which every channel rises significantly
        "repelled": pl.Int64,  # with which every channel falls
        "attracts": pl.List(COUNTRY),
        "repels": pl.List(COUNTRY),
        "excess": pl.Float64,  # share of the partners that are attracted, less what chance gives
        "excess_repelled": pl.Float64,  # the same of those repelled
        "rank": pl.Int64,  # by excess
        "p_attracts": pl.Float64,  # the greater: that chance attracts as many, that it is as one-sided
        "q_attracts": pl.Float64,  # Benjamini-Hochberg over countries
        "p_repels": pl.Float64,
        "q_repels": pl.Float64,
        "attracted_strength": pl.Float64,  # share of the partners' strength
        "repelled_strength": pl.Float64,
        "p_attracts_strength": pl.Float64,
        "q_attracts_strength": pl.Float64,
        "p_repels_strength": pl.Float64,
        "q_repels_strength": pl.Float64,
    },
)
POLARIZATION = Table(
    ("channel", "measure", "poles", "year"),
    {
        "channel": pl.String,
        "measure": pl.String,  # correlation, rank_correlation, modularity, pole_modularity
        "poles": pl.String,  # US-CN; "none" for modularity, whose split knows no poles
        "year": YEAR,
        "value": pl.Float64,
        "low": pl.Float64,  # 95 % interval over countries
        "high": pl.Float64,
        "chance": pl.Float64,  # mean and central 95 % where z is dealt out anew, strengths given
        "chance_low": pl.Float64,
        "chance_high": pl.Float64,
        "p": pl.Float64,  # that chance gives as much polarization
        "steady": pl.Float64,  # mean of panels drawn with unchanged affinities
        "countries": pl.Int64,
        "apart": pl.Boolean,  # modularity: whether its split parts the two poles; null for all else
    },
)
POLARIZATION_TRENDS = Table(
    ("channel", "measure", "poles"),
    {
        "channel": pl.String,
        "measure": pl.String,
        "poles": pl.String,
        "slope": pl.Float64,  # change per decade, with its 95 % interval over countries
        "low": pl.Float64,
        "high": pl.Float64,
        "excess_slope": pl.Float64,  # the same of value less steady
        "excess_low": pl.Float64,  # the wider of two intervals: over countries, and of the panels drawn
        "excess_high": pl.Float64,
        "years_low": pl.Float64,  # 95 % interval of the slope over years, and test, as of a single series
        "years_high": pl.Float64,
        "years_p": pl.Float64,
        "towards": pl.Int8,  # 1 polarization, -1 integration, 0 neither: by the interval of the excess
    },
)
HUBS = Table(
    ("region", "channel", "unit"),
    {
        "region": pl.String,
        "channel": pl.String,
        "unit": pl.String,  # of slopes: "z" or "noise" (of each pair), per decade
        "countries": pl.Int64,
        "large": pl.List(COUNTRY),  # largest first
        "hub_pairs": pl.Int64,  # both countries large
        "spoke_pairs": pl.Int64,  # one large, one small
        "small_pairs": pl.Int64,
        "hubs": pl.Float64,  # mean slope, with its 95 % interval (null of a single pair)
        "hubs_low": pl.Float64,
        "hubs_high": pl.Float64,
        "spokes": pl.Float64,
        "spokes_low": pl.Float64,
        "spokes_high": pl.Float64,
        "small": pl.Float64,
        "small_low": pl.Float64,
        "small_high": pl.Float64,
        "statistic": pl.Float64,  # spokes less hubs
        "p": pl.Float64,  # two-sided, by permutation; q: Benjamini-Hochberg over regions
        "q": pl.Float64,
        "over_small": pl.Float64,  # spokes less small, tested alike
        "p_over_small": pl.Float64,
        "labellings": pl.Int64,  # behind p
        "exact": pl.Boolean,  # whether these are all there are
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
ROBUSTNESS = Table(
    ("claim", "choice"),
    {
        "claim": pl.String,
        "choice": pl.String,  # null model, counting, window, preprocessing, min_strength, k
        "comparisons": pl.Int64,  # pairs of branches that it alone sets apart, the claim testable in both
        "changed": pl.Int64,  # of these, pairs with different verdicts
    },
)


def trajectories(channels: Sequence[str]) -> Table:
    """Kind of table that holds trajectories in the given channels: z-scores, as unchanged, preprocessed."""
    values = {f"{kind}_{name}": pl.Float64 for kind in ("z", "unchanged", "x") for name in channels}
    return Table(("source", "target", "year"), {**PAIR, "year": YEAR, **values, "interpolated": pl.Boolean})


def null_panels(channels: Sequence[str]) -> Table:
    """Kind of table that holds panels of networks drawn from a null model, in the given channels."""
    values = {f"z_{name}": pl.Float64 for name in channels}
    return Table(("panel", "source", "target", "year"), {"panel": pl.Int16, **PAIR, "year": YEAR, **values})


def centroids(channels: Sequence[str]) -> Table:
    """Kind of table that holds the barycentre of each cluster, by year, in the given channels."""
    names = {"cluster": pl.Int16, "archetype": pl.String, "year": YEAR}
    return Table(("cluster", "year"), {**names, **{f"x_{name}": pl.Float64 for name in channels}})


def alignment(poles: Sequence[str]) -> Table:
    """Kind of table that holds the group of each country, its archetype with each pole, and its index."""
    columns = {
        "country": COUNTRY,
        "group": pl.String,  # by the archetypes below
        **{f"archetype_{pole}": pl.String for pole in poles},
        "trend_group": pl.String,  # the same rule on the archetypes of the pairs' own trends
        "index": pl.Float64,  # of two poles: positive towards the first, with its 95 % interval
        "index_low": pl.Float64,
        "index_high": pl.Float64,
    }
    return Table(("country",), columns)


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
