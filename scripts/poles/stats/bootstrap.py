"""Uncertainty by resampling: the jackknife over units, the sieve bootstrap of time series, and intervals."""

import numpy as np
from scipy.special import stdtrit

from poles.stats.trends import lag_one_correlation, theil_sen, unbiased_correlation

LEVELS = (0.025, 0.975)
"""Quantiles of the draws: an interval of 95 % (Efron 1979, Ann. Stat. 7:1-26)."""
LEAST = 0.5
"""Share of the draws that must have a value, else there is no interval."""


def jackknife_half_width(estimates: np.ndarray) -> np.ndarray:
    """Compute half of the width of a 95 % interval by the jackknife.

    The standard error is sqrt((n - 1) / n sum (x_i - mean)^2) over n units. The interval is that of
    Student's t with n - 1 degrees of freedom. For a statistic of dyads whose values come from their two
    units, this error is right; where dyads are independent it is too wide (Arvesen 1969, Ann. Math. Stat.
    40:2076-2100).

    Parameters
    ----------
    estimates : ndarray, shape (n, ...)
        The estimate with each unit left out in turn.

    Returns
    -------
    ndarray, shape (...)
    """
    n = len(estimates)
    error = np.sqrt((n - 1) / n * ((estimates - estimates.mean(axis=0)) ** 2).sum(axis=0))
    return -stdtrit(n - 1, 0.025) * error


def sieve_bootstrap(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Resample the noise of several series by the autoregressive sieve bootstrap of order 1.

    The method is that of Bühlmann (1997, Bernoulli 3:123-148). What is left of a series after its Theil-Sen
    trend is taken as AR(1) noise; its correlation is corrected for bias (`trends.unbiased_correlation`) and
    not allowed below 0. Innovations are drawn with replacement, from the same years for all series, which
    keeps the dependence between series. They are scaled up for the two parameters of the fitted line.

    Parameters
    ----------
    values : ndarray, shape (series, years)
    resamples : int
    rng : Generator

    Returns
    -------
    ndarray, shape (resamples, series, years)
        Noise without trend and level.
    """
    years = values.shape[1]
    residuals = values - theil_sen(values)[:, None] * np.arange(years)
    residuals = residuals - residuals.mean(axis=1, keepdims=True)
    r = np.maximum(unbiased_correlation(lag_one_correlation(residuals), years, degree=1), 0)
    innovations = residuals[:, 1:] - r[:, None] * residuals[:, :-1]
    innovations = (innovations - innovations.mean(axis=1, keepdims=True)) * np.sqrt((years - 1) / (years - 3))
    resampled = innovations[:, rng.integers(0, years - 1, (resamples, years))].swapaxes(0, 1)
    # The first year has the stationary variance; every later one follows from the year before.
    noise = resampled / np.sqrt(1 - r**2)[:, None]
    for year in range(1, years):
        noise[:, :, year] = r * noise[:, :, year - 1] + resampled[:, :, year]
    return noise


def quantiles(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the interval of each column, and the number of draws that have a value.

    Parameters
    ----------
    draws : ndarray, shape (draws, columns)
        Not a number where a draw has no value.

    Returns
    -------
    low, high : ndarray, shape (columns,)
        The k-th of n ordered draws stands at k / (n + 1), the mean share of a distribution below it. Ends are
        linear between draws. At (k - 1) / (n - 1), the default of numpy, 100 draws would give intervals of
        93 %. Ends of fewer than 39 draws are the outermost ones. Not a number where fewer than `LEAST` of the
        draws have a value.
    number : ndarray of int, shape (columns,)
    """
    ordered = np.sort(draws, axis=0)  # not-a-number comes last
    number = np.isfinite(draws).sum(axis=0)
    columns = np.arange(draws.shape[1])
    ends = []
    for level in LEVELS:
        place = np.clip(level * (number + 1) - 1, 0, np.maximum(number - 1, 0))
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, np.maximum(number - 1, 0))
        low, high = ordered[below, columns], ordered[above, columns]
        ends.append(np.where(number >= LEAST * len(draws), low + (place - below) * (high - low), np.nan))
    return ends[0], ends[1], number
