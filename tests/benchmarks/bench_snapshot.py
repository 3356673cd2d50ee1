"""Both passes over a snapshot, beside pure decompression, polars, DuckDB and jq, on the same made-up files.

Run as ``python tests/benchmarks/bench_snapshot.py [PYTHON] [--gigabytes N]``. PYTHON is an interpreter that
can import DuckDB, which is not part of the study's software; the environment variable POLES_DUCKDB_PYTHON
gives it too. Missing peers are skipped. The snapshot (`snapshot_like`, 2 GB of JSON) is kept in a temporary
folder.

Every method runs in a process of its own. Ours and pure decompression take turns, and the best of `RUNS`
counts. CPU seconds are user and system time of all threads (for jq of the whole pipe). They are measured
after the same task on a hundred records, so they leave out imports and the loading of compiled code (a second
a process). The peak is that of the process. Bytes read are those that the process requested from the system
(rchar in /proc/self/io). ``pure`` uses the same decoder for JSON, or the same reader of the same columns for
Parquet, and ignores the result. Pass A finds the ids of the field and the number of records by year. Pass B
finds the records of the field and those that cite it, with countries and references. All methods must find
the same records.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "benchmarks")]

from poles.corpus import passes, prefilter, raw_schema
from poles.corpus.tables import CORE

RUNS = 3
FIELD = {"subfields": [1702], "match": "primary"}
SUBFIELD = "https://openalex.org/subfields/1702"
DUCKDB = """
import json, sys, time
from pathlib import Path
import duckdb
kind, task, few, many, core = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:5]), sys.argv[5]
columns = {"id": "varchar", "publication_year": "bigint"}
columns["primary_topic"] = "struct(subfield struct(id varchar))"
if task == "B":
    columns |= {"referenced_works": "varchar[]", "authorships": "struct(countries varchar[])[]"}
def scan(files):
    if kind == "parquet":
        return f"read_parquet({files})"
    return f"read_json({files}, format='newline_delimited', columns={columns}, maximum_object_size=100000000)"
def find(files):
    if task == "A":
        ids = "list(id) filter (primary_topic.subfield.id = 'https://openalex.org/subfields/1702')"
        query = f"select publication_year, count(*), {ids} from {scan(files)} group by 1"
        rows = duckdb.sql(query).fetchall()
        return sum(len(ids or []) for _, _, ids in rows)
    return len(duckdb.sql(f'''
        with core as (select 'https://openalex.org/W' || work_id as id from read_parquet('{core}')),
        works as materialized (select id, publication_year, referenced_works,
            list_transform(authorships, lambda a: a.countries) as countries from {scan(files)}),
        citing as (select distinct id from (select id, unnest(referenced_works) as cited from works)
            where cited in (select id from core))
        select * from works where id in (select id from core) or id in (select id from citing)
    ''').fetchall())
def read():
    return int(Path("/proc/self/io").read_text().split()[1])
duckdb.sql("set preserve_insertion_order=false; set enable_progress_bar=false")
find(few)
start, before = time.process_time(), read()
found, seconds, read = find(many), time.process_time() - start, read() - before
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"cpu": seconds, "peak": peak, "read": read, "found": found}))
"""
JQ = """
import json, os, subprocess, sys
process = subprocess.Popen(["sh", "-c", sys.argv[1]], stdout=subprocess.PIPE)
found = int(process.stdout.read())
usage = os.wait4(process.pid, 0)[2]
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps({"cpu": cpu, "peak": usage.ru_maxrss / 1024, "read": 0, "found": found}))
"""


def _pure_jsonl(files: list[str], columns: list[str]) -> None:
    from isal import igzip

    for file in files:
        with igzip.open(file) as stream:
            while stream.read(1 << 20):
                pass


def _pure_parquet(files: list[str], columns: list[str]) -> None:
    import pyarrow.parquet as pq

    from poles.corpus import parquet

    for file in files:
        with pq.ParquetFile(file) as table:
            leaves = parquet._leaves_in(table, Path(file))
            paths = [leaf for name in columns for leaf in leaves[name]]
            for group in range(table.num_row_groups):
                for _ in table.iter_batches(raw_schema.CHUNK, [group], paths, use_threads=False):
                    pass


def _polars(kind: str, task: str, files: list[str], core: str) -> int:
    import polars as pl

    topic = pl.Struct({"subfield": pl.Struct({"id": pl.String})})
    schema = {"id": pl.String, "publication_year": pl.Int64, "primary_topic": topic}
    if task == "B":
        schema["referenced_works"] = pl.List(pl.String)
        schema["authorships"] = pl.List(pl.Struct({"countries": pl.List(pl.String)}))
    scan = pl.scan_parquet(files) if kind == "parquet" else pl.scan_ndjson(files, schema=schema)
    if task == "A":
        subfield = pl.col("primary_topic").struct.field("subfield").struct.field("id")
        ids = pl.col("id").filter(subfield == SUBFIELD)
        return scan.group_by("publication_year").agg(pl.len(), ids).collect()["id"].list.len().sum()
    core_urls = ("https://openalex.org/W" + pl.read_parquet(core)["work_id"].cast(pl.String)).implode()
    cites = pl.col("referenced_works").list.eval(pl.element().is_in(core_urls)).list.any()
    countries = pl.col("authorships").list.eval(pl.element().struct.field("countries"))
    is_kept = pl.col("id").is_in(core_urls) | cites
    return len(scan.filter(is_kept).select("id", "publication_year", countries, "referenced_works").collect())


def _ours(kind: str, task: str, files: list[str], core: str) -> int:
    import polars as pl

    if task == "A":
        return len(passes.find_core(files, FIELD)[0])
    return sum(map(len, passes.read_works(files, range(len(files)), pl.read_parquet(core)["work_id"], FIELD)))


def _pure(kind: str, task: str, files: list[str], core: str) -> int:
    from poles.corpus.raw_schema import RAW_SCHEMA

    core_columns = ["work_id", "year", *prefilter.FieldPrefilter([1702], False).columns]
    columns = core_columns if task == "A" else list(RAW_SCHEMA)
    {"jsonl": _pure_jsonl, "parquet": _pure_parquet}[kind](files, columns)
    return 0


def run_task(method: str, kind: str, task: str, few: str, many: str, core: str) -> None:
    """Run a task in this process, first on few files; print CPU seconds, peak in MB, bytes read, works."""

    def read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    work = {"pure": _pure, "ours": _ours, "polars": _polars}[method]
    work(kind, task, json.loads(few), core)
    start, before = time.process_time(), read()
    count = work(kind, task, json.loads(many), core)
    seconds, bytes_read = time.process_time() - start, read() - before
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"cpu": seconds, "peak": peak, "read": bytes_read, "found": count}))


def _run(command: list[str]) -> dict[str, float]:
    """Run a process, and return the measures that it prints."""
    return json.loads(subprocess.check_output(command).splitlines()[-1])


def main() -> None:
    """Print seconds, peaks and shares of every method, and ratios to pure decompression."""
    import snapshot_like

    from poles.study import tables

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", nargs="?", default=os.environ.get("POLES_DUCKDB_PYTHON", sys.executable))
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of JSON, about")
    options = parser.parse_args()
    duckdb = subprocess.run([options.python, "-c", "import duckdb"], capture_output=True).returncode == 0
    with tempfile.TemporaryDirectory(prefix="poles-bench-") as name:
        folder = Path(name)
        snapshot_like.write(folder / "few", 10**6, 1)
        size = snapshot_like.write(folder, round(options.gigabytes * 1e9), 8)
        print(f"{size / 1e9:.2f} GB of JSON; CPU seconds, peak in MB, bytes read as share of the files")
        core = folder / "core.parquet"
        for kind in ("jsonl", "parquet"):
            few, files = (
                sorted(str(path) for path in place.glob(f"data/{kind}/works/*/*"))
                for place in (folder / "few", folder)
            )
            if kind == "jsonl":
                tables.write(passes.find_core(files, FIELD)[0], CORE, core, {})
            for task in "AB":
                compare(kind, task, few, files, core, options.python if duckdb else None)
        if not duckdb:
            print(f"DuckDB: skipped, {options.python} cannot import it; give the path of a Python that can")


def compare(kind: str, task: str, few: list[str], files: list[str], core: Path, duckdb: str | None) -> None:
    """Print the time and memory of every method for one pass over one format."""
    arguments = [kind, task, json.dumps(few), json.dumps(files), str(core)]
    own = [sys.executable, __file__, "--task"]
    turns = [(method, _run([*own, method, *arguments])) for method in ("pure", "ours") * RUNS]
    results = {
        method: min((result for name, result in turns if name == method), key=lambda result: result["cpu"])
        for method in ("pure", "ours")
    }
    results["polars"] = _run([*own, "polars", *arguments])
    if duckdb:
        results["DuckDB"] = _run([duckdb, "-c", DUCKDB, *arguments])
    if kind == "jsonl" and task == "A" and shutil.which("jq"):
        query = f'select(.primary_topic.subfield.id == "{SUBFIELD}") | [.id, .publication_year]'
        pipe = f"zcat {' '.join(files)} | jq -c '{query}' | wc -l"
        results["zcat | jq"] = _run([sys.executable, "-c", JQ, pipe])
    assert len({result["found"] for method, result in results.items() if method != "pure"}) == 1, results
    total = sum(Path(file).stat().st_size for file in files)
    for method, result in results.items():
        ratio = result["cpu"] / results["pure"]["cpu"]
        print(
            f"{kind:7} pass {task} {method:9} {result['cpu']:7.2f} s {ratio:7.2f} x pure "
            f"{result['peak']:6.0f} MB {result['read'] / total:7.3f}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        run_task(*sys.argv[2:])
    else:
        main()
