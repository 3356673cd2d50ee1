"""Null models with fixed strengths, fitted to many networks of the same countries at once.

A bootstrap asks for hundreds of fits to networks that differ little. Their Newton steps are taken together,
each as one operation over all networks. The accuracy is less than that of single fits (`ACCURACY`), but the
error is far below what resampling changes. `poles.nulls.enhanced_refits` fits the model that also fixes
degrees.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from poles.nulls import enhanced_refits, max_entropy, multi_edge
from poles.nulls.strengths import Law
from poles.stats.blas import one_blas_thread

ACCURACY = 0.005
"""Largest error of a strength, as a multiple of its square root: what resampling changes, about."""
MAX_STEPS = 60
"""Newton steps after which a network counts as one that cannot be fitted."""
RIDGE = 1e-12
"""Relative increase of the diagonal of a Hessian."""
DETERMINED = 1e-6
"""Share of a variance below which the strengths determine the weight."""
SMALL = 0.02
"""Multipliers up to this start as in the first network."""
LAWS: Mapping[str, tuple[Law, bool]] = {
    "max_entropy": (max_entropy.geometric_of_factor, True),
    "variance_corrected": (max_entropy.geometric_of_factor, True),
    "multi_edge": (multi_edge.poisson_of_factor, False),
}
"""Expected weights and variances as functions of exp(u), and whether multipliers must be positive."""
ENHANCED = "enhanced_max_entropy"
FITTED = (*LAWS, ENHANCED)
"""Null models with fits of many networks."""
WITHOUT = {
    "local_rewiring": "each draw would need Markov chains of its own",
}
"""Why there are no fits of other null models."""


@one_blas_thread
def moments(
    nulls: Sequence[str], weights: np.ndarray, directed: bool
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Expected weights and standard deviations in many networks.

    Parameters
    ----------
    nulls : sequence of str
        Some of `FITTED`.
    weights : ndarray, shape (networks, n, n)
        Weights without diagonal; symmetric if not directed. The first network is fitted first, and the others
        start from it.
    directed : bool
        Whether the layer is directed.

    Returns
    -------
    dict
        By null model, expected weights and standard deviations of shape (networks, n, n). They are not a
        number for countries without strength, on the diagonal, and in networks that cannot be fitted to
        `ACCURACY`, such as stars.
    """
    found, solved = {}, {}
    if ENHANCED in nulls:
        found[ENHANCED] = enhanced_refits.moments(weights, directed)
    linked = weights > 0
    touching = linked.sum(axis=2) + linked.sum(axis=1 if directed else 2)
    stars = touching.max(axis=1, initial=0) == linked.sum(axis=(1, 2))
    weights = np.where(stars[:, None, None], 0, weights)
    out, into = weights.sum(axis=2), weights.sum(axis=1)
    allowed = (out[:, :, None] > 0) & (into[:, None, :] > 0) & ~np.eye(weights.shape[1], dtype=bool)
    for null in [null for null in nulls if null in LAWS]:
        law, positive = LAWS[null]
        if law not in solved:
            x, good = _solve(law, positive, out, into, allowed, directed)
            solved[law] = *_weights(law, x, allowed), good[:, None, None] & allowed
        expected, variance, known = solved[law]
        if null == "variance_corrected":
            variance = _conditional(variance, directed)
        std = np.sqrt(np.where(variance > 0, variance, np.nan))
        found[null] = np.where(known, expected, np.nan), np.where(known, std, np.nan)
    return found


def _conditional(variance: np.ndarray, directed: bool) -> np.ndarray:
    """Variances given the strengths, see `poles.nulls.variance_corrected`."""
    if directed:
        H, by_row, share = _reduced(variance)
        inverse = _solution(H, np.broadcast_to(np.eye(H.shape[1]), H.shape))
        mixed = share @ inverse
        # The inverse by blocks: rows, columns, and minus the mixed one.
        spread = 1 / by_row + (mixed * share).sum(axis=2)
        spread = spread[:, :, None] + np.diagonal(inverse, axis1=1, axis2=2)[:, None, :] - 2 * mixed
    else:
        H = _hessian(variance)
        inverse = _solution(H, np.broadcast_to(np.eye(H.shape[1]), H.shape))
        diagonal = np.diagonal(inverse, axis1=1, axis2=2)
        spread = diagonal[:, :, None] + diagonal[:, None, :] + 2 * inverse
    left = 1 - variance * spread
    return variance * np.where(left > DETERMINED, left, 0)


def _step(variance: np.ndarray, errors: np.ndarray, directed: bool) -> np.ndarray:
    """Newton step of every network: the errors of the strengths times the inverse of their covariance."""
    if not directed:
        return _solution(_hessian(variance), errors[:, :, None])[:, :, 0]
    n = variance.shape[1]
    H, by_row, share = _reduced(variance)
    of_rows = errors[:, :n] / by_row
    columns = _solution(H, errors[:, n:, None] - variance.swapaxes(1, 2) @ of_rows[:, :, None])
    return np.concatenate([of_rows - (share @ columns)[:, :, 0], columns[:, :, 0]], axis=1)


def _solution(H: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Solve H x = g for each of many matrices, of which some may be singular."""
    H = np.where(np.isfinite(H).all(axis=(1, 2), keepdims=True), H, np.eye(H.shape[1]))
    try:
        return np.linalg.solve(H, g)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(H, hermitian=True) @ g


def _u(x: np.ndarray, allowed: np.ndarray, directed: bool) -> np.ndarray:
    """Multipliers of all pairs; infinite where a pair cannot have weight."""
    n = allowed.shape[1]
    return np.where(allowed, x[:, :n, None] + x[:, None, -n:], np.inf)


def _hessian(variance: np.ndarray) -> np.ndarray:
    """Covariance of the strengths of undirected networks, made invertible."""
    H, own = variance.copy(), variance.sum(axis=2)
    places = np.arange(H.shape[1])
    H[:, places, places] += np.where(own > 0, own, 1)
    H[:, places, places] *= 1 + RIDGE
    return H


def _reduced(variance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariance of the in-strengths of directed networks, given the out-strengths, made invertible.

    Out-strengths are independent of each other, so their part of the covariance is diagonal and can be
    eliminated (Schur complement). That leaves half of the unknowns. A constant may move from out- to
    in-multipliers, so the rest has no inverse until a constant is added.

    Returns
    -------
    H : ndarray, shape (networks, n, n)
    by_row : ndarray, shape (networks, n)
        Variances of the out-strengths; 1 for those that are 0.
    share : ndarray, shape (networks, n, n)
        Variances of the weights as shares of them.
    """
    rows, columns = variance.sum(axis=2) * (1 + RIDGE), variance.sum(axis=1)
    by_row = np.where(rows > 0, rows, 1)
    share = variance / by_row[:, :, None]
    H = -(variance.swapaxes(1, 2) @ share)
    places = np.arange(H.shape[1])
    H[:, places, places] += np.where(columns > 0, columns * (1 + RIDGE), 1)
    present = (columns > 0).astype(float)
    scale = columns.sum(axis=1) / np.maximum(present.sum(axis=1), 1) ** 2
    H += scale[:, None, None] * present[:, :, None] * present[:, None, :]
    return H, by_row, share


def _weights(law: Law, x: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected weights and variances, from multipliers of rows and of columns."""
    n = allowed.shape[1]
    with np.errstate(over="ignore"):
        factors = np.exp(x)
        exp_u = factors[:, :n, None] * factors[:, None, -n:]
        exp_u[~allowed] = np.inf
        return law(exp_u)


def _sums(matrices: np.ndarray, directed: bool) -> np.ndarray:
    """Row sums of every matrix, then column sums if directed."""
    ones = np.ones(matrices.shape[1])
    return np.concatenate([matrices @ ones, ones @ matrices], axis=1) if directed else matrices @ ones


def _solve(
    law: Law, positive: bool, out: np.ndarray, into: np.ndarray, allowed: np.ndarray, directed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers of every network, and which of them are accurate."""
    sums = np.concatenate([out, into], axis=1) if directed else out
    size = np.log1p if positive else np.log
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centre = np.sqrt(np.maximum(sums.sum(axis=1, keepdims=True) / (2 if directed else 1), 1))
        x = np.where(sums > 0, size(centre / sums), 0)
        x[:1], _ = _newton(law, positive, x[:1], sums[:1], allowed[:1], directed)
        # The others start from the first one, as light and heavy weights go with 1 / (exp(x) - 1).
        first = x[0].copy()
        if directed:
            n = out.shape[1]
            active = sums[0] > 0
            shift = (
                first[:n][active[:n]].min(initial=np.inf) - first[n:][active[n:]].min(initial=np.inf)
            ) / 2
            if np.isfinite(shift):
                first[:n] -= shift
                first[n:] += shift
        ratio = np.where((sums > 0) & (sums[0] > 0), sums[0] / sums, 1)
        if positive:
            moved = np.where(first > SMALL, np.log1p(np.expm1(np.maximum(first, SMALL)) * ratio), first)
        else:
            moved = first + np.log(ratio)
        known = (sums[0] > 0) | (sums == 0)
        inside = known.all(axis=1) & (
            ~np.array(positive) | (_u(moved, allowed, directed) > 0).all(axis=(1, 2))
        )
        x[1:] = np.where(inside[1:, None], np.where(sums > 0, moved, 0)[1:], x[1:])
        return _newton(law, positive, x, sums, allowed, directed)


def _is_accurate(errors: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Which networks have accurate strengths."""
    return (np.abs(errors) <= ACCURACY * np.sqrt(np.where(sums > 0, sums, 1))).all(axis=1)


def _newton(
    law: Law, positive: bool, x: np.ndarray, sums: np.ndarray, allowed: np.ndarray, directed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers of every network from starting points inside the domain, and which of them are accurate."""
    x = x.copy()
    errors, variance = _errors(law, x, allowed, sums, directed)
    todo = np.arange(len(sums))
    for _ in range(MAX_STEPS):
        todo = todo[~_is_accurate(errors[todo], sums[todo])]
        if not len(todo):
            break
        step = _step(variance[todo], errors[todo], directed)
        length = np.ones(len(todo))
        if positive:
            u, du = (_u(v, allowed[todo], directed) for v in (x[todo], step))
            fall = np.where(allowed[todo], -du / u, 0).max(axis=(1, 2))
            length = np.minimum(1, 0.9 / np.maximum(fall, 0.9))
        slope = (errors[todo] * step).sum(axis=1)
        for _ in range(20):
            trial = x[todo] + length[:, None] * step
            trial_errors, trial_variance = _errors(law, trial, allowed[todo], sums[todo], directed)
            # The dual is convex, so the step is too long if the slope along it has changed its sign by far.
            too_long = ~(-(trial_errors * step).sum(axis=1) <= 0.5 * slope)
            if not too_long.any():
                break
            length = np.where(too_long, length / 2, length)
        x[todo], errors[todo], variance[todo] = trial, trial_errors, trial_variance
    accurate = np.ones(len(sums), dtype=bool)
    accurate[todo] = False
    return x, accurate & allowed.any(axis=(1, 2))


def _errors(
    law: Law, x: np.ndarray, allowed: np.ndarray, sums: np.ndarray, directed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Expected minus observed strengths, and the variance of every weight."""
    expected, variance = _weights(law, x, allowed)
    return _sums(expected, directed) - sums, variance
