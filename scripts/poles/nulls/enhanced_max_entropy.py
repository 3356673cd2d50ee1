"""Maximum-entropy ensemble of integer weights with fixed expected degrees and strengths.

The enhanced configuration model (Garlaschelli and Loffredo 2009, Phys. Rev. Lett. 102:038701; Mastrandrea,
Squartini, Fagiolo and Garlaschelli 2014, New J. Phys. 16:043022). Directed networks have out- and in-degrees,
out- and in-strengths. A pair is linked with probability p, and the weight of a link is 1 plus a geometric
number of mean mu:

    p_ij = x_i x_j q_ij / (1 - q_ij + x_i x_j q_ij),    P[w_ij >= k] = p_ij q_ij^(k - 1),    q_ij = y_i y_j,
    E_ij = p / (1 - q) = p (1 + mu),
    Var_ij = p (1 + q - p) / (1 - q)^2 = p (1 - p) (1 + mu)^2 + p mu (1 + mu).

The unknowns are t_ij = -log(x_i x_j y_i y_j) and u_ij = -log(y_i y_j), both of the form a_i + b_j. The
constraints are degrees and excess strengths (strength minus degree, the sums of p mu). In this form a link
and its excess weight are never degenerate: their squared correlation is below 1/2.

Boundary. If the observed degrees lie on the boundary of the possible ones, some pairs are linked, or not
linked, in every network with those degrees, and the multipliers of their countries are infinite. Examples are
countries linked to all others, countries linked only to those, and a chain of four countries. The same holds
for excess strengths: a country all of whose links weigh 1, or an excess on one link alone. Both sets of pairs
follow from exchanges along cycles (`exchangeable`). They are solved as limits; all other pairs have finite
multipliers.

Limits. Links are independent of each other. Degrees and strengths are fixed on average only. A link weighs at
least one unit, so weights that are not whole are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from poles.errors import StudyError
from poles.nulls.constraints import are_integers, margins, relative_errors, residual_of
from poles.nulls.coordinates import CANCELLATION, Coordinates, Forest, Hub, coordinates_for, reach_of
from poles.nulls.network import Moments, Network
from poles.nulls.newton import newton
from poles.stats.blas import one_blas_thread

WHOLE_WEIGHTS_ONLY = True


def fit(network: Network) -> Moments:
    """Moments of the ensemble whose expected degrees and strengths are the observed ones.

    Parameters
    ----------
    network : Network
        Undirected or directed; whole weights.

    Returns
    -------
    Moments
        ``p_upper`` is P[w >= observed], exact: p q^(observed - 1), and 1 where the observed weight is 0. The
        residual is over degrees and strengths. The note counts the pairs that the constraints determine.

    Raises
    ------
    StudyError
        If a weight is not a whole number.
    """
    if not are_integers(network.weights):
        raise StudyError(
            f"enhanced_max_entropy, {network}: weights are not whole numbers, which this model needs; "
            "use max_entropy, which fixes strengths alone"
        )
    support = Support.of(network)
    dual = EnhancedDual(network, support)
    point, iterations = newton(dual, starting_point(network, support))
    law = dual.law(point).mirrored() if not network.directed else dual.law(point)
    residual, worst = residual_of(network, (law.p, dual.links), (law.expected, network.weights))
    return Moments(
        expected=law.expected,
        std=np.sqrt(law.variance),
        p_upper=law.upper_tail(network.weights),
        residual=residual,
        worst=worst,
        iterations=iterations,
        note=support.note(network.directed),
    )


def exchangeable(rises: np.ndarray, falls: np.ndarray) -> np.ndarray:
    """Find the entries of a matrix that can change while all row and column sums stay the same.

    Changes alternate between up and down along a cycle of entries. Draw an arc from row to column for every
    entry that may rise, and from column to row for every entry that may fall. An entry can change if its row
    and column are strongly connected.

    Parameters
    ----------
    rises, falls : ndarray of bool, shape (n, n)
        Entries that may rise, and entries that may fall.

    Returns
    -------
    ndarray of bool, shape (n, n)
        It has a meaning only where an entry may rise or fall.
    """
    n = len(rises)
    start = int(np.count_nonzero(rises, axis=1).argmax())
    forward, backward = reachable(start, rises, falls.T), reachable(start, falls, rises.T)
    rows, columns = (ahead & behind for ahead, behind in zip(forward, backward, strict=True))
    # Most entries usually belong to the component of the start, so only the rest needs the graph.
    rest = ~np.concatenate([rows, columns])
    arcs = np.zeros((2 * n, 2 * n), dtype=bool)
    arcs[:n, n:], arcs[n:, :n] = rises, falls.T
    component = np.full(2 * n, -1)
    if rest.any():
        graph = csr_array(arcs[np.ix_(rest, rest)])
        component[rest] = connected_components(graph, directed=True, connection="strong")[1]
    return component[:n, None] == component[n:]


def reachable(row: int, to_columns: np.ndarray, to_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that can be reached from a row, given the arcs to columns and the arcs to rows."""
    rows = np.zeros(len(to_columns), dtype=bool)
    rows[row] = True
    while True:
        columns = np.any(to_columns[rows], axis=0)
        more_rows = rows | to_rows[columns].any(axis=0)
        if (more_rows == rows).all():
            return rows, columns
        rows = more_rows


@dataclass(frozen=True)
class Support:
    """Pairs whose weight the constraints do not determine.

    Attributes
    ----------
    linked : ndarray of bool, shape (n, n)
        Pairs that are linked in the observed network.
    free : ndarray of bool, shape (n, n)
        Pairs with 0 < p < 1; all other pairs are linked, or not linked, as observed.
    heavy : ndarray of bool, shape (n, n)
        Pairs that can weigh more than 1.
    """

    linked: np.ndarray
    free: np.ndarray
    heavy: np.ndarray

    @classmethod
    def of(cls, network: Network) -> Support:
        """Support of the ensemble whose expected degrees and strengths are those of a network."""
        pairs = ~np.eye(len(network.countries), dtype=bool)
        linked = network.weights > 0
        free = pairs & exchangeable(rises=pairs & ~linked, falls=linked)
        possible = free | linked
        return cls(linked, free, possible & exchangeable(rises=possible, falls=network.weights > 1))

    @cached_property
    def possible(self) -> np.ndarray:
        """1 for pairs that may be linked, 0 for all others."""
        return (self.linked | self.free).astype(float)

    @cached_property
    def open(self) -> np.ndarray:
        """1 for pairs that may be linked or not, 0 for all others."""
        return self.free.astype(float)

    @cached_property
    def unweighted(self) -> np.ndarray:
        """Infinity for pairs that weigh at most 1, 0 for all others."""
        return np.where(self.heavy, 0, np.inf)

    def note(self, directed: bool) -> str:
        """Count the pairs that are determined; empty if there are none."""
        n, entries = len(self.linked), 1 if directed else 2
        never = ~(self.linked | self.free | np.eye(n, dtype=bool))
        determined = {
            "linked for certain": self.linked & ~self.free,
            "never linked": never,
            "of weight 1 if linked": (self.linked | self.free) & ~self.heavy,
        }
        parts = [
            f"{np.count_nonzero(pairs) // entries} {kind}"
            for kind, pairs in determined.items()
            if pairs.any()
        ]
        return f"pairs determined by the constraints: {', '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class WeightLaw:
    """Law of the weight of every pair, each attribute of shape (n, n).

    Attributes
    ----------
    p : ndarray
        Probability of a link.
    odds_against : ndarray
        (1 - p) / p; 0 for pairs that are linked, or not linked, with certainty.
    mu : ndarray
        Mean excess weight of a link, the weight beyond 1.
    """

    p: np.ndarray
    odds_against: np.ndarray
    mu: np.ndarray

    @classmethod
    def of(cls, exp_t: np.ndarray, expm1_u: np.ndarray, support: Support) -> WeightLaw:
        """Law given by exp(t) and exp(u) - 1, both overwritten; as observed for pairs that are not free."""
        mu, odds_against = expm1_u, exp_t
        mu += support.unweighted
        with np.errstate(over="ignore", divide="ignore"):
            np.reciprocal(mu, out=mu)
        p = mu + 1
        np.minimum(odds_against, 1e200, out=odds_against)
        odds_against /= p
        odds_against *= support.open
        np.add(odds_against, 1, out=p)
        np.divide(support.possible, p, out=p)
        return cls(p, odds_against, mu)

    @cached_property
    def excess(self) -> np.ndarray:
        """Expected excess weight."""
        return self.p * self.mu

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected weight."""
        return self.p + self.excess

    @property
    def link_variance(self) -> np.ndarray:
        """Variance p (1 - p) of the presence of a link."""
        return self.p * self.p * self.odds_against

    @property
    def variance(self) -> np.ndarray:
        """Variance of the weight."""
        return self.link_variance * (1 + self.mu) ** 2 + self.excess * (1 + self.mu)

    def mirrored(self) -> WeightLaw:
        """The law with symmetric rounding errors."""
        return WeightLaw(*((x + x.T) / 2 for x in (self.p, self.odds_against, self.mu)))

    def upper_tail(self, observed: np.ndarray) -> np.ndarray:
        """P[w >= observed] = p q^(observed - 1), where q = mu / (1 + mu); 1 if the observed weight is 0."""
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
        """Express a matrix t in the coordinates of u."""
        return cls(u.of(t), u)


class EnhancedDual:
    """Dual function of the model; its points are `Point`.

    Parameters
    ----------
    network : Network
        The observed network.
    support : Support
        Pairs that the constraints do not determine.
    """

    def __init__(self, network: Network, support: Support):
        self.network, self.support = network, support
        self.links = support.linked.astype(float)
        self.excess = network.weights - self.links
        self.sums = self.margins(self.links, network.weights)
        self._latest: tuple[Point, WeightLaw] | None = None

    def margins(self, links: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Degrees and strengths."""
        symmetric = not self.network.directed
        return np.concatenate([margins(links, symmetric), margins(weights, symmetric)])

    def law(self, point: Point) -> WeightLaw:
        """Law of the weight of every pair; the law of the latest point is kept."""
        if self._latest is None or self._latest[0] is not point:
            self._latest = point, WeightLaw.of(point.t.exp(), point.u.expm1(), self.support)
        return self._latest[1]

    def expected(self, point: Point) -> np.ndarray:
        """Expected weights."""
        return self.law(point).expected

    def residual(self, point: Point) -> float:
        """Largest relative error of a degree or strength."""
        law = self.law(point)
        return float(relative_errors(self.margins(law.p, law.expected), self.sums).max())

    def recast(self, point: Point, stalled: bool) -> Point:
        """The same point, in other coordinates if the present ones lose digits or have `stalled`."""
        heavy = self.support.heavy
        if stalled:
            return Point.of(point.t.u(), Forest.spanning(point.u.u(), heavy))
        if point.u.cancellation(heavy) < CANCELLATION:
            return point
        return Point.of(point.t.u(), coordinates_for(point.u.u(), heavy, not self.network.directed))

    def gradient(self, point: Point) -> np.ndarray:
        """Errors of degrees and excess strengths."""
        law = self.law(point)
        return np.concatenate([point.t.sums(self.links - law.p), point.u.sums(self.excess - law.excess)])

    def hessian(self, point: Point) -> np.ndarray:
        """Covariance of degrees and excess strengths."""
        law = self.law(point)
        variance = law.link_variance
        covariance = variance * law.mu
        half = len(point.t.values)
        H = np.empty((2 * half, 2 * half))
        point.t.products(variance, out=H[:half, :half])
        H[half:, :half] = point.u.products(covariance, out=H[:half, half:])
        point.u.products((law.expected + covariance) * law.mu, out=H[half:, half:])
        return H

    def move(self, point: Point, step: np.ndarray) -> Point:
        """The point after a step."""
        half = len(point.t.values)
        return Point(point.t.at(point.t.values + step[:half]), point.u.at(point.u.values + step[half:]))

    def reach(self, point: Point, step: np.ndarray) -> float:
        """Multiple of a step at which an allowed u reaches 0."""
        return reach_of(point.u, step[len(step) // 2 :], self.support.heavy)


ROUNDS, DAMPING = 6, 0.8
"""Rounds of proportional fitting before Newton's method, and the power of the ratio that a round applies."""


@one_blas_thread
def starting_point(network: Network, support: Support) -> Point:
    """Multipliers near the solution, by rounds of proportional fitting: first a_i + b_j, then around a hub.

    Light and heavy weights are both inversely proportional to exp(a) - 1. A round multiplies exp(a) - 1 by a
    power of expected over observed excess strength, and adds a multiple of the logarithm of expected over
    observed degree to the part of t of each country. Only open links count.
    """
    links, heavy, symmetric = support.linked.astype(float), support.heavy, not network.directed
    excess = network.weights - links
    fixed, strengths = margins(support.possible - support.open, symmetric), margins(excess, symmetric)
    degrees = margins(links, symmetric) - fixed
    t = -np.log(np.maximum(degrees, 0.5) / np.sqrt(max(degrees[0].sum(), 1)))
    a = np.log1p(
        0.5 * np.maximum(margins(links * heavy, symmetric), 1) / np.where(strengths > 0, strengths, 1)
    )
    for _ in range(ROUNDS):
        odds, growth = np.exp(t), np.expm1(a)
        expm1_u = np.multiply.outer(growth[0], growth[-1] + 1) + growth[-1]
        law = WeightLaw.of(np.multiply.outer(odds[0], odds[-1]), expm1_u, support)
        t = t + DAMPING * log_ratio(margins(law.p, symmetric) - fixed, degrees)
        a = rescaled(a, log_ratio(margins(law.excess, symmetric), strengths))
    first_hub = hub = Hub.smallest(np.add.outer(a[0], a[-1]), heavy, symmetric)
    strengths = hub.sums(excess)
    for _ in range(ROUNDS):
        odds = np.exp(t)
        law = WeightLaw.of(np.multiply.outer(odds[0], odds[-1]), hub.expm1(), support)
        t = t + DAMPING * log_ratio(margins(law.p, symmetric) - fixed, degrees)
        hub = refitted(hub, law, strengths)
    u = hub.u()
    return Point.of(
        np.add.outer(t[0], t[-1]),
        coordinates_for(u if (u[heavy] > 0).all() else first_hub.u(), heavy, symmetric),
    )


def refitted(hub: Hub, law: WeightLaw, strengths: np.ndarray) -> Hub:
    """Multipliers after a round: e and d as in `starting_point`, m by a Newton step that keeps u positive."""
    expected, m = hub.sums(law.excess), hub.values[-1]
    change = log_ratio(expected, strengths)
    values = rescaled(hub.values[:-1], change[:-1])
    lowest = -2 * values[strengths[:-1] > 0].min(initial=np.inf)
    spread = hub.sums(law.excess * (1 + law.mu))[-1]
    if spread > 0:
        m = max(m + change[-1] * expected[-1] / spread, (lowest + max(m, lowest / 2)) / 2)
    return hub.at(np.append(values, m))


def log_ratio(expected: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Logarithm of expected over observed sums; 0 where either is 0."""
    positive = (expected > 0) & (observed > 0)
    return np.log(np.where(positive, expected, 1) / np.where(positive, observed, 1))


def rescaled(a: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Values a with exp(a) - 1 multiplied by the damped exponential of a change."""
    return np.log1p(np.expm1(a) * np.exp(DAMPING * change))
