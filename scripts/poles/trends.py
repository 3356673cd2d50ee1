"""The trend of every single series, without a model: Theil-Sen slope and Mann-Kendall test.

A second reading of the archetypes, beside the clusters: the directions of a pair's own two trends. The test
allows for autocorrelation, without which it finds a trend in a quarter of trendless AR(1) series of 22 years
(correlation 0.5, level 0.05). Of the corrections in use, that of Yue and Wang (2004, Water Resour. Manag.
18:201-218) in its AR(1) form keeps the level best for series so short, once the correlation is freed of its
bias: 0.04 to 0.10 for correlations up to 0.7, against 0.10 to 0.32 of Hamed and Rao (1998, J. Hydrol.
204:182-196) and 0.4 to 0.6 of Yue and Wang's sum over all lags. The correlation is that of what a parabola
leaves: around a line, a trend that bends would count as noise of its own and hardly ever be significant. A
random walk still shows a trend in nearly one case of four: a test of single series cannot tell drift from a
trend.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from poles import tables
from poles.clusters import archetype
from poles.jobs import log
from poles.trajectories import cube, noise_of

LEVEL = 0.05
"""Level of the two-sided test, and complement of the coverage of intervals."""
CHUNK = 4096
"""Series worked on at once: all pairs of years of each are held in memory."""
MOST_CORRELATION = 0.95
"""Correlation between years above which a series is as good as a random walk."""


class Trends(NamedTuple):
    """Trends of series, each an array of shape (series,).

    Attributes
    ----------
    slope, low, high : ndarray
        Change per year (Theil 1950; Sen 1968) and its interval (Gilbert 1987, Statistical Methods for
        Environmental Pollution Monitoring, 16.4.2) with the variance of the test.
    p : ndarray
        Two-sided, of Mann and Kendall's test (Mann 1945; Kendall 1975) with that variance.
    correlation : ndarray
        Between a year and the next, of what a parabola leaves, freed of bias.
    """

    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    correlation: np.ndarray


def estimate(values: np.ndarray) -> Trends:
    """Estimate and test the trend of every series.

    Parameters
    ----------
    values : ndarray, shape (series, years)
        Finite; one value a year.

    Returns
    -------
    Trends
    """
    parts = [_estimate(values[n : n + CHUNK]) for n in range(0, max(len(values), 1), CHUNK)]
    return Trends(*map(np.concatenate, zip(*parts, strict=True)))


def _estimate(values: np.ndarray) -> Trends:
    """`estimate` of so few series that all their pairs of years fit into memory."""
    years = values.shape[1]
    first, second = np.triu_indices(years, 1)
    rises = values[:, second] - values[:, first]
    slopes = np.sort(rises / (second - first), axis=1)
    slope = np.median(slopes, axis=1)
    # Summed by einsum, whose rounding does not depend on how many series there are.
    rest = values - np.einsum("st,tu->su", values, parabola(years))
    # What rounding leaves of a smooth course is no noise.
    rest[np.abs(rest) <= 1e-12 * np.abs(values).max(axis=1, keepdims=True)] = 0.0
    correlation = unbiased(correlate(rest), years)
    deviation = np.sqrt(variance(values) * inflation(correlation, years))
    score = np.sign(rises).sum(axis=1)
    # A whole number is tested against a normal law: half of the step of 2 between scores is taken off.
    distance = np.maximum(np.abs(score) - 1, 0)
    p = 2 * stats.norm.sf(np.divide(distance, deviation, out=np.zeros(len(values)), where=deviation > 0))
    reach = stats.norm.isf(LEVEL / 2) * deviation
    last = slopes.shape[1] - 1
    low = np.clip(np.rint((slopes.shape[1] - reach) / 2).astype(int) - 1, 0, last)
    rows = np.arange(len(values))
    return Trends(slope, slopes[rows, low], slopes[rows, last - low], p, correlation)


def variance(values: np.ndarray) -> np.ndarray:
    """Variance of Kendall's score of independent values, less for ties (Kendall 1975), shape (series,)."""
    years = values.shape[1]
    equal = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    # A value tied with t - 1 others stands for 1 / t of the group: its share of t (t - 1) (2 t + 5).
    ties = ((equal - 1) * (2 * equal + 5)).sum(axis=1)
    return (years * (years - 1) * (2 * years + 5) - ties) / 18


def correlate(rest: np.ndarray) -> np.ndarray:
    """Correlation of each centred series with itself a year later; 0 of a constant one. Shape (series,)."""
    power = (rest**2).sum(axis=1)
    shifted = (rest[:, 1:] * rest[:, :-1]).sum(axis=1)
    return np.divide(shifted, power, out=np.zeros(len(rest)), where=power > 0)


def parabola(years: int) -> np.ndarray:
    """Projection onto parabolas, shape (years, years): a trend that bends is no correlation of its noise."""
    basis = np.linalg.qr(np.vander(np.linspace(-1, 1, years), 3))[0]
    return basis @ basis.T


def unbiased(correlation: np.ndarray, years: int, degree: int = 2) -> np.ndarray:
    """Correlation less the bias that taking out a polynomial leaves, -(d + 1 + (d + 3) r) / years.

    d is its `degree`: 1 of a line, 2 of a parabola (van Giersbergen 2005, Econ. Lett. 89:75-82).
    """
    free = (years * correlation + degree + 1) / (years - degree - 3)
    return np.clip(free, -MOST_CORRELATION, MOST_CORRELATION)


def inflation(correlation: np.ndarray, years: int) -> np.ndarray:
    """Years over the number of independent years worth as much, at least 1, by AR(1) noise.

    1 + 2 sum_k (1 - k / n) r^k in closed form (Matalas and Langbein 1962; Yue and Wang 2004). Negative
    correlation is not allowed to sharpen the test.
    """
    r, n = np.maximum(correlation, 0), years
    return 1 + 2 * (r ** (n + 1) - n * r**2 + (n - 1) * r) / (n * (r - 1) ** 2)


def directions(trends: Trends) -> np.ndarray:
    """1 where a series rises significantly, -1 where it falls, else 0, shape (series,)."""
    return np.where(trends.p < LEVEL, np.sign(trends.slope), 0).astype(np.int8)


def signal(trajectories: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """How far the trends of pairs stand out of their noise, and how many pairs have none.

    Both decide how a panel should be read: clusters of courses that are mostly noise are drawn at random.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Sorted by pair and year; columns z_<channel>.
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    pl.DataFrame
        `tables.SIGNAL`. ``signal`` is the change that the slope of Theil and Sen makes over all years,
        whatever its sign, in units of the noise of this channel (`trajectories.noise_of`); white noise
        without any trend gives 0.5 over 22 years. A series without noise is left out of it.
    """
    schema = dict(tables.SIGNAL.columns)
    if trajectories.is_empty():
        return pl.DataFrame([(name, 0, None, None, None, 0, 0) for name in channels], schema, orient="row")
    z = cube(trajectories, [f"z_{name}" for name in channels])
    moves, rows = [], []
    for place, name in enumerate(channels):
        found = estimate(z[:, :, place])
        moves.append(directions(found))
        change, noise = np.abs(found.slope) * (z.shape[1] - 1), noise_of(z[:, :, [place]])
        ratio = change[noise > 0] / noise[noise > 0]
        quartiles = np.quantile(ratio, [0.5, 0.25, 0.75]) if len(ratio) else [None] * 3
        rows.append((name, len(z), *quartiles, int((moves[-1] == 0).sum())))
    still = int((np.stack(moves) == 0).all(axis=0).sum())
    table = pl.DataFrame([(*row, still) for row in rows], schema, orient="row")
    for row in table.drop_nulls("signal").iter_rows(named=True):
        log.info(
            "%(channel)s: change over noise %(signal).1f (quartiles %(signal_low).1f to %(signal_high).1f); "
            "%(trendless)d of %(pairs)d pairs without a trend, %(trendless_in_all)d in all channels", row,
        )  # fmt: skip
    return table


def classify(trajectories: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Trend of every pair in every channel, and the archetype that follows from the pair's own directions.

    Parameters
    ----------
    trajectories, channels
        See `signal`.

    Returns
    -------
    pl.DataFrame
        `tables.PAIR_TRENDS`.
    """
    z = cube(trajectories, [f"z_{name}" for name in channels])
    pairs = trajectories.select("source", "target").unique(maintain_order=True)
    found = [estimate(z[:, :, place]) for place in range(len(channels))]
    moves = np.stack([directions(trends) for trends in found], axis=1)
    names = pl.Series("archetype", [archetype(row, list(channels)) for row in moves], dtype=pl.String)
    return pl.concat(
        pairs.with_columns(
            pl.lit(name).alias("channel"),
            *(pl.Series(part, 10 * getattr(trends, part)).alias(part) for part in ("slope", "low", "high")),
            pl.Series("p", trends.p),
            pl.Series("correlation", trends.correlation),
            pl.Series("direction", moves[:, place]),
            names,
        )
        for place, (name, trends) in enumerate(zip(channels, found, strict=True))
    )


def compare(members: pl.DataFrame, classified: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Confusion of the archetypes of the clusters with the directions of the pairs' own trends.

    Parameters
    ----------
    members : pl.DataFrame
        source, target, archetype of the cluster.
    classified : pl.DataFrame
        See `classify`.
    channels : sequence of str
        In the order in which directions are written.

    Returns
    -------
    pl.DataFrame
        `tables.AGREEMENT`.
    """
    signs = {1: "+", -1: "-", 0: "0"}
    wide = classified.with_columns(pl.col("direction").replace_strict(signs, return_dtype=pl.String)).pivot(
        "channel", index=["source", "target", "archetype"], values="direction"
    )
    both = members.select("source", "target", pl.col("archetype").alias("clustered")).join(
        wide.rename({"archetype": "by_trends"}), on=["source", "target"], how="inner"
    )
    table = (
        both.with_columns(pl.concat_str(channels).alias("directions"))
        .group_by("clustered", "directions", "by_trends")
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("clustered", "directions")
    )
    same = table.filter(pl.col("clustered") == pl.col("by_trends"))["pairs"].sum()
    log.info(
        "%d of %d pairs have the archetype of their cluster by their own trends; %d have no trend at all",
        same, len(both), table.filter(pl.col("directions") == "0" * len(channels))["pairs"].sum(),
    )  # fmt: skip
    return table
