"""Coordinates of the multipliers u_ij = a_i + b_j in which no digits are lost.

Where a country c (the hub) takes part in almost everything, a_c + b_c is negative, and the small u_cj are
differences of large multipliers, which lose their digits. `Hub` therefore has the unknowns d_j = u_cj,
e_i = u_ic and m = -(a_c + b_c), all positive: u_ij = e_i + d_j + m is a sum of positive terms. The equation
of m is the total weight of the links that do not touch c, again a sum of positive terms. Where even that
loses digits, the edges of a spanning tree are the coordinates (`Forest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

CANCELLATION = 100.0
"""Other coordinates are chosen if the terms of a sum exceed the sum by this factor."""


class Coordinates(Protocol):
    """A matrix u_ij = a_i + b_j as coordinates in some basis."""

    @property
    def values(self) -> np.ndarray:
        """The coordinates."""

    def at(self, values: np.ndarray) -> Coordinates:
        """Return the matrix that has other coordinates in the same basis."""

    def of(self, u: np.ndarray) -> Coordinates:
        """Return another matrix u, diagonal included, in the same basis."""

    def u(self) -> np.ndarray:
        """The matrix, shape (n, n), diagonal included."""

    def exp(self) -> np.ndarray:
        """Exponential of u."""

    def expm1(self) -> np.ndarray:
        """Exponential of u minus 1, accurate for small u; the diagonal has no meaning."""

    def sums(self, x: np.ndarray) -> np.ndarray:
        """B x for a matrix x of pairs, where B is the incidence matrix of coordinates and pairs."""

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """B diag(x) B', written to `out` if it is given."""

    def cancellation(self, allowed: np.ndarray) -> float:
        """Largest ratio of the terms of an entry of u to the entry: the accuracy that is lost."""


@dataclass(frozen=True)
class Hub:
    """Coordinates e, d and m: u_ij = e_i + d_j + m for i, j other than the hub c, u_cj = d_j, u_ic = e_i.

    Attributes
    ----------
    hub : int
        Index of the country c.
    symmetric : bool
        Whether e = d, kept as one vector.
    values : ndarray, shape (n + 1,) if symmetric, else (2 n + 1,)
        e and d (one vector if symmetric), then m; e and d are 0 at the hub.
    """

    hub: int
    symmetric: bool
    values: np.ndarray

    @classmethod
    def smallest(cls, u: np.ndarray, allowed: np.ndarray, symmetric: bool) -> Hub:
        """Take as hub the country with the smallest u_cc among those that are both source and target."""
        both = allowed.any(axis=1) & allowed.any(axis=0)
        return cls(int(np.where(both, np.diag(u), np.inf).argmin()), symmetric, np.zeros(0)).of(u)

    def at(self, values: np.ndarray) -> Hub:
        """Return the matrix that has other coordinates in the same basis."""
        return Hub(self.hub, self.symmetric, values)

    def of(self, u: np.ndarray) -> Hub:
        """Return another matrix u, diagonal included, in the same basis."""
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
        exponentials = np.multiply.outer(np.exp(e), np.exp(d + m))
        exponentials[self.hub], exponentials[:, self.hub] = np.exp(d), np.exp(e)
        return exponentials

    def expm1(self) -> np.ndarray:
        """Exponential of u minus 1, by products; accurate for small u > 0, as no terms cancel."""
        e, d, m = self.parts
        rows, columns = np.expm1(e), np.expm1(d + m)
        matrix = np.multiply.outer(rows, columns + 1)
        matrix += columns
        matrix[self.hub], matrix[:, self.hub] = np.expm1(d), rows
        return matrix

    def inner(self, x: np.ndarray) -> list[np.ndarray]:
        """Row and column sums over the pairs without the hub; only row sums if symmetric."""
        others = np.ones(len(x))
        others[self.hub] = 0
        return [(x @ others) * others] if self.symmetric else [(x @ others) * others, (others @ x) * others]

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Sums of x over the pairs that contain each coordinate: B x."""
        return self.all_sums(x, self.inner(x))

    def all_sums(self, x: np.ndarray, inner: list[np.ndarray]) -> np.ndarray:
        """Compute `sums`, given the sums over the pairs without the hub."""
        with_hub = (x[:, self.hub], x[self.hub])
        sums = [others + hub for others, hub in zip(inner, with_hub, strict=False)]
        for vector in sums:
            vector[self.hub] = 0
        return np.concatenate([*sums, [inner[0].sum() / (2 if self.symmetric else 1)]])

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sums of x over the pairs that contain both of two coordinates: B diag(x) B'."""
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
        """Largest ratio of the terms of an entry of u to the entry."""
        if self.values.min() >= 0:
            return 1.0
        return largest_ratio(self.at(abs(self.values)).u(), abs(self.u()), allowed)

    def quadratic(self, K: np.ndarray) -> np.ndarray:
        """Quadratic form b' K b of every pair, shape (n, n); b is its column of B, and K is symmetric."""
        n = len(K) - 1 if self.symmetric else len(K) // 2
        rows, columns = slice(0, n), slice(len(K) - 1 - n, len(K) - 1)
        by_row = np.diag(K)[rows] + 2 * K[rows, -1]
        by_column = np.diag(K)[columns] + 2 * K[columns, -1]
        form = by_row[:, None] + by_column + K[-1, -1] + 2 * K[rows, columns]
        form[self.hub], form[:, self.hub] = np.diag(K)[columns], np.diag(K)[rows]
        return form


@dataclass(frozen=True)
class Forest:
    """Coordinates u on a spanning tree of the graph of sources and targets; other u are sums along its paths.

    The tree has the smallest u (Kruskal), so no entry is smaller than a term of its sum, whichever pairs are
    allowed. It is slower than `Hub`.

    Attributes
    ----------
    sources, targets : ndarray of int, shape (2 n - 1,)
        Pairs that form the edges of the tree.
    paths : sparse array, shape (n n, 2 n - 1)
        Coefficients of every u; they alternate between +1 and -1 along a path.
    values : ndarray, shape (2 n - 1,)
        u on the edges of the tree.
    """

    sources: np.ndarray
    targets: np.ndarray
    paths: csr_array
    values: np.ndarray

    @classmethod
    def spanning(cls, u: np.ndarray, allowed: np.ndarray) -> Forest:
        """Forest of smallest u among the allowed pairs; further pairs complete it to a tree."""
        n = len(u)
        cost = np.where(allowed, u, np.inf).ravel()
        rank = np.empty(n * n)
        rank[np.argsort(cost, kind="stable")] = np.arange(1, n * n + 1)
        graph = np.zeros((2 * n, 2 * n))
        graph[:n, n:] = rank.reshape(n, n)
        tree = minimum_spanning_tree(csr_array(graph))
        order, predecessors = breadth_first_order(tree, 0, directed=False)
        potentials = np.zeros((2 * n, 2 * n - 1), dtype=np.int8)
        for edge, node in enumerate(order[1:]):
            potentials[node] = -potentials[predecessors[node]]
            potentials[node, edge] = 1
        ends = np.sort(np.stack([order[1:], predecessors[order[1:]]]), axis=0)
        paths = csr_array((potentials[:n, None] + potentials[None, n:]).reshape(n * n, -1).astype(float))
        return cls(ends[0], ends[1] - n, paths, np.zeros(0)).of(u)

    def at(self, values: np.ndarray) -> Forest:
        """Return the matrix that has other coordinates in the same basis."""
        return Forest(self.sources, self.targets, self.paths, values)

    def of(self, u: np.ndarray) -> Forest:
        """Return another matrix u, diagonal included, in the same basis."""
        return self.at(u[self.sources, self.targets])

    def u(self) -> np.ndarray:
        """The matrix, shape (n, n), diagonal included."""
        n = (len(self.values) + 1) // 2
        return (self.paths @ self.values).reshape(n, n)

    def exp(self) -> np.ndarray:
        """Exponential of u."""
        return np.exp(self.u())

    def expm1(self) -> np.ndarray:
        """Exponential of u minus 1, accurate for small u."""
        return np.expm1(self.u())

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Sums of x over the pairs that contain each coordinate: B x."""
        return self.paths.T @ x.ravel()

    def products(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sums of x over the pairs that contain both of two coordinates: B diag(x) B'."""
        H = (self.paths.T @ self.paths.multiply(x.reshape(-1, 1)).tocsr()).toarray()
        if out is not None:
            out[:] = H
        return H

    def cancellation(self, allowed: np.ndarray) -> float:
        """Largest ratio of the terms of an entry of u to the entry."""
        size = (abs(self.paths) @ abs(self.values)).reshape(allowed.shape)
        return largest_ratio(size, abs(self.u()), allowed)


def coordinates_for(u: np.ndarray, allowed: np.ndarray, symmetric: bool) -> Coordinates:
    """Choose coordinates in which no allowed entry of u is a small difference of large terms.

    Parameters
    ----------
    u : ndarray, shape (n, n)
        Matrix a_i + b_j, diagonal included.
    allowed : ndarray of bool, shape (n, n)
        Pairs that can have weight; their u is positive.
    symmetric : bool
        Whether u and allowed are symmetric.
    """
    hub = Hub.smallest(u, allowed, symmetric)
    return hub if hub.cancellation(allowed) < CANCELLATION else Forest.spanning(u, allowed)


def largest_ratio(x: np.ndarray, y: np.ndarray, allowed: np.ndarray) -> float:
    """Largest x / y of the allowed entries, where y > 0; 0 if there are none."""
    return float(np.divide(x, y, out=np.zeros_like(x), where=allowed).max(initial=0))


def reach_of(point: Coordinates, step: np.ndarray, allowed: np.ndarray) -> float:
    """Multiple of a step at which an allowed entry of u reaches 0; infinite if it is above 2 for certain."""
    if isinstance(point, Hub) and (point.values >= 0).all() and (point.values + 2 * step >= 0).all():
        return np.inf  # u is a sum of coordinates
    fastest = largest_ratio(-point.at(step).u(), point.u(), allowed)
    return 1 / fastest if fastest > 0 else np.inf
