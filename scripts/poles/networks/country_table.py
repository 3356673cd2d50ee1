"""Activity of each country in each year: papers, partners and strengths."""

from collections.abc import Mapping

import polars as pl

from poles.networks.tables import COUNTRIES


def _partners(links: pl.DataFrame, column: str, prefix: str, suffix: str = "") -> pl.DataFrame:
    """Number and weight of the links between different countries, by the country in one of the columns."""
    weight = pl.col("weight")
    # A sum of floats depends on its order, and that on the number of threads.
    total = weight.sum() if links["weight"].dtype.is_integer() else weight.sort().sum()
    return (
        links.filter(pl.col("source") != pl.col("target"))
        .group_by(pl.col(column).alias("country"))
        .agg(
            pl.len().alias(f"{prefix}_links{suffix}"),
            total.cast(pl.Float64).alias(f"{prefix}_strength{suffix}"),
        )
    )


def country_table(
    year: int, links: Mapping[str, pl.DataFrame], international: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Put together the activity of each country in one year.

    Parameters
    ----------
    year : int
        Year of the links.
    links : Mapping
        Links by layer. Columns of a layer that is missing are null.
    international : pl.DataFrame, optional
        `poles.networks.links.international_papers`. If it is missing, the links do not come from works, and
        this column is null.

    Returns
    -------
    pl.DataFrame
        `COUNTRIES`. Papers are the diagonal of the collaboration links. They are null if the links do not
        come from works and have no diagonal.
    """
    parts = []
    if "collaboration" in links:
        pairs = links["collaboration"]
        mirrored = pl.concat([pairs, pairs.select(source="target", target="source", weight="weight")])
        diagonal = pairs.filter(pl.col("source") == pl.col("target"))
        parts.append(diagonal.select(country="source", papers=pl.col("weight").cast(pl.Float64)))
        parts.append(_partners(mirrored, "source", "collaboration"))
    if "citation" in links:
        parts.append(_partners(links["citation"], "source", "citation", "_out"))
        parts.append(_partners(links["citation"], "target", "citation", "_in"))
    if international is not None:
        parts.append(international)
    countries = pl.DataFrame({"country": pl.Series([], dtype=pl.String)})
    for part in parts:
        countries = countries.join(part, on="country", how="full", coalesce=True)
    # A country without links has a count of 0 in a layer of the study, and null in a layer that is missing.
    counts = [name for name in countries.columns if name not in ("country", "papers", "international_papers")]
    if international is not None:
        counts += ["papers", "international_papers"]
    elif "papers" in countries.columns and countries["papers"].is_not_null().any():
        counts += ["papers"]
    absent = [name for name in COUNTRIES.columns if name not in ("year", *countries.columns)]
    return (
        countries.with_columns(pl.lit(year).alias("year"), pl.col(counts).fill_null(0))
        .with_columns(pl.lit(None).alias(name) for name in absent)
        .select(pl.col(name).cast(kind) for name, kind in COUNTRIES.columns.items())
        .sort("year", "country")
    )


def country_sizes(countries: pl.DataFrame) -> dict[str, float]:
    """Compute the size of each country over all years: its papers, or else the weight of its links.

    Parameters
    ----------
    countries : pl.DataFrame
        `COUNTRIES`.

    Returns
    -------
    dict
        Size by country code.
    """
    measures = ["papers", "collaboration_strength", "citation_strength_out"]
    column = next((name for name in measures if countries[name].is_not_null().any()), measures[0])
    return dict(countries.group_by("country").agg(pl.col(column).sort().sum()).sort("country").iter_rows())
