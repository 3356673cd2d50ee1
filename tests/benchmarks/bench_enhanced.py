"""Fit of degrees and strengths to the 22 world collaboration networks, compared with NEMtropy.

Run as ``python tests/benchmarks/bench_enhanced.py [PYTHON] [--threads]``. PYTHON (or the environment variable
POLES_NEMTROPY_PYTHON) is an interpreter that can import NEMtropy, which is not part of the software of the
study. Without it, only our own fit runs.

The method of NEMtropy is ``ecm_exp`` with ``newton`` from its ``random`` start, the fastest of its methods
that converge on these networks. Times are CPU seconds on one thread. With ``--threads`` they are wall-clock
seconds with the default threads of each side. The time of a year is the best of three runs; it excludes
compilation and the construction of the graph of NEMtropy, and includes everything that our `fit` does. In
the last line each network is fitted once in a new process, as in a job of the study, with the compilation of
NEMtropy. Residuals are the largest relative errors of a degree or strength, computed in the same way for
both sides.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.nulls import enhanced_max_entropy
from poles.nulls.network import Network, network_of

DATA = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))
RUNS = 3
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
PEER = """
import contextlib, io, sys, time, warnings
import numpy as np
from NEMtropy import UndirectedGraph
warnings.simplefilter("ignore")
networks, fits, clock = np.load(sys.argv[1]), {}, getattr(time, sys.argv[4])
def solve(weights, seed):
    with contextlib.redirect_stdout(io.StringIO()):
        graph = UndirectedGraph(adjacency=weights)
        np.random.seed(seed)
        start = clock()
        graph.solve_tool(model="ecm_exp", method="newton", initial_guess="random", max_steps=300)
        return clock() - start, graph.x, graph.y
cold = solve(networks[networks.files[0]], 0)[0]  # compiles
for name in networks.files:
    for run in range(int(sys.argv[3])):
        seconds, x, y = solve(networks[name], run)
        cold += seconds if run == 0 and name != networks.files[0] else 0
        if run == 0 or seconds < fits[name][0, 0]:
            fits[name] = np.stack([np.full(len(x), seconds), x, y])
np.savez(sys.argv[2], cold=cold, **fits)
"""


def world() -> dict[int, Network]:
    """Read the collaboration network of every year."""
    links = pl.read_csv(DATA / "world-collaboration" / "collaboration.csv.gz", null_values=[])
    links = links.rename({"papers": "weight"})
    years = sorted(links["year"].unique())
    return {year: network_of(links.filter(pl.col("year") == year), year, "collaboration") for year in years}


def residual(weights: np.ndarray, p: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative error of a degree or strength."""
    links = weights > 0
    return float(max(abs(p.sum(1) / links.sum(1) - 1).max(), abs(expected.sum(1) / weights.sum(1) - 1).max()))


def fit_ours(network: Network, clock: str) -> tuple[float, float, np.ndarray, float]:
    """Fit a network: seconds, residual, expected weights, and seconds of the first run."""
    seconds, now = [], getattr(time, clock)
    for _ in range(RUNS):
        start = now()
        moments = enhanced_max_entropy.fit(network)
        seconds.append(now() - start)
    return min(seconds), moments.residual, moments.expected, seconds[0]


def fit_theirs(
    python: str, networks: dict[int, Network], threads: dict[str, str], clock: str
) -> tuple[dict[int, tuple[float, float, np.ndarray]], float]:
    """Fit all networks with NEMtropy: seconds, residual and expected weights; seconds of all first runs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        np.savez(inputs, **{str(year): network.weights for year, network in networks.items()})
        command = [python, "-c", PEER, str(inputs), str(outputs), str(RUNS), clock]
        subprocess.run(command, check=True, env=os.environ | threads)
        results = {}
        fits = dict(np.load(outputs))
        cold = float(fits.pop("cold"))
        for year, (seconds, x, y) in ((int(name), values) for name, values in fits.items()):
            q, xx = np.outer(y, y), np.outer(x, x)
            p = xx * q / (1 - q + xx * q)
            np.fill_diagonal(p, 0)
            expected = p / (1 - q)
            results[year] = float(seconds[0]), residual(networks[year].weights, p, expected), expected
        return results, cold


def main() -> None:
    """Print the ratio of times, the residuals and the largest difference of expected weights by year."""
    if not (DATA / "world-collaboration").exists():
        print("bench_enhanced: skipped, world-collaboration not found; set POLES_SHARED_DATA to its folder")
        return
    networks = world()
    arguments = [argument for argument in sys.argv[1:] if argument != "--threads"]
    threads, clock = ({}, "perf_counter") if "--threads" in sys.argv else (ONE_THREAD, "process_time")
    python = [*arguments, os.environ.get("POLES_NEMTROPY_PYTHON", sys.executable)][0]
    importable = subprocess.run([python, "-c", "import NEMtropy"], capture_output=True).returncode == 0
    theirs, cold = fit_theirs(python, networks, threads, clock) if importable else ({}, 0.0)
    with threadpool_limits(int(threads.get("OMP_NUM_THREADS", 0)) or None):
        ours = {year: fit_ours(network, clock) for year, network in networks.items()}
    worst = max(error for _, error, *_ in ours.values())
    print(f"enhanced_max_entropy: {len(ours)} networks, largest residual {worst:.1e}")
    if not importable:
        print(f"NEMtropy: skipped, {python} cannot import it; give the path of a Python that can import it")
        return
    print("year  time NEMtropy/ours  residual NEMtropy  residual ours  largest relative difference of E")
    for year, (seconds, error, expected, _) in ours.items():
        their_seconds, their_error, their_expected = theirs[year]
        pairs = ~np.eye(len(expected), dtype=bool)
        difference = (abs(their_expected - expected)[pairs] / expected[pairs]).max()
        print(
            f"{year}  {their_seconds / seconds:18.1f}  {their_error:17.1e}  {error:13.1e}  {difference:.1e}"
        )
    ratio = sum(row[0] for row in theirs.values()) / sum(row[0] for row in ours.values())
    print(f"all   {ratio:18.1f}")
    ratio = cold / sum(row[3] for row in ours.values())
    print(f"all, each once in a new process, compilation included: {ratio:.1f}")


if __name__ == "__main__":
    main()
