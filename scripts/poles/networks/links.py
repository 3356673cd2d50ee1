"""Count the links between countries in the works of a year.

Works are first grouped by their set of countries. A million works of a year have only some ten thousand
distinct sets, so pairs of countries are formed once for each set (or pair of sets) and not for each work.
"""

import polars as pl


def weighted(counts: pl.DataFrame, share: pl.Expr, counting: str) -> pl.DataFrame:
    """Sum the counts of each pair of countries over all sizes of sets of countries.

    Counts are integers up to here, and the few sizes are added in a fixed order, because a sum of floats over
    millions of works depends on the number of threads.

    Parameters
    ----------
    counts : pl.DataFrame
        Columns source, target, size (of the set of countries, or of the pair of sets) and works.
    share : pl.Expr
        Weight of one of the works under fractional counting.
    counting : str
        ``full`` or ``fractional``.

    Returns
    -------
    pl.DataFrame
        source, target, weight; sorted.
    """
    weight = pl.col("works") if counting == "full" else pl.col("works") * share
    return (
        counts.sort(counts.columns)
        .group_by("source", "target", maintain_order=True)
        .agg(weight.sort().sum().alias("weight"))
        .sort("source", "target")
    )


def country_sets(works: pl.LazyFrame) -> pl.LazyFrame:
    """Select works with a country: work_id, year, and set, their countries as text such as ``CN US``."""
    return works.filter(pl.col("countries").list.len() > 0).select(
        "work_id", "year", pl.col("countries").list.join(" ").alias("set")
    )


def collaboration_links(works: pl.LazyFrame, counting: str) -> pl.DataFrame:
    """Count the works of every pair of countries.

    Parameters
    ----------
    works : pl.LazyFrame
        `WORKS` of one year. Works outside the field do not count.
    counting : str
        ``full``: a work counts 1 for each unordered pair of its countries, and 1 on the diagonal for each
        country. ``fractional``: each pair of a work with n countries counts 2/(n(n-1)), so its pairs sum to
        1; the diagonal counts 1/n (Perianes-Rodriguez, Waltman and van Eck 2016, J. Informetr. 10:1178-1195).

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
    return weighted(counts, share, counting)


def citation_links(
    citing: pl.LazyFrame, cited: pl.LazyFrame, counting: str, window: int | None = None
) -> pl.DataFrame:
    """Count the citations from one country to another.

    Parameters
    ----------
    citing : pl.LazyFrame
        `WORKS` of one year, in the field or outside it.
    cited : pl.LazyFrame
        `country_sets` of the works of the field, of all years.
    counting : str
        ``full``: a citation counts 1 for each pair of a country of the citing work and a country of the cited
        work. ``fractional``: divided by the number of these pairs, so a citation sums to 1.
    window : int, optional
        Largest number of years from the cited to the citing work. By default, cited works of any age count.

    Returns
    -------
    pl.DataFrame
        source (citing), target (cited), weight; with the diagonal.
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
    return weighted(counts, 1 / pl.col("size").cast(pl.Float64), counting)
