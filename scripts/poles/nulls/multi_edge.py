"""Ensemble of distinguishable events with the expected strengths fixed: Poisson weights.

Every unit of weight (a publication, a citation) is an event of its own that falls on a pair of countries;
with the expected strengths given, the weights are independent Poisson numbers (Sagarra, Pérez Vicente and
Díaz-Guilera 2013, Phys. Rev. E 88:062806; Sagarra, Font-Clos, Pérez-Vicente and Díaz-Guilera 2014,
EPL 107:38002),

    E_ij = l_i l_j (directed: l_out,i l_in,j), i != j,      Var_ij = E_ij,

the maximum-entropy law where units are distinguishable, as `max_entropy` is where they are not.

Limits. The variance is that of independent events. Works with several countries, and habits that last, make
real weights vary far more, so in large networks nearly every pair is significant, one way or the other.
"""

import numpy as np
from scipy.special import gammainc

from poles.nulls.constraints import are_integers, is_star, residual_of
from poles.nulls.max_entropy import STAR_NOTE
from poles.nulls.network import Moments, Network
from poles.nulls.strengths import fit_strengths


def fit(network: Network) -> Moments:
    """Moments of Poisson weights with the observed strengths expected.

    Parameters
    ----------
    network : Network
        Undirected or directed; weights of any size, whole or not.

    Returns
    -------
    Moments
        ``p_upper`` is P[w >= observed], exact; None where weights are not whole numbers.

    Notes
    -----
    Where one country takes part in every link (also: two countries) its l grows without bound; the limit is
    given, in which its weights have the observed means and all others are 0 for certain.
    """
    expected, iterations = network.weights.copy(), 0
    if not is_star(network):
        u, iterations = fit_strengths(network, poisson, starting_point(network), positive=False)
        expected = np.exp(-u)
    residual, worst = residual_of(network, (expected, network.weights))
    return Moments(
        expected=expected,
        std=np.sqrt(expected),
        p_upper=upper_tail(expected, network.weights) if are_integers(network.weights) else None,
        residual=residual,
        worst=worst,
        iterations=iterations,
        note=STAR_NOTE if is_star(network) else "",
    )


def poisson(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean exp(-u), and the variance, which equals it."""
    expected = np.exp(-u)
    return expected, expected


def upper_tail(expected: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """P[w >= observed] of Poisson numbers, a regularised incomplete gamma function; 1 where 0 is observed."""
    return np.where(observed > 0, gammainc(np.maximum(observed, 1), expected), 1.0)


def starting_point(network: Network) -> np.ndarray:
    """Multipliers u = -log(out_i in_j / W), what they would be if a country could be linked to itself."""
    out, into = network.weights.sum(axis=1), network.weights.sum(axis=0)
    total = out.sum()
    out, into = (np.where(strength > 0, strength, total) for strength in (out, into))  # not among the allowed
    return -(np.log(out / total)[:, None] + np.log(into))
