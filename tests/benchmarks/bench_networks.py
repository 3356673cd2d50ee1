"""Works to the links of every year, beside DuckDB, polars and pandas, on the same made-up works.

Run as ``python tests/benchmarks/bench_networks.py [PYTHON] [--works N ...]``. PYTHON is an interpreter that
can import DuckDB, which is not part of the study's software; the environment variable POLES_DUCKDB_PYTHON
gives it too. Without it DuckDB is skipped.

The works are like those of a field over `YEARS`: every year has more of them, most have one country, some ten
thousand sets of countries occur, and works have 20 to 30 references, most of them to works of the table.
Every side counts the links of both layers in every year under full counting and writes them as one table, and
all tables must be equal. *Ours* also describes every country, which the others do not. DuckDB and polars run
one query over all years, in each of the ways that `PAIRS` and `SIDES` list. pandas counts year by year.
`LIMITS` says which sides are left out with more works, because they need minutes or much memory.

Every side runs in a process of its own with one thread, as the job of the study does. The sides take turns,
and the best of `RUNS` counts. CPU seconds are those of the whole process, imports included. The peak is that
of the process.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

RUNS = 3
YEARS = range(1990, 2024)
GROWTH = 1.08
"""Works of a year divided by those of the year before."""
COUNTRIES = 200
SETS = 36_000
"""Sets of several countries that are drawn; some ten thousand of them differ."""
ALONE, ABROAD = 0.8, 0.17
"""Shares of works with one country and with several; the others have none."""
IN_FIELD = 0.62
"""Share of works in the field; the others cite them."""
WITHIN = 0.6
"""Share of references that lead to works of the table."""

LINKS = {"layer": pl.String, "year": pl.Int16, "source": pl.String, "target": pl.String, "weight": pl.Float64}


def country_sets(random: np.random.Generator) -> tuple[pl.Series, np.ndarray]:
    """Draw distinct sets of countries, as lists of codes, and the share of works that have each."""
    letters = "ABCDEFGHIJKLMNOPQRST"
    codes = np.array([first + second for first in letters[:10] for second in letters])
    output = 1 / np.arange(1, COUNTRIES + 1) ** 0.9
    size = 1 + random.geometric(0.55, SETS).clip(1, 40)
    # The first of a random order in which large countries tend to stand ahead (Gumbel's trick).
    order = np.argsort(-0.7 * np.log(output) + random.gumbel(size=(SETS, COUNTRIES)), axis=1)
    several = Counter(tuple(sorted(codes[row[:n]].tolist())) for row, n in zip(order, size, strict=True))
    often = np.array(list(several.values())) / SETS
    shares = [ALONE * output / output.sum(), ABROAD * often, [1 - ALONE - ABROAD]]
    return pl.Series([*([code] for code in codes), *map(list, several), []]), np.concatenate(shares)


def make(works: int, folder: Path) -> None:
    """Write the works of every year as the study does."""
    import pyarrow as pa

    from poles.corpus.tables import WORKS
    from poles.study import tables

    random = np.random.default_rng(works)
    sets, shares = country_sets(random)
    growth = GROWTH ** np.arange(len(YEARS))
    ends = np.round(works * np.cumsum(growth) / growth.sum()).astype(int)
    ids = random.permutation(np.unique(random.integers(1_500_000_000, 7_000_000_000, works + works // 50)))[
        :works
    ]
    for year, start, end in zip(YEARS, [0, *ends], ends, strict=False):
        own = ids[start:end] = np.sort(ids[start:end])
        number = random.integers(20, 31, len(own))
        ago = random.exponential(works / 4, number.sum()).astype(int)
        other = random.integers(10**9, 1_500_000_000, len(ago))
        cited = np.where(random.random(len(ago)) < WITHIN, ids[end - 1 - ago % end], other)
        # Sorted and distinct: a number of both the citing and the cited work, as ids are below 2**33.
        both = np.sort(np.repeat(np.arange(len(own)), number) << 33 | cited)
        citing, cited = np.divmod(both, 1 << 33)
        once = (np.diff(both, prepend=-1) > 0) & (cited != own[citing])
        offsets = np.searchsorted(citing[once], np.arange(len(own) + 1))
        frame = pl.DataFrame(
            {
                "work_id": own,
                "year": np.full(len(own), year, np.int16),
                "type": pl.repeat("article", len(own), eager=True),
                "is_core": random.random(len(own)) < IN_FIELD,
                "countries": sets.gather(random.choice(len(sets), len(own), p=shares)),
                "n_authors": random.integers(1, 9, len(own)),
                "references": pl.from_arrow(pa.LargeListArray.from_arrays(offsets, cited[once])),
            }
        )
        tables.write(frame, WORKS, folder / f"{year}.parquet", {})


def ours(works: Path, counting: str = "full") -> pl.DataFrame:
    """Count the links with the function of the study."""
    from poles.networks.construction import build

    return pl.concat(
        frame.select(pl.lit(year, pl.Int16).alias("year"), pl.lit(layer).alias("layer"), pl.all())
        for year, links, _ in build(works.glob("*.parquet"), counting)
        for layer, frame in links.items()
    )


def fractional(works: Path) -> pl.DataFrame:
    """Count fractions of works with the function of the study."""
    return ours(works, "fractional")


def polars_joins(works: Path, engine: str = "in-memory") -> pl.DataFrame:
    """Count the links by a join of exploded references and lists of countries."""
    scan = pl.scan_parquet(works / "*.parquet")
    field = scan.filter("is_core")
    shared = (
        field.select("year", pl.lit("collaboration").alias("layer"), source="countries", target="countries")
        .explode("source")
        .explode("target")
        .filter(pl.col("source") <= pl.col("target"))
    )
    cited = (
        scan.select("year", pl.lit("citation").alias("layer"), source="countries", work_id="references")
        .explode("work_id")
        .join(field.select("work_id", target="countries"), on="work_id")
        .drop("work_id")
        .explode("source")
        .explode("target")
        .drop_nulls()
    )
    keys = ("year", "layer", "source", "target")
    return pl.concat(frame.group_by(keys).len("weight") for frame in (shared, cited)).collect(engine=engine)


def polars_streaming(works: Path) -> pl.DataFrame:
    """Count the links by the same join, in the streaming engine."""
    return polars_joins(works, "streaming")


def pandas_joins(works: Path) -> pl.DataFrame:
    """Count the links by joins of exploded references and countries in pandas, year by year."""
    import pandas as pd

    files = sorted(works.glob("*.parquet"))
    field = pd.concat(pd.read_parquet(file, columns=["work_id", "is_core", "countries"]) for file in files)
    field = field.loc[field["is_core"], ["work_id", "countries"]]
    counted = []
    for file in files:
        frame = pd.read_parquet(file, columns=["is_core", "countries", "references"])
        shared = frame.loc[frame["is_core"], ["countries", "countries"]]
        citing = frame[["countries", "references"]].explode("references").dropna()
        citations = citing.merge(field, left_on="references", right_on="work_id")
        cited = citations[["countries_x", "countries_y"]]
        for layer, pairs in (("collaboration", shared), ("citation", cited)):
            pairs = pairs.set_axis(["source", "target"], axis=1).explode("source").explode("target").dropna()
            if layer == "collaboration":
                pairs = pairs[pairs["source"] <= pairs["target"]]
            counts = pairs.groupby(["source", "target"]).size().reset_index(name="weight")
            counted.append(pl.from_pandas(counts.assign(year=int(file.stem), layer=layer)))
    return pl.concat(counted)


DUCKDB = """
import json, sys, time
from pathlib import Path
import duckdb
pairs, works, path = sys.argv[1:]
duckdb.sql("set threads=1; set enable_progress_bar=false; set preserve_insertion_order=false")
duckdb.sql(f'''copy (
    with works as (from read_parquet('{works}/*.parquet')),
    authors as (select year, countries, unnest(countries) as source from works where is_core),
    shared as (select year, source, unnest(countries) as target from authors),
    field as (select work_id, countries as cited from works where is_core),
    citing as (select year, countries, unnest("references") as work_id from works),
    citations as (select year, countries, cited from citing join field using (work_id)),
    {pairs}
    select year, 'collaboration' as layer, source, target, count(*) as weight
    from shared where source <= target group by all
    union all select year, 'citation', source, target, sum(n)::bigint from pairs group by all
) to '{path}' (format parquet)''')
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"cpu": time.process_time(), "peak": peak}))
"""
PAIRS = {
    "DuckDB": """
    citers as (select year, cited, 1 as n, unnest(countries) as source from citations),
    pairs as (select year, n, source, unnest(cited) as target from citers)
    """,
    "DuckDB, by sets": """
    counts as (select year, countries, cited, count(*) as n from citations group by all),
    citers as (select year, cited, n, unnest(countries) as source from counts),
    pairs as (select year, n, source, unnest(cited) as target from citers)
    """,
}
"""Pairs of countries from citations in DuckDB: one by one, or counted by pairs of sets of countries first."""
SIDES = {
    "ours": ours,
    "ours, fractional": fractional,
    "polars": polars_joins,
    "polars, streaming": polars_streaming,
    "pandas": pandas_joins,
}
LIMITS = {"pandas": 300_000, "polars": 1_000_000}
"""Most works of a side."""


def run_side(side: str, works: str, path: str) -> None:
    """Count in this process; print its CPU seconds and peak in MB."""
    SIDES[side](Path(works)).write_parquet(path)
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"cpu": time.process_time(), "peak": peak}))


def measured(command: list[str]) -> dict[str, float]:
    """Run a process with one thread, and return the measures that it prints."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return json.loads(subprocess.check_output(command, env={**os.environ, **one}).splitlines()[-1])


def compare(works: int, python: str | None) -> None:
    """Print the time and memory of every side, divided by ours."""
    commands = {
        side: [sys.executable, __file__, "--side", side] for side in SIDES if works <= LIMITS.get(side, works)
    }
    if python:
        commands |= {side: [python, "-c", DUCKDB, pairs] for side, pairs in PAIRS.items()}
    with tempfile.TemporaryDirectory(prefix="poles-bench-") as folder:
        make(works, Path(folder))
        links = Path(folder) / "links"
        results, tables = {}, {}
        for side, command in [*commands.items()] * RUNS:
            result = measured([*command, folder, str(links)])
            results[side] = min(results.get(side, result), result, key=lambda one: one["cpu"])
            frame = pl.read_parquet(links).select(pl.col(name).cast(kind) for name, kind in LINKS.items())
            tables[side] = frame.sort("layer", "year", "source", "target")
    expected = tables["ours"]
    print(
        f"{works} works: {len(expected)} links of weight {expected['weight'].sum()}; CPU s, peak in MB, links"
    )
    for side, result in results.items():
        digest = hashlib.sha256(tables[side].write_csv().encode()).hexdigest()[:12]
        cpu, peak = (f"{results['ours'][key] / result[key]:.2f}" for key in ("cpu", "peak"))
        print(
            f"{side:18} {result['cpu']:7.2f} {result['peak']:6.0f}   {digest}   "
            f"ours divided by it: CPU {cpu}, peak {peak}",
            flush=True,
        )
        if side == "ours, fractional":
            pairs = tables[side].drop("weight")
            assert pairs.equals(expected.drop("weight")), "fractional counting must find the same pairs"
        else:
            assert tables[side].equals(expected), f"{side} must find the same links"


def main() -> None:
    """Measure every side with each number of works."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", nargs="?", default=os.environ.get("POLES_DUCKDB_PYTHON", sys.executable))
    parser.add_argument("--works", type=int, nargs="+", default=[300_000, 1_000_000])
    options = parser.parse_args()
    duckdb = subprocess.run([options.python, "-c", "import duckdb"], capture_output=True).returncode == 0
    if not duckdb:
        print(f"DuckDB: skipped, {options.python} cannot import it; give the path of a Python that can")
    for works in options.works:
        compare(works, options.python if duckdb else None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        run_side(*sys.argv[2:])
    else:
        main()
