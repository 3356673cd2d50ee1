"""What a null model takes and gives: a network of one year, and the moments of its links.

A null model is one module of this package with a function ``fit(network, **options) -> Moments``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from poles.errors import StudyError


@dataclass(frozen=True)
class Network:
    """Links of one layer in one year, between the countries active in it.

    Attributes
    ----------
    year : int
        Year of the network.
    layer : str
        ``collaboration`` or ``citation``; used in messages.
    countries : tuple of str
        The n active countries (some link to or from another country), sorted.
    weights : ndarray, shape (n, n)
        Weights as float64, row = source, column = target, zero diagonal; symmetric where not directed.
        Integers (counts of works or citations) under full counting.
    directed : bool
        Whether the layer is directed.
    """

    year: int
    layer: str
    countries: tuple[str, ...]
    weights: np.ndarray
    directed: bool

    def __str__(self) -> str:
        return f"{self.layer} {self.year}"


@dataclass(frozen=True)
class Moments:
    """What a null model says about every pair of countries of a network.

    Attributes
    ----------
    expected, std : ndarray, shape (n, n)
        Expected weight and standard deviation; the diagonal is not read.
    p_upper : ndarray, shape (n, n), or None
        P[w >= observed], where the model has it.
    residual : float
        Largest relative error of any constraint.
    worst : str
        Country with the largest error.
    iterations : int
        Steps of the solver, or sweeps of the sampler.
    note : str
        What a reader should know of this year; empty if nothing.
    extra : dict
        Further columns of the diagnostics table (``ess_min``, ``ess_median``, ``rhat_max``, ``rhat_median``).
    """

    expected: np.ndarray
    std: np.ndarray
    p_upper: np.ndarray | None
    residual: float
    worst: str
    iterations: int
    note: str = ""
    extra: Mapping[str, float] = field(default_factory=dict)


def network_of(links: pl.DataFrame, year: int, layer: str) -> Network:
    """Matrix of a year's links: the diagonal dropped, inactive countries left out.

    Parameters
    ----------
    links : pl.DataFrame
        Columns source, target, weight; pairs of an undirected layer stand once, source < target.
    year : int
        Year of the links.
    layer : str
        ``collaboration`` (undirected) or ``citation`` (directed).

    Returns
    -------
    Network
        Possibly of no country at all.

    Raises
    ------
    StudyError
        If a weight is negative or not finite.
    """
    links = links.filter((pl.col("source") != pl.col("target")) & (pl.col("weight") != 0))
    bad = links.filter(~(pl.col("weight").is_finite() & (pl.col("weight") > 0)))
    if len(bad):
        pair = bad.row(0, named=True)
        raise StudyError(
            f"{layer} {year}: weight {pair['weight']} of {pair['source']}-{pair['target']}; "
            "weights must be positive numbers"
        )
    countries = sorted(set(links["source"]) | set(links["target"]))
    place = {country: index for index, country in enumerate(countries)}
    weights = np.zeros((len(countries), len(countries)))
    rows = [place[country] for country in links["source"]]
    columns = [place[country] for country in links["target"]]
    weights[rows, columns] = links["weight"].to_numpy()
    directed = layer == "citation"
    if not directed:
        weights += weights.T
    return Network(year, layer, tuple(countries), weights, directed)


def tabulate(network: Network, moments: Moments) -> pl.DataFrame:
    """Moments of every pair of active countries as rows; an undirected pair stands once, source < target."""
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
