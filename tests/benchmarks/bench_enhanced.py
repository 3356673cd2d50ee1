"""Fit of degrees and strengths on the 22 world collaboration networks, beside NEMtropy's fastest method.

Run as ``python tests/benchmarks/bench_enhanced.py [PYTHON] [--threads]``, PYTHON being an interpreter that
can import NEMtropy (also: the environment variable POLES_NEMTROPY_PYTHON); NEMtropy is no part of the study's
software. Without one the peer is skipped.

The peer's method is ``ecm_exp`` with ``newton`` from its ``random`` start, the fastest of those that converge
on these networks. Both run on one thread; with ``--threads`` the peer has as many as it takes by itself,
which slows it down. Times are CPU seconds, the best of three runs each, without compilation and the
construction of the peer's graph, but with all that our `fit` does. Residuals are the largest relative errors
of a degree or strength, computed for both in the same way.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.nulls import Network, enhanced_max_entropy, network_of  # noqa: E402

DATA = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))
RUNS = 3
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
PEER = """
import contextlib, io, sys, time, warnings
import numpy as np
from NEMtropy import UndirectedGraph
warnings.simplefilter("ignore")
networks, found = np.load(sys.argv[1]), {}
def solve(weights, seed):
    with contextlib.redirect_stdout(io.StringIO()):
        graph = UndirectedGraph(adjacency=weights)
        np.random.seed(seed)
        start = time.process_time()
        graph.solve_tool(model="ecm_exp", method="newton", initial_guess="random", max_steps=300)
        return time.process_time() - start, graph.x, graph.y
solve(networks[networks.files[0]], 0)  # compiles
for name in networks.files:
    for run in range(int(sys.argv[3])):
        seconds, x, y = solve(networks[name], run)
        if run == 0 or seconds < found[name][0, 0]:
            found[name] = np.stack([np.full(len(x), seconds), x, y])
np.savez(sys.argv[2], **found)
"""


def world() -> dict[int, Network]:
    """Collaboration network of every year."""
    links = pl.read_csv(DATA / "world-collaboration" / "collaboration.csv.gz", null_values=[])
    links = links.rename({"papers": "weight"})
    years = sorted(links["year"].unique())
    return {year: network_of(links.filter(pl.col("year") == year), year, "collaboration") for year in years}


def residual(weights: np.ndarray, p: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative error of a degree or strength."""
    links = weights > 0
    return float(max(abs(p.sum(1) / links.sum(1) - 1).max(), abs(expected.sum(1) / weights.sum(1) - 1).max()))


def own(network: Network) -> tuple[float, float, np.ndarray]:
    """Seconds, residual and expected weights of our fit."""
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        moments = enhanced_max_entropy.fit(network)
        seconds.append(time.process_time() - start)
    return min(seconds), moments.residual, moments.expected


def peer(
    python: str, networks: dict[int, Network], threads: dict[str, str]
) -> dict[int, tuple[float, float, np.ndarray]]:
    """Seconds, residual and expected weights of the peer's fits."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npz"
        np.savez(given, **{str(year): network.weights for year, network in networks.items()})
        command = [python, "-c", PEER, str(given), str(found), str(RUNS)]
        subprocess.run(command, check=True, env=os.environ | threads)
        results = {}
        for year, (seconds, x, y) in ((int(name), values) for name, values in np.load(found).items()):
            q, xx = np.outer(y, y), np.outer(x, x)
            p = xx * q / (1 - q + xx * q)
            np.fill_diagonal(p, 0)
            expected = p / (1 - q)
            results[year] = float(seconds[0]), residual(networks[year].weights, p, expected), expected
        return results


def main() -> None:
    """Print, by year, ratios of time and of residuals, and the agreement of the expected weights."""
    if not (DATA / "world-collaboration").exists():
        print("bench_enhanced: skipped, world-collaboration not found; set POLES_SHARED_DATA to its folder")
        return
    networks = world()
    arguments = [argument for argument in sys.argv[1:] if argument != "--threads"]
    threads = {} if "--threads" in sys.argv else ONE_THREAD
    python = [*arguments, os.environ.get("POLES_NEMTROPY_PYTHON", sys.executable)][0]
    importable = subprocess.run([python, "-c", "import NEMtropy"], capture_output=True).returncode == 0
    theirs = peer(python, networks, threads) if importable else {}
    ours = {year: own(network) for year, network in networks.items()}
    worst = max(error for _, error, _ in ours.values())
    print(f"enhanced_max_entropy: {len(ours)} networks, largest residual {worst:.1e}")
    if not importable:
        print(f"NEMtropy: skipped, {python} cannot import it; give the path of a Python that can")
        return
    print("year  time NEMtropy/ours  residual NEMtropy  residual ours  largest relative difference of E")
    for year, (seconds, error, expected) in ours.items():
        their_seconds, their_error, their_expected = theirs[year]
        pairs = ~np.eye(len(expected), dtype=bool)
        difference = (abs(their_expected - expected)[pairs] / expected[pairs]).max()
        print(
            f"{year}  {their_seconds / seconds:18.1f}  {their_error:17.1e}  {error:13.1e}  {difference:.1e}"
        )
    ratio = sum(each[0] for each in theirs.values()) / sum(each[0] for each in ours.values())
    print(f"all   {ratio:18.1f}")


if __name__ == "__main__":
    main()
