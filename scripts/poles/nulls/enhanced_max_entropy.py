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
from poles.stats.threads import one_blas_thread

WHOLE_WEIGHTS_ONLY = True


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
        std=np.sqrt(law.variance),
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
    start = int(np.count_nonzero(rises, axis=1).argmax())
    reached = [around(start, *arcs) for arcs in ((rises, falls.T), (falls, rises.T))]
    rows, columns = (one & other for one, other in zip(*reached, strict=True))
    rest = ~np.concatenate([rows, columns])  # outside the component of the start, which holds most as a rule
    between = np.zeros((2 * n, 2 * n), dtype=bool)
    between[:n, n:], between[n:, :n] = rises, falls.T
    component = np.full(2 * n, -1)
    if rest.any():
        graph = csr_array(between[np.ix_(rest, rest)])
        component[rest] = connected_components(graph, directed=True, connection="strong")[1]
    return component[:n, None] == component[n:]


def around(row: int, forth: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that a row reaches by arcs `forth` to columns and `back` to rows, both (n, n)."""
    rows = np.zeros(len(forth), dtype=bool)
    rows[row] = True
    while True:
        columns = forth[rows].any(axis=0)
        found = rows | back[columns].any(axis=0)
        if (found == rows).all():
            return rows, columns
        rows = found


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

    @cached_property
    def possible(self) -> np.ndarray:
        """1 where a pair may be linked, 0 elsewhere."""
        return (self.linked | self.free).astype(float)

    @cached_property
    def open(self) -> np.ndarray:
        """1 where a pair may be linked or not, 0 elsewhere."""
        return self.free.astype(float)

    @cached_property
    def unweighted(self) -> np.ndarray:
        """Infinity where a pair weighs 1 at most, 0 elsewhere."""
        return np.where(self.heavy, 0, np.inf)

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
    """Probability p of a link, and the mean mu of what a link weighs beyond 1.

    `against` are the odds of no link against one, 0 for pairs that are linked or not for certain.
    """

    p: np.ndarray
    against: np.ndarray
    mu: np.ndarray

    @classmethod
    def of(cls, exp_t: np.ndarray, expm1_u: np.ndarray, support: Support) -> WeightLaw:
        """Law given by exp(t) and exp(u) - 1, both overwritten, where these are free; else as observed."""
        mu, against = expm1_u, exp_t
        mu += support.unweighted
        with np.errstate(over="ignore", divide="ignore"):
            np.reciprocal(mu, out=mu)
        p = mu + 1
        np.minimum(against, 1e200, out=against)
        against /= p
        against *= support.open
        np.add(against, 1, out=p)
        np.divide(support.possible, p, out=p)
        return cls(p, against, mu)

    @cached_property
    def excess(self) -> np.ndarray:
        """Expected weight beyond 1."""
        return self.p * self.mu

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected weight."""
        return self.p + self.excess

    @property
    def link_variance(self) -> np.ndarray:
        """Variance p (1 - p) of whether there is a link."""
        return self.p * self.p * self.against

    @property
    def variance(self) -> np.ndarray:
        """Variance of the weight."""
        return self.link_variance * (1 + self.mu) ** 2 + self.excess * (1 + self.mu)

    def mirrored(self) -> WeightLaw:
        """The law with rounding errors made symmetric."""
        return WeightLaw(*((x + x.T) / 2 for x in (self.p, self.against, self.mu)))

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
        self.sums = self.margins(self.links, network.weights)
        self._latest: tuple[Point, WeightLaw] | None = None

    def margins(self, links: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Degrees and strengths."""
        symmetric = not self.network.directed
        return np.concatenate([margins(links, symmetric), margins(weights, symmetric)])

    def law(self, point: Point) -> WeightLaw:
        """Law of every pair's weight; the latest is kept."""
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
        """The same point, in better coordinates if those it has lose digits."""
        heavy = self.support.heavy
        if stalled:
            return Point.of(point.t.u(), Forest.spanning(point.u.u(), heavy))
        if point.u.cancellation(heavy) < CANCELLATION:
            return point
        return Point.of(point.t.u(), coordinates_for(point.u.u(), heavy, not self.network.directed))

    def gradient(self, point: Point) -> np.ndarray:
        """Errors of the degrees and of the excess strengths."""
        law = self.law(point)
        return np.concatenate([point.t.sums(self.links - law.p), point.u.sums(self.excess - law.excess)])

    def hessian(self, point: Point) -> np.ndarray:
        """Covariance of degrees and excess strengths."""
        law = self.law(point)
        links = law.link_variance
        both = links * law.mu
        half = len(point.t.values)
        H = np.empty((2 * half, 2 * half))
        point.t.products(links, out=H[:half, :half])
        H[half:, :half] = point.u.products(both, out=H[:half, half:])
        point.u.products((law.expected + both) * law.mu, out=H[half:, half:])
        return H

    def move(self, point: Point, step: np.ndarray) -> Point:
        """Where a step leads."""
        half = len(point.t.values)
        return Point(point.t.at(point.t.values + step[:half]), point.u.at(point.u.values + step[half:]))

    def reach(self, point: Point, step: np.ndarray) -> float:
        """How many times a step can be taken before some u is 0."""
        return reach_of(point.u, step[len(step) // 2 :], self.support.heavy)


ROUNDS, DAMPING = 6, 0.8
"""Rounds of proportional fitting before Newton's method, and the power of the ratio that each applies."""


@one_blas_thread
def starting_point(network: Network, support: Support) -> Point:
    """Multipliers near the solution, by rounds of proportional fitting: of a_i + b_j, then around a hub.

    A round multiplies exp(a) - 1, to which weights are inversely proportional both where they are light and
    where they are heavy, by a power of expected over observed excess strength, and adds a multiple of the
    logarithm of expected over observed degree to the country's part of t. Only the open links count.
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
    plain = hub = Hub.smallest(np.add.outer(a[0], a[-1]), heavy, symmetric)
    strengths = hub.sums(excess)
    for _ in range(ROUNDS):
        odds = np.exp(t)
        law = WeightLaw.of(np.multiply.outer(odds[0], odds[-1]), hub.expm1(), support)
        t = t + DAMPING * log_ratio(margins(law.p, symmetric) - fixed, degrees)
        hub = refitted(hub, law, strengths)
    u = hub.u()
    return Point.of(
        np.add.outer(t[0], t[-1]), coordinates_for(u if (u[heavy] > 0).all() else plain.u(), heavy, symmetric)
    )


def refitted(hub: Hub, law: WeightLaw, strengths: np.ndarray) -> Hub:
    """Multipliers after a round: e and d as in `starting_point`, m by a Newton step that keeps u positive."""
    found, m = hub.sums(law.excess), hub.values[-1]
    change = log_ratio(found, strengths)
    values = rescaled(hub.values[:-1], change[:-1])
    lowest = -2 * values[strengths[:-1] > 0].min(initial=np.inf)
    spread = hub.sums(law.excess * (1 + law.mu))[-1]
    if spread > 0:
        m = max(m + change[-1] * found[-1] / spread, (lowest + max(m, lowest / 2)) / 2)
    return hub.at(np.append(values, m))


def log_ratio(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Logarithm of found over wanted; 0 where either is 0."""
    both = (found > 0) & (wanted > 0)
    return np.log(np.where(both, found, 1) / np.where(both, wanted, 1))


def rescaled(a: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Values a with exp(a) - 1 multiplied by the damped exponential of a change."""
    return np.log1p(np.expm1(a) * np.exp(DAMPING * change))
