"""Speed, memory and inertia of the clustering step against tslearn's defaults, side by side.

Run as ``python tests/benchmarks/bench_clusters.py``. Panels of 500, 2,000 and 8,000 pairs, 22 years, two
channels: four planted archetypes of uneven strength with AR(1) noise, prepared as the study prepares them.
All are clustered under dynamic time warping with a radius of 2 years, k = 4:

- tslearn, defaults: one start by k-means++; with other seeds where time allows;
- headline: what `kmeans.fit` does, tslearn from the centres of Euclidean k-means (50 starts), and the
  distances to all centroids;
- engine: the same start, then `dtw.fit`; what every refit of the stability study costs.

Each runs in a process of its own, compiled beforehand, on one thread. The inertia is that of the final
centroids, the mean squared distance of a pair to its nearest, by one function for all. Memory is what the
process holds at most beyond what it held before (on Linux, which can be asked anew; else not measured).
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

from poles.archetypes import dtw, kmeans
from poles.stats import threads
from poles.trajectories.preprocessing import preprocess

SIZES = {500: (1, 2, 3), 2000: (1, 2), 8000: (1,)}
"""Seeds of tslearn's own start, by number of pairs."""
K, RADIUS = 4, 2
SHAPES = np.array([(1, 1), (-1, -1), (-1, 1), (0, -1)])
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def panel(pairs: int) -> np.ndarray:
    """Trajectories of four archetypes, total change 4 times the noise in the median."""
    rng = np.random.default_rng(pairs)
    course = np.linspace(-0.5, 0.5, 22)[None, :, None]
    strength = 4 * np.exp(rng.normal(0, 0.5, (pairs, 1, 1)))
    noise = rng.normal(size=(pairs, 22, 2))
    for t in range(1, 22):
        noise[:, t] = 0.5 * noise[:, t - 1] + np.sqrt(0.75) * noise[:, t]
    z = SHAPES[rng.integers(0, 4, pairs)][:, None, :] * strength * course + noise
    return preprocess(z, "noise_units")


def tslearn_defaults(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by tslearn as it comes, but for metric, radius and seed."""
    from tslearn.clustering import TimeSeriesKMeans

    model = TimeSeriesKMeans(K, metric="dtw", metric_params={"sakoe_chiba_radius": RADIUS}, random_state=seed)
    return model.fit(x).cluster_centers_


def headline(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by the study's clustering step."""
    return kmeans.fit(x, K, seed, RADIUS).centroids


def engine(x: np.ndarray, seed: int) -> np.ndarray:
    """Centroids by the compiled engine from the headline's start."""
    with threads.one_thread():
        start = kmeans.starting_centres(x, K, seed)
    return dtw.fit(x, start, RADIUS).centroids


WAYS = {"tslearn, defaults": tslearn_defaults, "headline": headline, "engine": engine}


def measure(way: str, pairs: int, seed: int) -> dict[str, float]:
    """Seconds, megabytes and inertia of one fit in this process."""
    warnings.simplefilter("ignore")
    fit = WAYS[way]
    fit(panel(60), seed)
    x = panel(pairs)
    gc.collect()
    before = most_held(anew=True)
    began = time.process_time()
    centroids = fit(x, seed)
    seconds = time.process_time() - began
    held = most_held() - before
    inertia = float((dtw.assign(x, centroids, RADIUS)[1] ** 2).mean())
    return {"seconds": seconds, "megabytes": held, "inertia": inertia}


def most_held(anew: bool = False) -> float:
    """Megabytes that this process has held at most, since it was last asked to begin anew."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return float("nan")
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024


def measured(way: str, pairs: int, seed: int) -> dict[str, float]:
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
    """Print all ways at all sizes, and the ratios to the headline."""
    for pairs, seeds in SIZES.items():
        own = measured("headline", pairs, 1)
        rows = [("headline", 1, own), ("engine", 1, measured("engine", pairs, 1))]
        rows += [("tslearn, defaults", seed, measured("tslearn, defaults", pairs, seed)) for seed in seeds]
        for way, seed, found in rows:
            print(
                f"{pairs:5d} pairs, {way}, seed {seed}: {found['seconds']:.2f} s of CPU, "
                f"{found['megabytes']:.1f} MB more, inertia {found['inertia']:.4f}; of the headline's: time "
                f"{found['seconds'] / own['seconds']:.2f}, inertia {found['inertia'] / own['inertia']:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        compare()
