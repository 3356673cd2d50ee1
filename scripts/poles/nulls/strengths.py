"""Ensembles with fixed expected strengths: the dual problem and its fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poles.nulls.constraints import allowed_pairs, margins, relative_errors
from poles.nulls.coordinates import CANCELLATION, Coordinates, Forest, Hub, coordinates_for, reach_of
from poles.nulls.network import Network
from poles.nulls.newton import newton

Law = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Expected weights and variances of a matrix of u; both 0 where u is infinite."""


@dataclass(frozen=True)
class StrengthDual:
    """Dual of a model with fixed strengths; its points are `Coordinates`."""

    network: Network
    law: Law
    positive: bool
    allowed: np.ndarray
    strengths: np.ndarray

    def moments(self, point: Coordinates) -> tuple[np.ndarray, np.ndarray]:
        """Expected weights and variances."""
        return self.law(np.where(self.allowed, point.u(), np.inf))

    def expected(self, point: Coordinates) -> np.ndarray:
        """Expected weights."""
        return self.moments(point)[0]

    def residual(self, point: Coordinates) -> float:
        """Largest relative error of a strength."""
        return float(relative_errors(margins(self.expected(point)), self.strengths).max())

    def recast(self, point: Coordinates, stalled: bool) -> Coordinates:
        """The same point, in better coordinates if those it has lose digits."""
        if stalled:
            return Forest.spanning(point.u(), self.allowed)
        if not self.positive or point.cancellation(self.allowed) < CANCELLATION:
            return point
        return coordinates_for(point.u(), self.allowed, not self.network.directed)

    def gradient(self, point: Coordinates) -> np.ndarray:
        """Errors of the strengths."""
        return point.sums(self.network.weights - self.expected(point))

    def hessian(self, point: Coordinates) -> np.ndarray:
        """Covariance of the strengths."""
        return point.products(self.moments(point)[1])

    def move(self, point: Coordinates, step: np.ndarray) -> Coordinates:
        """Where a step leads."""
        return point.at(point.values + step)

    def reach(self, point: Coordinates, step: np.ndarray) -> float:
        """How many times a step can be taken before some u is 0."""
        return reach_of(point, step, self.allowed) if self.positive else np.inf


def fit_strengths(network: Network, law: Law, start: np.ndarray, positive: bool) -> tuple[np.ndarray, int]:
    """Multipliers with which the expected strengths are those observed.

    Parameters
    ----------
    network : Network
        No star (see `is_star`): there the multipliers are infinite.
    law : callable
        Expected weights and variances as functions of u, both decreasing.
    start : ndarray, shape (n, n)
        u = a_i + b_j to start from, diagonal included.
    positive : bool
        Whether the law wants u > 0.

    Returns
    -------
    u : ndarray, shape (n, n)
        Infinite for pairs that can carry no weight.
    iterations : int
        Newton steps.
    """
    allowed = allowed_pairs(network)
    coordinates = (coordinates_for if positive else Hub.smallest)(start, allowed, not network.directed)
    point, iterations = newton(
        StrengthDual(network, law, positive, allowed, margins(network.weights)), coordinates
    )
    u = np.where(allowed, point.u(), np.inf)
    return u if network.directed else (u + u.T) / 2, iterations
