"""What the maximum-entropy null models share: their constraints, and Newton's method for the multipliers.

A model with fixed expected strengths gives the pair (i, j) a weight law with one parameter
u_ij = a_i + b_j (undirected: b = a), and its multipliers minimise the convex function

    sum_i out_i a_i + sum_j in_j b_j + sum_ij phi(u_ij),      E_ij = -phi'(u_ij),  V_ij = phi''(u_ij).

The one subtlety is the choice of coordinates. Where a country (the hub c) takes part in almost everything,
a_c + b_c is negative and the small u_cj are differences of large multipliers: nothing is left of their
digits. There the unknowns are instead d_j = u_cj, e_i = u_ic and m = -(a_c + b_c), all positive, so that
u_ij = e_i + d_j + m loses nothing, and the equation of m is the total weight of the links that do not touch
c, again a sum of positive terms (`Hub`). Where even that loses digits, a spanning tree gives the coordinates
(`Forest`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs, dpstrf
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from threadpoolctl import ThreadpoolController

from poles.nulls import Network

TARGET = 1e-12
"""Relative error at which a solver stops."""
GOOD = 1e-11
"""Relative error with which a solver is content when it gets no further."""
STALLED = 10
"""Iterations without progress after which it tries other coordinates."""
SETTLED = 1e-10
"""Largest change of an expected weight in the last step; strengths may hide that light pairs still move."""
NEAR = 0.1
"""Largest relative change of an expected weight below which the next step uses the same second derivative."""
MAX_ITERATIONS = 300
CANCELLATION = 100.0
"""Factor by which the terms of a sum may exceed it before other coordinates are chosen."""
TINY = 1e-300
"""What makes 0 / 0 a 0."""
RIDGE = 1e-13
"""Relative increase of the diagonal of a Hessian; about its rounding errors."""
ONE_THREAD = ThreadpoolController().wrap(limits=1, user_api="blas")
"""Linear algebra runs on one thread: matrices are small, and sums must not depend on how many there are."""

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
        A matrix of expectations and the matrix observed, whose row and column sums are constrained.

    Returns
    -------
    residual : float
        Largest |expected - observed| / observed, or the absolute error where the observed sum is 0;
        infinite where a sum is not a number.
    worst : str
        Country with the largest error.
    """
    errors = np.stack([relative_errors(margins(expected), margins(seen)) for expected, seen in constraints])
    worst = int(errors.max(axis=(0, 1)).argmax())
    return float(errors.max()), network.countries[worst]


def margins(x: np.ndarray, symmetric: bool = False) -> np.ndarray:
    """Row and column sums of a matrix, shape (2, n); of a symmetric one the row sums alone, shape (1, n)."""
    ones = np.ones(len(x))
    return (x @ ones)[None] if symmetric else np.stack([x @ ones, ones @ x])


def relative_errors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Relative errors of sums; absolute where 0 is wanted, infinite where a sum is not a number."""
    errors = abs(found - wanted) / np.where(wanted > 0, wanted, 1)
    return np.where(np.isnan(errors), np.inf, errors)


def is_star(network: Network) -> bool:
    """Whether one country takes part in every link, so that the strengths alone fix all weights.

    This is the only case in which fixed strengths force to 0 the weight of a pair that has out-strength on
    one side and in-strength on the other: any two sources together reach all targets.
    """
    linked = network.weights > 0
    touching = linked.sum(axis=1) + (linked.sum(axis=0) if network.directed else linked.sum(axis=1))
    return bool(touching.max() == linked.sum())


class Coordinates(Protocol):
    """A basis of the matrices u_ij = a_i + b_j, and one such matrix in it."""

    values: np.ndarray

    def at(self, values: np.ndarray) -> Coordinates:
        """The matrix with other coordinates."""

    def of(self, u: np.ndarray) -> Coordinates:
        """Another matrix u, diagonal included, in the same basis."""

    def u(self) -> np.ndarray:
        """The matrix, shape (n, n), diagonal included."""

    def exp(self) -> np.ndarray:
        """Exponential of u."""

    def expm1(self) -> np.ndarray:
        """Exponential of u, less 1, to relative accuracy; the diagonal is not to be used."""

    def sums(self, x: np.ndarray) -> np.ndarray:
        """B x for a matrix x of pairs, B the incidence of the coordinates on the pairs."""

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """B diag(x) B', written to `out` if that is given."""

    def cancellation(self, allowed: np.ndarray) -> float:
        """Size of the terms of an entry of u relative to the entry, at worst: the accuracy that is lost."""


@dataclass(frozen=True)
class Hub:
    """u_ij = e_i + d_j + m for i, j other than the hub c, u_cj = d_j, u_ic = e_i.

    Attributes
    ----------
    hub : int
        The country c.
    symmetric : bool
        Whether e = d is one vector.
    values : ndarray, shape (n + 1,) if symmetric, else (2 n + 1,)
        e, d (once if symmetric) and m; e and d are 0 at the hub.
    """

    hub: int
    symmetric: bool
    values: np.ndarray

    @classmethod
    def smallest(cls, u: np.ndarray, allowed: np.ndarray, symmetric: bool) -> Hub:
        """The hub is the country with the smallest u_cc among those that are both source and target."""
        both = allowed.any(axis=1) & allowed.any(axis=0)
        return cls(int(np.where(both, np.diag(u), np.inf).argmin()), symmetric, np.zeros(0)).of(u)

    def at(self, values: np.ndarray) -> Hub:
        """The matrix with other coordinates."""
        return Hub(self.hub, self.symmetric, values)

    def of(self, u: np.ndarray) -> Hub:
        """Another matrix u, diagonal included, in the same basis."""
        c, present = self.hub, np.arange(len(u)) != self.hub
        vectors = [u[c]] if self.symmetric else [u[:, c], u[c]]
        return self.at(np.concatenate([*(present * vector for vector in vectors), [-u[c, c]]]))

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Vectors e and d, and m."""
        n = len(self.values) - 1 if self.symmetric else len(self.values) // 2
        return self.values[:n], self.values[-n - 1 : -1], float(self.values[-1])

    def u(self) -> np.ndarray:
        """The matrix, shape (n, n), diagonal included."""
        e, d, m = self.parts
        u = np.add.outer(e, d + m)
        u[self.hub], u[:, self.hub] = d, e
        u[self.hub, self.hub] = -m
        return u

    def exp(self) -> np.ndarray:
        """Exponential of u, by products of exponentials."""
        e, d, m = self.parts
        found = np.multiply.outer(np.exp(e), np.exp(d + m))
        found[self.hub], found[:, self.hub] = np.exp(d), np.exp(e)
        return found

    def expm1(self) -> np.ndarray:
        """Exponential of u, less 1, by products; to relative accuracy, as terms do not cancel where u > 0."""
        e, d, m = self.parts
        rows, columns = np.expm1(e), np.expm1(d + m)
        found = np.multiply.outer(rows, columns + 1)
        found += columns
        found[self.hub], found[:, self.hub] = np.expm1(d), rows
        return found

    def inner(self, x: np.ndarray) -> list[np.ndarray]:
        """Row and column sums over the pairs without the hub; once if symmetric."""
        others = np.ones(len(x))
        others[self.hub] = 0
        return [(x @ others) * others] if self.symmetric else [(x @ others) * others, (others @ x) * others]

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Sums of x over the pairs where each coordinate is present: B x."""
        return self.all_sums(x, self.inner(x))

    def all_sums(self, x: np.ndarray, inner: list[np.ndarray]) -> np.ndarray:
        """Sums of x as in `sums`, given those over the pairs without the hub."""
        sums = [total + own for total, own in zip(inner, (x[:, self.hub], x[self.hub]), strict=False)]
        for vector in sums:
            vector[self.hub] = 0
        return np.concatenate([*sums, [inner[0].sum() / (2 if self.symmetric else 1)]])

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sums of x over the pairs where both of two coordinates are present: B diag(x) B'."""
        n, c, inner = len(x), self.hub, self.inner(x)
        size = len(self.values)
        H = np.empty((size, size)) if out is None else out
        if not self.symmetric:
            H[:n, :n] = H[n:-1, n:-1] = 0
            H[n:-1, :n] = x.T
            H[n + c, :n] = H[n:-1, c] = 0
        block = H[:n, -1 - n : -1]  # rows of e, columns of d
        block[:] = x
        block[c] = block[:, c] = 0
        H[:-1, -1] = H[-1, :-1] = np.concatenate(inner)
        H[-1, -1] = 0
        H[range(size), range(size)] += self.all_sums(x, inner)
        return H

    def cancellation(self, allowed: np.ndarray) -> float:
        """Size of the terms of an entry of u relative to the entry, at worst."""
        if self.values.min() >= 0:
            return 1.0
        return largest_ratio(self.at(abs(self.values)).u(), abs(self.u()), allowed)

    def quadratic(self, K: np.ndarray) -> np.ndarray:
        """Quadratic form b' K b, K symmetric, of the column b of B of every pair, shape (n, n)."""
        n = len(K) - 1 if self.symmetric else len(K) // 2
        rows, columns = slice(0, n), slice(len(K) - 1 - n, len(K) - 1)
        by_row = np.diag(K)[rows] + 2 * K[rows, -1]
        by_column = np.diag(K)[columns] + 2 * K[columns, -1]
        found = by_row[:, None] + by_column + K[-1, -1] + 2 * K[rows, columns]
        found[self.hub], found[:, self.hub] = np.diag(K)[columns], np.diag(K)[rows]
        return found


@dataclass(frozen=True)
class Forest:
    """u on a spanning tree of the graph between sources and targets, all else sums along its paths.

    Chosen by smallest u, no entry is then smaller than a term of its sum (Kruskal), whatever pairs matter.
    Slower than `Hub`, with which it agrees where it can.

    Attributes
    ----------
    sources, targets : ndarray of int, shape (2 n - 1,)
        Pairs that are the edges of the tree.
    paths : sparse array, shape (n n, 2 n - 1)
        Coefficients, +1 and -1 by turns along a path, of every u.
    values : ndarray, shape (2 n - 1,)
        u on the tree.
    """

    sources: np.ndarray
    targets: np.ndarray
    paths: csr_array
    values: np.ndarray

    @classmethod
    def spanning(cls, u: np.ndarray, allowed: np.ndarray) -> Forest:
        """Forest of smallest u among the allowed pairs, made a tree by others."""
        n = len(u)
        cost = np.where(allowed, u, np.inf).ravel()
        rank = np.empty(n * n)
        rank[np.argsort(cost, kind="stable")] = np.arange(1, n * n + 1)
        graph = np.zeros((2 * n, 2 * n))
        graph[:n, n:] = rank.reshape(n, n)
        tree = minimum_spanning_tree(csr_array(graph))
        order, before = breadth_first_order(tree, 0, directed=False)
        potentials = np.zeros((2 * n, 2 * n - 1), dtype=np.int8)
        for edge, node in enumerate(order[1:]):
            potentials[node] = -potentials[before[node]]
            potentials[node, edge] = 1
        ends = np.sort(np.stack([order[1:], before[order[1:]]]), axis=0)
        paths = csr_array((potentials[:n, None] + potentials[None, n:]).reshape(n * n, -1).astype(float))
        return cls(ends[0], ends[1] - n, paths, np.zeros(0)).of(u)

    def at(self, values: np.ndarray) -> Forest:
        """The matrix with other coordinates."""
        return Forest(self.sources, self.targets, self.paths, values)

    def of(self, u: np.ndarray) -> Forest:
        """Another matrix u, diagonal included, in the same basis."""
        return self.at(u[self.sources, self.targets])

    def u(self) -> np.ndarray:
        """The matrix, shape (n, n), diagonal included."""
        n = (len(self.values) + 1) // 2
        return (self.paths @ self.values).reshape(n, n)

    def exp(self) -> np.ndarray:
        """Exponential of u."""
        return np.exp(self.u())

    def expm1(self) -> np.ndarray:
        """Exponential of u, less 1, to relative accuracy."""
        return np.expm1(self.u())

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Sums of x over the pairs where each coordinate is present: B x."""
        return self.paths.T @ x.ravel()

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sums of x over the pairs where both of two coordinates are present: B diag(x) B'."""
        H = (self.paths.T @ self.paths.multiply(x.reshape(-1, 1)).tocsr()).toarray()
        if out is not None:
            out[:] = H
        return H

    def cancellation(self, allowed: np.ndarray) -> float:
        """Size of the terms of an entry of u relative to the entry, at worst."""
        size = (abs(self.paths) @ abs(self.values)).reshape(allowed.shape)
        return largest_ratio(size, abs(self.u()), allowed)


def coordinates_for(u: np.ndarray, allowed: np.ndarray, symmetric: bool) -> Coordinates:
    """A matrix u = a_i + b_j in coordinates of which no allowed entry is a small difference.

    Parameters
    ----------
    u : ndarray, shape (n, n)
        Diagonal included.
    allowed : ndarray of bool, shape (n, n)
        Pairs that matter; their u is positive.
    symmetric : bool
        Whether u and allowed are symmetric.
    """
    found = Hub.smallest(u, allowed, symmetric)
    return found if found.cancellation(allowed) < CANCELLATION else Forest.spanning(u, allowed)


def largest_ratio(x: np.ndarray, y: np.ndarray, allowed: np.ndarray) -> float:
    """Largest x / y of the allowed entries, y > 0; 0 if there are none."""
    return float(np.divide(x, y, out=np.zeros_like(x), where=allowed).max(initial=0))


def reach_of(point: Coordinates, step: np.ndarray, allowed: np.ndarray) -> float:
    """How many times a step can be added before an allowed entry of u is 0; infinite if more than twice."""
    if isinstance(point, Hub) and (point.values >= 0).all() and (point.values + 2 * step >= 0).all():
        return np.inf  # u is a sum of coordinates
    fastest = largest_ratio(-point.at(step).u(), point.u(), allowed)
    return 1 / fastest if fastest > 0 else np.inf


class Dual(Protocol):
    """A convex function of the multipliers whose gradient is the constraints' error; points are its own."""

    def expected(self, point: Any) -> np.ndarray:
        """Expected weights."""

    def residual(self, point: Any) -> float:
        """Largest relative error of a constraint."""

    def recast(self, point: Any, stalled: bool) -> Any:
        """The same point, in better coordinates if those it has lose digits, or have `stalled`."""

    def gradient(self, point: Any) -> np.ndarray:
        """Observed minus expected sums."""

    def hessian(self, point: Any) -> np.ndarray:
        """Second derivative."""

    def move(self, point: Any, step: np.ndarray) -> Any:
        """Where a step leads."""

    def reach(self, point: Any, step: np.ndarray) -> float:
        """How many times a step can be taken before the edge of the domain."""


@ONE_THREAD
def newton(dual: Dual, point: Any) -> tuple[Any, int]:
    """Minimise a dual by a damped Newton method; global, as the function is convex.

    Steps are shortened by slopes, not values: near the minimum slopes keep their digits. As long as steps
    shrink fast, they share one factorisation of the second derivative.

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
    change, previous, solve = np.inf, np.inf, None
    g, expected = dual.gradient(point), dual.expected(point)
    with np.errstate(over="ignore", invalid="ignore"):
        for iteration in range(MAX_ITERATIONS):
            residual = dual.residual(point)
            stalled += 1
            if residual < best_residual:
                best, best_residual, stalled = point, residual, 0
            if residual <= TARGET and change <= SETTLED:
                return point, iteration
            if best_residual <= GOOD and stalled >= 3:
                break
            recast = dual.recast(point, stalled >= STALLED)
            if recast is not point:
                point, g, solve = recast, dual.gradient(recast), None
            if solve is None or change > min(NEAR, previous / 5):
                solve = solver_of(dual.hessian(point))
            step = -solve(g)
            slope = float(g @ step)
            length = min(1.0, 0.99 * dual.reach(point, step))
            for _ in range(30):
                trial = dual.move(point, length * step)
                g = dual.gradient(trial)
                here = float(g @ step)
                if here <= 0.5 * abs(slope):
                    break
                length *= max(0.1, slope / (slope - here))
            point, before, expected = trial, expected, dual.expected(trial)
            previous, change = change, float((abs(expected - before) / (before + TINY)).max(initial=0))
    return best, iteration


def solver_of(H: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Function that solves H x = g, H positive semidefinite (and overwritten) and g in its range.

    By Cholesky factorisation of H with a slightly larger diagonal: where H leaves a choice x is small.
    """
    places, diagonal = np.arange(len(H)), H.diagonal().copy()
    H[places, places] = np.where(diagonal > 0, diagonal * (1 + RIDGE), 1)
    factor, failed = dpotrf(H.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        H = np.triu(H.T, 1)  # the half that is left
        H += H.T
        H[places, places] = diagonal
        return lambda g: solve_semidefinite(H, g)[0]
    return lambda g: dpotrs(factor, g, lower=1)[0]


def solve_semidefinite(H: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, int]:
    """Solve H x = g, H positive semidefinite and g in its range; x = 0 where H leaves a choice.

    By pivoted Cholesky factorisation of H scaled to unit diagonal, cut where rounding takes over.

    Returns
    -------
    x : ndarray, of the shape of g
    rank : int
        Rank of H.
    """
    x = np.zeros(g.shape)
    kept = np.flatnonzero(np.diag(H) > 0)
    if not len(kept):
        return x, 0
    scale = np.sqrt(np.diag(H)[kept])
    scaled = H[np.ix_(kept, kept)] / scale[:, None] / scale
    factor, pivots, rank, _ = dpstrf(scaled.T, lower=1, overwrite_a=1)
    order, L = pivots[:rank] - 1, factor[:rank, :rank]  # above its diagonal L is not read
    scale, kept = scale[order], kept[order]
    y = solve_triangular(L, (g[kept].T / scale).T, lower=True, check_finite=False)
    x[kept] = (solve_triangular(L, y, lower=True, trans=1, check_finite=False).T / scale).T
    return x, rank


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
