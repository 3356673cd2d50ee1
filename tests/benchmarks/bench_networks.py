"""Citation links of a year: grouping works by country sets, compared with a plain join in pandas.

Each side runs in a process of its own on the same generated works. The output is ratios of time and peak
memory.

    python tests/benchmarks/bench_networks.py [WORKS]
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from poles.networks import links

REFERENCES = 15
"""References of each work."""


def make(works: int, path: Path) -> None:
    """Generate works of a year with one to four countries, and references among them."""
    random = np.random.default_rng(1)
    codes = np.array([f"{a}{b}" for a in "ABCDEFGHIJ" for b in "KLMNOPQRST"])
    size = random.geometric(0.7, works).clip(1, 4)
    drawn = (len(codes) * random.power(0.4, (works, 4))).astype(int)
    pl.DataFrame(
        {
            "work_id": np.arange(works),
            "year": np.full(works, 2000, np.int16),
            "is_core": np.ones(works, bool),
            "countries": [sorted(set(codes[row[:n]])) for row, n in zip(drawn, size, strict=True)],
            "references": list(random.integers(0, works, (works, REFERENCES))),
        }
    ).write_parquet(path)


def ours(path: Path) -> int:
    """Count the citation links with the function of the study."""
    works = pl.scan_parquet(path)
    cited = links.country_sets(works).collect().lazy()
    return int(links.citation_links(works, cited, "full")["weight"].sum())


def plain(path: Path) -> int:
    """Count the citation links by a join of exploded references and countries."""
    import pandas as pd

    works = pd.read_parquet(path)
    citing = works[["countries", "references"]].explode("references").dropna()
    citations = citing.merge(works[["work_id", "countries"]], left_on="references", right_on="work_id")
    pairs = citations[["countries_x", "countries_y"]].explode("countries_x").explode("countries_y")
    return int(pairs.groupby(["countries_x", "countries_y"]).size().sum())


def measured(side: str, path: Path) -> tuple[float, float, int]:
    """Measure CPU seconds and peak memory in MB of one side, with its result."""
    answer = subprocess.run(
        [sys.executable, __file__, side, str(path)], capture_output=True, text=True, check=True
    )
    seconds, megabytes, total = answer.stdout.split()
    return float(seconds), float(megabytes), int(total)


def main(works: int) -> None:
    """Generate the works, run both sides and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "works.parquet"
        make(works, path)
        rows = {side: measured(side, path) for side in ("ours", "plain")}
    assert rows["ours"][2] == rows["plain"][2], "both sides must count the same"
    print(
        f"citation links of {works} works with {REFERENCES} references each, total weight {rows['ours'][2]}"
    )
    print(f"CPU time, plain / ours: {rows['plain'][0] / rows['ours'][0]:.1f}")
    print(f"peak memory, plain / ours: {rows['plain'][1] / rows['ours'][1]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["plain"]):
        start = time.process_time()
        total = {"ours": ours, "plain": plain}[sys.argv[1]](Path(sys.argv[2]))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(time.process_time() - start, usage.ru_maxrss / 1024, total)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
