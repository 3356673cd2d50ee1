"""What a null model takes and gives: a network of one year, and the moments of its links.

A null model is one module of this package with a function ``fit(network, **options) -> Moments``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from poles.errors import StudyError


@dataclass(frozen=True)
class Network:
    """Links of one layer in one year, between the countries that are active in it.

    Attributes
    ----------
    year : int
        Year of the network.
    layer : str
        ``collaboration`` or ``citation``.
    countries : tuple of str
        The n active countries, sorted. A country is active if it has a link to or from another country.
    weights : ndarray, shape (n, n)
        Weights; rows are sources, columns are targets, the diagonal is 0. Symmetric if not directed. Whole
        numbers (counts of works or citations) under full counting.
    directed : bool
        Whether the layer is directed.
    used : ndarray of bool, shape (n, n), or None
        Links that the study uses; a sampler runs until these are accurate. None: all links.
    """

    year: int
    layer: str
    countries: tuple[str, ...]
    weights: np.ndarray
    directed: bool
    used: np.ndarray | None = None

    def __str__(self) -> str:
        return f"{self.layer} {self.year}"


@dataclass(frozen=True)
class Moments:
    """Expected weight and standard deviation of every pair of countries, and how well the model was fitted.

    Attributes
    ----------
    expected, std : ndarray, shape (n, n)
        Expected weights and standard deviations; the diagonal is not read.
    p_upper : ndarray, shape (n, n), or None
        P[w >= observed]; None if the model does not have it.
    residual : float
        Largest relative error of any constraint.
    worst : str
        Country with that error.
    iterations : int
        Steps of the solver, or sweeps of the sampler.
    note : str
        What a reader should know about this year; may be empty.
    extra : dict
        Further columns of the diagnostics table, such as ``ess_min``.
    """

    expected: np.ndarray
    std: np.ndarray
    p_upper: np.ndarray | None
    residual: float
    worst: str
    iterations: int
    note: str = ""
    extra: Mapping[str, float | str] = field(default_factory=dict)


def network_of(links: pl.DataFrame, year: int, layer: str) -> Network:
    """Build the network of a year's links, without the diagonal and without inactive countries.

    Parameters
    ----------
    links : pl.DataFrame
        Columns source, target, weight; one row for each pair of an undirected layer.
    year : int
        Year of the links.
    layer : str
        ``collaboration`` (undirected) or ``citation`` (directed).

    Returns
    -------
    Network
        It has no country if no link connects two countries.

    Raises
    ------
    StudyError
        If a weight is not a positive number.
    """
    # In numpy: null panels build a network for every year, and each query of a table has a fixed cost.
    source, target, weight = (links[name].to_numpy() for name in ("source", "target", "weight"))
    chosen = (source != target) & (weight != 0)
    source, target, weight = source[chosen], target[chosen], weight[chosen]
    valid = np.isfinite(weight) & (weight > 0)
    if not valid.all():
        place = valid.argmin()
        raise StudyError(
            f"{layer} {year}: weight {weight[place]} of {source[place]}-{target[place]}; "
            "weights must be positive numbers"
        )
    countries = sorted({*source, *target})
    index = {country: number for number, country in enumerate(countries)}
    weights = np.zeros((len(countries), len(countries)))
    weights[[index[country] for country in source], [index[country] for country in target]] = weight
    directed = layer == "citation"
    if not directed:
        weights += weights.T
    return Network(year, layer, tuple(countries), weights, directed)


def with_used(network: Network, core: Collection[str], poles: Collection[str]) -> Network:
    """Mark the links that the study uses: those between countries of the core, and all links of a pole.

    Parameters
    ----------
    network : Network
    core : collection of str
        Countries whose links with each other are followed.
    poles : collection of str
        Countries all of whose links are looked at.

    Returns
    -------
    Network
        The same network with ``used``.
    """
    in_core, pole = (np.isin(network.countries, list(names)) for names in (core, poles))
    return replace(network, used=np.logical_and.outer(in_core, in_core) | np.logical_or.outer(pole, pole))


def tabulate(network: Network, moments: Moments) -> pl.DataFrame:
    """Put the moments into a table with one row for each pair; undirected pairs have source < target."""
    n = len(network.countries)
    if network.directed:
        rows, columns = np.nonzero(~np.eye(n, dtype=bool))
    else:
        rows, columns = np.triu_indices(n, 1)
    countries = np.array(network.countries, dtype=object)
    p_upper = moments.p_upper
    return pl.DataFrame(
        {
            "year": np.full(len(rows), network.year, dtype=np.int16),
            "source": pl.Series(countries[rows].tolist(), dtype=pl.String),
            "target": pl.Series(countries[columns].tolist(), dtype=pl.String),
            "observed": network.weights[rows, columns],
            "expected": moments.expected[rows, columns],
            "std": moments.std[rows, columns],
            "p_upper": pl.Series(
                [None] * len(rows) if p_upper is None else p_upper[rows, columns], dtype=pl.Float64
            ),
        }
    )
