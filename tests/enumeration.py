"""Complete enumeration of tiny ensembles: sums over states instead of formulas."""

from collections.abc import Callable, Iterator
from math import factorial

import numpy as np
from hypothesis import strategies as st

from poles.nulls.network import Network


def network_from(weights: list | np.ndarray, directed: bool = False, year: int = 2021) -> Network:
    """Build a network from a matrix, or from its upper triangle if undirected, without inactive countries."""
    weights = np.array(weights, dtype=float)
    np.fill_diagonal(weights, 0)
    if not directed:
        weights = np.triu(weights) + np.triu(weights).T
    active = weights.any(axis=0) | weights.any(axis=1)
    countries = tuple(f"{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in np.flatnonzero(active))
    layer = "citation" if directed else "collaboration"
    return Network(year, layer, countries, weights[np.ix_(active, active)], directed)


@st.composite
def networks(draw: st.DrawFn, largest: int = 8) -> Network:
    """Draw difficult networks: sparse, stars or almost, one-directional, weights from 1 to 1e10."""
    n, directed = draw(st.integers(2, largest)), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale = 10.0 ** draw(st.sampled_from([0, 0.5, 1, 3, 5, 10]))
    weights = np.floor(scale ** rng.random((n, n)) * (1 + rng.random((n, n))))
    weights *= rng.random((n, n)) < draw(st.sampled_from([0.1, 0.3, 0.6, 1.0]))
    shape = draw(st.sampled_from(["any", "star", "almost a star", "threshold", "one-directional"]))
    if shape == "star":
        weights[1:, 1:] = 0
    elif shape == "almost a star":
        weights[1:, 1:] = np.minimum(weights[1:, 1:], rng.random((n - 1, n - 1)) < 0.2)
    elif shape == "threshold":
        activity = rng.random(n)
        weights = (weights + 1) * (activity[:, None] + activity > 1)
    elif shape == "one-directional":
        weights[rng.random(n) < 0.3] = 0
        weights[:, rng.random(n) < 0.3] = 0
    weights[0, -1] = max(weights[0, -1], 1)
    return network_from(weights, directed)


def relabelled(network: Network, order: np.ndarray) -> Network:
    """Return the same network with its countries in another order."""
    weights = network.weights[np.ix_(order, order)]
    return Network(network.year, network.layer, network.countries, weights, network.directed)


def pairs_of(network: Network) -> list[tuple[int, int]]:
    """List the pairs as (row, column); an undirected pair once."""
    n = len(network.countries)
    return [(i, j) for i in range(n) for j in range(n) if i != j and (network.directed or i < j)]


def multipliers(
    network: Network, u: np.ndarray, where: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Solve u_ij = a_i + b_j (undirected: b = a) for the pairs of `where`: a, b and the largest error."""
    n = len(network.countries)
    pairs = [pair for pair in pairs_of(network) if where is None or where[pair]]
    incidence = np.zeros((len(pairs), 2 * n))
    for row, (i, j) in enumerate(pairs):
        incidence[row, [i, n + j]] = 1
    if not network.directed:
        incidence = incidence[:, :n] + incidence[:, n:]
    values = np.array([u[pair] for pair in pairs])
    solution = np.linalg.lstsq(incidence, values, rcond=None)[0]
    error = float(np.abs(incidence @ solution - values).max(initial=0))
    return solution[:n], solution[-n:], error


def caps_for(q: np.ndarray) -> np.ndarray:
    """Entries above which a geometric tail q^k is below 1e-11."""
    return np.where(q > 0, np.ceil(np.log(1e-11) / np.log(np.where(q > 0, q, 0.5))), 0)


def canonical(
    network: Network, log_weight: Callable[[np.ndarray], np.ndarray], caps: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute moments over all matrices whose entries are at most their caps.

    Parameters
    ----------
    network : Network
        Gives the pairs and the observed weights.
    log_weight : callable
        Logarithm of the unnormalised probability of a stack of matrices, shape (states, n, n).
    caps : ndarray, shape (n, n)
        Largest entries; larger ones must have negligible probability.

    Returns
    -------
    dict
        ``mean``, ``std``, ``linked`` (probability of a link) and ``upper`` (P[w >= observed]), shape (n, n).
    """
    pairs = pairs_of(network)
    grid = np.stack(np.meshgrid(*[np.arange(caps[pair] + 1) for pair in pairs], indexing="ij"), axis=-1)
    grid = grid.reshape(-1, len(pairs))
    states = np.zeros((len(grid), *network.weights.shape))
    for column, (i, j) in enumerate(pairs):
        states[:, i, j] = grid[:, column]
        if not network.directed:
            states[:, j, i] = grid[:, column]
    logs = log_weight(states)
    probability = np.exp(logs - logs.max())
    probability /= probability.sum()
    mean = np.tensordot(probability, states, 1)
    return {
        "mean": mean,
        "std": np.sqrt(np.tensordot(probability, (states - mean) ** 2, 1)),
        "linked": np.tensordot(probability, states > 0, 1),
        "upper": np.tensordot(probability, states >= network.weights, 1),
    }


def matrices_with_strengths(network: Network) -> np.ndarray:
    """List all matrices of whole weights with the strengths of a network, shape (matrices, n, n)."""
    n, pairs = len(network.countries), pairs_of(network)
    out, into = network.weights.sum(axis=1).astype(int), network.weights.sum(axis=0).astype(int)

    def fill(index: int, rows: np.ndarray, columns: np.ndarray, matrix: np.ndarray) -> Iterator[np.ndarray]:
        if index == len(pairs):
            if not rows.any() and not columns.any():
                yield matrix.copy()
            return
        i, j = pairs[index]
        if rows[:i].any():
            return
        for weight in range(min(rows[i], columns[j]) + 1):
            matrix[i, j] = weight
            rest = rows.copy(), columns.copy()
            rest[0][i] -= weight
            rest[1][j] -= weight
            if not network.directed:
                matrix[j, i] = weight
                rest[0][j] -= weight
                rest[1][i] -= weight
            yield from fill(index + 1, *rest, matrix)
        matrix[i, j] = 0
        if not network.directed:
            matrix[j, i] = 0

    return np.array(list(fill(0, out, into, np.zeros((n, n)))))


def law_of(states: np.ndarray, law: str, directed: bool) -> np.ndarray:
    """Probability of each matrix under a law of `local_rewiring`."""
    if law == "uniform":
        return np.full(len(states), 1 / len(states))
    units = states if directed else np.triu(states)
    weights = np.array([1 / np.prod([factorial(int(w)) for w in matrix.flat]) for matrix in units])
    return weights / weights.sum()
