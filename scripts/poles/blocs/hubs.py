"""Hubs and spokes: whether large producers draw closer to their small neighbours than to one another.

In each region, the fewest largest countries that together hold a given share of its strength are large, and
the others are small. Pairs of two large countries are hubs, and pairs of a large and a small one are spokes.
The statistic is the mean slope of z over the spokes less that over the hubs. It is tested by permuting which
countries are large, with the number of large countries held fixed. Where there are few such labellings, all
are enumerated; otherwise a sample is drawn.

Spokes may rise and hubs fall merely because small countries rise with every partner. Then pairs of two small
countries rise even more. So the spokes are also compared with the pairs of two small countries.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import polars as pl
from scipy.special import stdtrit

from poles import countries
from poles.blocs.strengths import strength_shares
from poles.blocs.tables import HUBS
from poles.stats import trends
from poles.stats.dyadic import dyadic_standard_errors
from poles.stats.false_discovery import benjamini_hochberg
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import in_noise_units, trend_series

log = logging.getLogger(__name__)

HUB, SPOKE, SMALL = 0, 1, 2
"""Kinds of pairs, by the number of small countries in them."""
KINDS = {HUB: ("hubs", "hub_pairs"), SPOKE: ("spokes", "spoke_pairs"), SMALL: ("small", "small_pairs")}
"""Columns of `HUBS` of each kind: its mean slope, and its number of pairs."""
UNITS = ("z", "noise")
"""Units of slopes, per decade: z, and the noise of each pair."""
MIN_LABELLINGS = 40
"""With fewer labellings than this, a two-sided test cannot reach the level of 0.05."""


def regions_of(codes: Sequence[str], given: Mapping[str, Sequence[str]], year: int) -> dict[str, list[str]]:
    """Regions and their countries.

    Parameters
    ----------
    codes : sequence of str
        Countries of the panel.
    given : Mapping
        Regions by name, from the configuration. A region named ``EU`` replaces the members of that year.
    year : int
        Year whose members make up the European Union.

    Returns
    -------
    dict
        The regions given, ``EU``, and the subregions of UN M49 without the members of the Union. Each holds
        its countries that are in the panel, in the order of `codes`.
    """
    union = countries.eu_members(year)
    regions = {"EU": union, **{name: set(members) for name, members in given.items()}}
    others = countries.load().filter(~pl.col("code").is_in(list(union)) & pl.col("subregion").is_not_null())
    for subregion, rows in others.sort("subregion", "code").group_by("subregion", maintain_order=True):
        regions.setdefault(subregion[0], set(rows["code"]))
    return {name: [code for code in codes if code in members] for name, members in regions.items()}


def largest(strength: Mapping[str, float], members: Sequence[str], share: float) -> list[str]:
    """Fewest largest countries, but at least two, that hold a share of their region's strength."""
    order = sorted(members, key=lambda code: (-strength[code], code))
    cumulative = np.cumsum([strength[code] for code in order])
    return order[: max(2, int(np.searchsorted(cumulative, share * cumulative[-1] * (1 - 1e-12))) + 1)]


def labellings(size: int, large: int, permutations: int, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Ways to choose which countries are large, and whether these are all the ways.

    Parameters
    ----------
    size, large : int
        Number of countries, and of large countries.
    permutations : int
        All labellings are enumerated if they are no more than this; otherwise this many are drawn.
    rng : Generator

    Returns
    -------
    labels : ndarray of bool, shape (labellings, countries)
    exact : bool
    """
    exact = comb(size, large) <= permutations
    choices: Iterator[Sequence[int] | np.ndarray] = combinations(range(size), large)
    if not exact:
        choices = (rng.permutation(size)[:large] for _ in range(permutations))
    labels = np.zeros((comb(size, large) if exact else permutations, size), dtype=bool)
    for row, places in zip(labels, choices, strict=True):
        row[list(places)] = True
    return labels, exact


def mean_slopes(slopes: np.ndarray, ends: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean slope of hubs, of spokes and of pairs of small countries, under each labelling.

    Parameters
    ----------
    slopes : ndarray, shape (pairs,)
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries.
    labels : ndarray of bool, shape (labellings, countries)
        Whether a country is large.

    Returns
    -------
    ndarray, shape (labellings, 3)
        NaN where a labelling has no pair of a kind.
    """
    small_ends = (~labels[:, ends]).sum(axis=2)
    means = np.full((len(labels), 3), np.nan)
    for kind in KINDS:
        of_kind = small_ends == kind
        pairs = of_kind.sum(axis=1)
        means[:, kind] = np.divide((of_kind * slopes).sum(axis=1), pairs, out=means[:, kind], where=pairs > 0)
    return means


def two_sided_p(observed: float, by_chance: np.ndarray, exact: bool) -> float | None:
    """Two-sided permutation p-value: twice the smaller tail, at most 1.

    Parameters
    ----------
    observed : float
    by_chance : ndarray, shape (labellings,)
        Statistic under each labelling; NaN where it is undefined.
    exact : bool
        Whether these are all labellings, including the observed one. Otherwise the observed one is added.

    Returns
    -------
    float or None
        None where there are too few labellings for any p-value below 0.05 (`MIN_LABELLINGS`).
    """
    finite = by_chance[np.isfinite(by_chance)]
    if len(finite) < MIN_LABELLINGS:
        return None
    rounding = 1e-9 * (abs(observed) + np.abs(finite).max(initial=0))
    upper, lower = (finite >= observed - rounding).sum(), (finite <= observed + rounding).sum()
    added = 0 if exact else 1
    return min(1.0, 2 * (min(upper, lower) + added) / (len(finite) + added))


def region_row(
    slopes: np.ndarray, ends: np.ndarray, large: np.ndarray, permutations: int, rng: np.random.Generator
) -> dict | None:
    """Statistics of one region and channel; None where the panel has no hub or no spoke of the region.

    Parameters
    ----------
    slopes : ndarray, shape (pairs,)
        Slopes of the region's pairs.
    ends : ndarray of int, shape (pairs, 2)
        Places of their countries among those of the region.
    large : ndarray of bool, shape (countries,)
        Whether a country is large.
    permutations : int
        See `labellings`.
    rng : Generator
    """
    means = mean_slopes(slopes, ends, large[None])[0]
    hubs, spokes, small = means
    if not np.isfinite(hubs + spokes):
        return None
    labels, exact = labellings(len(large), int(large.sum()), permutations, rng)
    by_chance = mean_slopes(slopes, ends, labels)
    difference = by_chance[:, SPOKE] - by_chance[:, HUB]
    row = {
        "statistic": spokes - hubs,
        "p": two_sided_p(spokes - hubs, difference, exact),
        "labellings": int(np.isfinite(difference).sum()),
        "exact": exact,
    }
    if np.isfinite(small):
        row["over_small"] = spokes - small
        row["p_over_small"] = two_sided_p(spokes - small, by_chance[:, SPOKE] - by_chance[:, SMALL], exact)
    kind_of_pair = (~large[ends]).sum(axis=1)
    errors = dyadic_standard_errors(slopes[:, None], kind_of_pair, ends, len(KINDS))[:, 0]
    for kind, (name, number_of_pairs) in KINDS.items():
        of_kind = kind_of_pair == kind
        row[number_of_pairs] = int(of_kind.sum())
        row[name] = means[kind] if np.isfinite(means[kind]) else None
        if np.isfinite(errors[kind]):
            half = -stdtrit(len(np.unique(ends[of_kind])) - 1, 0.025) * errors[kind]
            row |= {f"{name}_low": means[kind] - half, f"{name}_high": means[kind] + half}
    return row


def compare(
    panel: PairPanel,
    scores: Mapping[str, pl.DataFrame],
    preprocessing: str,
    regions: Mapping[str, Sequence[str]],
    share: float,
    permutations: int,
    seed: int,
) -> pl.DataFrame:
    """Compare slopes between large and small countries with slopes among the large, region by region.

    Parameters
    ----------
    panel : PairPanel
        The two directions of citation are averaged (`PairPanel.undirected`).
    scores : Mapping
        `SCORES` by layer, for the strengths of countries.
    preprocessing : str
        See `preprocessing.trend_series`.
    regions : Mapping
        See `regions_of`.
    share : float
        Share of a region's strength that its large countries hold; strengths are means over layers and over
        the years of the panel.
    permutations, seed : int
        See `labellings`.

    Returns
    -------
    pl.DataFrame
        `HUBS`: Theil-Sen slopes per decade, in units of z and of the noise of each pair. Intervals allow for
        pairs that share a country (`dyadic_standard_errors`). A region needs two large countries and a small
        one in the panel. Where a region is too small for a test, p is null.
    """
    if panel.is_empty:
        return pl.DataFrame(schema=dict(HUBS.columns))
    panel = panel.undirected()
    codes = panel.countries
    z = trend_series(panel.z, preprocessing)
    slopes = np.stack([10 * trends.estimate(channel).slope for channel in np.moveaxis(z, 2, 0)], axis=1)
    by_unit = dict(zip(UNITS, (slopes, in_noise_units(slopes, z)), strict=True))
    first_year, last_year = int(panel.years[0]), int(panel.years[-1])
    strengths = strength_shares(scores, codes, first_year, last_year)
    strength = dict(zip(codes, map(float, strengths), strict=True))
    rows = []
    for region, members in regions_of(codes, regions, last_year).items():
        if len(members) < 3:
            continue
        large = largest(strength, members, share)
        is_large = np.array([code in large for code in members])
        place = np.full(len(codes), -1)
        place[[codes.index(code) for code in members]] = range(len(members))
        region_ends = place[panel.ends]
        in_region = (region_ends >= 0).all(axis=1)
        for number, channel in enumerate(panel.channels):
            for unit, values in by_unit.items():
                selected = in_region & np.isfinite(values[:, number])
                rng = np.random.default_rng([seed, *region.encode()])
                row = region_row(values[selected, number], region_ends[selected], is_large, permutations, rng)
                if row is not None:
                    key = {"region": region, "channel": channel, "unit": unit}
                    rows.append(key | {"countries": len(members), "large": large} | row)
    table = pl.DataFrame(rows, schema=dict(HUBS.columns))
    table = table.with_columns(q=_adjusted_by_family(table)) if len(table) else table
    for row in table.filter(unit="z").iter_rows(named=True):
        log.info(
            "%s, %s: hubs %+.3f a decade (%s), spokes %+.3f, p = %s",
            row["region"], row["channel"], row["hubs"], ", ".join(row["large"]), row["spokes"], row["p"],
        )  # fmt: skip
    return table


def _adjusted_by_family(table: pl.DataFrame) -> pl.Series:
    """Benjamini-Hochberg adjusted p-values over the regions of each channel and unit; null where p is."""
    p = table["p"].to_numpy()
    family = table.select(pl.struct("channel", "unit").rank("dense")).to_series().to_numpy()
    q = np.full(len(table), np.nan)
    for number in np.unique(family):
        tested = (family == number) & np.isfinite(p)
        q[tested] = benjamini_hochberg(p[tested])
    return pl.Series("q", q).fill_nan(None)
