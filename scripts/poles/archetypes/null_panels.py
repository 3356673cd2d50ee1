"""Panels of networks that the null model itself draws, sent through the pipeline: one kind of surrogate.

For every year and layer a network is drawn from the moments of the branch's null model, the model is fitted
to it as it is to data, links are scored, and the pairs of the observed panel are followed. What archetypes
would the pipeline find if the activity of every country were the observed one and nothing else decided? Do
the growth of the networks, or the refit to strengths that are themselves drawn, make trends?

Years are drawn one by one, while real ones hang together: these courses are rough, and smooth ones exceed
them easily. So they check the pipeline; they are no strict reference, as those of `surrogates` are.

They are not rough where links are nearly always absent: an absent link has z = -expected / std, which moves
with the volume of the networks and not by chance. Of the collaboration of 239 countries in 2000-2021, all
fields (OpenAlex), drawn from `nulls.max_entropy`, 2 to 3 % of the pairs with an expected weight above 3 have
a significant trend (`trends.estimate`, level 5 %), but 8 % at 1 to 3, 30 % at 0.3 to 1, 66 % at 0.1 to 0.3.
What such pairs do in the data is to be held against these panels.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from poles.archetypes.tables import null_panels_table
from poles.layers import LAYERS
from poles.nulls import fitting, gravity
from poles.nulls.constraints import are_integers
from poles.nulls.network import Network, network_of, tabulate
from poles.nulls.scores import z_of
from poles.nulls.tables import MOMENTS
from poles.stats.threads import one_blas_thread, parallel_map
from poles.trajectories.construction import channel, detrend
from poles.trajectories.pair_panel import PairPanel

log = logging.getLogger(__name__)

EQUAL = 1e-9
"""Relative difference between variance and mean below which they count as equal, and std / mean as 0."""


def draw_weights(
    expected: np.ndarray, std: np.ndarray, rng: np.random.Generator, unit: float | None = None
) -> np.ndarray:
    """Independent weights of given means and standard deviations.

    Parameters
    ----------
    expected, std : ndarray, shape (pairs,)
    rng : Generator
    unit : float, optional
        Least weight of a link where weights are not whole numbers; by default they are whole.

    Returns
    -------
    ndarray, shape (pairs,)
        Whole numbers: negative binomial where the variance exceeds the mean (of `nulls.max_entropy` that is
        the geometric law of the model itself), Poisson where they are equal, else binomial of n trials, n the
        whole number nearest mean^2 / (mean - variance), but not below the mean. Where std is 0 the expected
        weight, rounded. With `unit` nothing is rounded and the law is gamma, which has no zeros: a draw below
        the unit becomes the unit with the probability that keeps its mean, else 0. That adds unit^2 / 4 to
        the variance at most.
    """
    variance, free = std**2, std > EQUAL * expected
    if unit is not None:
        shape = np.divide(expected**2, variance, out=np.zeros_like(expected), where=free)
        scale = np.divide(variance, expected, out=np.zeros_like(expected), where=free)
        drawn = rng.gamma(shape, scale)
        light = drawn < unit
        drawn[light] = unit * (rng.random(light.sum()) * unit < drawn[light])
        return np.where(free, drawn, expected)
    surplus = variance - expected
    broad = free & (surplus > EQUAL * expected)
    narrow = free & (surplus < -EQUAL * expected)
    drawn = np.rint(expected)
    # A negative binomial number is a Poisson number of gamma mean; so written, its mean loses no digits.
    mean = np.where(broad, expected, 0.0)
    mean = rng.gamma(
        np.divide(mean**2, surplus, out=np.zeros_like(mean), where=broad),
        np.divide(surplus, mean, out=np.zeros_like(mean), where=broad),
    )
    mean = np.where(broad, mean, expected)
    drawn = np.where(free & ~narrow, rng.poisson(mean), drawn)
    trials = np.divide(expected**2, -surplus, out=np.zeros_like(expected), where=narrow)
    trials = np.maximum(np.rint(trials), np.ceil(expected)).astype(np.int64)
    chance = np.divide(expected, trials, out=np.zeros_like(expected), where=narrow)
    return np.where(narrow, rng.binomial(np.where(narrow, trials, 0), chance), drawn).astype(np.float64)


def draw_network(
    frame: pl.DataFrame, layer: str, rng: np.random.Generator, unit: float | None = None
) -> Network:
    """Draw a network of one year and layer.

    Parameters
    ----------
    frame : pl.DataFrame
        `SCORES` of that year; pairs of an undirected layer stand once.
    layer : str
        ``collaboration`` or ``citation``.
    rng : Generator
    unit : float, optional
        See `draw_weights`.

    Returns
    -------
    Network
        Of the countries that the draw leaves a link; possibly none.
    """
    weights = draw_weights(frame["expected"].to_numpy(), frame["std"].to_numpy(), rng, unit)
    links = frame.select("source", "target", pl.Series("weight", weights))
    return network_of(links, frame["year"][0], layer)


def unit_of(observed: np.ndarray) -> float | None:
    """Least weight of the links of a layer; None where all are whole numbers."""
    return None if are_integers(observed) else float(observed[observed > 0].min())


@one_blas_thread  # here, as limits that threads of one process set and lift cross each other
def draw(
    observed: Mapping[str, pl.DataFrame],
    panel: PairPanel,
    null: str,
    options: Mapping[str, Any],
    number: int,
    seed: int,
    threads: int = 1,
    growth: str = "kept",
) -> pl.DataFrame:
    """Panels of drawn networks, of the pairs and years of the observed panel.

    Parameters
    ----------
    observed : Mapping
        `SCORES` by layer.
    panel : PairPanel
        The observed panel.
    null : str
        Name of the null model, a module of `poles.nulls`.
    options : Mapping
        Keyword arguments of its ``fit``.
    number : int
        Panels.
    seed : int
        Each year of each layer of each panel has a generator of its own.
    threads : int
        The result does not depend on it.
    growth : str
        See `construction.build_panel`; what is removed is found anew from the drawn networks.

    Returns
    -------
    pl.DataFrame
        `null_panels_table`, panels from 0 on. A pair has no z in a year in which the draw leaves one of its
        countries, or the whole layer, without links, or the model leaves the pair no freedom: such gaps are
        filled as in `courses`, and a pair without any z gets zeros.

    Raises
    ------
    StudyError
        See `nulls.fit_network`.
    """
    inside = {
        layer: frame.filter(pl.col("year").is_in(panel.years)).sort("year", "source", "target")
        for layer, frame in observed.items()
    }
    units = {layer: unit_of(frame["observed"].to_numpy()) for layer, frame in inside.items()}

    def refitted(task: tuple[int, str, pl.DataFrame]) -> pl.DataFrame | None:
        place, layer, frame = task
        rng = np.random.default_rng([seed, place, frame["year"][0], LAYERS.index(layer)])
        network = draw_network(frame, layer, rng, units[layer])
        if not network.countries:
            return None
        return tabulate(network, fitting.fit_network(null, network, options))

    panels = []
    for place in range(number):
        drawn = {}
        for layer, frame in inside.items():
            tasks = [(place, layer, year) for year in frame.partition_by("year", maintain_order=True)]
            moments = [part for part in parallel_map(refitted, tasks, threads) if part is not None]
            log.info("panel %d, %s: links in %d of %d years", place, layer, len(moments), len(panel.years))
            empty = pl.DataFrame(schema=dict(MOMENTS.columns))
            drawn[layer] = pl.concat([empty, *moments]).with_columns(z_of(pl.col("observed")))
        followed = _follow(drawn, panel, growth)
        panels.append(followed.with_columns(pl.lit(place, dtype=pl.Int16).alias("panel")))
    return pl.concat(panels).select(list(null_panels_table(panel.channels).columns))


def courses(
    scores: Mapping[str, pl.DataFrame], pairs: pl.DataFrame, years: Sequence[int], channels: Sequence[str]
) -> np.ndarray:
    """Courses of given pairs: z in every year, gaps filled.

    Parameters
    ----------
    scores : Mapping
        year, source, target and z by layer.
    pairs : pl.DataFrame
        source < target, in the order that is wanted.
    years : sequence of int
    channels : sequence of str
        See `poles.layers.channels_of`.

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        Interpolated like the panel's own gaps; before the first and after the last year that has a z, as in
        that year. 0 where a pair has none at all.
    """
    grid = pairs.select("source", "target").join(
        pl.DataFrame({"year": pl.Series(years, dtype=pl.Int16)}), how="cross", maintain_order="left"
    )
    values = []
    for name in channels:
        own = channel(scores, name)
        joined = grid.join(own, on=["source", "target", "year"], how="left", maintain_order="left")
        values.append(joined["z"].to_numpy().reshape(len(pairs), len(years)))
    series = np.stack(values, axis=1).reshape(-1, len(years))
    for row in series:
        known = np.flatnonzero(np.isfinite(row))
        row[:] = np.interp(np.arange(len(years)), known, row[known]) if len(known) else 0.0
    return series.reshape(len(pairs), len(channels), len(years)).transpose(0, 2, 1).copy()


def _follow(drawn: Mapping[str, pl.DataFrame], panel: PairPanel, growth: str) -> pl.DataFrame:
    """Values of z of the pairs and years of the observed panel in scores of drawn networks."""
    kinds = {"z": drawn}
    if growth == "removed":
        first, last = map(int, panel.years[[0, -1]])
        kinds["z_growth"] = {
            layer: gravity.constant_affinity(frame, first, last) for layer, frame in drawn.items()
        }
    found = panel.keys
    for kind, of_kind in kinds.items():
        values = courses(of_kind, panel.pairs, panel.years, panel.channels).reshape(-1, len(panel.channels))
        named = {f"{kind}_{name}": values[:, place] for place, name in enumerate(panel.channels)}
        found = found.with_columns(**named)
    return detrend(found, panel.channels) if growth == "removed" else found
