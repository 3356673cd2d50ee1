"""Maximum-entropy ensemble of integer weights with fixed expected strengths.

The weighted configuration model (Park and Newman 2004, Phys. Rev. E 70:066117; Garlaschelli and Loffredo
2009, Phys. Rev. Lett. 102:038701; fitted to data as in Squartini and Garlaschelli 2011, New J. Phys.
13:083001). The weight of the pair (i, j) is geometric, P[w_ij >= k] = (y_i y_j)^k, hence

    E_ij = y_i y_j / (1 - y_i y_j),      Var_ij = E_ij (1 + E_ij),

with one y per country, such that the expected strength of every country is the observed one. Directed
networks have y_out,i y_in,j.

Limits. Links are independent and their number is not fixed, so the ensemble of a sparse network has too many
links, which are too light. The standard deviation exceeds the expected weight, so z stays above -1 and a
missing link is never significant. Strengths are fixed on average only; `variance_corrected` has the variance
that remains if they are fixed exactly.
"""

import numpy as np
from scipy.optimize import brentq

from poles.nulls.constraints import allowed_pairs, are_integers, is_star, residual_of
from poles.nulls.network import Moments, Network
from poles.nulls.strengths import fit_strengths

STAR_NOTE = "one country takes part in every link: strengths fix all expected weights"


def fit(network: Network) -> Moments:
    """Moments of geometric weights whose expected strengths are the observed ones.

    Parameters
    ----------
    network : Network
        Undirected or directed; any positive weights.

    Returns
    -------
    Moments
        ``p_upper`` is P[w >= observed] = (y_i y_j)^observed, exact. It is None if the weights are not whole:
        then the strengths still determine expected weights and variances, in units of one work, but the
        ensemble does not contain such weights.

    Notes
    -----
    In a star (one country is part of every link; also a network of two countries) the y of the centre
    diverges and the other y tend to 0, while their products stay finite. The moments are those of this limit:
    links of the centre are geometric with the observed weight as mean, all other pairs have weight 0 with
    certainty (std 0, p_upper 1). A country without out-strength or in-strength has weight 0 with certainty on
    that side.
    """
    expected, u, iterations = solve(network)
    residual, worst = residual_of(network, (expected, network.weights))
    return Moments(
        expected=expected,
        std=np.sqrt(expected * (1 + expected)),
        p_upper=upper_tail(u, network.weights) if are_integers(network.weights) else None,
        residual=residual,
        worst=worst,
        iterations=iterations,
        note=STAR_NOTE if is_star(network) else "",
    )


def solve(network: Network) -> tuple[np.ndarray, np.ndarray, int]:
    """Find the expected weights and their multipliers u_ij = -log(y_i y_j).

    Returns
    -------
    expected : ndarray, shape (n, n)
        Expected weights.
    u : ndarray, shape (n, n)
        Multipliers; infinite where the weight is 0 with certainty.
    iterations : int
        Newton steps.
    """
    if is_star(network):
        with np.errstate(divide="ignore"):
            return network.weights.copy(), np.log1p(1 / network.weights), 0
    u, iterations = fit_strengths(network, geometric, starting_point(network), positive=True)
    return geometric(u)[0], u, iterations


def geometric(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean 1 / (exp(u) - 1) and variance of a geometric weight with P[w >= k] = exp(-k u)."""
    with np.errstate(over="ignore"):
        return _of_growth(np.expm1(u))


def geometric_of_factor(exp_u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same as a function of exp(u), a product of two factors; it loses digits where u is small."""
    return _of_growth(np.maximum(exp_u - 1, np.finfo(float).tiny))


def _of_growth(expm1_u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance as functions of exp(u) - 1."""
    expected = 1 / expm1_u
    return expected, expected * (1 + expected)


def upper_tail(u: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """P[w >= observed] = exp(-u observed); 1 where the observed weight is 0, also if u is infinite."""
    return np.exp(-np.where(observed > 0, u, 0.0) * observed)


def starting_point(network: Network) -> np.ndarray:
    """Multipliers log(1 + c / out_i) + log(1 + c / in_j), where c gives the observed total weight.

    They have the right form for light pairs, E = out_i in_j / c^2, and for heavy pairs,
    u = c / out_i + c / in_j.
    """
    allowed = allowed_pairs(network)
    out, into = network.weights.sum(axis=1), network.weights.sum(axis=0)
    total, smallest = float(out.sum()), float(np.concatenate([out[out > 0], into[into > 0]]).min())
    out, into = np.where(out > 0, out, total), np.where(into > 0, into, total)  # not an allowed pair

    def u(log_c: float) -> np.ndarray:
        return np.log1p(np.exp(log_c) / out)[:, None] + np.log1p(np.exp(log_c) / into)[None, :]

    def surplus(log_c: float) -> float:
        return float(np.log(geometric(u(log_c)[allowed])[0].sum() / total))

    low, high = np.log(smallest / (1 + total)), np.log(total + np.sqrt(total)) + 1
    return u(brentq(surplus, low, high, xtol=1e-3))
