"""A search for poles: every country of the panel taken as one, and whom it attracts.

A partner is attracted where z with it rises significantly in every channel, repelled where it falls in every
channel (Mann-Kendall with autocorrelation allowed for, `trends`). By chance means: had every partner
dealt out the directions of its pairs anew among its own pairs. So each partner keeps its number of pairs, of
attractions and of repulsions, and a country is compared with what others get from the same partners; a
plain permutation over all pairs would give a pole of small countries the benefit that small countries rise
with many. Partners being independent in this, the number of attractions follows the Poisson-binomial law and
its test is exact; for the share weighted by strength the deal is drawn. A pole must also have more pairs that
go its way than the other way (`sided`): p is the greater of both.

A link has no direction here: that a country attracts all its partners, and that it is attracted by all, is
one finding. Nor does the test say why the pairs of a country move together.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from poles.blocs.alignment import courses
from poles.blocs.tables import POLES
from poles.stats import trends
from poles.stats.false_discovery import adjusted
from poles.study import tables
from poles.trajectories.panel import active_countries, number_countries

log = logging.getLogger(__name__)

LEVEL = 0.05
"""Share of false discoveries at which a country is called a pole."""


def shares(
    scores: Mapping[str, pl.DataFrame], countries: Sequence[str], first: int, last: int
) -> dict[str, float]:
    """Share of each country in the strength of all of them, mean over layers, in the order given.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    countries : sequence of str
        Country codes.
    first, last : int
        Years of which the mean strength is taken, both included.
    """
    activity = active_countries(scores, first, last)
    order = pl.DataFrame({"country": countries}, schema={"country": pl.String})
    inside = order.join(activity, on="country", how="left", maintain_order="left").fill_null(0.0)
    parts = [inside[layer].to_numpy() for layer in scores]
    mean = sum(part / max(part.sum(), 1e-300) for part in parts) / len(parts)
    return dict(zip(countries, map(float, mean), strict=True))


def joint_directions(z: np.ndarray) -> np.ndarray:
    """1 where all channels of a pair rise significantly, -1 where all fall, else 0; shape (pairs,).

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    """
    signs = np.stack([trends.directions(trends.estimate(part)) for part in np.moveaxis(z, 2, 0)], axis=1)
    return np.where((signs == signs[:, :1]).all(axis=1), signs[:, 0], 0)


def search(
    trajectories: pl.DataFrame,
    scores: Mapping[str, pl.DataFrame],
    channels: Sequence[str],
    preprocessing: str,
    permutations: int,
    seed: int,
) -> pl.DataFrame:
    """Whom each country of the panel attracts and repels, against chance.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Panel with z_<channel>, sorted by pair and year.
    scores : Mapping
        `SCORES` by layer, for the strengths of countries.
    channels : sequence of str
        Names of the channels.
    preprocessing : str
        See `alignment.courses`.
    permutations, seed : int
        Of the directions of each partner, for the shares weighted by strength.

    Returns
    -------
    pl.DataFrame
        `POLES`.
    """
    if trajectories.is_empty():
        return pl.DataFrame(schema=dict(POLES.columns))
    pairs = trajectories.select("source", "target").unique(maintain_order=True)
    direction = joint_directions(courses(trajectories, channels, preprocessing))
    ends = number_countries(pairs)
    codes = sorted(set(pairs["source"]) | set(pairs["target"]))
    years = trajectories["year"]
    weight = np.array([*shares(scores, codes, years.min(), years.max()).values()])
    known = np.zeros((len(codes), len(codes)), dtype=bool)
    signs = np.zeros((len(codes), len(codes)), dtype=np.int8)
    for one, other in ((0, 1), (1, 0)):
        known[ends[:, one], ends[:, other]] = True
        signs[ends[:, one], ends[:, other]] = direction
    columns = {"country": codes, "strength": weight, "partners": known.sum(axis=1)}
    rng = np.random.default_rng(seed)
    for sign, verb, done in ((1, "attracts", "attracted"), (-1, "repels", "repelled")):
        there = known & (signs == sign)
        tested = [excess(there, known, place, weight, permutations, rng) for place in range(len(codes))]
        one_sided = sided(there.sum(axis=1), (known & (signs != 0)).sum(axis=1))
        columns |= {
            done: there.sum(axis=1),
            verb: [[codes[other] for other in np.flatnonzero(row)] for row in there],
            f"{done}_strength": [found.strength for found in tested],
            "excess" if sign > 0 else "excess_repelled": [found.count for found in tested],
        }
        for suffix, chance in (("", [f.p for f in tested]), ("_strength", [f.p_strength for f in tested])):
            p = np.maximum(chance, one_sided)
            columns |= {f"p_{verb}{suffix}": p, f"q_{verb}{suffix}": adjusted(p)}
    rank = pl.col("excess").round(12).rank("min", descending=True)
    found = pl.DataFrame(columns).with_columns(rank.alias("rank"))
    for verb in ("attracts", "repels"):
        many = found.filter(pl.col(f"q_{verb}") < LEVEL).sort("strength", descending=True)["country"]
        log.info("%s more partners than chance: %s", verb, ", ".join(many) or "none")
    return tables.conform(found, POLES)


def sided(done: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Probability that of a country's moving pairs as many or more go one way, if they go as all others do.

    Trends of large countries are the better measured, so more of theirs are significant, rising and falling
    alike; only a surplus of one over the other makes a pole.

    Parameters
    ----------
    done, moving : ndarray of int, shape (countries,)
        Pairs of each country that go this way, and that go either way.

    Returns
    -------
    ndarray, shape (countries,)
        Upper tail of the binomial law, its chance the share (Laplace's, one added to each way) among the
        pairs without the country.
    """
    rest, rest_done = moving.sum() / 2 - moving, done.sum() / 2 - done
    return stats.binom.sf(done - 1, moving, (rest_done + 1) / (rest + 2))


class Excess(NamedTuple):
    """What a country has beyond chance.

    Attributes
    ----------
    count : float
        Share of its partners, less what chance gives.
    p : float
        Probability that chance gives as many or more.
    strength : float
        Share of its partners' strength.
    p_strength : float
        Probability that chance gives as much or more.
    """

    count: float
    p: float
    strength: float
    p_strength: float


def excess(
    there: np.ndarray,
    known: np.ndarray,
    place: int,
    weight: np.ndarray,
    permutations: int,
    rng: np.random.Generator,
) -> Excess:
    """Whether a country has more of something than its partners give to any of theirs.

    Parameters
    ----------
    there, known : ndarray of bool, shape (countries, countries)
        Symmetric: whether a pair is attracted, say; whether it is in the panel.
    place : int
        Row of the country.
    weight : ndarray, shape (countries,)
        Strengths.
    permutations : int
        Draws for the weighted share.
    rng : Generator

    Returns
    -------
    Excess
    """
    others = np.flatnonzero(known[place])
    own, chance = there[place, others], there[others].sum(axis=1) / known[others].sum(axis=1)
    p = float(poisson_binomial(chance)[own.sum() :].sum())
    parts = weight[others] / max(weight[others].sum(), 1e-300)
    drawn = ((rng.random((permutations, len(others))) < chance) * parts).sum(axis=1)
    share = float((own * parts).sum())
    # Shares that differ by rounding are equal.
    as_much = int((drawn >= share - 1e-12).sum())
    count = float(own.mean() - chance.mean())
    return Excess(count, min(p, 1.0), share, (1 + as_much) / (1 + permutations))


def poisson_binomial(chances: np.ndarray) -> np.ndarray:
    """Law of the number of successes of independent trials of unequal chances, shape (trials + 1,)."""
    law = np.ones(1)
    for chance in chances:
        law = np.append(law * (1 - chance), 0.0) + np.append(0.0, law * chance)
    return law
