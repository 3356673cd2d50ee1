"""Euclidean k-means, compiled: against scikit-learn, number for number."""

import numpy as np
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus

from poles.archetypes import euclidean
from poles.stats.threads import one_thread

SEEDS = [*range(30), *range(31, 60)]
"""No two candidates for a centre are equally good under these seeds, so that rounding decides nothing.

Under seed 30 two rows are: in exact arithmetic their potentials are equal, and scikit-learn takes the one or
the other on different processors.
"""


def wandering_rows(seed: int) -> tuple[np.ndarray, int]:
    """Rows that wander, every second time drawn with replacement as in a resampled panel; and a k."""
    rng = np.random.default_rng(seed)
    size, columns, k = rng.integers([80, 1, 1], [300, 50, 9])
    x = rng.normal(size=(size, columns)).cumsum(axis=1)
    return (x[rng.integers(0, size, size)] if seed % 2 else x), int(k)


@pytest.mark.parametrize("seed", SEEDS)
def test_centres_and_labels_are_those_of_scikit_learn(seed):
    x, k = wandering_rows(seed)
    with one_thread():
        theirs = KMeans(k, n_init=4, random_state=seed).fit(x)
    ours = euclidean.fit(x, k, seed, 4)
    assert np.array_equal(ours.labels, theirs.labels_)
    assert np.array_equal(ours.centres, theirs.cluster_centers_)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_is_clustered_as_if_its_rows_stood_there_one_by_one(seed):
    x, k = wandering_rows(seed)
    sample = np.random.default_rng(seed).integers(0, len(x), len(x))
    of_sample, of_rows = euclidean.fit(x, k, seed, 4, sample), euclidean.fit(x[sample], k, seed, 4)
    assert np.array_equal(of_sample.labels, of_rows.labels)
    assert np.array_equal(of_sample.centres, of_rows.centres)


@pytest.mark.parametrize("seed", SEEDS)
def test_first_centres_are_those_of_scikit_learn(seed):
    x, k = wandering_rows(seed)
    assert np.array_equal(euclidean.first_centres(x, k, seed), kmeans_plusplus(x, k, random_state=seed)[0])


@pytest.mark.parametrize("power", [-100, -60, 60, 100])
def test_a_change_of_unit_changes_no_label(power):
    # A power of two scales every number of double precision exactly. Squares of these leave single precision.
    x, k = wandering_rows(7)
    ours, scaled = euclidean.fit(x, k, 1, 4), euclidean.fit(x * 2.0**power, k, 1, 4)
    assert np.array_equal(scaled.labels, ours.labels)
    assert np.array_equal(scaled.centres, ours.centres * 2.0**power)


def test_double_precision_decides_between_centres_that_are_equally_near_in_single_precision():
    rows, centres = np.linspace(-1e-12, 1e-12, 101)[:, None], np.array([[-1.0], [1.0]])
    assert np.float32(1 + 1e-12) == np.float32(1)
    labels, scores = np.empty(101, np.int64), np.empty((2, 101), np.float32)
    single, norms = np.ascontiguousarray(rows.T, np.float32), (rows**2).sum(axis=1)
    room = labels, np.empty(101, np.float32), np.empty(101, np.float32)
    euclidean._label(rows, single, norms, centres, np.ones(2, np.bool_), scores, *room)
    assert np.array_equal(labels, rows[:, 0] > 0)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_a_cluster_that_runs_empty_is_refilled_as_scikit_learn_does():
    # Two distinct rows and three clusters: one cluster is empty from the first iteration on.
    x = np.repeat([[0.0, 0.0], [1.0, 2.0]], 5, axis=0)
    theirs = KMeans(3, n_init=2, random_state=1).fit(x)
    ours = euclidean.fit(x, 3, 1, 2)
    assert np.array_equal(ours.centres, theirs.cluster_centers_)
    assert np.array_equal(ours.labels, theirs.labels_)
