"""Measures of polarization: correlations between poles, and modularities of the signed network of z.

All measures are the same in any unit of z. Countries are what is sampled, so every measure has an interval
over countries: by a bootstrap for correlations, and by a jackknife for modularities.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from poles.blocs.modularity import best_split, camps_of_poles, modularity
from poles.stats.bootstrap import jackknife_half_width


class PairNetwork(NamedTuple):
    """Pairs of a panel as the links of a network of countries, and the poles in it.

    Attributes
    ----------
    countries : sequence of str
        Country codes.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    poles : sequence of str
        The poles that are in the panel.
    """

    countries: Sequence[str]
    ends: np.ndarray
    poles: Sequence[str]

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """Values of the pairs, shape (..., pairs), as symmetric matrices; NaN without a pair."""
        matrix = np.full((*values.shape[:-1], len(self.countries), len(self.countries)), np.nan)
        first, second = self.ends.T
        matrix[..., first, second] = matrix[..., second, first] = values
        return matrix

    def places(self, codes: Sequence[str]) -> list[int]:
        """Places of some countries."""
        return [self.countries.index(code) for code in codes]

    def pairs_with(self, poles: Sequence[str]) -> np.ndarray:
        """Places of the pairs of each country with some poles, shape (countries, poles).

        A row for every country that has a pair with all of these poles, without any pole of the panel.
        """
        pair_places = self.matrix(np.arange(len(self.ends), dtype=float))
        others = [place for place, code in enumerate(self.countries) if code not in self.poles]
        with_poles = pair_places[np.ix_(others, self.places(poles))]
        return with_poles[np.isfinite(with_poles).all(axis=1)].astype(int)


def weights_of(matrix: np.ndarray) -> np.ndarray:
    """Weights of a network from a matrix of z: 0 where there is no pair."""
    return np.where(np.isnan(matrix), 0.0, matrix)


def correlate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson correlation along the last axis; 0 where one of the two is constant."""
    first, second = _centred(first), _centred(second)
    scale = np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    return np.divide((first * second).sum(axis=-1), scale, out=np.zeros_like(scale), where=scale > 0)


def _centred(values: np.ndarray) -> np.ndarray:
    """Values less their mean along the last axis; 0 where the difference is rounding."""
    rest = values - values.mean(axis=-1, keepdims=True)
    return np.where(np.abs(rest) > 1e-12 * np.abs(values).max(axis=-1, keepdims=True), rest, 0.0)


def correlate_ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman correlation along the last axis."""
    return correlate(ranks(first), ranks(second))


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank values along the last axis from 1; equal values share their mean rank."""
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    places = np.arange(values.shape[-1])
    # Places of the first and of the last of the values that equal each value.
    steps = ordered[..., 1:] != ordered[..., :-1]
    first, last = np.zeros(values.shape, int), np.full(values.shape, places[-1])
    first[..., 1:] = np.maximum.accumulate(np.where(steps, places[1:], 0), axis=-1)
    last[..., :-1] = np.minimum.accumulate(np.where(steps, places[:-1], places[-1])[..., ::-1], axis=-1)[
        ..., ::-1
    ]
    ranked = np.empty(values.shape)
    np.put_along_axis(ranked, order, (first + last) / 2 + 1, axis=-1)
    return ranked


CORRELATIONS = {"correlation": correlate, "rank_correlation": correlate_ranks}


class PoleCorrelation:
    """Correlation, across countries, of z with one pole and z with another.

    It falls where countries take sides.

    Parameters
    ----------
    network : PairNetwork
    name : str
        A key of `CORRELATIONS`.
    poles : (str, str)

    Attributes
    ----------
    sign : int
        -1, because the measure falls with polarization.
    pair_places : ndarray of int, shape (countries, 2)
        See `PairNetwork.pairs_with`.
    """

    sign = -1

    def __init__(self, network: PairNetwork, name: str, poles: tuple[str, str]):
        self.name, self.poles = name, "-".join(poles)
        self.correlate = CORRELATIONS[name]
        self.pair_places = network.pairs_with(poles)
        self.countries = len(self.pair_places)

    def of(self, values: np.ndarray) -> np.ndarray:
        """The measure of each row of values, shape (rows, pairs); shape (rows,)."""
        return self.correlate(values[:, self.pair_places[:, 0]], values[:, self.pair_places[:, 1]])

    def sample(self, values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
        """The measure with countries drawn with replacement, the same countries in all rows.

        Parameters
        ----------
        values : ndarray, shape (rows, pairs)
        resamples : int
        rng : Generator

        Returns
        -------
        ndarray, shape (resamples, rows)
        """
        first, second = values[:, self.pair_places[:, 0]], values[:, self.pair_places[:, 1]]
        draws = rng.integers(0, self.countries, (resamples, self.countries))
        by_row = zip(first, second, strict=True)
        return np.stack([self.correlate(one[draws], other[draws]) for one, other in by_row], axis=1)

    def interval(self, value: np.ndarray | float, sample: np.ndarray) -> tuple:
        """95 % interval of a value from its sample: percentiles of the bootstrap."""
        return tuple(np.quantile(sample, [0.025, 0.975], axis=0))


class SplitModularity:
    """Modularity of the network of z under the best split into two camps, which ignores the poles.

    It rises where countries have more links than expected within camps, and fewer between them.

    Parameters
    ----------
    network : PairNetwork

    Attributes
    ----------
    sign : int
        1, because the measure rises with polarization.
    """

    sign = 1
    name, poles = "modularity", "none"

    def __init__(self, network: PairNetwork):
        self.network = network
        self.countries = len(network.countries)

    def partition(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places of the members, and for each row of values the weights between them and their camps."""
        weights = weights_of(self.network.matrix(values))
        return np.arange(len(self.network.countries)), weights, best_split(weights)

    def of(self, values: np.ndarray) -> np.ndarray:
        """The measure of each row of values, shape (rows, pairs); shape (rows,)."""
        return modularity(*self.partition(values)[1:])

    def sample(self, values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
        """The measure with each country but the poles left out in turn, and the camps of the others kept.

        Parameters
        ----------
        values : ndarray, shape (rows, pairs)
        resamples, rng
            Not used: a jackknife is not random.

        Returns
        -------
        ndarray, shape (countries, rows)
        """
        members, weights, camps = self.partition(values)
        is_pole = np.isin(members, self.network.places(self.network.poles))
        rests = np.array([np.delete(np.arange(len(members)), place) for place in np.flatnonzero(~is_pole)])
        by_row = [
            modularity(of_row[rests[:, :, None], rests[:, None, :]], camps_of_row[rests])
            for of_row, camps_of_row in zip(weights, camps, strict=True)
        ]
        return np.stack(by_row, axis=1)

    def interval(self, value: np.ndarray | float, sample: np.ndarray) -> tuple:
        """95 % interval of a value from its sample: jackknife."""
        half = jackknife_half_width(sample)
        return value - half, value + half


class PoleModularity(SplitModularity):
    """Modularity of the network of z where every country is in the camp of the pole with its greatest z.

    Only countries that have a pair with every pole are in the network.
    """

    name = "pole_modularity"

    def __init__(self, network: PairNetwork):
        super().__init__(network)
        self.poles = "-".join(network.poles)
        self.countries = len(network.pairs_with(network.poles)) + len(network.poles)

    def partition(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places of the members, and for each row of values the weights between them and their camps."""
        matrix = self.network.matrix(values)
        members, camps = camps_of_poles(matrix, self.network.places(self.network.poles))
        return members, weights_of(matrix[:, members[:, None], members]), camps


Measure = PoleCorrelation | SplitModularity


def measures_of(network: PairNetwork) -> list[Measure]:
    """All measures that a network allows.

    A correlation needs two poles and three countries that have a pair with both. A modularity by poles needs
    two poles and one country that has a pair with all of them.
    """
    measures: list[Measure] = []
    for poles in combinations(network.poles, 2):
        if len(network.pairs_with(poles)) >= 3:
            measures += [PoleCorrelation(network, name, poles) for name in CORRELATIONS]
    if len(network.poles) > 1 and len(network.pairs_with(network.poles)):
        measures.append(PoleModularity(network))
    return [*measures, SplitModularity(network)]


def poles_apart(network: PairNetwork, values: np.ndarray) -> list[bool]:
    """Whether the best split puts two poles into different camps, for each row of values.

    Parameters
    ----------
    network : PairNetwork
        With two poles.
    values : ndarray, shape (rows, pairs)
    """
    first, second = network.places(network.poles)
    camps = best_split(weights_of(network.matrix(values)))
    return (camps[:, first] != camps[:, second]).tolist()
