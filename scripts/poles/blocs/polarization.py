"""Polarization of the panel: measures by year, their references without polarization, and their trends.

Four measures of each year and channel (`measures`):

- ``correlation`` (Pearson) and ``rank_correlation`` (Spearman), across countries, of z with one pole and z
  with another. It falls where countries take sides.
- ``modularity`` of the signed network of z under the best split into two camps, which ignores the poles. It
  rises where there are more links than expected within camps, and fewer between them. The table also says
  whether the split parts the poles.
- ``pole_modularity``: the modularity where every country goes with the pole with which its z is greatest.

None of these is 0 in a world without polarization, so each is compared with two references:

- In a single year, chance: strength-preserving permutations of z (`permutations`). A country that has more
  with one large pole must have less with others, so z with two large poles is negatively correlated without
  any polarization. And the best split has a positive modularity in every network.
- Over the years, constant affinities (`constant_affinity`): as networks grow, counts are less noisy, so blocs
  that were there all along stand out more; and z moves where countries grow. A trend is judged by its excess
  over that of panels in which nothing else happens.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from poles.blocs.constant_affinity import ConstantAffinityNull
from poles.blocs.measures import Measure, PairNetwork, measures_of, poles_apart
from poles.blocs.permutations import Deviations, StrengthPreservingPermutations
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.stats import trends
from poles.stats.threads import one_thread
from poles.trajectories.pair_panel import PairPanel

log = logging.getLogger(__name__)

DIRECTIONS = {
    "collaboration": (1.0,),
    "citation": (0.5, 0.5),
    "citation_out": (1.0, 0.0),
    "citation_in": (0.0, 1.0),
}
"""Weights in each channel of z from the first country of a pair to the second, and of z the other way."""


def decade_slopes(series: np.ndarray) -> np.ndarray:
    """Theil-Sen slope per decade of each series, shape (series,)."""
    return 10 * trends.estimate(np.ascontiguousarray(series)).slope


def measure(
    panel: PairPanel,
    scores: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    resamples: int,
    permutations: int,
    seed: int,
    growth: str = "kept",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Measure the polarization of every year and channel, and its trend.

    Parameters
    ----------
    panel : PairPanel
        The two directions of citation are averaged (`PairPanel.undirected`).
    scores : Mapping
        `SCORES` by layer.
    poles : sequence of str
        Country codes. Poles that are not in the panel are left out.
    resamples : int
        Number of resamples of countries behind the intervals of correlations.
    permutations : int
        Number of strength-preserving permutations of each year, and of panels with constant affinities.
    seed : int
    growth : {"kept", "removed"}
        As in the panel.

    Returns
    -------
    by_year : pl.DataFrame
        `POLARIZATION`; empty where the panel has fewer than two countries besides the poles.
    over_years : pl.DataFrame
        `POLARIZATION_TRENDS`: Theil-Sen slopes with intervals over countries.

    Notes
    -----
    The interval over countries holds whatever the correlation between years. Where nothing polarizes, it
    finds a trend in 3 to 7 % of panels, both where z is a random walk and where it is not (measured). The
    interval over years treats the measure as a single series (`trends.estimate`). It finds a trend in 13 to
    23 % of random walks, and none in a clear step.
    """
    schemas = (dict(POLARIZATION.columns), dict(POLARIZATION_TRENDS.columns))
    nothing = pl.DataFrame(schema=schemas[0]), pl.DataFrame(schema=schemas[1])
    if panel.is_empty:
        return nothing
    panel = panel.undirected()
    network = PairNetwork(panel.countries, panel.ends, [pole for pole in poles if pole in panel.countries])
    if len(panel.countries) < len(network.poles) + 2:
        log.info("no polarization: %d countries, poles included, are too few", len(panel.countries))
        return nothing
    measures = measures_of(network)
    by_year, over_years = [], []
    with one_thread():
        for number, channel in enumerate(panel.channels):
            values = panel.z[:, :, number].T
            weights = DIRECTIONS[channel]
            null = ConstantAffinityNull(scores[channel.split("_")[0]], panel, weights, growth)
            rng = np.random.default_rng([seed, number])
            by_chance = _permuted_measures(network, measures, values, null, permutations, rng)
            null_panels = [null.draw(values, rng) for _ in range(permutations)]
            for place, kind in enumerate(measures):
                under_null = np.stack([kind.of(null_values) for null_values in null_panels])
                sample = kind.sample(values, resamples, rng)
                key = {"channel": channel, "measure": kind.name, "poles": kind.poles}
                rows = year_rows(kind, values, sample, by_chance[:, :, place], under_null)
                if kind.name == "modularity" and len(network.poles) == 2:
                    rows = [
                        row | {"apart": apart}
                        for row, apart in zip(rows, poles_apart(network, values), strict=True)
                    ]
                by_year += [key | {"year": year} | row for year, row in zip(panel.years, rows, strict=True)]
                over_years.append(key | trend_row(kind, values, sample, under_null))
    for row in over_years:
        log.info(
            "%s, %s (%s): %+.3f a decade, %+.3f beyond constant affinities (%+.3f to %+.3f)",
            *(row[name] for name in ("channel", "measure", "poles", "slope")),
            *(row[name] for name in ("excess_slope", "excess_low", "excess_high")),
        )  # fmt: skip
    return pl.DataFrame(by_year, schema=schemas[0]), pl.DataFrame(over_years, schema=schemas[1])


def _permuted_measures(
    network: PairNetwork,
    measures: Sequence[Measure],
    values: np.ndarray,
    null: ConstantAffinityNull,
    permutations: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """All measures under strength-preserving permutations, shape (permutations, years, measures)."""
    by_chance = np.empty((permutations, len(values), len(measures)))
    for year, row in enumerate(values):
        deviations = Deviations(null.z[:, year], null.std[:, year])
        permuter = StrengthPreservingPermutations(
            deviations, network.ends, len(network.countries), null.weights
        )
        permuted = np.stack([permuter.draw(row, rng) for _ in range(permutations)])
        for place, kind in enumerate(measures):
            by_chance[:, year, place] = kind.of(permuted)
    return by_chance


def year_rows(
    kind: Measure,
    values: np.ndarray,
    sample: np.ndarray,
    by_chance: np.ndarray,
    under_null: np.ndarray,
) -> list[dict]:
    """Rows of `POLARIZATION` of one measure, without their key.

    Parameters
    ----------
    kind : Measure
    values : ndarray, shape (years, pairs)
    sample : ndarray, shape (resamples or countries, years)
        What ``kind.sample`` returns.
    by_chance, under_null : ndarray, shape (permutations, years)
        The measure under strength-preserving permutations, and in panels with constant affinities.

    Returns
    -------
    list of dict
        One for each year.
    """
    observed = kind.of(values)
    low, high = kind.interval(observed, sample)
    chance_low, chance_high = np.quantile(by_chance, [0.025, 0.975], axis=0)
    as_polarized = (kind.sign * by_chance >= kind.sign * observed).sum(axis=0)
    columns = {
        "value": observed,
        "low": low,
        "high": high,
        "chance": by_chance.mean(axis=0),
        "chance_low": chance_low,
        "chance_high": chance_high,
        "p": (1 + as_polarized) / (1 + len(by_chance)),
        "constant_affinity": under_null.mean(axis=0),
    }
    return [
        {name: float(column[year]) for name, column in columns.items()} | {"countries": kind.countries}
        for year in range(len(values))
    ]


def trend_row(kind: Measure, values: np.ndarray, sample: np.ndarray, under_null: np.ndarray) -> dict:
    """Row of `POLARIZATION_TRENDS` of one measure, without its key; see `year_rows` for the parameters."""
    observed, expected = kind.of(values), under_null.mean(axis=0)
    slope, excess_slope = decade_slopes(np.stack([observed, observed - expected]))
    low, high = kind.interval(slope, decade_slopes(sample))
    excess_low, excess_high = kind.interval(excess_slope, decade_slopes(sample - expected))
    below, above = np.quantile(decade_slopes(under_null - expected), [0.025, 0.975])
    excess_low, excess_high = min(excess_low, excess_slope - above), max(excess_high, excess_slope - below)
    single = trends.estimate(observed[None])
    row = {
        "slope": slope,
        "low": low,
        "high": high,
        "excess_slope": excess_slope,
        "excess_low": excess_low,
        "excess_high": excess_high,
        "years_low": 10 * single.low[0],
        "years_high": 10 * single.high[0],
        "years_p": single.p[0],
    }
    towards = kind.sign * (int(excess_low > 0) - int(excess_high < 0))
    values_of_row = {name: float(value) for name, value in row.items()}
    return values_of_row | {"countries": kind.countries, "towards": towards}
