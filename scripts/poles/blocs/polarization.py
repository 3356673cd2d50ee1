"""Polarization of the panel by year: correlation between poles, and modularity of the signed network of z.

Four measures of each year and channel:

- ``correlation`` (Pearson) and ``rank_correlation`` (Spearman), across the countries of the panel, of z with
  one pole against z with another. It falls where the countries take sides.
- ``modularity`` of the network of z (Gómez, Jensen and Arenas 2009, Phys. Rev. E 80:016114) under the best
  split into two camps that `split` finds, which knows nothing of poles. It rises where there are more links
  than expected within camps and fewer between. Whether the poles fall into different camps is said beside.
- ``pole_modularity``: the same where every country goes with the pole with which its z is greatest.

All four are the same in any unit of z. What they would be anyhow is measured, not assumed to be 0:

- of a year, by chance: a null model gives every country its strength, so who has more with one pole must have
  less with others: z with two large poles is negatively correlated without any polarization, and the best of
  all splits has a modularity above 0 in any network. `Deal` keeps both.
- over the years, with unchanged affinities: as networks grow, counts are less noisy and blocs that were there
  all along stand out more, and where countries grow their z-scores move (`gravity`). `Steady` draws panels in
  which nothing else happens; a trend is judged by what it has beyond theirs.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from poles.blocs.alignment import undirected
from poles.blocs.constant_affinity import Steady
from poles.blocs.modularity import camps_of_poles, modularity, split
from poles.blocs.permutations import Deal, Deviations
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.stats import trends
from poles.stats.bootstrap import jackknife
from poles.stats.threads import one_thread
from poles.trajectories.construction import cube, number_countries

log = logging.getLogger(__name__)

DIRECTIONS = {
    "collaboration": (1.0,),
    "citation": (0.5, 0.5),
    "citation_out": (1.0, 0.0),
    "citation_in": (0.0, 1.0),
}
"""Weight in a channel of z from the first country of a pair to the second, and of z the other way."""
RISING = ("modularity", "pole_modularity")
"""Measures that rise with polarization; the others fall."""


class Panel(NamedTuple):
    """The panel of one channel, its pairs in order.

    Attributes
    ----------
    codes : sequence of str
        Countries.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    poles : sequence of str
        Those of the poles that are in the panel.
    """

    codes: Sequence[str]
    ends: np.ndarray
    poles: Sequence[str]

    def square(self, values: np.ndarray) -> np.ndarray:
        """Values of the pairs as a symmetric matrix, NaN where there is no pair."""
        matrix = np.full((len(self.codes), len(self.codes)), np.nan)
        matrix[self.ends[:, 0], self.ends[:, 1]] = matrix[self.ends[:, 1], self.ends[:, 0]] = values
        return matrix

    def with_poles(self, poles: Sequence[str]) -> np.ndarray:
        """Places of the pairs of each country with each of some poles, shape (countries, poles).

        Only countries that have a pair with all of them, in their order; poles are left out.
        """
        place = self.square(np.arange(len(self.ends), dtype=float))
        chosen = [self.codes.index(pole) for pole in poles]
        others = [n for n in range(len(self.codes)) if self.codes[n] not in self.poles]
        columns = place[np.ix_(others, chosen)]
        return columns[np.isfinite(columns).all(axis=1)].astype(int)


def correlate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson correlation along the last axis; 0 where one of the two does not vary."""
    one, other = _centred(one), _centred(other)
    scale = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return np.divide((one * other).sum(axis=-1), scale, out=np.zeros_like(scale), where=scale > 0)


def _centred(values: np.ndarray) -> np.ndarray:
    """Values less their mean along the last axis; 0 where only rounding is left."""
    rest = values - values.mean(axis=-1, keepdims=True)
    return np.where(np.abs(rest) > 1e-12 * np.abs(values).max(axis=-1, keepdims=True), rest, 0.0)


def correlate_ranks(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman correlation along the last axis."""
    return correlate(stats.rankdata(one, axis=-1), stats.rankdata(other, axis=-1))


def filled(matrix: np.ndarray) -> np.ndarray:
    """A matrix of z as weights of a network: 0 where there is no pair."""
    return np.where(np.isnan(matrix), 0.0, matrix)


class Measure(NamedTuple):
    """A measure of the panel.

    Attributes
    ----------
    name, poles : str
        As in `POLARIZATION`.
    of : callable
        From values of a channel, shape (years or draws, pairs), the measure of each row.
    """

    name: str
    poles: str
    of: Callable[[np.ndarray], np.ndarray]


def measures_of(panel: Panel) -> list[Measure]:
    """The measures that a panel allows: those between poles need two poles and three countries beside."""

    def of_pair(correlation: Callable, places: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda values: correlation(values[:, places[:, 0]], values[:, places[:, 1]])

    def best(values: np.ndarray) -> np.ndarray:
        networks = [filled(panel.square(row)) for row in values]
        return np.array([modularity(weights, split(weights)) for weights in networks])

    def by_pole(values: np.ndarray) -> np.ndarray:
        places = [panel.codes.index(pole) for pole in panel.poles]
        found = []
        for matrix in map(panel.square, values):
            inside, groups = camps_of_poles(matrix, places)
            found.append(modularity(filled(matrix[np.ix_(inside, inside)]), groups))
        return np.array(found)

    found = []
    for poles in combinations(panel.poles, 2):
        places = panel.with_poles(poles)
        if len(places) >= 3:
            found.append(Measure("correlation", "-".join(poles), of_pair(correlate, places)))
            found.append(Measure("rank_correlation", "-".join(poles), of_pair(correlate_ranks, places)))
    if len(panel.poles) > 1 and len(panel.with_poles(panel.poles)):
        found.append(Measure("pole_modularity", "-".join(panel.poles), by_pole))
    return [*found, Measure("modularity", "none", best)]


def resampled(
    panel: Panel, values: np.ndarray, measure: Measure, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Correlations with the countries drawn anew with replacement, the same in all years.

    Parameters
    ----------
    panel : Panel
    values : ndarray, shape (years, pairs)
    measure : Measure
        One of the correlations.
    resamples : int
    rng : Generator

    Returns
    -------
    ndarray, shape (resamples, years)
    """
    places = panel.with_poles(measure.poles.split("-"))
    one, other = values[:, places[:, 0]], values[:, places[:, 1]]
    kind = correlate if measure.name == "correlation" else correlate_ranks
    drawn = rng.integers(0, len(places), (resamples, len(places)))
    return np.stack([kind(one[:, draw], other[:, draw]) for draw in drawn])


def without_each(panel: Panel, values: np.ndarray, measure: Measure) -> np.ndarray:
    """Modularities with each country but the poles left out in turn, the split kept.

    Parameters
    ----------
    panel : Panel
    values : ndarray, shape (years, pairs)
    measure : Measure
        One of the modularities.

    Returns
    -------
    ndarray, shape (countries, years)
    """
    left = []
    for row in values:
        matrix = panel.square(row)
        inside = np.arange(len(panel.codes))
        if measure.name == "pole_modularity":
            places = [panel.codes.index(pole) for pole in panel.poles]
            inside, groups = camps_of_poles(matrix, places)
        weights = filled(matrix)[np.ix_(inside, inside)]
        if measure.name == "modularity":
            groups = split(weights)
        out = [n for n in range(len(inside)) if panel.codes[inside[n]] not in panel.poles]
        rests = [np.delete(np.arange(len(inside)), n) for n in out]
        left.append([modularity(weights[np.ix_(rest, rest)], groups[rest]) for rest in rests])
    return np.array(left).T


def slopes(series: np.ndarray) -> np.ndarray:
    """Theil-Sen slope per decade of each series, shape (series,)."""
    return 10 * trends.estimate(np.ascontiguousarray(series)).slope


def measure(
    trajectories: pl.DataFrame,
    scores: Mapping[str, pl.DataFrame],
    poles: Sequence[str],
    channels: Sequence[str],
    resamples: int,
    deals: int,
    seed: int,
    growth: str = "kept",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Polarization of every year and channel, and its trend.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Panel with z_<channel>, sorted by pair and year.
    scores : Mapping
        `SCORES` by layer.
    poles : sequence of str
        Country codes; one that is not in the panel is left out.
    channels : sequence of str
        Names of the channels; both directions of citation are taken as one (`alignment.undirected`).
    resamples : int
        Resamples of countries behind the intervals of correlations; those of modularities are `jackknife`'s.
    deals : int
        How often z is dealt out anew in each year (`Deal`), and panels are drawn (`Steady`).
    seed : int
    growth : {"kept", "removed"}
        As in the trajectories.

    Returns
    -------
    by_year : pl.DataFrame
        `POLARIZATION`; empty where fewer than two countries are followed besides the poles.
    over_years : pl.DataFrame
        `POLARIZATION_TRENDS`: Theil-Sen slopes. What is sampled are countries, so the interval is over
        them; it holds however the years hang together: where nothing polarizes it finds a trend in 3-7 % of
        panels, be z a walk or not (measured). Beside it stands what one series of so many years by itself
        allows to say (`trends.estimate`): that finds a trend in 13-23 % of walks, and none in a clear step.
    """
    schemas = (dict(POLARIZATION.columns), dict(POLARIZATION_TRENDS.columns))
    if trajectories.is_empty():
        return pl.DataFrame(schema=schemas[0]), pl.DataFrame(schema=schemas[1])
    trajectories, channels = undirected(trajectories, channels)
    pairs = trajectories.select("source", "target").unique(maintain_order=True)
    years = trajectories["year"].unique().sort().to_list()
    codes = sorted(set(pairs["source"]) | set(pairs["target"]))
    panel = Panel(codes, number_countries(pairs), [pole for pole in poles if pole in codes])
    if len(panel.codes) < len(panel.poles) + 2:
        log.info("%d countries, poles included, are too few for a polarization", len(panel.codes))
        return pl.DataFrame(schema=schemas[0]), pl.DataFrame(schema=schemas[1])
    by_year, over_years = [], []
    with one_thread():
        for number, channel in enumerate(channels):
            values = cube(trajectories, [f"z_{channel}"])[:, :, 0].T
            steady = Steady(scores[channel.split("_")[0]], pairs, years, DIRECTIONS[channel], growth)
            deviations = [Deviations(steady.z[:, n], steady.std[:, n]) for n in range(len(years))]
            rng = np.random.default_rng([seed, number])
            by_chance = _dealt(panel, values, deviations, DIRECTIONS[channel], deals, rng)
            drawn = [steady.draw(values, rng) for _ in range(deals)]
            for place, one in enumerate(measures_of(panel)):
                unchanged = np.stack([one.of(courses) for courses in drawn])
                rows, trend = _summary(panel, values, one, by_chance[:, :, place], unchanged, resamples, rng)
                named = {"channel": channel, "measure": one.name, "poles": one.poles}
                by_year += [named | {"year": year} | row for year, row in zip(years, rows, strict=True)]
                over_years.append(named | trend)
    for row in over_years:
        log.info(
            "%s, %s (%s): %+.3f a decade, %+.3f beyond unchanged affinities (%+.3f to %+.3f)",
            *(row[name] for name in ("channel", "measure", "poles", "slope")),
            *(row[name] for name in ("excess_slope", "excess_low", "excess_high")),
        )  # fmt: skip
    return pl.DataFrame(by_year, schema=schemas[0]), pl.DataFrame(over_years, schema=schemas[1])


def _dealt(
    panel: Panel,
    values: np.ndarray,
    deviations: Sequence[Deviations],
    weights: Sequence[float],
    deals: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """All measures with z dealt out anew, shape (deals, years, measures)."""
    measures = measures_of(panel)
    found = np.empty((deals, len(values), len(measures)))
    for year, (row, own) in enumerate(zip(values, deviations, strict=True)):
        deal = Deal(own, panel.ends, len(panel.codes), weights)
        dealt = np.stack([deal.draw(row, rng) for _ in range(deals)])
        for place, one in enumerate(measures):
            found[:, year, place] = one.of(dealt)
    return found


def _summary(
    panel: Panel,
    values: np.ndarray,
    one: Measure,
    by_chance: np.ndarray,
    unchanged: np.ndarray,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[list[dict], dict]:
    """Rows by year and row of trends of one measure, without their names.

    What chance gives, and what panels of unchanged affinities do, have the shape (draws, years).
    """
    observed = one.of(values)
    chance = by_chance.mean(axis=0)
    rising = one.name in RISING
    sign = 1 if rising else -1
    if rising:
        sample = without_each(panel, values, one)
        countries = len(sample) + len(panel.poles)
    else:
        sample = resampled(panel, values, one, resamples, rng)
        countries = len(panel.with_poles(one.poles.split("-")))

    def interval(value: np.ndarray | float, sampled: np.ndarray) -> tuple:
        if rising:
            half = jackknife(sampled)
            return value - half, value + half
        return tuple(np.quantile(sampled, [0.025, 0.975], axis=0))

    low, high = interval(observed, sample)
    chance_low, chance_high = np.quantile(by_chance, [0.025, 0.975], axis=0)
    as_much = (sign * by_chance >= sign * observed).sum(axis=0)
    apart: list[bool | None] = [None] * len(values)
    if one.name == "modularity" and len(panel.poles) == 2:
        places = [panel.codes.index(pole) for pole in panel.poles]
        sides = [split(filled(panel.square(row)))[places] for row in values]
        apart = [bool(side[0] != side[1]) for side in sides]
    columns = {
        "value": observed, "low": low, "high": high, "chance": chance, "chance_low": chance_low,
        "chance_high": chance_high, "p": (1 + as_much) / (1 + len(by_chance)),
        "steady": unchanged.mean(axis=0),
    }  # fmt: skip
    rows = [
        {name: float(column[year]) for name, column in columns.items()}
        | {"countries": countries, "apart": apart[year]}
        for year in range(len(values))
    ]
    steady = unchanged.mean(axis=0)
    slope, excess_slope = slopes(np.stack([observed, observed - steady]))
    low, high = interval(slope, slopes(sample))
    excess_low, excess_high = interval(excess_slope, slopes(sample - steady))
    below, above = np.quantile(slopes(unchanged - steady), [0.025, 0.975])
    excess_low, excess_high = min(excess_low, excess_slope - above), max(excess_high, excess_slope - below)
    alone = trends.estimate(observed[None])
    trend = {
        "slope": slope, "low": low, "high": high, "excess_slope": excess_slope, "excess_low": excess_low,
        "excess_high": excess_high, "years_low": 10 * alone.low[0], "years_high": 10 * alone.high[0],
        "years_p": alone.p[0],
    }  # fmt: skip
    towards = sign * (int(excess_low > 0) - int(excess_high < 0))
    return rows, {name: float(value) for name, value in trend.items()} | {"towards": towards}
