"""Maximum-entropy ensemble of distinguishable events with fixed expected strengths: Poisson weights.

Every unit of weight (a publication, a citation) is a distinguishable event that falls on a pair of countries.
With fixed expected strengths, the weights are independent Poisson numbers (Sagarra, Pérez Vicente and
Díaz-Guilera 2013, Phys. Rev. E 88:062806; Sagarra, Font-Clos, Pérez-Vicente and Díaz-Guilera 2014,
EPL 107:38002),

    E_ij = l_i l_j (directed: l_out,i l_in,j), i != j,      Var_ij = E_ij,

In `max_entropy`, by contrast, units are not distinguishable.

Limits. The variance is that of independent events. Real weights vary far more, because a work may have
several countries and because ties between countries persist. So nearly every pair of a large network is
significant.
"""

import numpy as np
from scipy.special import gammainc

from poles.nulls.constraints import are_integers, is_star, residual_of
from poles.nulls.max_entropy import STAR_NOTE
from poles.nulls.network import Moments, Network
from poles.nulls.strengths import fit_strengths


def fit(network: Network) -> Moments:
    """Moments of Poisson weights whose expected strengths are the observed ones.

    Parameters
    ----------
    network : Network
        Undirected or directed; any positive weights.

    Returns
    -------
    Moments
        ``p_upper`` is P[w >= observed], exact; None if the weights are not whole numbers.

    Notes
    -----
    In a star (one country is part of every link; also a network of two countries) the l of the centre
    diverges. The moments are those of the limit: links of the centre have the observed weights as means, all
    other pairs have weight 0 with certainty.
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
    """Mean exp(-u) and variance, which equals the mean."""
    expected = np.exp(-u)
    return expected, expected


def poisson_of_factor(exp_u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same as a function of exp(u), which is a product of two factors."""
    expected = 1 / exp_u
    return expected, expected


def upper_tail(expected: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """P[w >= observed] of Poisson numbers, a regularised incomplete gamma function.

    It is 1 where the observed weight is 0.
    """
    return np.where(observed > 0, gammainc(np.maximum(observed, 1), expected), 1.0)


def starting_point(network: Network) -> np.ndarray:
    """Multipliers u = -log(out_i in_j / W), the solution if countries could have links to themselves."""
    out, into = network.weights.sum(axis=1), network.weights.sum(axis=0)
    total = out.sum()
    out, into = (np.where(strength > 0, strength, total) for strength in (out, into))  # not an allowed pair
    return -(np.log(out / total)[:, None] + np.log(into))
