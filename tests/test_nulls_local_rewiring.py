"""Local rewiring against complete enumeration, closed forms and known laws."""

import os
import subprocess
import sys
from itertools import combinations_with_replacement, permutations
from math import factorial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from conftest import ROOT
from enumeration import law_of, matrices_with_strengths, network_from, pairs_of
from poles.errors import StudyError
from poles.nulls import variance_corrected
from poles.nulls.fitting import fit_years
from poles.nulls.local_rewiring import correction, fit, focus
from poles.nulls.network import network_of, with_used
from poles.nulls.rewiring_convergence import LEAST_SWEEPS, Chain, Pairs, diagnose
from poles.nulls.rewiring_kernel import (
    FIELDS,
    MULTI_EDGE,
    Kernel,
    draw_multi_edge,
    draw_step,
    height,
    log_growth,
    move_all,
    next_below,
    pair_table,
    rewire,
)
from poles.study import signatures

EXPONENTS = (0.0, 0.25, 0.75)

CASES = {
    "four countries": ([[0, 3, 1, 0], [0, 0, 2, 1], [0, 0, 0, 4], [0, 0, 0, 0]], False),
    "five countries": ([[0, 2, 0, 1, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0] * 5], False),
    "hub": ([[0, 5, 3, 2, 1], [0, 0, 1, 0, 1], [0] * 5, [0] * 5, [0] * 5], False),
    "directed three": ([[0, 3, 1], [1, 0, 2], [4, 1, 0]], True),
    "directed four": ([[0, 2, 0, 1], [1, 0, 1, 0], [0, 0, 0, 2], [1, 1, 0, 0]], True),
    "directed with a silent source": ([[0, 2, 1, 1], [1, 0, 0, 2], [0, 2, 0, 0], [0, 0, 0, 0]], True),
}


def agree(counts: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a chi-square test accepts the frequencies; rare values are pooled."""
    common = expected >= 5
    cells = np.array([np.append(x[common], x.sum() - x[common].sum()) for x in (counts, expected)])
    cells[1, -1] += counts.sum() - expected.sum()
    cells = cells[:, cells[1] > 1e-6]
    return stats.chisquare(*cells).pvalue > 1e-3


def kernel_and_rng(network, law: str = "uniform", seed: int = 1):
    return Kernel.of(network, law, EXPONENTS), np.random.SeedSequence(seed).generate_state(4, np.uint64)


# Stationary law


@pytest.mark.parametrize("law", ["uniform", "multi_edge"])
@pytest.mark.parametrize("case", CASES)
def test_moments_are_those_of_all_matrices(case, law):
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network)
    probability = law_of(states, law, network.directed)
    mean = np.einsum("s,sij->ij", probability, states)
    central = [np.einsum("s,sij->ij", probability, (states - mean) ** power) for power in (2, 4)]
    std = np.sqrt(central[0])
    tail = np.einsum("s,sij->ij", probability, states >= network.weights).clip(0, 1)

    moments = fit(network, law=law, ess=20_000, max_sweeps=200_000)

    size = moments.extra["ess_min"]
    assert size >= 20_000
    assert moments.residual == 0
    assert np.all(np.abs(moments.expected - mean) <= 4 * std / np.sqrt(size) + 1e-12)
    error_of_variance = np.sqrt(np.maximum(central[1] - central[0] ** 2, 0) / size)
    assert np.all(np.abs(moments.std**2 - central[0]) <= 4 * error_of_variance + 1e-3 * central[0])
    assert np.all(np.abs(moments.p_upper - tail) <= 4 * np.sqrt(tail * (1 - tail) / size) + 1e-3)


@pytest.mark.parametrize("law", ["uniform", "multi_edge"])
@pytest.mark.parametrize("case", ["four countries", "directed three", "directed four"])
def test_matrices_are_visited_as_often_as_their_law_says(case, law):
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network).astype(np.int64)
    number = {matrix.tobytes(): index for index, matrix in enumerate(states)}
    kernel, rng = kernel_and_rng(network, law)
    weights, counts = network.weights.astype(np.int64), np.zeros(len(states))
    draws = 100 * len(states)
    for _ in range(draws):
        rewire(weights, rng, 20 * kernel.moves, *kernel[:4])  # enough to forget the previous state
        counts[number[weights.tobytes()]] += 1
    expected = draws * law_of(states, law, network.directed)
    assert agree(counts, expected)


@pytest.mark.parametrize(
    ("n", "units", "directed"),
    [(3, 6, True), (4, 4, True), (5, 3, True), (4, 6, False), (5, 5, False), (6, 4, False)],
)
def test_moves_connect_all_matrices_of_equal_strengths(n, units, directed):
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and (directed or i < j)]
    place = {pair: index for index, pair in enumerate(pairs)}
    place |= {} if directed else {(j, i): index for (i, j), index in place.items()}
    moves = set()
    for i, k, j, l in permutations(range(n), 4):  # noqa: E741
        moves.add((place[i, j], place[k, l], place[i, l], place[k, j]))
    for i, j, k in permutations(range(n), 3) if directed else ():
        moves.add((place[i, j], place[j, k], place[k, i], place[j, i], place[k, j], place[i, k]))

    fibres: dict[tuple, set[tuple]] = {}
    for chosen in combinations_with_replacement(range(len(pairs)), units):
        strengths = [0] * (2 * n)
        for index in chosen:
            i, j = pairs[index]
            strengths[i] += 1
            strengths[n + j if directed else j] += 1
        fibres.setdefault(tuple(strengths), set()).add(tuple(np.bincount(chosen, minlength=len(pairs))))
    for fibre in fibres.values():
        reached = [next(iter(fibre))]
        unseen = fibre - set(reached)
        while reached and unseen:
            state = reached.pop()
            for move in moves:
                half = len(move) // 2
                if all(state[index] for index in move[half:]):
                    other = list(state)
                    for place_in_move, index in enumerate(move):
                        other[index] += 1 if place_in_move < half else -1
                    if tuple(other) in unseen:
                        unseen.remove(tuple(other))
                        reached.append(tuple(other))
        assert not unseen


@pytest.mark.parametrize("law", ["uniform", "multi_edge"])
@pytest.mark.parametrize("case", CASES)
def test_a_record_holds_the_expectations_given_all_other_weights(case, law):
    """The conditional law is that of all matrices which differ in the weights of one move only."""
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network)
    probability = law_of(states, law, network.directed)
    kernel, rng = kernel_and_rng(network, law)
    pairs = Pairs.of(network, None)
    at = pairs.rows, pairs.columns
    recorded = 0
    for start in np.random.default_rng(1).choice(len(states), 400, p=probability):
        before, again = states[start].astype(np.int64), rng.copy()
        rewire(before, again, 1, *kernel[:4])
        record, after = np.zeros((len(pairs.rows), FIELDS)), states[start].astype(np.int64)
        move_all(after, rng, 2, *kernel[:4], pairs.place, pairs.observed, record)  # records the second move
        touched = record[:, 0] > 0
        line = (states[:, *at] == before[at])[:, ~touched].all(axis=1)
        given_others = np.where(line, probability, 0) / probability[line].sum()
        deviations = states[:, *at] - pairs.observed
        drawn = after[at] - pairs.observed
        exact = [given_others @ values for values in (deviations, deviations**2, deviations >= 0)]
        if law == "multi_edge":  # these have no closed form
            exact[2] = drawn >= 0
            if touched.sum() == 6 or len(states[0]) == 3:
                exact[:2] = drawn, drawn**2
        for field, values in enumerate(exact, start=1):
            assert np.allclose(record[touched, field], values[touched])
        recorded += touched.any()
    assert recorded > 20


# Draws


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ((0, 3), (2, 5)),
        ((40, 7), (0, 90)),
        ((300, 20_000), (15_000, 4_000)),
        ((10**9, 3 * 10**8), (10**9, 10**8)),
    ],
)
def test_step_of_four_countries_is_hypergeometric(up, down):
    """The cells (a + d, c - d; e - d, b + d) are a table with fixed margins (Fisher)."""
    rng = np.random.SeedSequence(7).generate_state(4, np.uint64)
    steps = np.array([draw_step(up, down, MULTI_EDGE, rng) for _ in range(4000)])
    exact = stats.hypergeom(sum(up) + sum(down), up[0] + down[0], up[0] + down[1])
    cells = steps + up[0]
    assert cells.min() >= max(0, up[0] - up[1])
    assert cells.max() <= up[0] + min(down)
    if exact.std() < 10:
        counts = np.bincount(cells)
        assert agree(counts, 4000 * exact.pmf(np.arange(len(counts))))
    else:
        assert stats.kstest(cells, stats.norm(exact.mean(), exact.std()).cdf).pvalue > 1e-3


def test_step_of_three_cycle_follows_its_law():
    up, down = (2, 6, 9), (4, 11, 5)
    steps = np.arange(-min(up), min(down) + 1)
    law = np.array(
        [
            1 / np.prod([float(factorial(c + d)) for c in up] + [float(factorial(c - d)) for c in down])
            for d in steps
        ]
    )
    law /= law.sum()
    mode = int(steps[law.argmax()])
    assert np.allclose([height(up, down, mode, d) for d in steps], law / law.max(), rtol=1e-12)
    rng = np.random.SeedSequence(8).generate_state(4, np.uint64)
    drawn = [draw_multi_edge(up, down, int(steps[0]), int(steps[-1]), rng) for _ in range(20_000)]
    counts = np.bincount(np.array(drawn) - steps[0], minlength=len(steps))
    assert agree(counts, 20_000 * law)


@given(n=st.integers(0, 10**6), d=st.integers(-1000, 1000))
@settings(max_examples=200, deadline=None)
def test_growth_of_log_factorials_is_a_sum_of_logarithms(n, d):
    d = max(d, -n)
    exact = (
        np.log(np.arange(n + 1.0, n + d + 1)).sum() if d > 0 else -np.log(np.arange(n + d + 1.0, n + 1)).sum()
    )
    assert log_growth(n, d) == pytest.approx(exact, rel=1e-12, abs=1e-8)


def test_uniform_integers_have_no_bias():
    rng = np.random.SeedSequence(9).generate_state(4, np.uint64)
    counts = np.bincount([next_below(7, rng) for _ in range(14_000)], minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts).pvalue > 1e-3
    size = 3 << 61  # a plain remainder of 64 bits would give the first third twice as often
    low = np.mean([next_below(size, rng) < size // 3 for _ in range(14_000)])
    assert abs(low - 1 / 3) < 4 * np.sqrt(2 / 9 / 14_000)


# Strengths, determinism, special cases


@given(
    data=st.data(),
    directed=st.booleans(),
    law=st.sampled_from(["uniform", "multi_edge"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_strengths_are_kept(data, directed, law, seed):
    n = data.draw(st.integers(2, 9))
    largest = data.draw(st.sampled_from([1, 3, 1000, 10**10]))
    weights = data.draw(arrays(np.int64, (n, n), elements=st.integers(0, largest)))
    if not (np.triu(weights, 1).any() or (directed and np.tril(weights, -1).any())):
        weights[0, 1] = 1
    network = network_from(weights, directed)
    kernel, rng = kernel_and_rng(network, law, seed)
    present = network.weights.astype(np.int64)
    rewire(present, rng, 200 * kernel.moves, *kernel[:4])
    assert present.min() >= 0
    assert not present.diagonal().any()
    assert np.array_equal(present.sum(axis=1), network.weights.sum(axis=1))
    assert np.array_equal(present.sum(axis=0), network.weights.sum(axis=0))
    assert directed or np.array_equal(present, present.T)


def test_expected_strengths_are_the_observed():
    network = network_from(*CASES["directed four"])
    moments = fit(network, ess=100, max_sweeps=1000)
    for axis in (0, 1):
        assert np.allclose(moments.expected.sum(axis=axis), network.weights.sum(axis=axis), rtol=1e-13)


def test_chains_start_apart():
    network = network_from(10 * np.ones((6, 6)))
    kernel, _ = kernel_and_rng(network)
    observed = network.weights.astype(np.int64)
    seeds = np.random.SeedSequence(1).spawn(3)
    starts = [Chain.start(observed, kernel, seed, number > 0).weights for number, seed in enumerate(seeds)]
    assert np.array_equal(starts[0], observed)
    assert not np.array_equal(starts[1], starts[2])


def test_equal_seeds_give_equal_bytes_for_any_number_of_threads():
    program = """
import hashlib
import numpy as np
from enumeration import network_from
from poles.nulls.local_rewiring import fit
moments = fit(network_from(np.random.default_rng(0).geometric(0.05, (12, 12)) - 1), ess=50, max_sweeps=2000)
content = [array.tobytes() for array in (moments.expected, moments.std, moments.p_upper)]
print(hashlib.sha256(b"".join(content)).hexdigest(), moments.extra)
"""
    here = Path(__file__).parent
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ
            | {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": f"{here.parent / 'scripts'}{os.pathsep}{here}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "2")
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert first == second != ""


def test_another_seed_gives_another_sample():
    network = network_from(*CASES["five countries"])
    samples = [fit(network, ess=50, seed=seed).expected for seed in (1, 2, 1)]
    assert np.array_equal(samples[0], samples[2])
    assert not np.array_equal(samples[0], samples[1])


@pytest.mark.parametrize(
    ("weights", "directed"),
    [
        ([[0, 7], [0, 0]], False),
        ([[0, 7], [2, 0]], True),
        ([[0, 4, 1], [0, 0, 2], [0, 0, 0]], False),  # three equations determine three links
        ([[0, 4, 1, 9], [0] * 4, [0] * 4, [0] * 4], False),  # a star
        ([[0, 4, 1, 9], [2, 0, 0, 0], [3, 0, 0, 0], [0] * 4], True),
    ],
)
def test_links_that_the_strengths_determine_do_not_move(weights, directed):
    network = network_from(weights, directed)
    assert len(matrices_with_strengths(network)) == 1
    moments = fit(network)
    assert np.array_equal(moments.expected, network.weights)
    assert not moments.std.any()
    assert np.all(moments.p_upper == 1)
    assert moments.residual == 0
    assert "fix" in moments.note


def test_years_without_links_and_determined_years_are_fitted(tmp_path):
    frames = {
        2000: [],
        2001: [("CN", "US", 3)],
        2002: [("A", "B", 2), ("B", "C", 1), ("C", "D", 3), ("A", "D", 1)],
    }
    schema = {"source": pl.String, "target": pl.String, "weight": pl.Int64}
    for year, rows in frames.items():
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(tmp_path / f"{year}.parquet")
    moments, diagnostics = fit_years(
        "local_rewiring", tmp_path.glob("*.parquet"), "collaboration", {"ess": 200, "chains": 2}
    )
    assert moments["year"].unique().to_list() == [2001, 2002]
    assert diagnostics["ess_min"].is_null().to_list() == [True, True, False]
    assert diagnostics["residual"].to_list() == [None, 0, 0]
    assert diagnostics["ess_min"][2] >= 200


def test_the_note_says_if_the_budget_ended_the_run():
    moments = fit(network_from(*CASES["hub"]), ess=1e9, max_sweeps=500)
    assert moments.iterations <= 500
    assert "max_sweeps spent at effective size" in moments.note
    assert "warm-up" not in moments.note
    assert "max_sweeps spent in warm-up" in fit(network_from(*CASES["hub"]), max_sweeps=100).note


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"law": "poisson"}, "law 'poisson'; allowed: uniform, multi_edge"),
        ({"chains": 0}, "chains=0"),
        ({"ess": 0}, "ess=0"),
        ({"z_error": 0}, "z_error=0"),
        ({"links": "strong"}, "links 'strong'; allowed: used, all"),
        ({"max_sweeps": 10}, "max_sweeps=10"),
        ({"exponents": ()}, "exponents"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(StudyError, match=message):
        fit(network_from(*CASES["hub"]), **options)
    [(name, value)] = options.items()
    with pytest.raises(ValueError):  # before any job runs
        signatures.null_models(ROOT)["local_rewiring"].options[name].read(
            list(value) if value == () else value
        )


def test_the_least_budget_is_taken():
    read = signatures.null_models(ROOT)["local_rewiring"].options["max_sweeps"].read
    assert read(LEAST_SWEEPS) == LEAST_SWEEPS
    with pytest.raises(ValueError):
        read(LEAST_SWEEPS - 1)


def test_fractional_weights_are_refused():
    with pytest.raises(
        StudyError, match=r"collaboration 2021: weight 0\.5 of AA-AB is not whole; use a null model"
    ):
        fit(network_from([[0, 0.5, 1], [0, 0, 2], [0, 0, 0]]))


# Diagnostics


def records_of(x: np.ndarray, batches: int) -> list[np.ndarray]:
    """Records of processes x of shape (chains, time, pairs) that are seen once in each step."""
    parts = x.reshape(len(x), batches, -1, x.shape[-1])
    fields = [np.full(parts.shape, 1.0), parts, parts**2, parts >= 0]
    return list(np.stack([field.sum(axis=2) for field in fields], axis=-1))


def test_errors_effective_size_and_split_rhat_of_a_known_process():
    """For an AR(1) process the variance of a mean, and so the effective sample size, has a closed form."""
    phi, chains, batches, length, copies = 0.8, 4, 32, 100, 400
    rng = np.random.default_rng(1)
    x = np.empty((chains, batches * length, copies))
    x[:, 0] = rng.normal(size=(chains, copies))
    for t in range(1, x.shape[1]):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * rng.normal(size=(chains, copies))
    diagnosis = diagnose(records_of(x, batches))

    scaled = (1 + phi) / (1 - phi) - 2 * phi * (1 - phi**length) / (1 - phi) ** 2 / length
    exact = chains * batches * length / scaled
    assert diagnosis.ess.mean() == pytest.approx(exact, rel=0.03)
    assert diagnosis.ess.std() / exact == pytest.approx(np.sqrt(2 / (chains * batches)), rel=0.15)
    assert np.allclose(diagnosis.mean, x.mean(axis=(0, 1)), atol=1e-12)
    assert np.allclose(diagnosis.variance, x.var(axis=(0, 1)))
    assert np.allclose(diagnosis.upper, (x >= 0).mean(axis=(0, 1)), atol=1e-4)

    halves = x.reshape(2 * chains, -1, copies)
    half = halves.shape[1]
    within, apart = halves.var(axis=1, ddof=1).mean(axis=0), halves.mean(axis=1).var(axis=0, ddof=1)
    assert np.allclose(diagnosis.rhat, np.sqrt(((half - 1) / half * within + apart) / within))
    assert diagnosis.rhat.max() < 1.05

    above = diagnose(records_of(x - 3, batches))  # z = 3, so the error of the standard deviation counts too
    z = -above.mean / np.sqrt(above.variance)
    assert np.sqrt(np.mean(above.error**2)) == pytest.approx(z.std(), rel=0.1)
    assert z.std() > 1.5 * diagnosis.mean.std()

    shift = np.array([0.0, 0, 0, 2])[:, None, None]
    moved = diagnose(records_of(x + shift, batches))
    apart = np.repeat([0.0, 0, 0, 2], 2).var(ddof=1)
    assert moved.rhat.mean() == pytest.approx(np.sqrt(1 + apart), rel=0.02)
    between = np.repeat([0.0, 0, 0, 2], batches).var()
    exact = chains * batches * (1 + between) / (between + scaled / length)
    assert moved.ess.mean() == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("observed", [0.2, 3.0])
def test_the_error_of_z_knows_that_mean_and_variance_of_skew_weights_err_together(observed):
    """For exponential weights, z is too low above the mean as both moments err upwards, and less so below."""
    chains, batches, length, copies = 4, 16, 50, 400
    x = np.random.default_rng(2).exponential(size=(chains, batches * length, copies))
    diagnosis = diagnose(records_of(x - observed, batches))
    z = -diagnosis.mean / np.sqrt(diagnosis.variance)
    assert np.sqrt(np.mean(diagnosis.error**2)) == pytest.approx(z.std(), rel=0.1)
    # delta method with the central moments 1, 2 and 9 of the exponential law
    exact, count = observed - 1, chains * batches * length
    assert z.std() == pytest.approx(np.sqrt((1 + 2 * exact + 2 * exact**2) / count), rel=0.1)
    some = np.arange(copies) % 3 == 0
    assert np.array_equal(diagnose(records_of(x - observed, batches), some).error, diagnosis.error[some])


def test_diagnosis_of_constant_and_of_unseen_weights():
    record = np.zeros((4, 2, FIELDS))
    record[:, 0, 0] = 5
    diagnosis = diagnose([record] * 2)
    assert not diagnosis.variance.any()
    assert not diagnosis.mean.any()
    assert np.isnan(diagnosis.ess).all()


@pytest.mark.parametrize("case", ["four countries", "five countries", "directed four"])
def test_the_error_of_z_is_as_large_as_stated(case):
    network = network_from(*CASES[case])
    states = matrices_with_strengths(network)
    moving = np.array([pair for pair in pairs_of(network) if states[:, *pair].std() > 0])
    pairs = tuple(moving.T)
    counted = (network.weights[pairs] > 0) | (states.mean(axis=0)[pairs] >= 1)
    exact = ((network.weights - states.mean(axis=0))[pairs] / states.std(axis=0)[pairs])[counted]
    errors, stated = [], []
    for seed in range(60):
        moments = fit(network, z_error=0.1, ess=1, seed=seed)
        z = ((network.weights - moments.expected)[pairs] / moments.std[pairs])[counted]
        errors.append(np.mean((z - exact) ** 2))
        stated.append(moments.extra["z_error"])
        assert stated[-1] <= 0.1
        assert moments.extra["ended_by"] == "accuracy"
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.sqrt(np.mean(np.square(stated))), rel=0.3)


def test_only_links_that_are_used_decide_how_long_the_chains_run():
    rng = np.random.default_rng(5)
    activity = np.append(np.full(8, 40.0), np.full(12, 1.0))
    network = network_from(np.floor(rng.geometric(1 / (1 + np.sqrt(np.outer(activity, activity)))) - 1))
    network = with_used(network, network.countries[:8], ())
    used, everything = (fit(network, links=links) for links in ("used", "all"))
    assert used.iterations < everything.iterations
    assert max(used.extra["z_error"], everything.extra["z_error"]) <= 0.05
    assert fit(with_used(network, network.countries, ()), links="used").iterations > used.iterations


@pytest.mark.parametrize("directed", [False, True])
def test_links_with_a_large_z_that_are_used_are_moved_more_often(directed):
    rng = np.random.default_rng(6)
    network = with_used(network_from(rng.geometric(0.1, (9, 9)), directed), ("AA", "AB", "AC", "AD"), ())
    frequencies = focus(network, network.used)
    guess = variance_corrected.fit(network)
    inside = network.used & ~np.eye(9, dtype=bool)
    z = (network.weights - guess.expected)[inside] / guess.std[inside]
    assert np.allclose(frequencies[inside], 1 + z**2 / 2)
    assert not frequencies[~inside].any()
    rows, columns = pair_table(frequencies, 4096)
    drawn = np.zeros((9, 9))
    np.add.at(drawn, (rows, columns), 1)
    assert np.abs(drawn - 4096 * frequencies / frequencies.sum()).max() <= 1

    counts, top = [], np.unravel_index(frequencies.argmax(), frequencies.shape)
    for table in (None, frequencies):
        kernel = Kernel.of(network, "uniform", EXPONENTS, table)
        pairs = Pairs.of(network, None)
        record = np.zeros((len(pairs.rows), FIELDS))
        _, generator = kernel_and_rng(network)
        state = network.weights.astype(np.int64)
        move_all(state, generator, 20_000, *kernel[:4], pairs.place, pairs.observed, record)
        counts.append(record[pairs.place[top], 0])
    assert counts[1] > 2 * counts[0]


# Strengths of the means


@given(data=st.data(), directed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_correction_is_the_smallest_that_keeps_the_strengths(data, directed):
    """Generalised least squares by the normal equations of all pairs, instead of those of the countries."""
    n = data.draw(st.integers(3, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = rng.integers(100, 200, (n, n))
    network = network_from(weights, directed)
    deviations, variances = rng.normal(size=(n, n)), rng.exponential(size=(n, n)) + 0.01
    if not directed:
        deviations, variances = deviations + deviations.T, variances + variances.T
    np.fill_diagonal(deviations, 0)
    np.fill_diagonal(variances, 0)
    pairs = pairs_of(network)
    incidence = np.zeros((2 * n, len(pairs)))
    for place, (i, j) in enumerate(pairs):
        incidence[[i, n + j], place] += 1
        if not directed:
            incidence[[j, n + i], place] += 1
    v, d = (np.array([values[pair] for pair in pairs]) for values in (variances, deviations))
    exact = v * (incidence.T @ np.linalg.pinv((incidence * v) @ incidence.T) @ -(incidence @ d))
    corrected = correction(network, deviations, variances)
    assert np.allclose([corrected[pair] for pair in pairs], exact, atol=1e-9)


def test_no_correction_makes_a_weight_negative():
    network = network_from(np.ones((4, 4)))
    deviations = np.array([[0, -0.9, 2, 2], [-0.9, 0, 2, 2], [2, 2, 0, -0.9], [2, 2, -0.9, 0]])
    corrected = correction(network, deviations, np.ones((4, 4)) - np.eye(4))
    expected = network.weights + deviations + corrected
    assert np.allclose(expected.sum(axis=1), 3)
    assert np.allclose(expected[[0, 2], [1, 3]], 0.1)  # corrected as all others, they would be -0.93
    assert np.allclose(expected[:2, 2:], 1.45)


# Real data


def test_us_and_china_in_the_world_of_2021(shared_data):
    links = (
        pl.read_csv(shared_data("world-collaboration") / "collaboration.csv.gz")
        .filter(pl.col("year") == 2021, pl.col("papers") > 0)
        .rename({"papers": "weight"})
    )
    network = network_of(links, 2021, "collaboration")
    moments = fit(network, ess=150, z_error=1)
    us, cn = (network.countries.index(country) for country in ("US", "CN"))
    z = (network.weights - moments.expected)[us, cn] / moments.std[us, cn]
    assert moments.residual == 0
    assert moments.extra["ess_min"] >= 150
    assert moments.extra["rhat_max"] < 1.1
    assert z == pytest.approx(-1.17, abs=0.12)  # independent sampler, 5,000 states

    linear = variance_corrected.fit(network)
    largest = np.argsort(-network.weights.sum(axis=1))[:30]
    upper = np.ix_(largest, largest)
    pairs = np.triu_indices(30, 1)
    stds = [m.std[upper][pairs] for m in (moments, linear)]
    excess = [(network.weights - m.expected)[upper][pairs] for m in (moments, linear)]
    scores = [above / std for above, std in zip(excess, stds, strict=True)]
    assert np.corrcoef(scores)[0, 1] > 0.98
    assert np.median(stds[0] / stds[1]) == pytest.approx(1, abs=0.05)
