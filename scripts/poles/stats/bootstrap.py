"""Uncertainty by resampling: the jackknife over units, and the sieve bootstrap of time series."""

import numpy as np
from scipy.special import stdtrit

from poles.stats.trends import lag_one_correlation, theil_sen, unbiased_correlation


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
