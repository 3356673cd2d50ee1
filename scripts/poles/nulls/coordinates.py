"""Coordinates in which sums over pairs keep their digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

CANCELLATION = 100.0
"""Factor by which the terms of a sum may exceed it before other coordinates are chosen."""
TINY = 1e-300
"""What makes 0 / 0 a 0."""


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
