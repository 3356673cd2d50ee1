"""Hub and spoke: whether large producers draw nearer to their small neighbours than to one another.

Of each region, the largest countries that together hold a given share of its strength are large, the others
small. The statistic is the mean slope of z over the spokes (pairs of a large and a small country) less the
mean slope over the hubs (pairs of two large ones). Chance is measured by permuting who is large: of all ways
to call so many of the region's countries large, how many give as much? All of them are counted where they
are few, else a sample is drawn.

That spokes rise while hubs fall may just mean that the smaller rise the more, whoever they work with; then
pairs of two small countries rise more still. So the spokes are compared with those as well.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import polars as pl
from scipy import stats

from poles import countries
from poles.blocs.alignment import courses, undirected
from poles.blocs.attraction import shares
from poles.blocs.tables import HUBS
from poles.stats import trends
from poles.stats.dyadic import standard_errors
from poles.stats.false_discovery import adjusted
from poles.trajectories.panel import number_countries
from poles.trajectories.preprocessing import in_noise_units

log = logging.getLogger(__name__)

HUB, SPOKE, SMALL = 0, 1, 2
"""Kinds of pairs, by the number of small countries in them."""
UNITS = ("z", "noise")
FEWEST = 40
"""Ways to call countries large below which a two-sided test finds nothing at level 0.05."""


def regions_of(codes: Sequence[str], given: Mapping[str, Sequence[str]], year: int) -> dict[str, list[str]]:
    """Regions and their countries.

    Parameters
    ----------
    codes : sequence of str
        Countries of the panel.
    given : Mapping
        Regions by name, from the configuration. ``EU`` in it takes the place of the members of that year.
    year : int
        Year whose members are the European Union's.

    Returns
    -------
    dict
        The regions given, ``EU``, and the subregions of UN M49 less members of the Union; of each the
        countries in the panel, in the order of `codes`.
    """
    union = countries.eu_members(year)
    found = {"EU": union, **{name: set(members) for name, members in given.items()}}
    others = countries.load().filter(~pl.col("code").is_in(list(union)) & pl.col("subregion").is_not_null())
    for subregion, rows in others.sort("subregion", "code").group_by("subregion", maintain_order=True):
        found.setdefault(subregion[0], set(rows["code"]))
    return {name: [code for code in codes if code in members] for name, members in found.items()}


def largest(strength: Mapping[str, float], members: Sequence[str], share: float) -> list[str]:
    """The fewest largest countries, at least two, that hold a share of their region's strength."""
    order = sorted(members, key=lambda code: (-strength[code], code))
    held = np.cumsum([strength[code] for code in order])
    return order[: max(2, int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))) + 1)]


def labellings(size: int, large: int, permutations: int, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Ways to call some countries large, and whether these are all there are.

    Parameters
    ----------
    size, large : int
        Number of countries, and of large ones.
    permutations : int
        All ways are taken where they are not more than this, else so many are drawn.
    rng : Generator

    Returns
    -------
    labels : ndarray of bool, shape (ways, countries)
    exact : bool
    """
    exact = comb(size, large) <= permutations
    chosen: Iterator[Sequence[int]] = combinations(range(size), large)
    if not exact:
        chosen = (rng.permutation(size)[:large] for _ in range(permutations))
    labels = np.zeros((comb(size, large) if exact else permutations, size), dtype=bool)
    for row, places in zip(labels, chosen, strict=True):
        row[list(places)] = True
    return labels, exact


def mean_slopes(slopes: np.ndarray, ends: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean slope of hubs, spokes and pairs of small countries; NaN where there is none of a kind.

    Parameters
    ----------
    slopes : ndarray, shape (pairs,)
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries.
    labels : ndarray of bool, shape (ways, countries)
        Whether a country is large.

    Returns
    -------
    ndarray, shape (ways, 3)
    """
    small = (~labels[:, ends]).sum(axis=2)
    found = np.full((len(labels), 3), np.nan)
    for kind in (HUB, SPOKE, SMALL):
        there = small == kind
        count = there.sum(axis=1)
        found[:, kind] = np.divide((there * slopes).sum(axis=1), count, out=found[:, kind], where=count > 0)
    return found


def two_sided(observed: float, by_chance: np.ndarray, exact: bool) -> float | None:
    """Twice the smaller tail of what chance gives, at most 1; None where it could not fall below 0.05.

    Draws count the observed way among their own.

    Parameters
    ----------
    observed : float
    by_chance : ndarray, shape (ways,)
        NaN where a way gives no value.
    exact : bool
        Whether these are all ways, the observed one among them.
    """
    known = by_chance[np.isfinite(by_chance)]
    if len(known) < FEWEST:
        return None
    rounding = 1e-9 * (abs(observed) + np.abs(known).max(initial=0))
    more, less = (known >= observed - rounding).sum(), (known <= observed + rounding).sum()
    beside = 0 if exact else 1
    return min(1.0, 2 * (min(more, less) + beside) / (len(known) + beside))


def region_row(
    slopes: np.ndarray, ends: np.ndarray, large: np.ndarray, permutations: int, rng: np.random.Generator
) -> dict | None:
    """Statistics of one region and channel; None where it has no hub or no spoke in the panel.

    Parameters
    ----------
    slopes : ndarray, shape (pairs,)
        Of the region's pairs.
    ends : ndarray of int, shape (pairs, 2)
        Places of their countries among those of the region.
    large : ndarray of bool, shape (countries,)
    permutations : int
        See `labellings`.
    rng : Generator
    """
    kind = (~large[ends]).sum(axis=1)
    hubs, spokes, small = mean_slopes(slopes, ends, large[None])[0]
    if not np.isfinite(hubs + spokes):
        return None
    labels, exact = labellings(len(large), int(large.sum()), permutations, rng)
    chance = mean_slopes(slopes, ends, labels)
    difference = chance[:, SPOKE] - chance[:, HUB]
    row = {
        "statistic": spokes - hubs,
        "p": two_sided(spokes - hubs, difference, exact),
        "labellings": int(np.isfinite(difference).sum()),
        "exact": exact,
    }
    if np.isfinite(small):
        row["over_small"] = spokes - small
        row["p_over_small"] = two_sided(spokes - small, chance[:, SPOKE] - chance[:, SMALL], exact)
    errors = standard_errors(slopes[:, None], kind, ends, 3)[:, 0]
    for label, name, mean in ((HUB, "hubs", hubs), (SPOKE, "spokes", spokes), (SMALL, "small", small)):
        inside = kind == label
        row[f"{'hub' if label == HUB else 'spoke' if label == SPOKE else name}_pairs"] = int(inside.sum())
        row[name] = mean if np.isfinite(mean) else None
        if np.isfinite(errors[label]):
            reach = stats.t.isf(0.025, len(np.unique(ends[inside])) - 1) * errors[label]
            row |= {f"{name}_low": mean - reach, f"{name}_high": mean + reach}
    return row


def compare(
    trajectories: pl.DataFrame,
    scores: Mapping[str, pl.DataFrame],
    channels: Sequence[str],
    preprocessing: str,
    regions: Mapping[str, Sequence[str]],
    share: float,
    permutations: int,
    seed: int,
) -> pl.DataFrame:
    """Slopes between large and small countries against slopes among the large, region by region.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Panel with z_<channel>, sorted by pair and year.
    scores : Mapping
        `SCORES` by layer, for the strengths of countries.
    channels : sequence of str
        Names of the channels; both directions of citation are taken as one (`alignment.undirected`).
    preprocessing : str
        See `alignment.courses`.
    regions : Mapping
        See `regions_of`.
    share : float
        Share of a region's strength (mean over layers, and over the years of the trajectories) that its large
        countries hold.
    permutations, seed : int
        See `labellings`.

    Returns
    -------
    pl.DataFrame
        `HUBS`: Theil-Sen slopes per decade, of z and over the noise of each pair. Intervals allow for
        pairs that share a country (`clusters.standard_errors`). Regions without two large countries and a
        small one in the panel are left out; where a region is too small for a test, p is null.
    """
    if trajectories.is_empty():
        return pl.DataFrame(schema=dict(HUBS.columns))
    trajectories, channels = undirected(trajectories, channels)
    pairs = trajectories.select("source", "target").unique(maintain_order=True)
    codes = sorted(set(pairs["source"]) | set(pairs["target"]))
    z = courses(trajectories, channels, preprocessing)
    slopes = np.stack([10 * trends.estimate(part).slope for part in np.moveaxis(z, 2, 0)], axis=1)
    by_unit = dict(zip(UNITS, (slopes, in_noise_units(slopes, z)), strict=True))
    ends = number_countries(pairs)
    years = trajectories["year"]
    strength = shares(scores, codes, years.min(), years.max())
    rows = []
    for name, members in regions_of(codes, regions, years.max()).items():
        if len(members) < 3:
            continue
        large = largest(strength, members, share)
        place = np.full(len(codes), -1)
        place[[codes.index(code) for code in members]] = range(len(members))
        own = place[ends]
        inside = (own >= 0).all(axis=1)
        for number, channel in enumerate(channels):
            for unit, values in by_unit.items():
                known = inside & np.isfinite(values[:, number])
                rng = np.random.default_rng([seed, *name.encode()])
                is_large = np.array([code in large for code in members])
                row = region_row(values[known, number], own[known], is_large, permutations, rng)
                if row is not None:
                    named = {"region": name, "channel": channel, "unit": unit}
                    rows.append(named | {"countries": len(members), "large": large} | row)
    schema = dict(HUBS.columns)
    found = pl.DataFrame(rows, schema=schema)
    found = found.with_columns(q=_by_family(found)) if len(found) else found
    for row in found.filter(unit="z").iter_rows(named=True):
        log.info(
            "%s, %s: hubs %+.3f a decade (%s), spokes %+.3f, p = %s",
            row["region"], row["channel"], row["hubs"], ", ".join(row["large"]), row["spokes"], row["p"],
        )  # fmt: skip
    return found


def _by_family(found: pl.DataFrame) -> pl.Series:
    """Adjusted p of each row over the regions of its channel and unit that have one."""
    p = found["p"].to_numpy()
    family = found.select(pl.struct("channel", "unit").rank("dense")).to_series().to_numpy()
    q = np.full(len(found), np.nan)
    for number in np.unique(family):
        tested = (family == number) & np.isfinite(p)
        q[tested] = adjusted(p[tested])
    return pl.Series("q", q).fill_nan(None)
