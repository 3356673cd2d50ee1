"""Ensembles with fixed expected strengths: the dual problem and its solution.

Such a model gives the weight of the pair (i, j) a law with one parameter u_ij = a_i + b_j (undirected:
b = a). Its multipliers a and b minimise the convex function

    sum_i out_i a_i + sum_j in_j b_j + sum_ij phi(u_ij),      E_ij = -phi'(u_ij),  V_ij = phi''(u_ij),

where out and in are the observed strengths, E expected weights and V variances (Squartini and Garlaschelli
2011, New J. Phys. 13:083001). `max_entropy` and `multi_edge` differ in phi alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poles.nulls.constraints import allowed_pairs, margins, relative_errors
from poles.nulls.coordinates import CANCELLATION, Coordinates, Forest, Hub, coordinates_for, reach_of
from poles.nulls.network import Network
from poles.nulls.newton import newton

Law = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Expected weights and variances as functions of the matrix u; both are 0 where u is infinite."""


@dataclass(frozen=True)
class StrengthDual:
    """Dual function of a model with fixed strengths; its points are `Coordinates`.

    Attributes
    ----------
    network : Network
        The observed network.
    law : callable
        Expected weights and variances as functions of u.
    positive : bool
        Whether the law requires u > 0.
    allowed : ndarray of bool, shape (n, n)
        Pairs that can have weight.
    strengths : ndarray, shape (2, n)
        Observed out- and in-strengths.
    """

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
        """The same point, in other coordinates if the present ones lose digits or have `stalled`."""
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
        """The point after a step."""
        return point.at(point.values + step)

    def reach(self, point: Coordinates, step: np.ndarray) -> float:
        """Multiple of a step at which an allowed u reaches 0."""
        return reach_of(point, step, self.allowed) if self.positive else np.inf


def fit_strengths(network: Network, law: Law, start: np.ndarray, positive: bool) -> tuple[np.ndarray, int]:
    """Find the multipliers for which the expected strengths equal the observed ones.

    Parameters
    ----------
    network : Network
        Not a star (see `is_star`), whose multipliers are infinite.
    law : callable
        Expected weights and variances as functions of u, both decreasing.
    start : ndarray, shape (n, n)
        Starting values of u = a_i + b_j, diagonal included.
    positive : bool
        Whether the law requires u > 0.

    Returns
    -------
    u : ndarray, shape (n, n)
        Infinite for pairs that cannot have weight.
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
