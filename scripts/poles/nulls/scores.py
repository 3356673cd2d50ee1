"""How far each link is from its null model: z-score, p-value, false-discovery rate."""

import logging
from collections.abc import Mapping

import polars as pl
from scipy import stats

log = logging.getLogger(__name__)


def z_of(weight: pl.Expr) -> pl.Expr:
    """Deviation of a weight from ``expected`` in units of ``std``, both columns, as ``z``; null at std 0."""
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
        `SCORES`. ``z`` is `z_of` the observed weight. ``p`` is the model's own P[w >= observed] where
        it has one, else the upper tail of the normal law at z. ``q`` is p adjusted within a year (Benjamini
        and Hochberg 1995).
    """
    scores = moments.with_columns(z_of(pl.col("observed")))
    tail = pl.Series("tail", stats.norm.sf(scores["z"].to_numpy()), dtype=pl.Float64).fill_nan(None)
    scores = scores.with_columns(pl.col("p_upper").fill_null(tail).alias("p")).drop("p_upper")
    adjusted = [
        year.with_columns(
            pl.Series(
                "q",
                stats.false_discovery_control(year["p"].to_numpy()) if len(year) else [],
                dtype=pl.Float64,
            )
        )
        for year in scores.filter(pl.col("p").is_not_null()).partition_by("year", maintain_order=True)
    ]
    for year in adjusted:
        log.info(
            "%d: %d pairs, %d with z > 2, %d with q < 0.05",
            year["year"][0], len(year), (year["z"] > 2).sum(), (year["q"] < 0.05).sum(),
        )  # fmt: skip
    keys = ["year", "source", "target"]
    q = pl.concat([frame.select(*keys, "q") for frame in adjusted]) if adjusted else None
    if q is None:
        return scores.with_columns(pl.lit(None, dtype=pl.Float64).alias("q"))
    return scores.join(q, on=keys, how="left", maintain_order="left")


def pair_means(scores: pl.DataFrame) -> pl.DataFrame:
    """Both directions of a directed layer as one unordered pair: source < target, year, mean z, least q.

    An undirected layer passes unchanged; a direction without z leaves the other one alone. Scores without q
    give none.
    """
    least = [pl.col("q").min()] if "q" in scores.columns else []
    first = pl.min_horizontal("source", "target")
    second = pl.max_horizontal("source", "target")
    return (
        scores.with_columns(first.alias("source"), second.alias("target"))
        .group_by("source", "target", "year")
        .agg(pl.col("z").mean(), *least)
        .sort("source", "target", "year")
    )


def partners_of(country: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Rows of the pairs of one country, with its partner as column ``country``."""
    return pairs.filter((pl.col("source") == country) | (pl.col("target") == country)).with_columns(
        pl.when(pl.col("source") == country).then("target").otherwise("source").alias("country")
    )


def significant_links(scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Mean z of each pair over some years, by layer: what makes a link significant.

    Pairs with z in half of the years or fewer are left out: one lucky year is no lasting tie.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        Years, both included.

    Returns
    -------
    pl.DataFrame
        layer, source < target, z (mean over the years that have one), q (median), years (how many).
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
