"""The compiled engine against tslearn, a textbook recursion, and k-means without warping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans

from poles.archetypes import dtw
from poles.archetypes.verification import tslearn_fit
from poles.errors import StudyError
from poles.stats.threads import parallel_map


def warped(a: np.ndarray, b: np.ndarray, radius: int | None) -> float:
    """Distance under dynamic time warping by the plain recursion (Sakoe and Chiba 1978)."""
    radius = len(a) if radius is None else radius
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(a)):
        for j in range(max(0, i - radius), min(len(b), i + radius + 1)):
            step = ((a[i] - b[j]) ** 2).sum()
            cost[i + 1, j + 1] = step + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(np.sqrt(cost[-1, -1]))


RADII = st.sampled_from([None, 0, 1, 2, 3])
# Whole numbers give ties: equal distances to two centroids, and several cheapest paths.
VALUES = st.one_of(st.integers(-2, 2).map(float), st.floats(-5, 5, allow_subnormal=False))


@st.composite
def series_and_start(draw):
    """Series, and some of them as first centres."""
    shape = draw(st.integers(3, 12)), draw(st.integers(2, 10)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        x = draw(arrays(np.float64, shape, elements=VALUES))
    else:  # random walks, some of them repeated
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        x = rng.normal(size=shape).cumsum(axis=1)[rng.integers(0, shape[0], shape[0])]
    rows = draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=4, unique=True))
    return x, x[rows]


@settings(max_examples=80)
@given(series_and_start(), RADII)
def test_labels_inertia_and_centroids_are_those_of_tslearn(given_series, radius):
    x, start = given_series
    reference = tslearn_fit(x, start, radius)
    if not np.isfinite(reference.inertia_):
        with pytest.raises(StudyError, match=f"a cluster ran empty at k = {len(start)}"):
            dtw.fit(x, start, radius)
        return
    fit = dtw.fit(x, start, radius)
    assert fit.converged == (reference.n_iter_ < 100)
    assert fit.iterations == reference.n_iter_
    assert fit.labels.tolist() == reference.labels_.tolist()
    assert fit.inertia == pytest.approx(reference.inertia_, rel=1e-9, abs=1e-12)
    assert fit.centroids == pytest.approx(reference.cluster_centers_, rel=1e-9, abs=1e-9)


@settings(max_examples=40)
@given(series_and_start(), RADII, st.data())
def test_a_sample_is_clustered_as_if_its_series_stood_there_one_by_one(given_series, radius, data):
    x, start = given_series
    sample = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), min_size=len(start), max_size=30)))
    try:
        expected = dtw.fit(x[sample], start, radius)
    except StudyError:
        with pytest.raises(StudyError):
            dtw.fit(x, start, radius, sample=sample)
        return
    fit = dtw.fit(x, start, radius, sample=sample)
    assert np.array_equal(fit.labels, expected.labels)
    assert np.array_equal(fit.centroids, expected.centroids)
    assert fit[2:] == expected[2:]


@pytest.mark.parametrize("radius", [None, 2])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_many_series_are_clustered_as_by_tslearn(radius, channels):
    rng = np.random.default_rng(channels)
    x = rng.normal(size=(120, 22, channels)).cumsum(axis=1)
    fit, reference = dtw.fit(x, x[:4], radius), tslearn_fit(x, x[:4], radius)
    assert (fit.labels == reference.labels_).all()
    assert fit.inertia == pytest.approx(reference.inertia_, rel=1e-12)


@given(series_and_start(), RADII)
def test_distances_are_those_of_the_textbook(given_series, radius):
    x, centres = given_series
    expected = np.array([[warped(series, centre, radius) for centre in centres] for series in x])
    assert dtw.distances(x, centres, radius) == pytest.approx(expected)
    labels, distances = dtw.assign(x, centres, radius)
    assert distances == pytest.approx(expected.min(axis=1))
    assert expected[np.arange(len(x)), labels] == pytest.approx(expected.min(axis=1))


@settings(max_examples=30)
@given(series_and_start(), RADII, st.integers(1, 3))
def test_the_matrix_is_that_of_the_textbook_whatever_the_threads(given_series, radius, threads):
    x, _ = given_series
    distances = dtw.matrix(x, radius, threads)
    assert distances == pytest.approx(np.array([[warped(a, b, radius) for b in x] for a in x]))
    assert (distances == dtw.matrix(x, radius)).all()
    assert (distances == distances.T).all()


def test_with_a_radius_of_0_it_is_plain_k_means():
    x = np.random.default_rng(1).normal(size=(80, 10, 2)).cumsum(axis=1)
    plain = KMeans(3, init=x[:3].reshape(3, -1), n_init=1, tol=0).fit(x.reshape(80, -1))
    fit = dtw.fit(x, x[:3], 0)
    assert (fit.labels == plain.labels_).all()
    assert fit.centroids.reshape(3, -1) == pytest.approx(plain.cluster_centers_)
    assert fit.inertia == pytest.approx(plain.inertia_ / 80)


def test_a_fit_says_whether_it_converged():
    x = np.random.default_rng(2).normal(size=(60, 8, 1)).cumsum(axis=1)
    assert dtw.fit(x, x[:4], 2).converged
    assert not dtw.fit(x, x[:4], 2, max_iter=1).converged


def test_parallel_results_keep_the_order_of_the_tasks():
    assert parallel_map(lambda n: n * n, range(7), 1) == parallel_map(lambda n: n * n, range(7), 3)
