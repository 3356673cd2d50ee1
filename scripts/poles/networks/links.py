"""From works to the yearly links between countries, and the panel of countries.

Works are first reduced to their distinct sets of countries: a year of a million works has only some ten
thousand of them, so pairs of countries are formed once per set (or pair of sets) and not once per work.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from poles.networks import edge_lists
from poles.networks.tables import COUNTRIES, FRACTIONAL_LINKS, LINKS
from poles.study import tables

log = logging.getLogger(__name__)

COUNTINGS = ("full", "fractional")


def links_table(counting: str) -> tables.Table:
    """Kind of table that holds links under a counting scheme: integers where every count is one."""
    return LINKS if counting == "full" else FRACTIONAL_LINKS


def write_links(
    year: int, links: Mapping[str, pl.DataFrame], paths: Iterable[str], record: Mapping[str, Any]
) -> None:
    """Write a year's links by layer to those of the paths ``.../LAYER/links/YEAR.parquet``."""
    places = {Path(path).parts[-3:]: path for path in paths}
    for layer, frame in links.items():
        counting = "full" if frame["weight"].dtype.is_integer() else "fractional"
        tables.write(frame, links_table(counting), places[layer, "links", f"{year}.parquet"], record)


def _weighted(counts: pl.DataFrame, share: pl.Expr, counting: str) -> pl.DataFrame:
    """Sum counts of (source, target) over groups of one size, each worth `share` if counted fractionally.

    The counts are integers until here, and the few sizes are added in a fixed order: sums of floats
    over millions of works would depend on the number of threads.
    """
    weight = pl.col("works") if counting == "full" else pl.col("works") * share
    return (
        counts.sort(counts.columns)
        .group_by("source", "target", maintain_order=True)
        .agg(weight.sort().sum().alias("weight"))
        .sort("source", "target")
    )


def country_sets(works: pl.LazyFrame) -> pl.LazyFrame:
    """Works with a country: work_id, year, and their set of countries as one string, ``CN GB US``."""
    return works.filter(pl.col("countries").list.len() > 0).select(
        "work_id", "year", pl.col("countries").list.join(" ").alias("set")
    )


def collaboration_links(works: pl.LazyFrame, counting: str) -> pl.DataFrame:
    """Count the works that two countries wrote together.

    Parameters
    ----------
    works : pl.LazyFrame
        `WORKS` of one year; works outside the field do not count.
    counting : str
        ``full``: a work counts 1 for each unordered pair of its countries, and 1 on the diagonal for each
        country. ``fractional``: the pairs of a work with n countries count 2/(n(n-1)) each, so that they sum
        to 1, and the diagonal counts 1/n (Perianes-Rodriguez, Waltman and van Eck 2016).

    Returns
    -------
    pl.DataFrame
        source <= target, weight.
    """
    sets = (
        country_sets(works.filter("is_core"))
        .group_by("set")
        .agg(pl.len().cast(pl.Int64).alias("works"))
        .with_columns(pl.col("set").str.split(" ").alias("source"))
        .with_columns(pl.col("source").list.len().alias("size"), pl.col("source").alias("target"))
    )
    counts = (
        sets.explode("source")
        .explode("target")
        .filter(pl.col("source") <= pl.col("target"))
        .group_by("source", "target", "size")
        .agg(pl.col("works").sum())
        .collect()
    )
    size = pl.col("size").cast(pl.Float64)
    share = pl.when(pl.col("source") == pl.col("target")).then(1 / size).otherwise(2 / (size * (size - 1)))
    return _weighted(counts, share, counting)


def citation_links(
    citing: pl.LazyFrame, cited: pl.LazyFrame, counting: str, window: int | None = None
) -> pl.DataFrame:
    """Count the citations from one country to another.

    Parameters
    ----------
    citing : pl.LazyFrame
        `WORKS` of one year, in the field or outside.
    cited : pl.LazyFrame
        `country_sets` of the works of the field, of all years.
    counting : str
        ``full``: a (citing work, cited work) pair counts 1 for each country of the one and each of the other.
        ``fractional``: divided by the number of such country pairs, so that a citation sums to 1.
    window : int, optional
        Most years from the cited work to the citing one; by default a citation counts however old the cited
        work is.

    Returns
    -------
    pl.DataFrame
        source (citing), target (cited), weight; the diagonal is included.
    """
    age = pl.col("citing_year").cast(pl.Int32) - pl.col("year")
    citations = (
        country_sets(citing)
        .join(citing.select("work_id", "references"), on="work_id")
        .select(
            pl.col("set").alias("source"),
            pl.col("year").alias("citing_year"),
            pl.col("references").alias("work_id"),
        )
        .explode("work_id", empty_as_null=False, keep_nulls=False)
        .join(cited.rename({"set": "target"}), on="work_id")
        .filter(pl.lit(True) if window is None else age <= window)
        .group_by("source", "target")
        .agg(pl.len().cast(pl.Int64).alias("works"))
    )
    counts = (
        citations.with_columns(pl.col("source", "target").str.split(" "))
        .with_columns((pl.col("source").list.len() * pl.col("target").list.len()).alias("size"))
        .explode("source")
        .explode("target")
        .group_by("source", "target", "size")
        .agg(pl.col("works").sum())
        .collect()
    )
    return _weighted(counts, 1 / pl.col("size").cast(pl.Float64), counting)


def international_papers(works: pl.LazyFrame, counting: str) -> pl.DataFrame:
    """Works of the field of each country that it shares with another: country, international_papers."""
    sizes = (
        works.filter(pl.col("is_core") & (pl.col("countries").list.len() > 1))
        .select("countries", pl.col("countries").list.len().alias("size"))
        .explode("countries")
        .group_by(pl.col("countries").alias("source"), "size")
        .agg(pl.len().cast(pl.Int64).alias("works"))
        .with_columns(pl.col("source").alias("target"))
        .select("source", "target", "size", "works")
        .collect()
    )
    return _weighted(sizes, 1 / pl.col("size").cast(pl.Float64), counting).select(
        pl.col("source").alias("country"), pl.col("weight").cast(pl.Float64).alias("international_papers")
    )


def _ends(links: pl.DataFrame, column: str, prefix: str, suffix: str = "") -> pl.DataFrame:
    """Number and weight of the links to other countries that each country has at one end."""
    return (
        links.filter(pl.col("source") != pl.col("target"))
        .group_by(pl.col(column).alias("country"), maintain_order=True)
        .agg(
            pl.len().alias(f"{prefix}_links{suffix}"),
            # Sorted, as a sum of floats in the order of threads would depend on how many there are.
            pl.col("weight").sort().sum().cast(pl.Float64).alias(f"{prefix}_strength{suffix}"),
        )
    )


def country_panel(
    year: int, links: Mapping[str, pl.DataFrame], international: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Activity of each country in one year.

    Parameters
    ----------
    year : int
        Year of the links.
    links : Mapping
        Links by layer; a layer that a study does not have is left out, its columns are null.
    international : pl.DataFrame, optional
        `international_papers`; null where only links are known.

    Returns
    -------
    pl.DataFrame
        `COUNTRIES`; papers are the diagonal of the collaboration links, null where that has none.
    """
    parts = []
    if "collaboration" in links:
        both = links["collaboration"]
        mirrored = pl.concat([both, both.select(source="target", target="source", weight="weight")])
        diagonal = both.filter(pl.col("source") == pl.col("target"))
        parts.append(diagonal.select(country="source", papers=pl.col("weight").cast(pl.Float64)))
        parts.append(_ends(mirrored.sort("source", "target"), "source", "collaboration"))
    if "citation" in links:
        parts.append(_ends(links["citation"], "source", "citation", "_out"))
        parts.append(_ends(links["citation"].sort("target", "source"), "target", "citation", "_in"))
    if international is not None:
        parts.append(international)
    panel = pl.DataFrame({"country": pl.Series([], dtype=pl.String)})
    for part in parts:
        panel = panel.join(part, on="country", how="full", coalesce=True)
    known = {column: pl.col(column) for column in panel.columns}
    # No link is a count of zero where the layer exists, and unknown where it does not.
    counted = [c for c in known if c not in ("country", "papers", "international_papers")]
    from_works = international is not None
    has_papers = "papers" in known and (from_works or panel["papers"].is_not_null().any())
    counted += ["papers"] if has_papers else []
    counted += ["international_papers"] if from_works else []
    return panel.select(
        (known.get(name, pl.lit(None)).cast(kind).fill_null(0) if name in counted
         else known.get(name, pl.lit(year if name == "year" else None)).cast(kind)).alias(name)
        for name, kind in COUNTRIES.columns.items()
    ).sort("year", "country")  # fmt: skip


def read(
    files: Mapping[str, str | Path], first: int, last: int
) -> Iterator[tuple[int, dict[str, pl.DataFrame], pl.DataFrame]]:
    """Read the networks of every year from edge lists.

    Parameters
    ----------
    files : Mapping
        One file per layer, see `poles.networks.edge_lists.read_links`.
    first, last : int
        Years of the study.

    Yields
    ------
    year, links, panel
        As `build`.
    """
    years = range(first, last + 1)
    layers = {layer: edge_lists.read_links(path, layer, years) for layer, path in files.items()}
    for year in years:
        links = {layer: by_year[year] for layer, by_year in layers.items()}
        yield year, links, country_panel(year, links)


def build(
    files: Iterable[str | Path], counting: str, window: int | None = None
) -> Iterator[tuple[int, dict[str, pl.DataFrame], pl.DataFrame]]:
    """Build the networks of every year, one year at a time.

    Parameters
    ----------
    files : iterable of path
        Works tables, one per year, named by it (``2021.parquet``).
    counting : str
        ``full`` or ``fractional``.
    window : int, optional
        See `citation_links`.

    Yields
    ------
    year : int
        Year of the citing and collaborating works.
    links : dict
        Links by layer.
    panel : pl.DataFrame
        `COUNTRIES` of that year.

    Notes
    -----
    In memory at once: the ids and country sets of all works of the field, and the references of one year.
    """
    files = sorted(map(Path, files))
    cited = country_sets(pl.scan_parquet(files).filter("is_core")).collect().lazy()
    for path in files:
        works = pl.scan_parquet(path)
        links = {
            "collaboration": collaboration_links(works, counting),
            "citation": citation_links(works, cited, counting, window),
        }
        year = int(path.stem)
        panel = country_panel(year, links, international_papers(works, counting))
        log.info(
            "%d: %d countries; %s", year, len(panel),
            ", ".join(f"{layer} {len(frame)} links of weight {frame['weight'].sum():.10g}"
                      for layer, frame in links.items()),
        )  # fmt: skip
        yield year, links, panel


def sizes(panel: pl.DataFrame) -> dict[str, float]:
    """Size of each country over all years: its papers, or its links' weight where papers are not known.

    Parameters
    ----------
    panel : pl.DataFrame
        `COUNTRIES`.

    Returns
    -------
    dict
        Size by country code.
    """
    known = ["papers", "collaboration_strength", "citation_strength_out"]
    column = next((name for name in known if panel[name].is_not_null().any()), known[0])
    return dict(panel.group_by("country").agg(pl.col(column).sort().sum()).sort("country").iter_rows())
