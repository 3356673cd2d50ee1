"""Speed, memory and inertia of the clustering step beside tslearn with its defaults.

Run as ``python tests/benchmarks/bench_clusters.py``. The panels have 500, 2,000 and 8,000 pairs, 22 years and
two channels: four planted archetypes of uneven strength with AR(1) noise, prepared as in the study. All are
clustered under dynamic time warping with a radius of 2 years and k = 4, in three ways:

- tslearn, defaults: one start by k-means++, with several seeds where time allows.
- tslearn, same start: `verification.tslearn_fit` from the centres of Euclidean k-means (50 starts).
- headline: `kmeans.fit`, the engine of the study from the same start, and distances to all centroids.

Each runs in a process of its own, on one thread, after compilation. The inertia is the mean squared distance
of a pair to the nearest final centroid, computed by one function for all ways. Memory is the highest that the
process holds beyond what it held before; it is measured on Linux only.
"""

import gc
import json
import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.archetypes import dtw, kmeans, verification
from poles.trajectories.preprocessing import preprocess

SIZES = {500: (1, 2, 3), 2000: (1, 2), 8000: (1,)}
"""Seeds of the start of tslearn, by number of pairs."""
K, RADIUS = 4, 2
SHAPES = np.array([(1, 1), (-1, -1), (-1, 1), (0, -1)])
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def trajectories(pairs: int) -> np.ndarray:
    """Trajectories of four archetypes; the median total change is 4 times the noise."""
    rng = np.random.default_rng(pairs)
    ramp = np.linspace(-0.5, 0.5, 22)[None, :, None]
    strength = 4 * np.exp(rng.normal(0, 0.5, (pairs, 1, 1)))
    noise = rng.normal(size=(pairs, 22, 2))
    for t in range(1, 22):
        noise[:, t] = 0.5 * noise[:, t - 1] + np.sqrt(0.75) * noise[:, t]
    z = SHAPES[rng.integers(0, 4, pairs)][:, None, :] * strength * ramp + noise
    return preprocess(z, "noise_units")


def tslearn_defaults(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by tslearn with its defaults, except for metric, radius and seed."""
    from tslearn.clustering import TimeSeriesKMeans

    model = TimeSeriesKMeans(K, metric="dtw", metric_params={"sakoe_chiba_radius": RADIUS}, random_state=seed)
    return model.fit(x).cluster_centers_


def headline_centroids(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by the clustering step of the study."""
    return kmeans.fit(x, K, seed, RADIUS).centroids


def tslearn_same_start(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by tslearn from the start of the headline."""
    return verification.tslearn_fit(x, kmeans.starting_centres(x, K, seed), RADIUS).cluster_centers_


WAYS = {
    "tslearn, defaults": tslearn_defaults,
    "headline": headline_centroids,
    "tslearn, same start": tslearn_same_start,
}


def measure(way: str, pairs: int, seed: int) -> dict[str, float]:
    """Seconds, megabytes and inertia of one fit in this process."""
    warnings.simplefilter("ignore")
    fit = WAYS[way]
    fit(trajectories(60), seed)
    x = trajectories(pairs)
    gc.collect()
    before = peak_memory(reset=True)
    began = time.process_time()
    centroids = fit(x, seed)
    seconds = time.process_time() - began
    held = peak_memory() - before
    inertia = float((dtw.assign(x, centroids, RADIUS)[1] ** 2).mean())
    return {"seconds": seconds, "megabytes": held, "inertia": inertia}


def peak_memory(reset: bool = False) -> float:
    """Highest memory of this process since the last reset, in megabytes; NaN if it cannot be measured."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return float("nan")
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024


def measure_apart(way: str, pairs: int, seed: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    answer = subprocess.run(
        [sys.executable, __file__, way, str(pairs), str(seed)],
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def compare() -> None:
    """Print the results of all ways at all sizes, and their ratios to the headline."""
    for pairs, seeds in SIZES.items():
        headline = measure_apart("headline", pairs, 1)
        same_start = measure_apart("tslearn, same start", pairs, 1)
        rows = [("headline", 1, headline), ("tslearn, same start", 1, same_start)]
        rows += [
            ("tslearn, defaults", seed, measure_apart("tslearn, defaults", pairs, seed)) for seed in seeds
        ]
        for way, seed, result in rows:
            print(
                f"{pairs:5d} pairs, {way}, seed {seed}: {result['seconds']:.2f} s of CPU, "
                f"{result['megabytes']:.1f} MB more, inertia {result['inertia']:.4f}; "
                f"relative to the headline: time {result['seconds'] / headline['seconds']:.2f}, "
                f"inertia {result['inertia'] / headline['inertia']:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        compare()
