"""Alignment of countries with the poles: which pole each country draws closer to, and by how much."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from poles.archetypes.names import INTEGRATING, archetype_of
from poles.blocs.tables import TRENDS, UNCLUSTERED, UNKNOWN, alignment_table, group_name
from poles.nulls.scores import partners_of
from poles.stats import trends
from poles.stats.bootstrap import sieve_bootstrap
from poles.stats.trends import theil_sen
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import in_noise_units, noise_of_series, trend_series

log = logging.getLogger(__name__)


def group_of(archetypes: Sequence[str | None], poles: Sequence[str]) -> str:
    """Group of a country by its archetype with each pole.

    Parameters
    ----------
    archetypes : sequence of str or None
        Archetype with each pole; None where that pair is not in the panel.
    poles : sequence of str
        Country codes of the poles, in the same order.

    Returns
    -------
    str
        ``only US``: integrates with that pole alone. ``both``: integrates with all poles (a bridge).
        ``neither``: integrates with no pole. ``not in panel``: the pair with some pole is missing. Of three
        poles or more also ``US+CN``: integrates with several poles, but not with all.
    """
    if any(archetype is None for archetype in archetypes):
        return UNKNOWN
    integrating = [
        pole for pole, archetype in zip(poles, archetypes, strict=True) if archetype in INTEGRATING
    ]
    return group_name(integrating, poles)


def layer_weights(channels: Sequence[str]) -> np.ndarray:
    """Weight of every channel: equal for all layers, and equal within a layer; they sum to 1."""
    layers = [name.split("_")[0] for name in channels]
    return np.array([1 / (len(set(layers)) * layers.count(layer)) for layer in layers])


def alignment_index(
    z_first: np.ndarray,
    z_second: np.ndarray,
    channels: Sequence[str],
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Alignment index of a country: how much faster it draws closer to the first pole than to the second.

    A = sum_c w_c (slope of z_c with the first pole / its noise - slope of z_c with the second pole / its
    noise). Slopes are Theil-Sen slopes per decade. The noise is that of each series by itself
    (`preprocessing.noise_of_series`). The weights w_c are equal for all layers (`layer_weights`).

    Parameters
    ----------
    z_first, z_second : ndarray, shape (years, channels)
        z with the first and with the second pole.
    channels : sequence of str
        Names of the channels.
    resamples : int
        Number of bootstrap resamples behind the interval.
    rng : Generator
        Random numbers for this country alone.

    Returns
    -------
    value, low, high : float
        Index and its 95 % interval, in standard deviations of noise per decade; positive towards the first
        pole. NaN where a series has no noise.

    Notes
    -----
    The interval is the basic bootstrap interval (Davison and Hinkley 1997, section 5.2) under
    `sieve_bootstrap`, with the unit of noise held fixed. On 22 years of AR(1) noise in four series it
    covers the truth in 93 to 94 % of cases for correlations up to 0.7. A moving-block bootstrap of years
    covers it in 85 % without correlation and in 60 % at a correlation of 0.7; a jackknife over years in
    97 % and 71 % (measured).
    """
    z = np.stack([z_first, z_second])
    series = z.swapaxes(1, 2)
    weights = layer_weights(channels) * np.array([[1.0], [-1.0]])
    value = float((weights * in_noise_units(10 * theil_sen(series), z)).sum())
    if not np.isfinite(value):
        return np.nan, np.nan, np.nan
    noise = noise_of_series(z)
    units = np.divide(weights, noise, out=np.zeros_like(noise), where=noise > 0)
    noise_slopes = 10 * theil_sen(sieve_bootstrap(series.reshape(-1, len(z_first)), resamples, rng))
    errors = (noise_slopes * units.ravel()).sum(axis=1)
    low, high = value - np.quantile(errors, [0.975, 0.025])
    return value, float(low), float(high)


def align(
    panel: PairPanel,
    clusters: pl.DataFrame,
    poles: Sequence[str],
    preprocessing: str = "noise_units",
    resamples: int = 1000,
    seed: int = 1,
) -> pl.DataFrame:
    """Compare every country of the panel with the poles.

    Parameters
    ----------
    panel : PairPanel
    clusters : pl.DataFrame
        source, target, archetype of all pairs of the panel; empty where there are no clusters.
    poles : sequence of str
        Country codes.
    preprocessing : str
        See `trend_series`.
    resamples, seed : int
        Number and seed of the bootstrap resamples behind the interval of the index. The random numbers of a
        country depend on its code alone, not on the other countries of the panel.

    Returns
    -------
    pl.DataFrame
        `alignment_table`: each country's group by the archetypes of its clusters, its group by the archetypes
        of its pairs' own trends, and its index with the interval (of exactly two poles). The poles are in
        the table too, with the group ``pole``. Where there are no clusters, the group of all others is
        ``not clustered``.
    """
    series = trend_series(panel.z, preprocessing)
    place_of = _pairs_with_poles(panel, poles)
    archetype_by_trend = {
        pair: archetype_of(trends.directions(trends.estimate(series[place].T)), panel.channels)
        for pair, place in place_of.items()
    }
    archetype_by_cluster = {
        (country, pole): name
        for pole in poles
        for country, name in partners_of(pole, clusters).select("country", "archetype").iter_rows()
    }
    rows = []
    for country in panel.countries:
        row: dict[str, Any] = {"country": country}
        row |= {f"archetype_{pole}": archetype_by_cluster.get((country, pole)) for pole in poles}
        for column, names in (("group", archetype_by_cluster), ("trend_group", archetype_by_trend)):
            archetypes = [names.get((country, pole)) for pole in poles]
            row[column] = "pole" if country in poles else group_of(archetypes, poles)
        if clusters.is_empty() and country not in poles:
            row["group"] = UNCLUSTERED
        if len(poles) == 2 and all((country, pole) in place_of for pole in poles):
            z_first, z_second = (series[place_of[country, pole]] for pole in poles)
            rng = np.random.default_rng([seed, *map(ord, country)])
            index = alignment_index(z_first, z_second, panel.channels, resamples, rng)
            row |= zip(("index", "index_low", "index_high"), index, strict=True)
        rows.append(row)
    alignment = pl.DataFrame(rows, schema=dict(alignment_table(poles).columns))
    alignment = alignment.with_columns(pl.col("^index.*$").fill_nan(None))
    _log_alignment(alignment, poles)
    return alignment


def pole_trends(
    panel: PairPanel, poles: Sequence[str], recent: tuple[int, int], preprocessing: str = "noise_units"
) -> pl.DataFrame:
    """Estimate the trends of z of every country with every pole, and of the poles with each other.

    Parameters
    ----------
    panel : PairPanel
    poles : sequence of str
        Country codes.
    recent : (int, int)
        First and last year of the mean z that stands for the present level.
    preprocessing : str
        See `trend_series`.

    Returns
    -------
    pl.DataFrame
        `TRENDS`.
    """
    series = trend_series(panel.z, preprocessing)
    is_recent = (panel.years >= recent[0]) & (panel.years <= recent[1])
    rows = []
    for (country, pole), place in _pairs_with_poles(panel, poles).items():
        estimates = trends.estimate(series[place].T)
        growth_slopes = 10 * trends.estimate(panel.growth[place].T).slope
        for number, channel in enumerate(panel.channels):
            slope, low, high = (
                10 * float(part[number]) for part in (estimates.slope, estimates.low, estimates.high)
            )
            mean_z = float(panel.z[place, is_recent, number].mean()) if is_recent.any() else None
            growth_slope = float(growth_slopes[number]) if preprocessing != "yearly_scale" else None
            rows.append((country, pole, channel, slope, low, high, mean_z, growth_slope))
    table = pl.DataFrame(rows, schema=dict(TRENDS.columns), orient="row")
    return table.sort("country", "pole", "channel")


def _pairs_with_poles(panel: PairPanel, poles: Sequence[str]) -> dict[tuple[str, str], int]:
    """Place in the panel of the pair of each country with each pole."""
    return {
        (country, pole): place
        for pole in poles
        for country, place in zip(*panel.with_pole(pole), strict=True)
    }


def _log_alignment(alignment: pl.DataFrame, poles: Sequence[str]) -> None:
    """Log how many countries are in each group, and how many the index places with each of two poles."""
    for group, count in alignment.group_by("group").len().sort("group").iter_rows():
        log.info("%s: %d countries", group, count)
    if len(poles) == 2:
        towards_first, towards_second = (
            (alignment["index_low"] > 0).sum(),
            (alignment["index_high"] < 0).sum(),
        )
        log.info(
            "by the index, %d countries move towards %s and %d towards %s",
            *(towards_first, poles[0], towards_second, poles[1]),
        )
