"""What the maximum-entropy null models share: their constraints, and Newton's method for the multipliers.

A model with fixed expected strengths gives the pair (i, j) a weight law with one parameter
u_ij = a_i + b_j (undirected: b = a), and its multipliers minimise the convex function

    sum_i out_i a_i + sum_j in_j b_j + sum_ij phi(u_ij),      E_ij = -phi'(u_ij),  V_ij = phi''(u_ij).

The one subtlety is the choice of coordinates. Where a country (the hub c) takes part in almost everything,
a_c + b_c is negative and the small u_cj are differences of large multipliers: nothing is left of their digits.
There the unknowns are instead d_j = u_cj, e_i = u_ic and m = -(a_c + b_c), all positive, so that
u_ij = e_i + d_j + m loses nothing, and the equation of m is the total weight of the links that do not touch c,
again a sum of positive terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf
from threadpoolctl import ThreadpoolController

from poles.nulls import Network

TARGET = 2e-14
"""Relative error at which a solver stops: about what rounding leaves of a sum of 250 terms."""
MAX_ITERATIONS = 300
BLAS = ThreadpoolController()
"""Linear algebra runs on one thread: the matrices are small, and sums must not depend on how many there are."""

Law = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Expected weights and variances of a matrix of u; both 0 where u is infinite."""


def are_integers(weights: np.ndarray) -> bool:
    """Whether all weights are whole numbers, as counts of works and citations are."""
    return bool(np.all(weights == np.rint(weights)))


def allowed_pairs(network: Network) -> np.ndarray:
    """Pairs that can carry weight: i != j, where i has out-strength and j in-strength."""
    allowed = np.outer(network.weights.any(axis=1), network.weights.any(axis=0))
    np.fill_diagonal(allowed, False)
    return allowed


def residual_of(network: Network, *constraints: tuple[np.ndarray, np.ndarray]) -> tuple[float, str]:
    """Largest relative error of the constraints of a fit, and the country that has it.

    Parameters
    ----------
    network : Network
        The network fitted.
    *constraints : tuple of ndarray
        A matrix of expectations and the matrix observed: its row sums are constrained, and where the network
        is directed its column sums too.

    Returns
    -------
    residual : float
        Largest |expected - observed| / observed, or the absolute error where the observed sum is 0;
        infinite where a sum is not a number.
    worst : str
        Country with the largest error.
    """
    errors = np.zeros(len(network.countries))
    for expected, observed in constraints:
        for axis in (1, 0) if network.directed else (1,):
            sums = observed.sum(axis=axis)
            error = np.abs(expected.sum(axis=axis) - sums) / np.where(sums > 0, sums, 1.0)
            errors = np.maximum(errors, np.where(np.isnan(error), np.inf, error))
    return float(errors.max()), network.countries[int(errors.argmax())]


def is_star(network: Network) -> bool:
    """Whether one country takes part in every link, so that the strengths alone fix all weights.

    This is the only case in which fixed strengths force to 0 the weight of a pair that has out-strength on
    one side and in-strength on the other: any two sources together reach all targets.
    """
    linked = network.weights > 0
    touching = linked.sum(axis=1) + (linked.sum(axis=0) if network.directed else linked.sum(axis=1))
    return bool(touching.max() == linked.sum())


@dataclass(frozen=True)
class Coordinates:
    """Multipliers as u_ij = e_i [i != row] + d_j [j != column] + m [i != row, j != column].

    Attributes
    ----------
    row : int
        The country whose e is absent: the hub, or a reference that takes away the freedom to add a
        constant to all a and subtract it from all b.
    column : int or None
        The hub again; None where there is no hub, and then m is absent.
    symmetric : bool
        Whether e = d is one vector (undirected; then there is a hub).
    values : ndarray, shape (n + 1,) if symmetric, else (2 n + 1,)
        e, d (once if symmetric) and m; 0 where absent.
    """

    row: int
    column: int | None
    symmetric: bool
    values: np.ndarray

    @classmethod
    def choose(cls, u: np.ndarray, allowed: np.ndarray, symmetric: bool) -> Coordinates:
        """Coordinates of a matrix u = a_i + b_j in which no entry is a small difference of large terms.

        Parameters
        ----------
        u : ndarray, shape (n, n)
            Diagonal included.
        allowed : ndarray of bool, shape (n, n)
            Pairs that matter.
        symmetric : bool
            Whether u is symmetric.
        """
        sources, targets = allowed.any(axis=1), allowed.any(axis=0)
        own = np.where(sources & targets, np.diag(u), np.inf)
        hub = int(own.argmin())
        if symmetric or own[hub] <= u[allowed].min(initial=np.inf):
            return cls(hub, hub, symmetric, np.zeros(0)).of(u)
        row = int(np.where(sources, u[:, int(targets.argmax())], np.inf).argmin())
        return cls(row, None, False, np.zeros(0)).of(u)

    def of(self, u: np.ndarray) -> Coordinates:
        """The same coordinates of another matrix u = a_i + b_j, diagonal included."""
        rows, columns, has_m = self.presence(len(u))
        e, d, m = u[:, self.row if self.column is None else self.column], u[self.row], 0.0
        if self.column is None:
            e = e - e[self.row]
        else:
            m = -u[self.row, self.column]
        vectors = [columns * d] if self.symmetric else [rows * e, columns * d]
        return self.at(np.concatenate([*vectors, [m]]))

    def at(self, values: np.ndarray) -> Coordinates:
        """The same coordinates with other values."""
        return Coordinates(self.row, self.column, self.symmetric, values)

    def presence(self, n: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Coefficients, 0 or 1, of every e_i and d_j, and of m."""
        rows, columns = np.ones(n), np.ones(n)
        rows[self.row] = 0
        if self.column is not None:
            columns[self.column] = 0
        return rows, columns, float(self.column is not None)

    def u(self) -> np.ndarray:
        """Matrix u, shape (n, n), diagonal included."""
        n = len(self.values) - 1 if self.symmetric else len(self.values) // 2
        e, d, m = self.values[:n], self.values[-n - 1 : -1], self.values[-1]
        u = e[:, None] + (d + m)
        u[self.row] = d
        if self.column is not None:
            u[:, self.column] = e
            u[self.row, self.column] = -m
        return u

    def cancellation(self, allowed: np.ndarray) -> float:
        """Size of the terms of an entry of u relative to the entry, at worst: relative accuracy lost."""
        return float((self.at(abs(self.values)).u()[allowed] / abs(self.u()[allowed])).max())

    def sums(self, matrix: np.ndarray) -> np.ndarray:
        """Sums of a matrix over the entries where each coordinate is present: B x, as a vector like `values`."""
        rows, columns, has_m = self.presence(len(matrix))
        by_row, by_column = rows * matrix.sum(axis=1), columns * matrix.sum(axis=0)
        vectors = [by_row + by_column] if self.symmetric else [by_row, by_column]
        return np.concatenate([*vectors, [has_m * (rows @ matrix @ columns)]])

    def products(self, matrix: np.ndarray) -> np.ndarray:
        """B diag(x) B' for a matrix x of pairs, B the incidence of the coordinates on the pairs."""
        n = len(matrix)
        rows, columns, has_m = self.presence(n)
        inner = matrix.copy()
        inner[self.row] = 0
        if self.column is not None:
            inner[:, self.column] = 0
        borders = has_m * inner.sum(axis=1), has_m * inner.sum(axis=0)
        diagonals = rows * matrix.sum(axis=1), columns * matrix.sum(axis=0)
        if self.symmetric:  # the rows and columns of e and d below, added
            inner, borders, diagonals = 2 * inner, (2 * borders[0],), (2 * diagonals[0],)
            H = np.zeros((n + 1, n + 1))
            H[:n, :n] = inner
        else:
            H = np.zeros((2 * n + 1, 2 * n + 1))
            H[:n, n:-1], H[n:-1, :n] = inner, inner.T
        H[range(len(H) - 1), range(len(H) - 1)] += np.concatenate(diagonals)
        H[:-1, -1] = H[-1, :-1] = np.concatenate(borders)
        H[-1, -1] = has_m * (inner.sum() / 2 if self.symmetric else inner.sum())
        return H


class Dual(Protocol):
    """A convex function of the multipliers whose gradient is the constraints' error; points are its own."""

    def residual(self, point: Any) -> float:
        """Largest relative error of a constraint."""

    def recast(self, point: Any) -> Any:
        """The same point, in better coordinates if there are."""

    def gradient(self, point: Any) -> np.ndarray:
        """Observed minus expected sums."""

    def hessian(self, point: Any) -> np.ndarray:
        """Second derivative."""

    def move(self, point: Any, step: np.ndarray) -> Any:
        """Where a step leads."""

    def reach(self, point: Any, step: np.ndarray) -> float:
        """How many times a step can be taken before the edge of the domain."""


def newton(dual: Dual, point: Any) -> tuple[Any, int]:
    """Minimise a dual by a damped Newton method; global, as the function is convex.

    Steps are shortened by slopes, not values: near the minimum slopes keep their digits.

    Parameters
    ----------
    dual : Dual
    point : object
        Where to start, inside the domain.

    Returns
    -------
    point : object
        The point with the smallest residual; it is for the caller to judge whether that is small enough.
    iterations : int
    """
    best, best_residual, stalled, iteration = point, np.inf, 0, 0
    with BLAS.limit(limits=1, user_api="blas"):
        for iteration in range(MAX_ITERATIONS):  # noqa: B007
            point = dual.recast(point)
            residual = dual.residual(point)
            stalled += 1
            if residual < best_residual:
                best, best_residual, stalled = point, residual, 0
            if best_residual <= TARGET or (best_residual <= 1e-11 and stalled >= 3):
                break
            g = dual.gradient(point)
            step = -solve_semidefinite(dual.hessian(point), g)
            slope = float(g @ step)
            length = min(1.0, 0.99 * dual.reach(point, step))
            for _ in range(30):
                trial = dual.move(point, length * step)
                here = float(dual.gradient(trial) @ step)
                if here <= 0.5 * abs(slope):
                    break
                length *= max(0.1, slope / (slope - here))
            point = trial
    return best, iteration


def solve_semidefinite(H: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Solve H x = g, H positive semidefinite and g in its range, x = 0 where H leaves it free.

    By pivoted Cholesky factorisation of H scaled to unit diagonal, cut where rounding takes over.
    """
    x = np.zeros(len(g))
    kept = np.flatnonzero(np.diag(H) > 0)
    scale = np.sqrt(np.diag(H)[kept])
    scaled = H[np.ix_(kept, kept)] / scale[:, None] / scale
    factor, pivots, rank, _ = dpstrf(scaled.T, lower=1, overwrite_a=1)
    order, L = pivots[:rank] - 1, factor[:rank, :rank]  # above its diagonal L is not read
    y = solve_triangular(L, (g[kept] / scale)[order], lower=True, check_finite=False)
    x[kept[order]] = solve_triangular(L, y, lower=True, trans=1, check_finite=False) / scale[order]
    return x


@dataclass(frozen=True)
class StrengthDual:
    """Dual of a model with fixed strengths; its points are `Coordinates`."""

    network: Network
    law: Law
    positive: bool
    allowed: np.ndarray

    def moments(self, point: Coordinates) -> tuple[np.ndarray, np.ndarray]:
        """Expected weights and variances."""
        return self.law(np.where(self.allowed, point.u(), np.inf))

    def residual(self, point: Coordinates) -> float:
        return residual_of(self.network, (self.moments(point)[0], self.network.weights))[0]

    def recast(self, point: Coordinates) -> Coordinates:
        if self.positive and point.cancellation(self.allowed) > 16:
            return Coordinates.choose(point.u(), self.allowed, point.symmetric)
        return point

    def gradient(self, point: Coordinates) -> np.ndarray:
        return point.sums(self.network.weights - self.moments(point)[0])

    def hessian(self, point: Coordinates) -> np.ndarray:
        return point.products(self.moments(point)[1])

    def move(self, point: Coordinates, step: np.ndarray) -> Coordinates:
        return point.at(point.values + step)

    def reach(self, point: Coordinates, step: np.ndarray) -> float:
        if not self.positive:
            return np.inf
        u, change = point.u()[self.allowed], point.at(step).u()[self.allowed]
        falling = change < 0
        return float((-u[falling] / change[falling]).min(initial=np.inf))


def fit_strengths(
    network: Network, law: Law, start: np.ndarray, positive: bool
) -> tuple[np.ndarray, Coordinates, int]:
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
    coordinates : Coordinates
        Where u was found.
    iterations : int
        Newton steps.
    """
    allowed = allowed_pairs(network)
    point = Coordinates.choose(start, allowed, not network.directed)
    point, iterations = newton(StrengthDual(network, law, positive, allowed), point)
    return np.where(allowed, point.u(), np.inf), point, iterations
