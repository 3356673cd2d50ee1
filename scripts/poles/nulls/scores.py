"""Scores of links against a null model: z-scores, p-values, false discovery rates."""

import logging
from collections.abc import Mapping

import polars as pl

from poles.nulls.tables import SCORES
from poles.stats.false_discovery import benjamini_hochberg

log = logging.getLogger(__name__)


def z_of(weight: pl.Expr) -> pl.Expr:
    """Column ``z``: a weight minus ``expected``, divided by ``std``; null if std is 0."""
    z = pl.when(pl.col("std") > 0).then((weight - pl.col("expected")) / pl.col("std"))
    return z.alias("z")


def score(moments: pl.DataFrame) -> pl.DataFrame:
    """Compare observed weights with the moments of a null model.

    Parameters
    ----------
    moments : pl.DataFrame
        `MOMENTS`.

    Returns
    -------
    pl.DataFrame
        `SCORES`. ``z`` is `z_of` the observed weight. ``p`` is P[w >= observed] of the model if it has one,
        else the upper tail probability of a normal distribution at z. ``q`` is the adjusted p-value within a
        year (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289-300).
    """
    from scipy.special import ndtr  # figures import this module and compute no tail

    scores = moments.with_columns(z_of(pl.col("observed")))
    tail = pl.Series("tail", ndtr(-scores["z"].to_numpy()), dtype=pl.Float64).fill_nan(None)
    scores = scores.with_columns(pl.col("p_upper").fill_null(tail).alias("p")).drop("p_upper")
    key = list(SCORES.key)
    adjusted = [scores.clear().select(*key, q=pl.lit(None, dtype=pl.Float64))]
    for year in scores.filter(pl.col("p").is_not_null()).partition_by("year", maintain_order=True):
        q = pl.Series("q", benjamini_hochberg(year["p"].to_numpy()))
        log.info(
            "%d: %d pairs, %d with z > 2, %d with q < 0.05",
            year["year"][0], len(year), (year["z"] > 2).sum(), (q < 0.05).sum(),
        )  # fmt: skip
        adjusted.append(year.select(*key, q))
    return scores.join(pl.concat(adjusted), on=key, how="left", maintain_order="left")


def pair_means(scores: pl.DataFrame) -> pl.DataFrame:
    """Average the two directions of each pair of a directed layer; an undirected layer stays the same.

    Parameters
    ----------
    scores : pl.DataFrame
        Columns source, target, year, z, and possibly q.

    Returns
    -------
    pl.DataFrame
        source < target, year, mean of the z that are not null, and the smaller q if there is one.
    """
    smallest = [pl.col("q").min()] if "q" in scores.columns else []
    first = pl.min_horizontal("source", "target")
    second = pl.max_horizontal("source", "target")
    return (
        scores.with_columns(first.alias("source"), second.alias("target"))
        .group_by("source", "target", "year")
        .agg(pl.col("z").mean(), *smallest)
        .sort("source", "target", "year")
    )


def partners_of(country: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Rows of the pairs of one country, with its partner as column ``country``."""
    return pairs.filter((pl.col("source") == country) | (pl.col("target") == country)).with_columns(
        pl.when(pl.col("source") == country).then("target").otherwise("source").alias("country")
    )


def recent_links(scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Mean z of each pair over some years, by layer, which decides whether a link is above expectation.

    Pairs that have z in half of the years or fewer are left out: one year with a high z is not a lasting tie.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        First and last year.

    Returns
    -------
    pl.DataFrame
        layer, source < target, z (mean over the years that have z), q (median), years (number of years).
    """
    frames = []
    for layer, frame in scores.items():
        inside = pair_means(frame).filter(pl.col("year").is_between(first, last) & pl.col("z").is_not_null())
        frames.append(
            inside.group_by("source", "target", maintain_order=True)
            .agg(pl.col("z").mean(), pl.col("q").median(), pl.len().alias("years"))
            .filter(2 * pl.col("years") > last - first + 1)
            .select(pl.lit(layer).alias("layer"), "source", "target", "z", "q", "years")
        )
    return pl.concat(frames)
