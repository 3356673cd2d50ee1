"""Resampling of series and of units: bootstrap and jackknife."""

import numpy as np
from scipy import stats

from poles.stats import trends
from poles.stats.trends import theil_sen


def jackknife(left: np.ndarray) -> np.ndarray:
    """Half of a 95 % interval from values with each country left out, along the first axis.

    Standard error sqrt((n - 1) / n sum (x_i - mean)^2), which is right where a value of a pair comes of its
    two countries, and too wide where pairs are independent (Arvesen 1969, Ann. Math. Stat. 40:2076-2100).
    """
    n = len(left)
    error = np.sqrt((n - 1) / n * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return stats.t.isf(0.025, n - 1) * error


def resample(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of several series drawn anew, by the autoregressive sieve bootstrap.

    Bühlmann (1997, Bernoulli 3:123-148), of order 1.
    What each series' own trend leaves is taken as AR(1), its correlation freed of bias (`trends.unbiased`)
    and not below 0. The innovations are drawn with replacement, the same years for all series, so that what
    couples the series stays. The factor makes up for the line that was fitted.

    Parameters
    ----------
    values : ndarray, shape (series, years)
    resamples : int
    rng : Generator

    Returns
    -------
    ndarray, shape (resamples, series, years)
    """
    years = values.shape[1]
    rest = values - theil_sen(values)[:, None] * np.arange(years)
    rest = rest - rest.mean(axis=1, keepdims=True)
    r = np.maximum(trends.unbiased(trends.correlate(rest), years, degree=1), 0)
    shocks = rest[:, 1:] - r[:, None] * rest[:, :-1]
    shocks = (shocks - shocks.mean(axis=1, keepdims=True)) * np.sqrt((years - 1) / (years - 3))
    drawn = shocks[:, rng.integers(0, years - 1, (resamples, years))].swapaxes(0, 1)
    noise = drawn / np.sqrt(1 - r**2)[:, None]  # the first year's; the others follow from it
    for year in range(1, years):
        noise[:, :, year] = r * noise[:, :, year - 1] + drawn[:, :, year]
    return noise
