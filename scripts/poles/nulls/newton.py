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
from typing import Any, Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs, dpstrf

from poles.nulls.coordinates import TINY
from poles.stats.threads import one_blas_thread

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
RIDGE = 1e-13
"""Relative increase of the diagonal of a Hessian; about its rounding errors."""


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


@one_blas_thread
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
