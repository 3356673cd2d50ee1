"""Maximum-entropy ensemble of integer weights with the expected degrees and strengths fixed.

The enhanced configuration model (Garlaschelli and Loffredo 2009, Phys. Rev. Lett. 102:038701; Mastrandrea,
Squartini, Fagiolo and Garlaschelli 2014, New J. Phys. 16:043022), for directed networks with out- and
in-degrees and -strengths. A pair is linked with probability p, and a link weighs 1 plus a geometric number of
mean mu:

    p_ij = x_i x_j q_ij / (1 - q_ij + x_i x_j q_ij),    P[w_ij >= k] = p_ij q_ij^(k - 1),    q_ij = y_i y_j,
    E_ij = p / (1 - q) = p (1 + mu),
    Var_ij = p (1 + q - p) / (1 - q)^2 = p (1 - p) (1 + mu)^2 + p mu (1 + mu).

The unknowns are t_ij = -log(x_i x_j y_i y_j) and u_ij = -log(y_i y_j), which are of the form a_i + b_j, and
the constraints are degrees and excess strengths (strength less degree, the sums of p mu). So written, the
covariance of a link and its excess weight stays away from degeneracy: their squared correlation is below 1/2.

The boundary is solved as such. Where the observed degrees lie on the boundary of what is possible, some pairs
are linked, or not linked, in every network with those degrees, and multipliers of their countries are
infinite: countries linked to all, those linked only to such, what is then linked to all that are left, but
also four countries in a row. Likewise excess strengths: a country whose links all weigh 1, an excess on one
link alone. Either set of pairs follows from exchanges along cycles (`exchangeable`), and what is left has a
finite solution.

Limits. Links are independent of each other, and degrees and strengths are fixed on average only. A link
weighs at least one unit, so weights that are not whole are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from poles.errors import StudyError
from poles.nulls import Moments, Network
from poles.nulls.solvers import (
    CANCELLATION,
    Coordinates,
    Forest,
    are_integers,
    cancellation,
    coordinates_for,
    newton,
    reach_of,
    residual_of,
)


def fit(network: Network) -> Moments:
    """Moments of the ensemble with the observed degrees and strengths expected.

    Parameters
    ----------
    network : Network
        Undirected or directed; whole weights of any size.

    Returns
    -------
    Moments
        ``p_upper`` is P[w >= observed], exact: p q^(observed - 1), and 1 where 0 is observed. The residual is
        over degrees and strengths. The note counts the pairs that the constraints determine.

    Raises
    ------
    StudyError
        If a weight is not a whole number.
    """
    if not are_integers(network.weights):
        raise StudyError(
            f"enhanced_max_entropy, {network}: weights are not whole numbers, as its ensemble of links and "
            "units wants; use max_entropy, which fixes strengths alone"
        )
    support = Support.of(network)
    dual = EnhancedDual(network, support)
    point, iterations = newton(dual, starting_point(network, support))
    law = dual.law(point).mirrored() if not network.directed else dual.law(point)
    residual, worst = residual_of(network, (law.p, dual.links), (law.expected, network.weights))
    return Moments(
        expected=law.expected,
        std=np.sqrt(law.p * law.absent * (1 + law.mu) ** 2 + law.p * law.mu * (1 + law.mu)),
        p_upper=law.upper_tail(network.weights),
        residual=residual,
        worst=worst,
        iterations=iterations,
        note=support.note(network.directed),
    )


def exchangeable(rises: np.ndarray, falls: np.ndarray) -> np.ndarray:
    """Entries of a matrix that can change by a small amount while all row and column sums stay.

    Changes alternate up and down around a cycle of entries. With an arc from row to column for what may rise
    and from column to row for what may fall, these are the entries whose row and column are strongly
    connected.

    Parameters
    ----------
    rises, falls : ndarray of bool, shape (n, n)
        Entries that may rise, and that may fall.

    Returns
    -------
    ndarray of bool, shape (n, n)
        Only to be read where an entry may rise or fall.
    """
    n = len(rises)
    arcs = np.zeros((2 * n, 2 * n), dtype=bool)
    arcs[:n, n:] = rises
    arcs[n:, :n] = falls.T
    _, component = connected_components(csr_array(arcs), directed=True, connection="strong")
    return component[:n, None] == component[n:]


@dataclass(frozen=True)
class Support:
    """What degrees and strengths leave open.

    Attributes
    ----------
    linked : ndarray of bool, shape (n, n)
        Pairs linked in the observed network.
    free : ndarray of bool, shape (n, n)
        Pairs with 0 < p < 1; the others are linked, or not, as observed.
    heavy : ndarray of bool, shape (n, n)
        Pairs that can weigh more than 1.
    """

    linked: np.ndarray
    free: np.ndarray
    heavy: np.ndarray

    @classmethod
    def of(cls, network: Network) -> Support:
        """Support of the ensemble whose expectations are those of a network."""
        pairs = ~np.eye(len(network.countries), dtype=bool)
        linked = network.weights > 0
        free = pairs & exchangeable(rises=pairs & ~linked, falls=linked)
        possible = free | linked
        return cls(linked, free, possible & exchangeable(rises=possible, falls=network.weights > 1))

    def note(self, directed: bool) -> str:
        """How many pairs are determined; empty if none."""
        n, each = len(self.linked), 1 if directed else 2
        never = ~(self.linked | self.free | np.eye(n, dtype=bool))
        counts = {
            "linked for certain": self.linked & ~self.free,
            "never linked": never,
            "of weight 1 if linked": (self.linked | self.free) & ~self.heavy,
        }
        found = [f"{np.count_nonzero(pairs) // each} {what}" for what, pairs in counts.items() if pairs.any()]
        return f"pairs determined by the constraints: {', '.join(found)}" if found else ""


@dataclass(frozen=True)
class WeightLaw:
    """Probability p of a link, its complement `absent`, and the mean mu of what a link weighs beyond 1."""

    p: np.ndarray
    absent: np.ndarray
    mu: np.ndarray

    @property
    def expected(self) -> np.ndarray:
        """Expected weight."""
        return self.p * (1 + self.mu)

    def mirrored(self) -> WeightLaw:
        """The law with rounding errors made symmetric."""
        return WeightLaw(*((x + x.T) / 2 for x in (self.p, self.absent, self.mu)))

    def upper_tail(self, observed: np.ndarray) -> np.ndarray:
        """P[w >= observed] = p q^(observed - 1), q = mu / (1 + mu); 1 where 0 is observed."""
        with np.errstate(divide="ignore", invalid="ignore"):
            power = -(observed - 1) * np.log1p(1 / self.mu)
        return np.where(observed > 0, self.p * np.exp(np.where(observed > 1, power, 0)), 1.0)


@dataclass(frozen=True)
class Point:
    """Matrices t and u in the same coordinates."""

    t: Coordinates
    u: Coordinates

    @classmethod
    def of(cls, t: np.ndarray, u: Coordinates) -> Point:
        """Point of a matrix t, given the coordinates of u."""
        return cls(u.of(t), u)


class EnhancedDual:
    """Dual of the model; its points are `Point`, its gradient the errors of degrees and excess strengths."""

    def __init__(self, network: Network, support: Support):
        self.network, self.support = network, support
        self.links = support.linked.astype(float)
        self.excess = network.weights - self.links
        self._latest: tuple[Point, WeightLaw] | None = None

    def law(self, point: Point) -> WeightLaw:
        """Law of every pair's weight; the latest is kept."""
        if self._latest is None or self._latest[0] is not point:
            u = np.where(self.support.heavy, point.u.u(), np.inf)
            with np.errstate(over="ignore", divide="ignore"):
                odds = -np.expm1(-u) * np.exp(point.t.u())  # of no link against one
                p = np.where(self.support.free, 1 / (1 + odds), self.links)
                absent = np.where(self.support.free, 1 / (1 + 1 / odds), 1 - self.links)
                self._latest = point, WeightLaw(p, absent, 1 / np.expm1(u))
        return self._latest[1]

    def expected(self, point: Point) -> np.ndarray:
        """Expected weights."""
        return self.law(point).expected

    def residual(self, point: Point) -> float:
        """Largest relative error of a degree or strength."""
        law = self.law(point)
        return residual_of(self.network, (law.p, self.links), (law.expected, self.network.weights))[0]

    def recast(self, point: Point, stalled: bool) -> Point:
        """The same point, in better coordinates if those it has lose digits."""
        heavy = self.support.heavy
        if stalled:
            return Point.of(point.t.u(), Forest.spanning(point.u.u(), heavy))
        if cancellation(point.u, heavy) < CANCELLATION:
            return point
        return Point.of(point.t.u(), coordinates_for(point.u.u(), heavy, not self.network.directed))

    def gradient(self, point: Point) -> np.ndarray:
        """Errors of the degrees and of the excess strengths."""
        law = self.law(point)
        return np.concatenate([point.t.sums(self.links - law.p), point.u.sums(self.excess - law.p * law.mu)])

    def hessian(self, point: Point) -> np.ndarray:
        """Covariance of degrees and excess strengths."""
        law = self.law(point)
        links = law.p * law.absent
        half = len(point.t.values)
        H = np.empty((2 * half, 2 * half))
        H[:half, :half] = point.t.products(links)
        H[:half, half:] = H[half:, :half] = point.u.products(links * law.mu)
        H[half:, half:] = point.u.products(law.p * law.mu * (1 + law.mu) + links * law.mu**2)
        return H

    def move(self, point: Point, step: np.ndarray) -> Point:
        """Where a step leads."""
        half = len(point.t.values)
        return Point(point.t.at(point.t.values + step[:half]), point.u.at(point.u.values + step[half:]))

    def reach(self, point: Point, step: np.ndarray) -> float:
        """How many times a step can be taken before some u is 0."""
        return reach_of(point.u, step[len(step) // 2 :], self.support.heavy)


def starting_point(network: Network, support: Support) -> Point:
    """Multipliers with about the right number of links and total excess weight.

    The excess weight of a link gets u_ij = a_i + a_j, a_i = log(1 + c k_i / r_i) with r_i the excess
    strength, and the link the odds c' k_i k_j sqrt((1 - q_ii) (1 - q_jj)) / (1 - q_ij).
    """
    links, free, heavy = support.linked.astype(float), support.free, support.heavy
    degrees = [np.maximum((free * links).sum(axis=axis), 0.5) for axis in (1, 0)]
    excess = [(network.weights - links).sum(axis=axis) for axis in (1, 0)]
    scarcity = [
        np.where(r > 0, links.sum(axis=axis) / np.where(r > 0, r, 1), 1.0)
        for axis, r in zip((1, 0), excess, strict=True)
    ]
    p = np.where(free, 1 / (1 + max((free * links).sum(), 1) / np.outer(*degrees)), links)

    def multipliers(log_c: float) -> tuple[np.ndarray, np.ndarray]:
        a, b = (np.log1p(np.exp(log_c) * each) for each in scarcity)
        return a, b

    def total_excess(log_c: float) -> float:
        a, b = multipliers(log_c)
        return float((p / np.expm1(a[:, None] + b))[heavy].sum())

    a, b = multipliers(balance(total_excess, float(excess[0].sum())))
    u = a[:, None] + b
    out, into = (
        -np.log(k) - 0.5 * np.log(-np.expm1(-2 * each)) for k, each in zip(degrees, (a, b), strict=True)
    )
    t = out[:, None] + into
    odds = np.exp(t) * np.where(heavy, -np.expm1(-u), 1)
    shift = balance(lambda log_c: float((1 / (1 + odds * np.exp(log_c)))[free].sum()), (free * links).sum())
    return Point.of(t + shift, coordinates_for(u, heavy, not network.directed))


def balance(total: Callable[[float], float], wanted: float) -> float:
    """Where a decreasing positive function has about the value wanted; 0 if none is wanted."""
    return brentq(lambda x: np.log(total(x) / wanted), -150, 150, xtol=1e-2) if wanted > 0 else 0.0
