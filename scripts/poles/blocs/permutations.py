"""Permutations of the z-scores of a year that keep the strengths of countries."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import linalg


class Deviations(NamedTuple):
    """z and standard deviations of the pairs of a panel in one year and layer, NaN where there is none.

    Attributes
    ----------
    z, std : ndarray, shape (directions, pairs)
        One direction of an undirected layer, two of a directed one: first country to second, and back.
    """

    z: np.ndarray
    std: np.ndarray


class Deal:
    """Deals the z-scores of a year out anew among the pairs, and restores the strengths.

    z is permuted among the pairs that have it (both directions of a pair together). Then every country's sum
    of deviations (z times standard deviation; in a directed layer of both kinds of strength) is brought back
    to what it was, by the least change of z in the sum of squares. So the values are nearly those observed,
    the strengths exactly, and nothing else of who is near to whom is left.

    Parameters
    ----------
    deviations : Deviations
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    countries : int
    weights : sequence of float
        See `DIRECTIONS`.
    """

    def __init__(self, deviations: Deviations, ends: np.ndarray, countries: int, weights: Sequence[float]):
        z, std = deviations
        self.there = (np.isfinite(z) & (std > 0)).all(axis=0)
        self.z, self.std = z[:, self.there], std[:, self.there]
        first, second = ends[self.there].T
        # Sources and targets are constrained each by themselves; an undirected layer has one kind of end.
        self.ends = [(first, second)]
        if len(z) > 1:
            self.ends = [(first, countries + second), (second, countries + first)]
        self.kinds = countries * len(z)
        gram = np.zeros((self.kinds, self.kinds))
        for (one, other), deviation in zip(self.ends, self.std, strict=True):
            for pair in ((one, one), (one, other), (other, one), (other, other)):
                np.add.at(gram, pair, deviation**2)
        self.inverse = linalg.pinvh(gram)
        self.weights = np.array(weights)

    def sums(self, z: np.ndarray) -> np.ndarray:
        """Sum of the deviations of every country, shape (kinds of strength x countries,)."""
        total = np.zeros(self.kinds)
        for (one, other), deviation, values in zip(self.ends, self.std, z, strict=True):
            total += np.bincount(one, deviation * values, self.kinds)
            total += np.bincount(other, deviation * values, self.kinds)
        return total

    def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The channel with z dealt out anew; a pair without z in this year keeps its value.

        Parameters
        ----------
        values : ndarray, shape (pairs,)
            The channel as observed.
        rng : Generator
        """
        dealt = self.z[:, rng.permutation(self.z.shape[1])]
        share = self.inverse @ self.sums(self.z - dealt)
        restored = [
            row + deviation * (share[one] + share[other])
            for (one, other), deviation, row in zip(self.ends, self.std, dealt, strict=True)
        ]
        drawn = values.copy()
        drawn[self.there] = self.weights @ np.array(restored)
        return drawn
