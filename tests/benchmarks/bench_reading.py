"""Reading records of which most are kept, beside DuckDB's ``read_json``, on equal works.

Run as ``python tests/benchmarks/bench_reading.py [PYTHON] [--works N N] [--against OLD]``. PYTHON is an
interpreter that can import DuckDB, which is not part of the study's software; the environment variable
POLES_DUCKDB_PYTHON gives it too. OLD is the folder ``scripts`` of another version of the study, which is then
measured in the place of DuckDB.

The works are those of a demo snapshot, as gzipped JSON lines, in two sizes. Each is read in two ways.
``read``: all records go by in frames. ``write``: they become a Parquet file sorted by year, which is what the
job ``read_works`` makes, with its digest. Both sides give the same columns with the same values: numbers of
works, subfields and references instead of URLs, codes and types of institutions in lists. `checks` compares
them.

Every side runs in a process of its own, with two threads at most, and the best of `RUNS` turns counts. CPU
seconds are user and system time of all threads, after the same task on a hundred records, so they leave out
imports and the loading of compiled code. The peak is that of the process, with all its software.
"""

import argparse
import gzip
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3
SIZES = (60_000, 300_000)
PART = 30_000

DUCKDB = r"""
import json, sys, time
from pathlib import Path
import duckdb
way, few, many, output = sys.argv[1], *map(json.loads, sys.argv[2:4]), sys.argv[4]
TOPIC = "struct(score double, subfield struct(id varchar))"
INSTITUTION = "struct(country_code varchar, type varchar)"
COLUMNS = {
    "id": "varchar", "publication_year": "smallint", "type": "varchar", "is_retracted": "boolean",
    "is_paratext": "boolean", "is_xpac": "boolean", "updated_date": "varchar", "primary_topic": TOPIC,
    "topics": f"{TOPIC}[]", "authorships": f"struct(countries varchar[], institutions {INSTITUTION}[])[]",
    "referenced_works": "varchar[]", "is_authors_truncated": "boolean", "authors_count": "integer",
    "countries_distinct_count": "integer", "referenced_works_count": "integer",
}
SUBFIELD = "cast(replace({}.subfield.id, 'https://openalex.org/subfields/', '') as integer)"
QUERY = f'''
    select cast(substr(id, 23) as bigint) as work_id, publication_year as year, type,
        coalesce(is_retracted, false) as is_retracted,
        coalesce(is_paratext, false) or type = 'paratext' as is_paratext,
        coalesce(is_xpac, false) as is_xpac, updated_date as updated,
        {SUBFIELD.format("primary_topic")} as primary_subfield, round(primary_topic.score, 6) as topic_score,
        list_transform(topics, lambda t: {SUBFIELD.format("t")}) as topic_subfields,
        len(authorships) as n_authors,
        list_transform(authorships, lambda a: {{
            'countries': a.countries,
            'institutions': list_transform(a.institutions, lambda i: i.country_code),
            'types': list_transform(a.institutions, lambda i: i.type)}}) as authorships,
        list_transform(referenced_works, lambda r: cast(substr(r, 23) as bigint)) as "references",
        coalesce(is_authors_truncated, false) or coalesce(authors_count > len(authorships), false)
            or coalesce(referenced_works_count > len(referenced_works), false) as is_incomplete
    from read_json(FILES, format='newline_delimited', columns={COLUMNS})
'''
duckdb.sql("set threads = 2; set enable_progress_bar = false")
def work(files):
    query = QUERY.replace("FILES", str(files))
    if way == "write":
        duckdb.sql(f"copy ({query} order by year) to '{output}' (format parquet, compression zstd)")
        return
    for _ in duckdb.sql(query).to_arrow_reader(20000):
        pass
work(few)
start = time.process_time()
work(many)
seconds = time.process_time() - start
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"cpu": seconds, "peak": peak}))
"""

OURS = r"""
import json, sys, time
from pathlib import Path
way, few, many, output, scripts = sys.argv[1], *map(json.loads, sys.argv[2:4]), *sys.argv[4:6]
sys.path.insert(0, scripts)
import polars as pl
from poles.corpus import passes
from poles.corpus.tables import KEPT
from poles.study import tables
nothing = pl.Series("work_id", [], pl.Int64)
def work(files):
    records = passes.read_works(files, range(len(files)), nothing, None)
    if way == "write" and isinstance(records, pl.DataFrame):
        tables.write(records, KEPT, output, {})
    elif way == "write":
        from poles.study import runs
        runs.write(records, KEPT, output, {})
    else:
        for _ in records:
            pass
work(few)
start = time.process_time()
work(many)
seconds = time.process_time() - start
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"cpu": seconds, "peak": peak}))
"""


def write_works(folder: Path, count: int) -> list[str]:
    """Write the works of a demo snapshot, without comments in the headers, which DuckDB refuses."""
    from isal import igzip

    from poles.corpus.demo import layout
    from poles.corpus.demo.snapshot import write_snapshot

    made = folder / "made"
    write_snapshot(made, min(count, 60_000), 1, 1990, 2023, "jsonl", {})
    lines = [
        line
        for part in layout.parts(min(count, 60_000), "jsonl")
        for line in gzip.decompress((made / part).read_bytes()).splitlines(keepends=True)
    ]
    # More works are copies: what a work costs does not depend on its number.
    copied = itertools.islice(itertools.cycle(lines), count)
    files = []
    while part := list(itertools.islice(copied, PART)):
        files.append(folder / f"{len(files):04}.jsonl.gz")
        files[-1].write_bytes(igzip.compress(b"".join(part), 3))
    return [str(file) for file in files]


def checks(path: Path) -> dict[str, int]:
    """Sums over a written file on which both sides must agree."""
    import polars as pl

    scan = pl.scan_parquet(path)
    authorships = scan.select(pl.col("authorships").explode().struct.unnest())
    found = scan.select(
        pl.len().alias("works"),
        pl.col("work_id").sum(),
        pl.col("references").explode().sum(),
        pl.col("topic_subfields").explode().sum(),
        pl.col("n_authors").sum().cast(pl.Int64),
        pl.col("updated").str.head(19).hash(1).sum(),
        pl.col("is_incomplete").sum(),
        pl.col("topic_score").sum().round(3),
    ).collect()
    codes = authorships.select(
        *(
            pl.col(name).explode().drop_nulls().hash(1).sum()
            for name in ("countries", "institutions", "types")
        )
    ).collect()
    return found.row(0, named=True) | codes.row(0, named=True)


def _run(command: list[str]) -> dict[str, float]:
    """Run a process, and return the measures that it prints."""
    environment = os.environ | {"POLARS_MAX_THREADS": "2"}
    return json.loads(subprocess.check_output(command, env=environment).splitlines()[-1])


def compare(sides: dict[str, list[str]], few: list[str], files: list[str], folder: Path) -> None:
    """Print CPU time and memory of both sides for both ways, and the ratios."""
    for way in ("read", "write"):
        results: dict[str, dict[str, float]] = {}
        for _ in range(RUNS):
            for name, command in sides.items():
                output = str(folder / f"{name}.parquet")
                extra = command[3:]
                result = _run([*command[:3], way, json.dumps(few), json.dumps(files), output, *extra])
                known = results.setdefault(name, result)
                results[name] = {key: min(known[key], result[key]) for key in known}
        if way == "write":
            sums = {name: checks(folder / f"{name}.parquet") for name in sides}
            assert len({json.dumps(found) for found in sums.values()}) == 1, sums
        ours, theirs = results.values()
        for name, result in results.items():
            print(f"{way:6} {name:8} {result['cpu']:7.2f} s {result['peak']:6.0f} MB", flush=True)
        ratios = (f"{ours[key] / theirs[key]:.2f}" for key in ("cpu", "peak"))
        print(
            f"{way:6} ours / {list(results)[1]}: CPU time {next(ratios)}, memory {next(ratios)}", flush=True
        )


def main() -> None:
    """Write the works of both sizes, and compare both sides on each."""
    sys.path.insert(0, str(ROOT / "scripts"))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", nargs="?", default=os.environ.get("POLES_DUCKDB_PYTHON", sys.executable))
    parser.add_argument("--works", type=int, nargs="+", default=SIZES, help="sizes")
    parser.add_argument("--against", help="folder scripts of another version of the study")
    options = parser.parse_args()
    sides = {"ours": [sys.executable, "-c", OURS, str(ROOT / "scripts")]}
    if options.against:
        sides["before"] = [sys.executable, "-c", OURS, options.against]
    elif subprocess.run([options.python, "-c", "import duckdb"], capture_output=True).returncode == 0:
        sides["DuckDB"] = [options.python, "-c", DUCKDB]
    else:
        print(f"DuckDB: skipped, {options.python} cannot import it; give the path of a Python that can")
        return
    for works in options.works:
        with tempfile.TemporaryDirectory(prefix="poles-bench-") as name:
            folder = Path(name)
            files = write_works(folder, works)
            few = folder / "few.jsonl"
            few.write_bytes(b"".join(gzip.decompress(Path(files[0]).read_bytes()).splitlines(True)[:100]))
            size = sum(Path(file).stat().st_size for file in files)
            print(f"{works} works, {size / 1e6:.0f} MB of gzipped JSON")
            compare(sides, [str(few)], files, folder)


if __name__ == "__main__":
    main()
