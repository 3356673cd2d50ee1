"""Chains of local rewiring that move together: each has its law, and they are independent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from enumeration import law_of, matrices_with_strengths, network_from
from poles.nulls.rewiring_abreast import ABREAST, _propose, _settle, move_abreast
from poles.nulls.rewiring_convergence import Chain, ChainsAbreast, Pairs, start_chains
from poles.nulls.rewiring_kernel import FIELDS, Kernel
from test_nulls_local_rewiring import CASES, agree, kernel_and_rng


def abreast(matrices) -> np.ndarray:
    """States of the chains, from one matrix for each."""
    return np.stack(matrices, axis=-1).astype(np.int64)


def move(weights: np.ndarray, rng: np.ndarray, moves: int, kernel: Kernel) -> None:
    """Make moves without a record."""
    ChainsAbreast(weights, rng, np.empty(0)).forget(kernel._replace(moves=1), moves)


@pytest.mark.parametrize("case", ["four countries", "directed three", "directed four"])
def test_matrices_are_visited_as_often_as_their_law_says_whatever_another_chain_does(case):
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network).astype(np.int64)
    number = {matrix.tobytes(): index for index, matrix in enumerate(states)}
    kernel, rng = kernel_and_rng(network)
    weights = abreast([network.weights] * ABREAST)
    draws = 100 * len(states)
    visits = np.empty((draws, ABREAST), int)
    for draw in range(draws):
        move(weights, rng, 20 * kernel.moves, kernel)  # enough to forget the previous states
        visits[draw] = [number[weights[..., chain].tobytes()] for chain in range(ABREAST)]
    law = law_of(states, "uniform", network.directed)
    for chain in range(ABREAST):
        assert agree(np.bincount(visits[:, chain], minlength=len(states)), draws * law)
    groups = np.arange(len(states)) % 5  # pairs of matrices are too many to be counted
    of_groups = np.bincount(groups, law, 5)
    for chain in range(1, ABREAST):
        together = np.bincount(groups[visits[:, 0]] * 5 + groups[visits[:, chain]], minlength=25)
        assert agree(together, draws * np.outer(of_groups, of_groups).ravel())


@pytest.mark.parametrize("case", CASES)
def test_a_record_holds_the_expectations_given_all_other_weights_of_each_chain(case):
    """The conditional law is that of all matrices which differ in the weights of one move only."""
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network)
    kernel, rng = kernel_and_rng(network)
    pairs = Pairs.of(network, None)
    at = pairs.rows, pairs.columns
    deviations = states[:, *at] - pairs.observed
    recorded = 0
    for start in np.random.default_rng(1).choice(len(states), (200, ABREAST)):
        before, again = abreast(states[start]), rng.copy()
        move(before, again, 1, kernel)
        record, after = np.zeros((len(pairs.rows), FIELDS, ABREAST)), abreast(states[start])
        move_abreast(after, rng, 2, *kernel[:3], pairs.place, pairs.observed, record)
        touched = record[:, 0, 0] > 0
        assert np.array_equal(record[:, 0], np.repeat(touched[:, None], ABREAST, axis=1))
        for chain in range(ABREAST):
            line = (states[:, *at] == before[..., chain][at])[:, ~touched].all(axis=1)
            exact = [values[line].mean(axis=0) for values in (deviations, deviations**2, deviations >= 0)]
            for field, values in enumerate(exact, start=1):
                assert np.allclose(record[touched, field, chain], values[touched])
        recorded += touched.any()
    assert recorded > 10


def test_steps_have_no_bias():
    rng = np.random.default_rng(1)
    size = 3 << 30  # without a second draw, the first third would come twice as often as the others
    state = np.random.SeedSequence(2).generate_state(4, np.uint64)
    steps = []
    for bits in rng.integers(0, 2**32, 14_000, dtype=np.uint64):
        low, _, number, at = _propose.py_func(size // 3, size // 3, size - 1 - size // 3, size, bits)
        assert number == size
        steps.append(_settle(low, number, at, state) - low)
    assert stats.chisquare(np.bincount(np.array(steps) // (size // 3), minlength=3)).pvalue > 1e-3


@given(data=st.data(), directed=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_strengths_are_kept(data, directed, seed):
    n = data.draw(st.integers(2, 9))
    largest = data.draw(st.sampled_from([1, 3, 1000, 10**10]))
    weights = data.draw(arrays(np.int64, (n, n), elements=st.integers(0, largest)))
    if not (np.triu(weights, 1).any() or (directed and np.tril(weights, -1).any())):
        weights[0, 1] = 1
    network = network_from(weights, directed)
    kernel, rng = kernel_and_rng(network, seed=seed)
    present = abreast([network.weights] * ABREAST)
    move(present, rng, 200 * kernel.moves, kernel)
    assert present.min() >= 0
    for axis in (0, 1):
        strengths = np.repeat(network.weights.sum(axis=1 - axis)[:, None], ABREAST, axis=1)
        assert np.array_equal(present.sum(axis=1 - axis), strengths)
    assert directed or np.array_equal(present, present.transpose(1, 0, 2))


def test_chains_move_together_in_fours_under_the_uniform_law():
    network = network_from(10 * np.ones((6, 6)))
    observed = network.weights.astype(np.int64)
    seeds = np.random.SeedSequence(1).spawn(6)
    apart = [
        Chain.start(observed, kernel_and_rng(network)[0], seed, place > 0) for place, seed in enumerate(seeds)
    ]
    started = start_chains(observed, kernel_and_rng(network)[0], seeds)
    assert [type(chain) for chain in started] == [ChainsAbreast, Chain, Chain]
    states = [state for chain in started for state in chain.states()]
    assert all(np.array_equal(state, chain.weights) for state, chain in zip(states, apart, strict=True))
    alone = start_chains(observed, kernel_and_rng(network, "multi_edge")[0], seeds)
    assert [type(chain) for chain in alone] == [Chain] * 6
