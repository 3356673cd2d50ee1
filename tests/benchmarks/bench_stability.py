"""Where the study of stability spends its time, on the panel of a finished run.

Run as ``python tests/benchmarks/bench_stability.py [RESULTS] [NULL]``, with the folder of a variant (by
default ``results/full``) and a null model (by default ``max_entropy``). It studies the branch on one thread
with the defaults of the study, and prints the CPU time and the calls of each part, without the parts that it
calls. Then it prints how long the steps of one alignment take, in nanoseconds.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType

import numba
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.archetypes import choices, dtw, euclidean, kmeans, reclustering, selection, stability
from poles.archetypes.perturbations import Design
from poles.archetypes.tables import CLUSTERS, null_panels_table
from poles.layers import LAYERS
from poles.study import tables
from poles.study.settings import Settings
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import prepare

PARTS = [
    (dtw, "fit", "k-means under warping"),
    (dtw, "matrix", "distances of all pairs"),
    (dtw, "assign", "nearest centroids of resampled clusterings"),
    (euclidean, "fit", "Euclidean k-means for first centres"),
    (euclidean, "first_centres", "first centres by k-means++"),
    (kmeans, "has_distinct", "whether there are enough distinct pairs"),
    (reclustering, "prepare", "preprocessing"),
    (reclustering, "silhouette", "silhouettes"),
    (selection, "adjusted_rand", "adjusted Rand indices"),
    (selection, "jaccard", "Jaccard indices"),
    (choices, "match", "matching of clusters"),
    (stability, "study", "all else"),
]
"""Functions that are timed: the module that calls or holds them, their name, and what they do."""


class Clock:
    """CPU time of functions without that of the timed functions they call."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self.inner = [0.0]

    def time(self, module: ModuleType, name: str, title: str) -> None:
        """Time a function from now on."""
        function = getattr(module, name)

        @wraps(function)
        def timed(*arguments, **options):
            self.inner.append(0.0)
            began = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.thread_time() - began
                self.seconds[title] += spent - self.inner.pop()
                self.calls[title] += 1
                self.inner[-1] += spent

        setattr(module, name, timed)


def profile(folder: Path, null: str) -> PairPanel:
    """Print what the parts of the study of a branch take, and return its panel."""
    panel = PairPanel.read(folder / f"trajectories/{null}.parquet", LAYERS)
    members = tables.read(folder / f"clusters/{null}.parquet", CLUSTERS)
    null_panels = tables.read(folder / f"trajectories/{null}.null_panels.parquet", null_panels_table(LAYERS))
    settings = Settings().model_dump()
    options = settings["clusters"] | settings["stability"] | {"preprocessing": "noise_units"}
    design = Design(**{key: value for key, value in options.items() if key in Design._fields})
    stability.study(panel, members, design._replace(max_k=2, surrogates=()))  # compiles, loads libraries
    clock = Clock()
    for part in PARTS:
        clock.time(*part)
    stability.study(panel, members, design, 1, null_panels)
    total = sum(clock.seconds.values())
    print(f"{len(panel.z)} pairs, {total:.2f} s of CPU on one thread")
    for title, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1]):
        print(f"{title:45}{clock.calls[title]:6d} calls{seconds:7.2f} s{seconds / total:7.1%}")
    return panel


@numba.njit
def add_all(x, paths, lengths, rows, columns, sums, counts):
    """Add the values of all series to the centre."""
    for n in range(len(x)):
        dtw._add(x[n], paths[n], lengths[n], rows, columns, sums, counts)


def nanoseconds(step: Callable[[], object], series: int) -> float:
    """Least CPU time of a step, for one series."""
    step()
    times = []
    for _ in range(50):
        began = time.thread_time_ns()
        step()
        times.append(time.thread_time_ns() - began)
    return min(times) / series


def align(panel: PairPanel) -> None:
    """Print how long the steps of one alignment take within an averaging of a centroid."""
    x = np.ascontiguousarray(prepare(panel.z, panel.channels, "noise_units")[: dtw.LANES])
    years, reach, blocks = np.uint64(x.shape[1]), np.uint64(2), dtw._blocks(x)
    centre = x.mean(axis=0)
    dtw._side_by_side(x, np.arange(len(x)), len(x), blocks)
    costs, cell, moves, paths, lengths, _, *sums = dtw._workspace(x)
    for name, step in {
        "accumulated costs": lambda: dtw._accumulate(blocks[0], centre, reach, costs, cell),
        "moves of all cells": lambda: dtw._find_moves(years, reach, costs, moves),
        "path": lambda: dtw._trace(years, moves, paths, lengths),
        "adding the series to the centroid": lambda: add_all(x, paths, lengths, *sums),
    }.items():
        print(f"{name:45}{nanoseconds(step, len(x)):6.0f} ns a series")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "results/full")
    null = sys.argv[2] if len(sys.argv) > 2 else "max_entropy"
    if not (folder / f"trajectories/{null}.null_panels.parquet").is_file():
        print(f"study of stability: not measured, {folder} holds no finished run under {null}")
        sys.exit()
    align(profile(folder, null))
