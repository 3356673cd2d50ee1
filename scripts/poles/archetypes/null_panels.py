"""Panels of networks that are sampled from the null model: a surrogate that goes through the whole pipeline.

For every year and layer, a network is sampled from the moments of the branch's null model. The model is
fitted to it as to data, its links are scored, and the pairs of the observed panel are followed. So these
panels show which archetypes the pipeline finds where the activity of countries decides everything, and
whether the growth of networks, or the fit to strengths that are themselves random, makes trends.

Years are sampled independently, while real years depend on each other. These trajectories are therefore
rough, and smooth ones exceed them easily: they check the pipeline, and are no strict reference like the other
surrogates (`surrogates`).

They are not rough where links are nearly always absent: an absent link has z = -expected / std, which follows
the volume of the networks and not chance. In the collaboration of 239 countries in 2000-2021 in all fields
(OpenAlex), sampled from `nulls.max_entropy`, 2 to 3 % of the pairs with an expected weight above 3 have a
significant trend (`trends.estimate`, level 5 %), but 8 % of the pairs with 1 to 3, 30 % with 0.3 to 1, and 66
% with 0.1 to 0.3. What such pairs do in the data must be compared with these panels.
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
from poles.nulls.network import Network, network_of, tabulate, with_used
from poles.nulls.scores import z_of
from poles.nulls.tables import MOMENTS
from poles.stats.blas import one_blas_thread
from poles.stats.progress import Progress
from poles.stats.threads import parallel_map
from poles.trajectories.construction import channel_scores, remove_growth
from poles.trajectories.pair_panel import PairPanel

log = logging.getLogger(__name__)

EQUAL = 1e-9
"""Relative difference of variance and mean below which they are equal; std / mean below which std is 0."""


def sample_weights(
    expected: np.ndarray, std: np.ndarray, rng: np.random.Generator, unit: float | None = None
) -> np.ndarray:
    """Sample independent weights with given means and standard deviations.

    Whole weights are negative binomial where the variance exceeds the mean, Poisson where they are equal, and
    binomial where the variance is smaller. For `nulls.max_entropy` the negative binomial is the geometric law
    of the model itself. The binomial has n trials, n being the whole number nearest to mean^2 / (mean -
    variance), but not below the mean. Where std is 0, the weight is the expected weight, rounded.

    Fractional weights are gamma distributed, a law without zeros. A weight below `unit` therefore becomes
    `unit` with the probability that keeps its mean, and otherwise 0. This adds at most unit^2 / 4 to the
    variance. Where std is 0, the weight is the expected weight.

    Parameters
    ----------
    expected, std : ndarray, shape (pairs,)
    rng : Generator
    unit : float, optional
        Lowest weight of a link where weights are fractional. By default weights are whole numbers.

    Returns
    -------
    ndarray, shape (pairs,)
    """
    variance, random = std**2, std > EQUAL * expected
    if unit is not None:
        return _sample_fractional(expected, variance, random, rng, unit)
    surplus = variance - expected
    broad = random & (surplus > EQUAL * expected)
    narrow = random & (surplus < -EQUAL * expected)
    # A negative binomial weight is a Poisson weight with a gamma distributed mean. In this form a large mean
    # loses no digits.
    mean = np.where(broad, expected, 0.0)
    mean = rng.gamma(
        np.divide(mean**2, surplus, out=np.zeros_like(mean), where=broad),
        np.divide(surplus, mean, out=np.zeros_like(mean), where=broad),
    )
    mean = np.where(broad, mean, expected)
    weights = np.where(random & ~narrow, rng.poisson(mean), np.rint(expected))
    trials = np.divide(expected**2, -surplus, out=np.zeros_like(expected), where=narrow)
    trials = np.maximum(np.rint(trials), np.ceil(expected)).astype(np.int64)
    chance = np.divide(expected, trials, out=np.zeros_like(expected), where=narrow)
    binomial = rng.binomial(np.where(narrow, trials, 0), chance)
    return np.where(narrow, binomial, weights).astype(np.float64)


def _sample_fractional(
    expected: np.ndarray, variance: np.ndarray, random: np.ndarray, rng: np.random.Generator, unit: float
) -> np.ndarray:
    """`sample_weights` of fractional weights."""
    shape = np.divide(expected**2, variance, out=np.zeros_like(expected), where=random)
    scale = np.divide(variance, expected, out=np.zeros_like(expected), where=random)
    weights = rng.gamma(shape, scale)
    light = weights < unit
    weights[light] = unit * (rng.random(light.sum()) * unit < weights[light])
    return np.where(random, weights, expected)


def sample_network(
    scores: pl.DataFrame, layer: str, rng: np.random.Generator, unit: float | None = None
) -> Network:
    """Sample a network of one year and layer.

    Parameters
    ----------
    scores : pl.DataFrame
        `SCORES` of that year. In an undirected layer every pair stands once.
    layer : str
        ``collaboration`` or ``citation``.
    rng : Generator
    unit : float, optional
        See `sample_weights`.

    Returns
    -------
    Network
        Of the countries that have a link in the sample, possibly none.
    """
    weights = sample_weights(scores["expected"].to_numpy(), scores["std"].to_numpy(), rng, unit)
    links = pl.DataFrame([scores["source"], scores["target"], pl.Series("weight", weights)])
    return network_of(links, scores["year"][0], layer)


def unit_of(observed: np.ndarray) -> float | None:
    """Find the lowest weight of the links of a layer; None where all are whole numbers.

    Parameters
    ----------
    observed : ndarray, shape (links,)
        Observed weights of the layer.
    """
    return None if are_integers(observed) else float(observed[observed > 0].min())


@one_blas_thread  # around the threads below: limits set and lifted within them would undo each other
def sample_null_panels(
    observed: Mapping[str, pl.DataFrame],
    panel: PairPanel,
    null: str,
    options: Mapping[str, Any],
    panels: int,
    seed: int,
    threads: int = 1,
    growth: str = "kept",
) -> pl.DataFrame:
    """Sample panels of networks with the pairs and years of the observed panel.

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
    panels : int
        Number of panels.
    seed : int
        Every year of every layer of every panel has a generator of its own.
    threads : int
        The result does not depend on it.
    growth : {"kept", "removed"}
        See `construction.build_panel`. What is removed is estimated from the sampled networks.

    Returns
    -------
    pl.DataFrame
        `null_panels_table`, panels numbered from 0. A pair has no z in a year in which the sample leaves one
        of its countries, or the whole layer, without links, or in which the model leaves the pair no freedom.
        `follow_pairs` fills such gaps. Empty where the panel has no pair.

    Raises
    ------
    StudyError
        See `nulls.fitting.fit_network`.
    """
    if panel.is_empty:
        log.warning("no pair is in the panel: no network is sampled")
        return pl.DataFrame(schema=dict(null_panels_table(panel.channels).columns))
    years = pl.Series(panel.years, dtype=pl.Int16)
    scores = {
        layer: frame.filter(pl.col("year").is_in(years.implode())).sort("year", "source", "target")
        for layer, frame in observed.items()
    }
    units = {layer: unit_of(frame["observed"].to_numpy()) for layer, frame in scores.items()}

    def sample_moments(task: tuple[int, str, pl.DataFrame]) -> pl.DataFrame | None:
        number, layer, of_year = task
        rng = np.random.default_rng([seed, number, of_year["year"][0], LAYERS.index(layer)])
        network = sample_network(of_year, layer, rng, units[layer])
        if not network.countries:
            return None
        network = with_used(network, panel.countries, ())
        moments = tabulate(network, fitting.fit_network(null, network, options))
        progress.step()
        return moments

    progress = Progress(panels * sum(frame["year"].n_unique() for frame in scores.values()), "networks")
    tables = []
    for number in range(panels):
        sampled = {}
        for layer, frame in scores.items():
            tasks = [(number, layer, of_year) for of_year in frame.partition_by("year", maintain_order=True)]
            moments = [part for part in parallel_map(sample_moments, tasks, threads) if part is not None]
            log.info("panel %d, %s: links in %d of %d years", number, layer, len(moments), len(years))
            empty = pl.DataFrame(schema=dict(MOMENTS.columns))
            sampled[layer] = pl.concat([empty, *moments]).with_columns(z_of(pl.col("observed")))
        table = _table_of(sampled, panel, growth)
        tables.append(table.with_columns(pl.lit(number, dtype=pl.Int16).alias("panel")))
    return pl.concat(tables).select(list(null_panels_table(panel.channels).columns))


def follow_pairs(
    scores: Mapping[str, pl.DataFrame],
    pairs: pl.DataFrame,
    years: Sequence[int] | np.ndarray,
    channels: Sequence[str],
) -> np.ndarray:
    """Read the z-scores of given pairs in every year, with gaps filled.

    Parameters
    ----------
    scores : Mapping
        year, source, target and z by layer.
    pairs : pl.DataFrame
        source < target, in the order of the result.
    years : sequence of int
    channels : sequence of str
        See `poles.layers.channels_of`.

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        Gaps between two years are interpolated. Before the first year with a z, the z of that year is taken;
        likewise after the last. A pair without any z has 0.
    """
    grid = pairs.select("source", "target").join(
        pl.DataFrame({"year": pl.Series(years, dtype=pl.Int16)}), how="cross", maintain_order="left"
    )
    values = []
    for name in channels:
        of_channel = channel_scores(scores, name)
        joined = grid.join(of_channel, on=["source", "target", "year"], how="left", maintain_order="left")
        values.append(joined["z"].to_numpy().reshape(len(pairs), len(years)))
    series = np.stack(values, axis=1).reshape(-1, len(years))
    for row in series:
        with_z = np.flatnonzero(np.isfinite(row))
        row[:] = np.interp(np.arange(len(years)), with_z, row[with_z]) if len(with_z) else 0.0
    return series.reshape(len(pairs), len(channels), len(years)).transpose(0, 2, 1).copy()


def _table_of(sampled: Mapping[str, pl.DataFrame], panel: PairPanel, growth: str) -> pl.DataFrame:
    """The pairs and years of the observed panel, with z from the scores of sampled networks."""
    kinds = {"z": sampled}
    if growth == "removed":
        first, last = map(int, panel.years[[0, -1]])
        kinds["z_growth"] = {
            layer: gravity.constant_affinity(frame, first, last) for layer, frame in sampled.items()
        }
    table = panel.keys
    for kind, scores in kinds.items():
        values = follow_pairs(scores, panel.pairs, panel.years, panel.channels)
        for place, name in enumerate(panel.channels):
            table = table.with_columns(pl.Series(f"{kind}_{name}", values[:, :, place].ravel()))
    return remove_growth(table, panel.channels) if growth == "removed" else table
