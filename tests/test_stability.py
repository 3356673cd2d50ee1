"""Stability against planted groups, random walks, sets, and all one-to-one matchings."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_score

from planted_panels import completed
from poles.archetypes import clusters, labellings, names, reclustering, stability
from poles.archetypes.perturbations import Design, perturbations, resample_rows
from poles.archetypes.reclustering import TrajectorySet
from poles.archetypes.selection import COVERAGE, excess, preferred, select
from poles.archetypes.tables import OBSERVED, null_panels_table
from poles.errors import StudyError
from poles.nulls.tables import SCORES
from poles.stats.threads import one_thread
from poles.study import tables
from poles.trajectories import preprocessing
from poles.trajectories.construction import build_panel
from poles.trajectories.pair_panel import PairPanel

CHANNELS = ["collaboration", "citation"]
SHAPES = np.array([(1, 1), (-1, -1), (-1, 1), (0, -1)])
CODES = np.array([f"{a}{b}" for a in "ABC" for b in "ABCDE"])
ENDS = np.array([(i, j) for i in range(len(CODES)) for j in range(i + 1, len(CODES))])
DESIGN = Design(
    k=4,
    seed=1,
    radius=2,
    preprocessing="noise_units",
    max_k=4,
    resamples=4,
    headline_resamples=4,
    surrogates=("signed_steps", "channel_swap"),
    surrogate_panels=2,
    surrogate_resamples=1,
    silhouette_pairs=1000,
    core=0.9,
)


def frame(z: np.ndarray) -> pl.DataFrame:
    """Table of the trajectories of all pairs of the countries of `CODES`."""
    rows = [
        (*CODES[ends], 2000 + t, *values)
        for ends, course in zip(ENDS, z, strict=True)
        for t, values in enumerate(course)
    ]
    columns = ["source", "target", "year", *(f"z_{name}" for name in CHANNELS)]
    table = completed(pl.DataFrame(rows, columns, orient="row"), CHANNELS)
    x = preprocessing.preprocess(z, DESIGN.preprocessing).reshape(-1, len(CHANNELS))
    return table.with_columns(pl.Series(f"x_{name}", x[:, n]) for n, name in enumerate(CHANNELS))


def planted(seed: int = 1) -> np.ndarray:
    """Four groups of pairs, each of one shape, with noise."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(-4, 4, 22)
    z = SHAPES[np.arange(len(ENDS)) % 4][:, None, :] * ramp[None, :, None]
    return z + rng.normal(0, 1, z.shape)


def walks(seed: int = 1) -> np.ndarray:
    """Random walks that are independent between channels: there are no groups."""
    return np.random.default_rng(seed).normal(size=(len(ENDS), 22, 2)).cumsum(axis=1)


def studied(z: np.ndarray, design: Design = DESIGN, threads: int = 1, null_panels=None):
    """The headline of a panel, and the study of its stability."""
    panel = PairPanel.from_table(frame(z), CHANNELS)
    members, *_ = clusters.cluster(panel, design.k, design.seed, design.radius)
    results = stability.study(panel, members, design, threads, null_panels)
    kinds = zip(results, stability.TABLES, strict=True)
    return members, *(tables.conform(table, kind) for table, kind in kinds)


@pytest.fixture(scope="module")
def of_planted():
    return studied(planted())


def test_planted_groups_are_preferred_stable_and_core(of_planted):
    _, selection, choices, pairs = of_planted
    assert preferred(selection) == 4
    assert selection.filter(pl.col("preferred")).select("data", "k").unique().rows() == [("observed", 4)]
    rand = dict(choices.select("over", "adjusted_rand").iter_rows())
    assert min(rand[over] for over in ("pairs", "countries", "radius 1", "year 2010", "euclidean")) > 0.99
    assert pairs["core"].all()
    assert (pairs["merged"] == pairs["archetype"]).all()


def test_merging_gives_an_unnamed_cluster_the_nearest_archetype():
    # Six clusters: the four archetypes, one between archetypes, and one that does not move.
    shapes = np.array([*SHAPES, (0.4, -1), (0, 0)])
    labels = np.arange(len(ENDS)) % len(shapes)
    noise = np.random.default_rng(2).normal(0, 0.2, (len(ENDS), 22, 2))
    z = shapes[labels][:, None, :] * np.linspace(-4, 4, 22)[None, :, None] + noise
    trajectories = TrajectorySet(OBSERVED, 0, z, CHANNELS, ENDS)
    unmerged, merged = (trajectories.archetypes(labels, len(shapes) + 1, merge) for merge in (False, True))
    assert set(unmerged[labels == 4]) == {names.UNNAMED}
    assert set(merged[labels == 4]) == {names.ARCHETYPES[0, -1]}
    assert (merged[labels != 4] == unmerged[labels != 4]).all() and names.UNNAMED not in merged
    # Where no cluster is named, none can give its name to another.
    unnamed = TrajectorySet(OBSERVED, 0, z[labels == 4], CHANNELS, ENDS[labels == 4])
    assert set(unnamed.archetypes(np.zeros(sum(labels == 4), int), 1, True)) == {names.UNNAMED}


def test_every_number_of_clusters_is_judged_by_as_many_draws():
    design = DESIGN._replace(resamples=2, headline_resamples=5)
    _, selection, choices, _ = studied(walks(), design)
    drawn = pl.col("over").is_in(["pairs", "countries", "seeds"])
    assert set(selection.filter(drawn, data="observed")["runs"]) == {2}
    assert set(choices.filter(drawn)["runs"]) == {5}


def test_the_study_does_not_depend_on_threads():
    design = DESIGN._replace(max_k=3, resamples=1, headline_resamples=1, surrogate_panels=1)
    by_threads = (studied(walks(), design, threads) for threads in (1, 2))
    assert all(first.equals(second) for first, second in zip(*by_threads, strict=True))


def numbered(*panels: np.ndarray) -> pl.DataFrame:
    """Null panels, numbered from 0 on."""
    frames = [frame(z).with_columns(pl.lit(n, pl.Int16).alias("panel")) for n, z in enumerate(panels)]
    return tables.conform(pl.concat(frames), null_panels_table(CHANNELS))


def test_panels_of_the_null_model_are_compared_like_other_surrogates():
    kinds = ("channel_swap", "network_null")
    design = DESIGN._replace(surrogates=kinds, max_k=3, resamples=2, headline_resamples=2)
    noise = np.random.default_rng(1).normal(size=(2, *planted().shape))
    _, selection, *_ = studied(planted(), design, null_panels=numbered(*noise))
    rows = selection.filter(pl.col("data") == "network_null")
    assert set(rows["runs"]) == {2}
    others = selection.filter(pl.col("data") == "channel_swap")
    keys = ["over", "measure", "k"]
    assert rows.select(keys).sort(keys).equals(others.select(keys).sort(keys))
    assert preferred(selection) == 4
    # Null panels with the same groups as the data are not exceeded.
    _, selection, *_ = studied(planted(), design, null_panels=numbered(planted(2), planted(3)))
    assert preferred(selection) is None
    assert excess(selection)["silhouette"].max() <= 0


def test_null_panels_of_other_pairs_or_years_are_refused():
    shifted = numbered(planted()).with_columns(pl.col("year") + 1)
    design = DESIGN._replace(surrogates=("network_null",))
    with pytest.raises(StudyError, match=r"^null panel 0: pairs and years differ from those of the traj"):
        studied(planted(), design, null_panels=shifted)


def test_random_walks_prefer_no_number_of_clusters():
    _, selection, _, pairs = studied(walks())
    assert preferred(selection) is None
    assert not selection["preferred"].any()
    # Still, many pairs are core: stability alone does not prove groups.
    assert pairs["core"].mean() < 0.75


def test_every_measure_stands_beside_that_of_the_surrogates(of_planted):
    _, selection, choices, _ = of_planted
    by_data = {
        data: set(rows.select("over", "measure", "k").iter_rows())
        for (data,), rows in selection.group_by("data")
    }
    assert set(by_data) == {"observed", *DESIGN.surrogates}
    expected = {
        (over, "adjusted_rand", k)
        for over in ("pairs", "countries", "seeds", "radius none")
        for k in range(2, 5)
    }
    expected |= {
        ("fit", measure, k) for measure in ("inertia", "silhouette", "explained") for k in range(2, 5)
    }
    expected |= {("preprocessing series", "lowest_jaccard", 4)}
    assert all(expected <= measures for measures in by_data.values())
    assert {"k 5", "k 8 merged", "seeds", "preprocessing literal", "year 2021"} <= set(choices["over"])
    explained = selection.filter((pl.col("measure") == "explained") & (pl.col("data") == "observed")).sort(
        "k"
    )
    assert explained["value"].is_sorted() and explained["value"].is_between(0, 1).all()


def test_a_k_with_too_few_distinct_trajectories_is_left_out():
    z = np.repeat(planted()[:3], 35, axis=0)  # three distinct trajectories
    trajectories = TrajectorySet(OBSERVED, 0, z, CHANNELS, ENDS)
    chosen = {k: perturbations(DESIGN, 22, k, 2, headline=False) for k in (2, 3, 4)}
    with one_thread():
        reclusterings = reclustering.recluster(trajectories, chosen, DESIGN, 1)
    assert set(reclusterings.unperturbed) == {2, 3}
    assert {perturbation.k for perturbation in reclusterings.perturbed} == {2, 3}


@pytest.mark.parametrize("citation", ["mean", "both"])
@pytest.mark.parametrize("method", preprocessing.PREPROCESSINGS)
def test_surrogates_are_prepared_like_the_panel(citation, method):
    rng = np.random.default_rng(1)
    rows = [
        (year, a, b, 10.0, 0.0, 1.0, rng.normal(), 0.5, 0.5)
        for year in range(2000, 2012)
        for a, b in (("CN", "FR"), ("CN", "US"), ("FR", "US"))
    ]
    scores = pl.DataFrame(rows, dict(SCORES.columns), orient="row")
    turned = scores.rename({"source": "target", "target": "source"}).with_columns(pl.col("z") * 2)
    layers = {"collaboration": scores, "citation": pl.concat([scores, turned.select(scores.columns)])}
    panel, _ = build_panel(layers, 2000, 2011, citation, method, 0.0, 0.5)
    trajectories = TrajectorySet(OBSERVED, 0, panel.z, panel.channels, panel.ends)
    assert panel.ends.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert trajectories.prepared(method) == pytest.approx(panel.prepared)


two_labellings = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.integers(0, 3), min_size=n, max_size=n).map(np.array) for _ in range(2))
    )
)


@given(two_labellings)
def test_the_jaccard_index_is_that_of_sets(both):
    first, second = both
    sets = [[set(np.flatnonzero(one == label)) for label in range(one.max() + 1)] for one in both]
    expected = [max(len(a & b) / max(len(a | b), 1) for b in sets[1]) for a in sets[0]]
    assert labellings.jaccard(first, second).tolist() == pytest.approx(expected)


@given(two_labellings)
def test_the_adjusted_rand_index_is_that_of_scikit_learn(both):
    assert labellings.adjusted_rand(*both) == adjusted_rand_score(*both)


@given(two_labellings)
def test_no_other_matching_shares_more_pairs(both):
    first, second = both
    matched = labellings.match(first, second)
    shared = labellings.overlap(first, second)
    size = max(shared.shape)
    square = np.zeros((size, size))
    square[: shared.shape[0], : shared.shape[1]] = shared
    best = max(square[list(order), range(size)].sum() for order in permutations(range(size)))
    assert (matched == first).sum() == best
    # One to one: no two clusters of the second have the same new name.
    assert all(len(set(second[matched == label])) <= 1 for label in set(matched) - {-1})


@given(st.integers(2, 8), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_resampled_countries_bring_all_pairs_between_them(countries, seed):
    ends = np.array([(i, j) for i in range(countries) for j in range(i + 1, countries)])
    rows = resample_rows("countries", ends, np.random.default_rng(seed))
    counts = np.bincount(rows, minlength=len(ends))
    drawn = np.bincount(np.random.default_rng(seed).integers(0, countries, countries), minlength=countries)
    assert counts.tolist() == [drawn[i] * drawn[j] for i, j in ends]


def table(rows) -> pl.DataFrame:
    """Rows (data, over, measure, k, value) with a spread of 0.05."""
    return pl.DataFrame(
        [(*row, row[-1] - 0.05, row[-1] + 0.05) for row in rows],
        ["data", "over", "measure", "k", "value", "low", "high"],
        orient="row",
    )


def measured(data: str, k: int, rand: float, silhouette: float, lowest: float = 0.9) -> list:
    over = [(data, over, "adjusted_rand", k, rand) for over in ("pairs", "countries")]
    over += [(data, over, "lowest_jaccard", k, lowest) for over in ("pairs", "countries")]
    return [*over, (data, "fit", "silhouette", k, silhouette)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 4),
        ({"silhouette": 0.31}, 3),  # within the band of a surrogate
        ({"rand": 0.7}, 4),
        ({"rand": 0.6}, 3),  # less stable than a surrogate
        ({"lowest": 0.7}, 3),  # an unstable cluster
    ],
)
def test_the_greatest_stable_k_that_exceeds_the_surrogates_is_preferred(change, expected):
    rows = [*measured("observed", 3, 0.9, 0.4), *measured("observed", 5, 0.5, 0.2)]
    rows += measured("observed", 4, **{"rand": 0.8, "silhouette": 0.4, "lowest": 0.8} | change)
    for k in (3, 4, 5):
        rows += measured("signed_steps", k, 0.7, 0.3)
        rows += measured("channel_swap", k, 0.2, 0.1)
    assert preferred(table(rows)) == expected
    above = excess(table(rows)).filter(pl.col("k") == 3).row(0, named=True)
    assert above == pytest.approx({"k": 3, "silhouette": 0.05, "adjusted_rand": 0.2, "lowest_jaccard": 0.9})


def test_the_band_contains_one_more_panel_with_its_probability():
    rng = np.random.default_rng(1)
    key = ("fit", "inertia")
    inside = []
    for _ in range(250):
        levels = {k: rng.normal() for k in (2, 3, 4)}
        panels = [{(*key, k): rng.normal(level, 0.3, 1) for k, level in levels.items()} for _ in range(4)]
        selection = select({(*key, k): np.array([level]) for k, level in levels.items()}, {"walk": panels})
        for k, low, high in selection.filter(pl.col("data") == "walk").select("k", "low", "high").iter_rows():
            inside.append(low <= rng.normal(levels[k], 0.3) <= high)
    assert np.mean(inside) == pytest.approx(COVERAGE, abs=0.01)


def test_nothing_is_preferred_where_nothing_was_compared():
    assert preferred(table(measured("observed", 4, 0.9, 0.4))) is None


@given(two_labellings.filter(lambda both: 1 < len(set(both[0])) < len(both[0])))
def test_the_silhouette_is_that_of_scikit_learn(both):
    labels, points = both
    distances = np.abs(np.subtract.outer(points, points)) + 0.1 * np.abs(np.subtract.outer(labels, labels))
    assert reclustering.silhouette(distances, labels) == silhouette_score(
        distances, labels, metric="precomputed"
    )


def test_the_silhouette_of_a_sample_is_that_of_the_sample():
    z = planted()
    trajectories = TrajectorySet(OBSERVED, 0, z, CHANNELS, ENDS)
    x = trajectories.prepared("noise_units")
    labels = {4: np.arange(len(z)) % 4}
    whole = reclustering.silhouettes(trajectories, x, labels, DESIGN, 1)[4]
    sampled = reclustering.silhouettes(trajectories, x, labels, DESIGN._replace(silhouette_pairs=60), 1)[4]
    assert sampled != whole
    assert sampled == pytest.approx(whole, abs=0.05)
