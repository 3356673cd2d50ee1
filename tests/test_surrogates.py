"""Surrogates: what each keeps of the data, and what it removes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poles.archetypes import surrogates

SEEDS = st.integers(0, 2**32 - 1)
# Sums of whole numbers are exact.
z_scores = arrays(
    np.float64,
    st.tuples(st.integers(2, 8), st.integers(3, 12), st.integers(1, 3)),
    elements=st.integers(-50, 50).map(float),
)


@settings(max_examples=50)
@given(z_scores, SEEDS)
def test_signed_steps_keep_the_first_year_and_the_size_of_each_step(z, seed):
    walk = surrogates.signed_steps(z, np.random.default_rng(seed))
    assert (walk[:, 0] == z[:, 0]).all()
    for before, after in zip(np.diff(z, axis=1), np.diff(walk, axis=1), strict=True):
        # A step is a vector of all channels; a step and its negative are equal here.
        canonical = [
            sorted(max(tuple(step), tuple(-step)) for step in part + 0.0) for part in (before, after)
        ]
        assert canonical[0] == canonical[1]


def test_signed_steps_remove_the_trend_and_keep_the_coupling_of_channels():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(4000, 22, 1))
    z = np.linspace(0, 10, 22)[None, :, None] + noise + [[[0, 0]]]
    walk = surrogates.signed_steps(z, rng)
    change = walk[:, -1] - walk[:, 0]
    assert abs(change.mean()) < 4 * change.std() / np.sqrt(len(z))
    assert walk[..., 0] == pytest.approx(walk[..., 1])


@settings(max_examples=50)
@given(z_scores, SEEDS)
def test_channel_swap_gives_every_pair_the_channels_of_another(z, seed):
    z = z + 1000 * np.arange(len(z))[:, None, None]  # values of different pairs differ
    swapped = surrogates.channel_swap(z, np.random.default_rng(seed))
    assert (swapped[:, :, 0] == z[:, :, 0]).all()
    if z.shape[2] > 1:
        others = [(z[:, :, 1:] == channels).all(axis=(1, 2)) for channels in swapped[:, :, 1:]]
        partner = [int(np.flatnonzero(same)[0]) for same in others]
        assert sorted(partner) == list(range(len(z)))
        assert all(pair != other for pair, other in enumerate(partner))


def test_growth_only_has_the_noise_of_every_series():
    rng = np.random.default_rng(1)
    deviation = np.array([1.0, 3.0])
    z = 5 + deviation * rng.normal(size=(3000, 22, 2))
    growth = np.broadcast_to(np.linspace(0, 2, 22)[None, :, None], z.shape)
    noise = surrogates.growth_only(z, growth, rng) - growth
    assert noise.mean(axis=(0, 1)) == pytest.approx([0, 0], abs=0.05)
    # The noise of each series is estimated from 22 years; the median estimate is about 8 % too low.
    assert np.median(noise.std(axis=1), axis=0) == pytest.approx(deviation, rel=0.1)


def test_panels_differ_and_the_same_seed_gives_the_same_panels():
    z = np.random.default_rng(1).normal(size=(20, 22, 2))
    options = (z, z, surrogates.NAMES, 2, 1, [z + 1, z + 2])
    first = list(surrogates.sample(*options))
    expected = [(name, number) for name in surrogates.NAMES for number in (0, 1)]
    assert [(name, number) for name, number, _ in first] == expected
    for (*_, a), (*_, b) in zip(first, surrogates.sample(*options), strict=True):
        assert (a == b).all()
    assert len({panel.tobytes() for *_, panel in first}) == 8
    assert (first[-1][2] == z + 2).all()
    names = ("channel_swap", "growth_only")
    assert {name for name, *_ in surrogates.sample(z, z, names, 2, 1, [z])} == set(names)


def test_a_single_channel_is_not_swapped():
    z = np.random.default_rng(1).normal(size=(20, 22, 1))
    names = {name for name, *_ in surrogates.sample(z, z, surrogates.NAMES, 1, 1)}
    assert names == {"signed_steps", "growth_only"}
