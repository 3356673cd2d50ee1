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

from typing import NamedTuple

import numpy as np
from scipy import stats

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


def theil_sen(values: np.ndarray) -> np.ndarray:
    """Median of all slopes between two years, along the last axis (Theil 1950; Sen 1968)."""
    first, second = np.triu_indices(values.shape[-1], 1)
    return np.median((values[..., second] - values[..., first]) / (second - first), axis=-1)
