"""Newton's method for the multipliers of maximum-entropy ensembles, and solvers for its linear systems.

The multipliers minimise a convex function, the dual of entropy maximisation (`Dual`). Its gradient is the
error of the constraints, its second derivative the covariance of the constrained sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs, dpstrf

from poles.stats.blas import one_blas_thread

TARGET = 1e-12
"""Relative error of the constraints at which the method stops."""
GOOD = 1e-11
"""Relative error at which the method stops if it makes no more progress."""
STALLED = 10
"""Iterations without progress after which the method changes the coordinates."""
SETTLED = 1e-10
"""Largest relative change of an expected weight in the last step.

Strengths alone may hide that light pairs still change.
"""
NEAR = 0.1
"""Relative change of the expected weights below which the next step uses the same second derivative."""
MAX_ITERATIONS = 300
TINY = 1e-300
"""Added to a divisor so that 0 / 0 is 0."""
RIDGE = 1e-13
"""Relative increase of the diagonal of a Hessian, of the size of its rounding errors."""


class Dual(Protocol):
    """A convex function of the multipliers; each implementation has points of its own type."""

    def expected(self, point: Any) -> np.ndarray:
        """Expected weights."""

    def residual(self, point: Any) -> float:
        """Largest relative error of a constraint."""

    def recast(self, point: Any, stalled: bool) -> Any:
        """The same point, in other coordinates if the present ones lose digits or have `stalled`."""

    def gradient(self, point: Any) -> np.ndarray:
        """Observed minus expected sums, in the coordinates of the point."""

    def hessian(self, point: Any) -> np.ndarray:
        """Second derivative, in the coordinates of the point."""

    def move(self, point: Any, step: np.ndarray) -> Any:
        """The point after a step."""

    def reach(self, point: Any, step: np.ndarray) -> float:
        """Multiple of a step at which it leaves the domain."""


@one_blas_thread
def newton(dual: Dual, point: Any) -> tuple[Any, int]:
    """Minimise a dual by a damped Newton method.

    The line search compares slopes, not values, because slopes keep their digits near the minimum. As long as
    the steps shrink fast, they share one factorisation of the second derivative. The minimum is global, as
    the function is convex.

    Parameters
    ----------
    dual : Dual
        The function.
    point : object
        Starting point inside the domain.

    Returns
    -------
    point : object
        The point with the smallest residual. The caller judges whether that is small enough.
    iterations : int
        Newton steps.
    """
    best_point, best_residual, stalled, iteration = point, np.inf, 0, 0
    change, last_change, solve = np.inf, np.inf, None
    g, expected = dual.gradient(point), dual.expected(point)
    with np.errstate(over="ignore", invalid="ignore"):
        for iteration in range(MAX_ITERATIONS):
            residual = dual.residual(point)
            stalled += 1
            if residual < best_residual:
                best_point, best_residual, stalled = point, residual, 0
            if residual <= TARGET and change <= SETTLED:
                return point, iteration
            if best_residual <= GOOD and stalled >= 3:
                break
            recast = dual.recast(point, stalled >= STALLED)
            if recast is not point:
                point, g, solve = recast, dual.gradient(recast), None
            if solve is None or change > min(NEAR, last_change / 5):
                solve = solver_of(dual.hessian(point))
            step = -solve(g)
            slope = float(g @ step)
            length = min(1.0, 0.99 * dual.reach(point, step))
            for _ in range(30):
                trial = dual.move(point, length * step)
                g = dual.gradient(trial)
                trial_slope = float(g @ step)
                if trial_slope <= 0.5 * abs(slope):
                    break
                length *= max(0.1, slope / (slope - trial_slope))
            point, last_expected, expected = trial, expected, dual.expected(trial)
            relative_change = abs(expected - last_expected) / (last_expected + TINY)
            last_change, change = change, float(relative_change.max(initial=0))
    return best_point, iteration


def solver_of(H: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Function that solves H x = g, for a positive semidefinite H (overwritten) and g in its range.

    It uses the Cholesky factorisation of H with a slightly larger diagonal, so x is small where H does not
    determine it.
    """
    on_diagonal, diagonal = np.diag_indices(len(H)), H.diagonal().copy()
    H[on_diagonal] = np.where(diagonal > 0, diagonal * (1 + RIDGE), 1)
    factor, failed = dpotrf(H.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        H = np.triu(H.T, 1)  # the half that the factorisation did not overwrite
        H += H.T
        H[on_diagonal] = diagonal
        return lambda g: solve_semidefinite(H, g)[0]
    return lambda g: dpotrs(factor, g, lower=1)[0]


def solve_semidefinite(H: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, int]:
    """Solve H x = g, for a positive semidefinite H and g in its range.

    It uses the pivoted Cholesky factorisation of H scaled to unit diagonal, up to the numerical rank.

    Parameters
    ----------
    H : ndarray, shape (n, n)
        Positive semidefinite matrix.
    g : ndarray, shape (n,) or (n, m)
        Right-hand sides.

    Returns
    -------
    x : ndarray, of the shape of g
        Solution, 0 where H does not determine it.
    rank : int
        Numerical rank of H.
    """
    x = np.zeros(g.shape)
    kept = np.flatnonzero(np.diag(H) > 0)
    if not len(kept):
        return x, 0
    scale = np.sqrt(np.diag(H)[kept])
    scaled = H[np.ix_(kept, kept)] / scale[:, None] / scale
    factor, pivots, rank, _ = dpstrf(scaled.T, lower=1, overwrite_a=1)
    order, L = pivots[:rank] - 1, factor[:rank, :rank]  # the upper triangle of L is not read
    scale, kept = scale[order], kept[order]
    y = solve_triangular(L, (g[kept].T / scale).T, lower=True, check_finite=False)
    x[kept] = (solve_triangular(L, y, lower=True, trans=1, check_finite=False).T / scale).T
    return x, rank
