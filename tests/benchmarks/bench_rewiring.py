"""Speed of local rewiring on the world collaboration network.

Run as ``python tests/benchmarks/bench_rewiring.py [--window] [--against SCRIPTS [--run RESULTS]]``. It prints
the effective samples per CPU second of the link US-CN in 2021, under the uniform law and in one chain, for
three kernels:

- single units: four countries are drawn uniformly and one unit is moved, unless a weight would become
  negative. This kernel is too slow for a single effective sample, so the displacement of the link is
  measured. If the link relaxes exponentially with variance v, the mean squared displacement per second / 4 v
  is the rate of effective samples. It is an upper bound of that rate if a part of the link relaxes faster.
- exact steps: the same countries, with d drawn from its law.
- the kernel of `local_rewiring`: exact steps, three of four countries drawn by a power of their strengths.

With ``--window`` it also fits every year 2000-2021 and compares the result with `variance_corrected`.

With ``--against`` it instead fits the network of 2021 with another version of the study too, whose folder
`scripts` is given, and compares CPU time and error. The error is the root mean square of the error of z of
the links that the study uses. It is measured against a run of this version that is ten times as accurate, so
a hundred times as long. Where a run is twice as accurate as another, it takes four times as long; the time
for an error of 0.05 follows from this. ``--run`` adds the networks of 2005 and 2021 of a finished run; it is
the folder of a variant, such as ``results/full``.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from poles.nulls import local_rewiring, variance_corrected
from poles.nulls.network import Network, network_of, with_used
from poles.nulls.rewiring_convergence import Chain, Pairs, diagnose
from poles.nulls.rewiring_kernel import Kernel, next_bits
from poles.trajectories.construction import core_countries

DATA = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))
EXPONENTS = (1.25,)
CORE = {"world": (2000, 2021, 5000, 3), "run": (2000, 2021, 50, 3)}
"""First and last year, least strength and least expected weight: whose links are followed."""
ERROR = 0.05
FITS = """
import json, sys, time
from pathlib import Path
import numpy as np
from poles.nulls import local_rewiring
from poles.nulls.network import Network

for path in sorted(Path(sys.argv[1]).glob("*.npz")):
    data = np.load(path)
    facts = 2021, "any", tuple(data["countries"]), data["weights"], bool(data["directed"])
    network = Network(*facts, data["used"]) if hasattr(Network, "used") else Network(*facts)
    local_rewiring.fit(network, max_sweeps=200)  # compiles
    for name, options in json.loads(sys.argv[2]).items():
        start = time.process_time()
        moments = local_rewiring.fit(network, **options)
        seconds = time.process_time() - start
        np.savez(
            Path(sys.argv[1]) / f"{path.stem}.{name}.fit",
            expected=moments.expected, std=moments.std, seconds=seconds, sweeps=moments.iterations,
        )
"""
"""Program that fits networks with the version of the study that is in its path."""


def world(year: int) -> Network:
    """Read the collaboration network of a year."""
    links = pl.read_csv(DATA / "world-collaboration" / "collaboration.csv.gz").rename({"papers": "weight"})
    return network_of(links.filter(pl.col("year") == year), year, "collaboration")


@numba.njit(nogil=True)
def single_units(weights, rng, moves, countries):
    """Move single units between four countries drawn uniformly."""
    mask = np.uint64(countries.shape[1] - 1)
    table = countries[0]
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
    single_units(start.copy(), rng, 1, kernel.countries[0])
    squares, seconds = [], 0.0
    for _ in range(20):
        weights = start.copy()
        start_time = time.process_time()
        single_units(weights, rng, 100 * kernel.moves, kernel.countries[0])
        seconds += time.process_time() - start_time
        squares.append(float(weights[pair] - start[pair]) ** 2)
    return sum(squares) / seconds / (4 * variance)


def rate_of_steps(
    network: Network, start: np.ndarray, pair: tuple[int, int], exponents: tuple[float, ...]
) -> tuple[float, float]:
    """Effective samples of the pair per CPU second and per 1,000 sweeps, with exact steps."""
    kernel, pairs = Kernel.of(network, "uniform", exponents), Pairs.of(network, None)
    chain = Chain.start(start, kernel, np.random.SeedSequence(2), disperse=False)
    chain.fill(kernel, pairs, range(1), 1)
    length = 200
    start_time = time.process_time()
    chain.fill(kernel, pairs, range(len(chain.record)), length)
    seconds = time.process_time() - start_time
    ess = diagnose([chain.record]).ess[pairs.place[pair]]
    return ess / seconds, ess / len(chain.record) / length * 1000


def compare() -> None:
    """Print the rates of the three kernels, and their ratios."""
    network = world(2021)
    pair = network.countries.index("US"), network.countries.index("CN")
    moments = local_rewiring.fit(network, ess=100, z_error=1)
    kernel = Kernel.of(network, "uniform", EXPONENTS)
    chain = Chain.start(network.weights.astype(np.int64), kernel, np.random.SeedSequence(3), disperse=True)
    chain.forget(kernel, 500)
    start = chain.weights.copy()
    units = rate_of_units(network, start, pair, moments.std[pair] ** 2)
    print(f"single units, uniform countries: {units:.2g} effective samples per second")
    for name, exponents in (
        ("exact steps, uniform countries", (0.0,)),
        ("exact steps, by strength", EXPONENTS),
    ):
        rate, share = rate_of_steps(network, start, pair, exponents)
        print(f"{name}: {rate:.3g} ({share:.0f} per 1,000 sweeps), {rate / units:.2g} times single units")


def networks_with_core(kind: str, frames: dict[tuple[str, int], pl.DataFrame], years: list[int]):
    """Networks of some years by name, with the links that the study uses marked."""
    layers = sorted({layer for layer, _ in frames}, reverse=True)
    links = {
        layer: pl.concat(
            frame.with_columns(year=year).rename({"weight": "observed"})
            for (of, year), frame in frames.items()
            if of == layer
        ).filter(pl.col("source") != pl.col("target"))
        for layer in layers
    }
    core = core_countries(links, *CORE[kind])
    for layer in layers:
        for year in years:
            network = network_of(frames[layer, year], year, layer)
            yield f"{kind} {layer} {year}", with_used(network, core, ("US", "CN"))


def against(scripts: Path, run: Path | None) -> None:
    """Print CPU time and error of z of this version and of another."""
    links = pl.read_csv(DATA / "world-collaboration" / "collaboration.csv.gz").rename({"papers": "weight"})
    parts = {
        ("collaboration", year): links.filter(pl.col("year") == year).drop("year")
        for year in range(2000, 2022)
    }
    networks = dict(networks_with_core("world", parts, [2021]))
    if run is not None:
        paths = {(path.parts[-3], int(path.stem)): path for path in run.glob("*/links/*.parquet")}
        networks |= networks_with_core(
            "run", {key: pl.read_parquet(path) for key, path in paths.items()}, [2005, 2021]
        )
    seeds = {f"seed {seed}": {"seed": seed} for seed in range(1, 4)}
    sides = {"this": (ROOT / "scripts", seeds), "other": (scripts, seeds)}
    sides["reference"] = ROOT / "scripts", {"long": {"z_error": ERROR / 10, "max_sweeps": 10**7, "seed": 99}}
    with tempfile.TemporaryDirectory() as folder:
        for side, (path, options) in sides.items():
            place = Path(folder) / side
            place.mkdir()
            for name, network in networks.items():
                np.savez(
                    place / name, countries=network.countries, weights=network.weights,
                    directed=network.directed, used=network.used,
                )  # fmt: skip
            environment = os.environ | {"PYTHONPATH": str(path), "NUMBA_NUM_THREADS": "1"}
            subprocess.run(
                [sys.executable, "-c", FITS, str(place), json.dumps(options)], env=environment, check=True
            )
        for name, network in networks.items():
            fits = {
                side: [np.load(path) for path in (Path(folder) / side).glob(f"{name}.*.fit.npz")]
                for side in sides
            }
            seconds, needed = {}, {}
            for side in ("this", "other"):
                errors = [error_of(network, fit, fits["reference"][0]) for fit in fits[side]]
                error = float(np.sqrt(np.mean(np.square(errors))))
                seconds[side] = float(np.median([fit["seconds"] for fit in fits[side]]))
                needed[side] = seconds[side] * (error / ERROR) ** 2
                print(
                    f"{name}, {side}: {seconds[side]:.3g} s CPU, error of z {error:.3f}; "
                    f"{needed[side]:.3g} s for an error of {ERROR}"
                )
            ratios = [of["other"] / of["this"] for of in (seconds, needed)]
            print(
                f"{name}: other / this {ratios[0]:.1f} as they run, {ratios[1]:.1f} at equal error",
                flush=True,
            )


def error_of(network: Network, fit, reference) -> float:
    """Root mean square of the errors of z of the links that the study uses."""
    used = network.used & (reference["std"] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z, exact = ((network.weights - m["expected"]) / m["std"] for m in (fit, reference))
    return float(np.sqrt(np.mean((z - exact)[used] ** 2)))


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
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--against", type=Path, metavar="SCRIPTS")
    parser.add_argument("--run", type=Path, metavar="RESULTS")
    arguments = parser.parse_args()
    if arguments.against:
        against(arguments.against.resolve(), arguments.run)
        sys.exit()
    compare()
    if arguments.window:
        window()
