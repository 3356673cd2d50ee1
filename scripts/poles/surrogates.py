"""Surrogate panels: what trajectories would look like if there were no archetypes, year by year as smooth.

k-means returns k clusters of anything, and of random walks it returns the sign quadrants that archetypes are
named by. A surrogate that shuffles years is rough, so all real series beat it; these keep what makes series
smooth and take away one thing each:

- ``signed_steps``: the yearly steps of a pair, shuffled and each turned round or not, both channels
  together. Is there more than drift? The steps of noise around a level add up to a walk, so against weak
  trends it is a strict reference.
- ``channel_swap``: the collaboration of one pair beside the citations of another. Are the channels coupled,
  which is what an archetype claims?
- ``growth_only``: observed over expected weights as in the sum of all years, with the expected weights and
  standard deviations of each year. Does z move only because the networks grow?
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from poles.trajectories import channel, noise_of

NAMES = ("signed_steps", "channel_swap", "growth_only")


def signed_steps(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Walks of the same steps in another order and with other signs.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        The first year is that of `z`. The channels of a pair keep their steps together, so what couples them
        from year to year stays.
    """
    steps = np.diff(z, axis=1)
    order = rng.permuted(np.tile(np.arange(steps.shape[1]), (len(z), 1)), axis=1)
    signs = rng.choice([-1.0, 1.0], size=(*order.shape, 1))
    walk = np.cumsum(np.take_along_axis(steps, order[:, :, None], axis=1) * signs, axis=1)
    return np.concatenate([z[:, :1], z[:, :1] + walk], axis=1)


def channel_swap(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The first channel of each pair beside the other channels of another pair, never its own.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
    """
    order = rng.permutation(len(z))
    swapped = z.copy()
    swapped[order, :, 1:] = z[np.roll(order, 1), :, 1:]
    return swapped


def drift(
    scores: Mapping[str, pl.DataFrame], pairs: pl.DataFrame, years: Sequence[int], channels: Sequence[str]
) -> np.ndarray:
    """What z would be if observed over expected were the same in all years.

    Parameters
    ----------
    scores : Mapping
        `tables.SCORES` by layer.
    pairs : pl.DataFrame
        source < target of the panel, in its order.
    years : sequence of int
        Of the trajectories.
    channels : sequence of str
        See `poles.layers.channels_of`.

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        Interpolated like the panel's own gaps.
    """
    still = {layer: _still(frame, years) for layer, frame in scores.items()}
    grid = pairs.select("source", "target").join(
        pl.DataFrame({"year": pl.Series(years, dtype=pl.Int16)}), how="cross", maintain_order="left"
    )
    values = []
    for name in channels:
        own = channel(still, name)
        joined = grid.join(own, on=["source", "target", "year"], how="left", maintain_order="left")
        values.append(joined["z"].to_numpy().reshape(len(pairs), len(years)))
    series = np.stack(values, axis=1).reshape(-1, len(years))
    for row in series:
        gaps = np.isnan(row)
        if gaps.any() and not gaps.all():
            row[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), row[~gaps])
    return series.reshape(len(pairs), len(channels), len(years)).transpose(0, 2, 1).copy()


def _still(scores: pl.DataFrame, years: Sequence[int]) -> pl.DataFrame:
    """Scores with z as it would be at a constant ratio of observed to expected, that of the sums."""
    inside = scores.filter(pl.col("year").is_between(min(years), max(years)) & pl.col("z").is_finite())
    link = ["source", "target"]
    inside = inside.sort(*link, "year")
    # Sorted sums do not depend on how threads share the rows.
    ratio = inside.group_by(link, maintain_order=True).agg(
        (pl.col("observed").sort().sum() / pl.col("expected").sort().sum()).alias("ratio")
    )
    return inside.join(ratio, on=link, how="left", maintain_order="left").with_columns(
        ((pl.col("ratio") - 1) * pl.col("expected") / pl.col("std")).alias("z")
    )


def growth_only(z: np.ndarray, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The drift that growth alone makes, with as much white noise as each series of `z` has.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    still : ndarray, shape (pairs, years, channels)
        See `drift`.
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
    """
    noise = np.stack([noise_of(z[:, :, [place]]) for place in range(z.shape[2])], axis=-1)
    return still + noise[:, None, :] * rng.standard_normal(z.shape)


def draw(
    z: np.ndarray, still: np.ndarray, names: Sequence[str], number: int, seed: int
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Draw surrogate panels of each kind, in the order of `NAMES`.

    Parameters
    ----------
    z, still : ndarray, shape (pairs, years, channels)
        See `growth_only`.
    names : sequence of str
        Of `NAMES`. A panel of one channel has none to swap.
    number : int
        Panels of each kind.
    seed : int

    Yields
    ------
    name : str
    place : int
        From 0 on.
    surrogate : ndarray, shape (pairs, years, channels)
    """
    make = {
        "signed_steps": lambda rng: signed_steps(z, rng),
        "channel_swap": lambda rng: channel_swap(z, rng),
        "growth_only": lambda rng: growth_only(z, still, rng),
    }
    for kind, name in enumerate(NAMES):
        if name in names and (name != "channel_swap" or z.shape[2] > 1):
            for place in range(number):
                yield name, place, make[name](np.random.default_rng([seed, kind, place]))
