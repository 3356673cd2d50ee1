"""Surrogate panels: what trajectories would look like if there were no archetypes, year by year as smooth.

k-means returns k clusters of anything, and of random walks it returns the sign quadrants that archetypes are
named by. A surrogate that shuffles years is rough, so all real series beat it; these keep what makes series
smooth and take away one thing each:

- ``signed_steps``: the yearly steps of a pair, shuffled and each turned round or not, both channels
  together. Is there more than drift? The steps of noise around a level add up to a walk, so against weak
  trends it is a strict reference.
- ``channel_swap``: the collaboration of one pair beside the citations of another. Are the channels coupled,
  which is what an archetype claims?
- ``growth_only``: what z would be had the affinity of no pair changed (`gravity`), with as much white noise
  as the series have. Does z move only because countries grow?

A fourth one, ``network_null``, is drawn by `null_panels`: networks of the null model, through the whole
pipeline. It is as rough as shuffled years are but for pairs of hardly any links, and checks the pipeline.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from poles.trajectories.preprocessing import noise_of

NETWORK_NULL = "network_null"
NAMES = ("signed_steps", "channel_swap", "growth_only", NETWORK_NULL)


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


def growth_only(z: np.ndarray, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unchanged affinities, with as much white noise as each series of `z` has.

    Parameters
    ----------
    z : ndarray, shape (pairs, years, channels)
    still : ndarray, shape (pairs, years, channels)
        Columns z_growth_<channel> of the trajectories.
    rng : Generator

    Returns
    -------
    ndarray, shape (pairs, years, channels)
    """
    noise = np.stack([noise_of(z[:, :, [place]]) for place in range(z.shape[2])], axis=-1)
    return still + noise[:, None, :] * rng.standard_normal(z.shape)


def draw(
    z: np.ndarray,
    still: np.ndarray,
    names: Sequence[str],
    number: int,
    seed: int,
    drawn: Sequence[np.ndarray] = (),
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
    drawn : sequence of ndarray
        The panels of `NETWORK_NULL`, which `null_panels` draws.

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
        if name == NETWORK_NULL:
            yield from ((name, place, panel) for place, panel in enumerate(drawn) if name in names)
        elif name in names and (name != "channel_swap" or z.shape[2] > 1):
            for place in range(number):
                yield name, place, make[name](np.random.default_rng([seed, kind, place]))
