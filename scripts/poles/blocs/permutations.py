"""Permutations of the z-scores of a year that keep the strength of every country.

A null model fixes the strengths of countries, so a country that has more with one large partner has less with
others. The z-scores with two large poles are then negatively correlated without any polarization. A plain
permutation of z would lose this constraint. Here, z is permuted among the pairs, and then the strengths are
restored by the least change of z in the sum of squares.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import linalg


class Deviations(NamedTuple):
    """z and standard deviations of the pairs of a panel in one year and layer; NaN where there is no z.

    Attributes
    ----------
    z, std : ndarray, shape (directions, pairs)
        An undirected layer has one direction. A directed layer has two: from the first country of a pair to
        the second, and back.
    """

    z: np.ndarray
    std: np.ndarray


class StrengthPreservingPermutations:
    """Random permutations of the z-scores of a year, with the strengths of countries as observed.

    The z-scores are permuted among the pairs that have one; the two directions of a pair stay together. The
    deviation of a link is z times its standard deviation. Each country's sum of deviations is then brought
    back to its observed value by the least change of z in the sum of squares. In a directed layer, this holds
    for the sums over outgoing and over incoming links. So the values are close to those observed, the
    strengths are exact, and which countries are close to each other is random.

    Parameters
    ----------
    deviations : Deviations
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair.
    countries : int
        Number of countries.
    weights : sequence of float
        Weight of each direction in the channel, see `polarization.DIRECTIONS`.
    """

    def __init__(
        self, deviations: Deviations, ends: np.ndarray, countries: int, weights: Sequence[float] | np.ndarray
    ):
        z, std = deviations
        self.has_z = (np.isfinite(z) & (std > 0)).all(axis=0)
        self.z, self.std = z[:, self.has_z], std[:, self.has_z]
        first, second = ends[self.has_z].T
        # In a directed layer, a country has one constraint as a source and another as a target.
        self.ends = [(first, second)]
        if len(z) > 1:
            self.ends = [(first, countries + second), (second, countries + first)]
        self.constraints = countries * len(z)
        gram = np.zeros((self.constraints, self.constraints))
        for (source, target), deviation in zip(self.ends, self.std, strict=True):
            for entry in ((source, source), (source, target), (target, source), (target, target)):
                np.add.at(gram, entry, deviation**2)
        self.inverse = linalg.pinvh(gram)
        self.weights = np.array(weights)

    def strengths(self, z: np.ndarray) -> np.ndarray:
        """Sum of the deviations of every country.

        Parameters
        ----------
        z : ndarray, shape (directions, pairs)

        Returns
        -------
        ndarray, shape (directions x countries,)
        """
        total = np.zeros(self.constraints)
        for (source, target), deviation, row in zip(self.ends, self.std, z, strict=True):
            total += np.bincount(source, deviation * row, self.constraints)
            total += np.bincount(target, deviation * row, self.constraints)
        return total

    def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw the channel under one permutation.

        Parameters
        ----------
        values : ndarray, shape (pairs,)
            The channel as observed. A pair without z in this year keeps its value.
        rng : Generator

        Returns
        -------
        ndarray, shape (pairs,)
        """
        permuted = self.z[:, rng.permutation(self.z.shape[1])]
        multipliers = self.inverse @ self.strengths(self.z - permuted)
        restored = [
            row + deviation * (multipliers[source] + multipliers[target])
            for (source, target), deviation, row in zip(self.ends, self.std, permuted, strict=True)
        ]
        channel = values.copy()
        channel[self.has_z] = self.weights @ np.array(restored)
        return channel
