"""Search for poles: each country of the panel in turn is taken as a pole, and its partners are tested.

A country attracts a partner if z between the two rises significantly in every channel, and repels it if z
falls significantly in every channel (Mann-Kendall test that allows for autocorrelation, see `trends`).

Under the null hypothesis, a partner keeps its numbers of pairs, attractions and repulsions, but which of its
pairs they fall on is random. So a country is compared with what its partners give to all others. A plain
permutation over all pairs would favour a pole of small countries, because small countries rise with many.
Partners are independent under this hypothesis. The number of attractions therefore follows the
Poisson-binomial law, and its test is exact. The share weighted by strength is tested by random draws.

A pole must also have significantly more pairs that move its way than the other way (`one_sided_p`). The
p-value of a country is the greater of the two.

Links have no direction here: a country that attracts all its partners looks the same as a country that all of
them attract. Nor does the test say why the pairs of a country move together.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import betainc

from poles.blocs.strengths import strength_shares
from poles.blocs.tables import POLES
from poles.stats import trends
from poles.stats.false_discovery import LEVEL, benjamini_hochberg
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import trend_series

log = logging.getLogger(__name__)


def joint_directions(z: np.ndarray) -> np.ndarray:
    """1 where every channel of a pair rises significantly, -1 where every channel falls, else 0.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)

    Returns
    -------
    ndarray, shape (pairs,)
    """
    signs = np.stack(
        [trends.directions(trends.estimate(channel)) for channel in np.moveaxis(z, 2, 0)], axis=1
    )
    return np.where((signs == signs[:, :1]).all(axis=1), signs[:, 0], 0)


def search(
    panel: PairPanel,
    scores: Mapping[str, pl.DataFrame],
    preprocessing: str,
    permutations: int,
    seed: int,
) -> pl.DataFrame:
    """Partners that each country of the panel attracts and repels, tested against chance.

    Parameters
    ----------
    panel : PairPanel
    scores : Mapping
        `SCORES` by layer, for the strengths of countries.
    preprocessing : str
        See `preprocessing.trend_series`.
    permutations, seed : int
        Number and seed of the random draws that test the shares weighted by strength.

    Returns
    -------
    pl.DataFrame
        `POLES`.
    """
    if panel.is_empty:
        return pl.DataFrame(schema=dict(POLES.columns))
    codes = list(panel.countries)
    strength = strength_shares(scores, codes, panel.years[0], panel.years[-1])
    in_panel = np.zeros((len(codes), len(codes)), dtype=bool)
    direction = np.zeros((len(codes), len(codes)), dtype=np.int8)
    first, second = panel.ends.T
    in_panel[first, second] = in_panel[second, first] = True
    pair_direction = joint_directions(trend_series(panel.z, preprocessing))
    direction[first, second] = direction[second, first] = pair_direction
    columns = {"country": codes, "strength": strength, "partners": in_panel.sum(axis=1)}
    moving_pairs = (in_panel & (direction != 0)).sum(axis=1)
    rng = np.random.default_rng(seed)
    for sign, verb, participle in ((1, "attracts", "attracted"), (-1, "repels", "repelled")):
        outcome = in_panel & (direction == sign)
        results = [
            excess_over_chance(outcome, in_panel, place, strength, permutations, rng)
            for place in range(len(codes))
        ]
        columns |= {
            participle: outcome.sum(axis=1),
            verb: [[codes[partner] for partner in np.flatnonzero(row)] for row in outcome],
            f"{participle}_strength": [result.strength_share for result in results],
            "excess" if sign > 0 else "excess_repelled": [result.excess for result in results],
        }
        one_sided = one_sided_p(outcome.sum(axis=1), moving_pairs)
        by_count, by_strength = [result.p for result in results], [result.strength_p for result in results]
        for suffix, chance_p in (("", by_count), ("_strength", by_strength)):
            p = np.maximum(chance_p, one_sided)
            columns |= {f"p_{verb}{suffix}": p, f"q_{verb}{suffix}": benjamini_hochberg(p)}
    rank = pl.col("excess").round(12).rank("min", descending=True)
    poles = pl.DataFrame(columns).with_columns(rank.alias("rank"))
    for verb in ("attracts", "repels"):
        names = poles.filter(pl.col(f"q_{verb}") < LEVEL).sort("strength", descending=True)["country"]
        log.info(
            "countries that %s more partners than chance gives: %s", verb[:-1], ", ".join(names) or "none"
        )
    return tables.conform(poles, POLES)


def one_sided_p(one_way: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Probability that at least as many of a country's moving pairs go one way, if they go as all others do.

    Trends of large countries are measured better, so more of their pairs move significantly, both up and
    down. Only a surplus of one direction over the other makes a pole.

    Parameters
    ----------
    one_way, moving : ndarray of int, shape (countries,)
        Number of each country's pairs that go this way, and that go either way.

    Returns
    -------
    ndarray, shape (countries,)
        Upper tail of the binomial law. Its probability of success is the share of this way among the moving
        pairs without the country, by Laplace's rule: one pair is added to either way.
    """
    other_moving, other_one_way = moving.sum() / 2 - moving, one_way.sum() / 2 - one_way
    # The tail of the binomial law is a regularized incomplete beta function.
    return betainc(one_way, moving - one_way + 1, (other_one_way + 1) / (other_moving + 2))


def poisson_binomial(probability: np.ndarray) -> np.ndarray:
    """Law of the number of successes in independent trials, each with its own probability.

    Parameters
    ----------
    probability : ndarray, shape (trials,)

    Returns
    -------
    ndarray, shape (trials + 1,)
        Probability of 0, 1, ... successes. All terms are positive, so small tails keep their digits.
    """
    law = np.ones(1)
    for success in probability:
        law = np.convolve(law, [1 - success, success])
    return law


class ExcessTest(NamedTuple):
    """What a country has beyond chance, in numbers of partners and in their strength.

    Attributes
    ----------
    excess : float
        Share of the partners with the outcome, less its expectation by chance.
    p : float
        Probability that chance gives at least as many partners.
    strength_share : float
        Share of the partners with the outcome in the strength of all partners.
    strength_p : float
        Probability that chance gives at least this share of strength.
    """

    excess: float
    p: float
    strength_share: float
    strength_p: float


def excess_over_chance(
    outcome: np.ndarray,
    in_panel: np.ndarray,
    place: int,
    strength: np.ndarray,
    permutations: int,
    rng: np.random.Generator,
) -> ExcessTest:
    """Test whether a country has an outcome with more partners than those partners have it with others.

    Parameters
    ----------
    outcome, in_panel : ndarray of bool, shape (countries, countries)
        Symmetric: whether a pair has the outcome (for example, attracts); whether it is in the panel.
    place : int
        Row of the country.
    strength : ndarray, shape (countries,)
        Strength of every country, in any unit.
    permutations : int
        Number of draws for the share weighted by strength.
    rng : Generator

    Returns
    -------
    ExcessTest

    Notes
    -----
    The number of partners with the outcome follows a Poisson-binomial law: each partner is a trial, whose
    probability is the share of that partner's pairs that have the outcome.
    """
    partners = np.flatnonzero(in_panel[place])
    observed = outcome[place, partners]
    probability = outcome[partners].sum(axis=1) / in_panel[partners].sum(axis=1)
    p = float(poisson_binomial(probability)[observed.sum() :].sum())
    weights = strength[partners] / max(strength[partners].sum(), 1e-300)
    draws = ((rng.random((permutations, len(partners))) < probability) * weights).sum(axis=1)
    share = float((observed * weights).sum())
    # Shares that differ by rounding are equal.
    as_large = int((draws >= share - 1e-12).sum())
    excess = float(observed.mean() - probability.mean())
    return ExcessTest(excess, min(p, 1.0), share, (1 + as_large) / (1 + permutations))
