"""Surrogate panels: trajectories as they would be without archetypes, but as smooth from year to year.

k-means returns k clusters of any data. Of random walks it returns the combinations of rising and falling
channels that archetypes are named by. A surrogate that shuffles years is rough, so that all real trajectories
exceed it. The surrogates here stay smooth, and each removes one property:

- ``signed_steps``: the yearly steps of a pair, shuffled, each with a random sign that is the same in all
  channels. It asks whether there is more than drift. Where trends are weak it is a strict reference, because
  the steps of noise around a level add up to a walk.
- ``channel_swap``: the collaboration of one pair beside the citations of another. It asks whether the
  channels are coupled, as archetypes claim.
- ``growth_only``: what growth alone makes of z (`poles.nulls.gravity`), plus white noise as strong as that of
  the series. It asks whether z moves only because countries grow.

A fourth one, ``network_null``, is made by `null_panels`: networks sampled from the null model, sent through
the whole pipeline. Except for pairs with hardly any links it is as rough as shuffled years, and it checks the
pipeline.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from poles.trajectories.preprocessing import noise_of_series

NETWORK_NULL = "network_null"
NAMES = ("signed_steps", "channel_swap", "growth_only", NETWORK_NULL)


def signed_steps(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the yearly steps of each pair and give each a random sign.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        The first year is that of `z`. The channels of a pair keep the steps of a year together, so that the
        coupling of channels from year to year is kept.
    """
    steps = np.diff(z, axis=1)
    order = rng.permuted(np.tile(np.arange(steps.shape[1]), (len(z), 1)), axis=1)
    signs = rng.choice([-1.0, 1.0], size=(*order.shape, 1))
    walk = np.cumsum(np.take_along_axis(steps, order[:, :, None], axis=1) * signs, axis=1)
    return np.concatenate([z[:, :1], z[:, :1] + walk], axis=1)


def channel_swap(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put the first channel of each pair beside the other channels of another pair, never its own.

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


def growth_only(z: np.ndarray, growth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add white noise, as strong as that of each series of `z`, to what growth alone makes of z.

    Parameters
    ----------
    z, growth : ndarray, shape (pairs, years, channels)
        See `PairPanel`.
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
    """
    return growth + noise_of_series(z)[:, None, :] * rng.standard_normal(z.shape)


def sample(
    z: np.ndarray,
    growth: np.ndarray,
    names: Sequence[str],
    panels: int,
    seed: int,
    network_null: Sequence[np.ndarray] = (),
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Sample surrogate panels of several kinds, in the order of `NAMES`.

    Parameters
    ----------
    z, growth : ndarray, shape (pairs, years, channels)
        See `PairPanel`.
    names : sequence of str
        Kinds of surrogates, of `NAMES`. With one channel there is nothing to swap, so that ``channel_swap``
        gives no panel.
    panels : int
        Number of panels of each kind.
    seed : int
    network_null : sequence of ndarray
        The panels of kind `NETWORK_NULL`, from `null_panels`.

    Yields
    ------
    name : str
    number : int
        From 0.
    z : ndarray, shape (pairs, years, channels)
    """
    samplers = {
        "signed_steps": lambda rng: signed_steps(z, rng),
        "channel_swap": lambda rng: channel_swap(z, rng),
        "growth_only": lambda rng: growth_only(z, growth, rng),
    }
    for kind, name in enumerate(NAMES):
        if name not in names or (name == "channel_swap" and z.shape[2] == 1):
            continue
        if name == NETWORK_NULL:
            yield from ((name, number, panel) for number, panel in enumerate(network_null))
        else:
            for number in range(panels):
                yield name, number, samplers[name](np.random.default_rng([seed, kind, number]))
