"""A harvest by two processes without Snakemake, to be killed: `python tests/harvester.py URL FOLDER`."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from api_works import FIELD
from poles.corpus.api import citing, date_ranges, harvest
from poles.corpus.api.ledger import BudgetSpent
from poles.study import embedding

RESULTS = Path("results/harvest/api")
FIRST, LAST = 2014, 2023
SPENT = 3
"""Exit status if the budget of the day is spent."""


def work_through(url: str) -> int:
    """Harvest everything with two processes, as jobs of the workflow do; return the exit status."""
    scope = {"url": url, "field": FIELD, "types": None, "years": {"first": FIRST, "last": LAST}}
    settings = {"url": url, "budget": None, "rate": 100, "timeout": 0.8, "drift": 0.0}
    names = date_ranges.list_ranges(FIRST, LAST, "year")
    pairs = [(scope, settings, names[part::2]) for part in range(2)]
    processes = [multiprocessing.Process(target=_shards, args=pair) for pair in pairs]
    if status := _run(processes):
        return status
    pairs = [(scope, settings, part) for part in range(2)]
    return _run([multiprocessing.Process(target=_citing, args=pair) for pair in pairs])


def _run(processes: Sequence[multiprocessing.Process]) -> int:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return max(process.exitcode for process in processes)


def _save(name: str, content: bytes, records: list[str]) -> None:
    record = {"rule": "harvest", "inputs": {}, "store": [os.path.relpath(path) for path in records]}
    embedding.write_gzip(content, RESULTS / f"{name}.jsonl.gz", record)


def _shards(scope: dict, settings: dict, names: list[str]) -> None:
    for name in names:
        if not (RESULTS / f"{name}.jsonl.gz").exists():
            try:
                shard = harvest.harvest_shard("harvest", scope, name, settings)
            except BudgetSpent:
                sys.exit(SPENT)
            _save(name, *shard)


def _citing(scope: dict, settings: dict, part: int) -> None:
    files = sorted(RESULTS.glob("[12]*.jsonl.gz"))
    try:
        shard = citing.harvest_citing("harvest", scope, citing.list_cited(files), (part, 2), settings)
    except BudgetSpent:
        sys.exit(SPENT)
    _save(f"citing_{part}", *shard)


if __name__ == "__main__":
    os.chdir(sys.argv[2])  # records name files from the folder of the study, as those of jobs do
    sys.exit(work_through(sys.argv[1]))
