"""Speed of local rewiring on the world collaboration network.

Run as ``python tests/benchmarks/bench_rewiring.py [--window]``. It prints the effective samples per CPU
second of the link US-CN in 2021, under the uniform law and in one chain, for three kernels:

- single units: four countries are drawn uniformly and one unit is moved, unless a weight would become
  negative. This kernel is too slow for a single effective sample, so the displacement of the link is
  measured. If the link relaxes exponentially with variance v, the mean squared displacement per second / 4 v
  is the rate of effective samples. It is an upper bound of that rate if a part of the link relaxes faster.
- exact steps: the same countries, with d drawn from its law.
- the kernel of `local_rewiring`: exact steps, countries drawn by powers of their strengths.

With ``--window`` it also fits every year 2000-2021 and compares the result with `variance_corrected`.
"""

import os
import resource
import sys
import time
from pathlib import Path

import numba
import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.nulls import local_rewiring, variance_corrected
from poles.nulls.network import Network, network_of
from poles.nulls.rewiring_convergence import Chain, diagnose
from poles.nulls.rewiring_kernel import Kernel, next_bits

DATA = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))
EXPONENTS = (0.0, 0.25, 0.75)


def world(year: int) -> Network:
    """Read the collaboration network of a year."""
    links = pl.read_csv(DATA / "world-collaboration" / "collaboration.csv.gz").rename({"papers": "weight"})
    return network_of(links.filter(pl.col("year") == year), year, "collaboration")


@numba.njit(nogil=True)
def single_units(weights, rng, moves, sources):
    """Move single units between four countries drawn uniformly."""
    mask = np.uint64(sources.shape[1] - 1)
    table = sources[0]
    for _ in range(moves):
        bits = next_bits(rng)
        i, j = table[bits & mask], table[(bits >> np.uint64(16)) & mask]
        k, l = table[(bits >> np.uint64(32)) & mask], table[(bits >> np.uint64(48)) & mask]  # noqa: E741
        if i in (j, k, l) or j in (k, l) or k == l or min(weights[i, l], weights[k, j]) == 0:
            continue  # the order of the draw decides whether i-j or i-l rises
        for a, b, d in ((i, j, 1), (k, l, 1), (i, l, -1), (k, j, -1)):
            weights[a, b] += d
            weights[b, a] += d


def rate_of_units(network: Network, start: np.ndarray, pair: tuple[int, int], variance: float) -> float:
    """Effective samples per CPU second of single units, from the displacement of many short runs."""
    kernel = Kernel.of(network, "uniform", (0.0,))
    rng = np.random.SeedSequence(1).generate_state(4, np.uint64)
    single_units(start.copy(), rng, 1, kernel.sources)
    squares, seconds = [], 0.0
    for _ in range(20):
        weights = start.copy()
        start_time = time.process_time()
        single_units(weights, rng, 100 * kernel.moves, kernel.sources)
        seconds += time.process_time() - start_time
        squares.append(float(weights[pair] - start[pair]) ** 2)
    return sum(squares) / seconds / (4 * variance)


def rate_of_steps(
    network: Network, start: np.ndarray, pair: tuple[int, int], exponents: tuple[float, ...]
) -> tuple[float, float]:
    """Effective samples of the pair per CPU second and per 1,000 sweeps, with exact steps."""
    kernel, observed = Kernel.of(network, "uniform", exponents), network.weights.astype(np.int64)
    chain = Chain.start(observed, kernel, np.random.SeedSequence(2), disperse=False)
    chain.weights[:] = start
    chain.record(observed, kernel, slice(0, 1), 1)
    chain.drop()
    length = 100
    start_time = time.process_time()
    chain.record(observed, kernel, slice(None), length)
    seconds = time.process_time() - start_time
    diagnosis = diagnose([chain.sums], [chain.squares], length)
    return diagnosis.ess[pair] / seconds, diagnosis.ess[pair] / len(chain.sums) / length * 1000


def compare() -> None:
    """Print the rates of the three kernels, and their ratios."""
    network = world(2021)
    pair = network.countries.index("US"), network.countries.index("CN")
    moments = local_rewiring.fit(network, ess=100)
    observed = network.weights.astype(np.int64)
    kernel = Kernel.of(network, "uniform", EXPONENTS)
    chain = Chain.start(observed, kernel, np.random.SeedSequence(3), disperse=True)
    chain.record(observed, kernel, slice(0, 1), 500)
    start = chain.weights.copy()
    units = rate_of_units(network, start, pair, moments.std[pair] ** 2)
    print(f"single units, uniform countries: {units:.2g} effective samples per second")
    for name, exponents in (
        ("exact steps, uniform countries", (0.0,)),
        ("exact steps, by strength", EXPONENTS),
    ):
        rate, share = rate_of_steps(network, start, pair, exponents)
        print(f"{name}: {rate:.3g} ({share:.0f} per 1,000 sweeps), {rate / units:.2g} times single units")


def window() -> None:
    """Print the cost and the results of the fit of every year."""
    total = time.time()
    for year in range(2000, 2022):
        network = world(year)
        start_time = time.process_time()
        moments = local_rewiring.fit(network)
        seconds = time.process_time() - start_time
        linear = variance_corrected.fit(network)
        largest = np.argsort(-network.weights.sum(axis=1))[:30]
        rows, columns = (largest[index] for index in np.triu_indices(30, 1))
        scores = [
            ((network.weights - m.expected)[rows, columns] / m.std[rows, columns]) for m in (moments, linear)
        ]
        us, cn = (network.countries.index(country) for country in ("US", "CN"))
        print(
            f"{year}: {seconds:.1f} s CPU, {moments.iterations} sweeps,",
            ", ".join(f"{name} {value:.5g}" for name, value in moments.extra.items()),
            f"z(US, CN) {(network.weights - moments.expected)[us, cn] / moments.std[us, cn]:.3f},",
            f"with variance_corrected: r {np.corrcoef(scores)[0, 1]:.4f},",
            f"std ratio {np.median(moments.std[rows, columns] / linear.std[rows, columns]):.3f}",
            moments.note,
            flush=True,
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"window: {time.time() - total:.0f} s, {memory:.0f} MB at most")


if __name__ == "__main__":
    if not DATA.is_dir():
        print("local rewiring: not measured, real data not found; set POLES_SHARED_DATA to its folder")
        sys.exit()
    compare()
    if "--window" in sys.argv:
        window()
