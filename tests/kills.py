"""Compare a harvest that is killed repeatedly, while the service fails, with an undisturbed harvest.

    python tests/kills.py [--works 50000] [--kills 10] [--seed 0] [--folder FOLDER]

runs the study up to its works from the stand-in of OpenAlex, undisturbed and disturbed, and prints both
outcomes. The tests do the same on a small corpus without Snakemake, whose start would take longer than their
harvest.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import orjson

import harvester
from api_works import SECRET, authorship
from harvester import FIRST, LAST
from openalex_server import Failures, OpenAlexServer
from poles.corpus.api.harvest import number_of
from poles.corpus.api.ledger import Ledger
from poles.corpus.demo.snapshot import write_snapshot

AUTHORS = 130
"""Authors of the works that have more of them than a list shows."""


def corpus(folder: Path, works: int, seed: int) -> tuple[list[Path], frozenset[int]]:
    """Make files of works of a planted world, some with many authors; return also the works to merge."""
    years = {"first": FIRST, "last": LAST}
    write_snapshot(folder, works=works, seed=seed, layout="jsonl", record={}, **years)
    files = sorted(folder.glob("data/jsonl/works/*/*.gz"))
    many = []
    for path in files:
        records = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for record in records[:: max(1, works // 40)]:
            record["authorships"] = [authorship("US" if place < 100 else "FJ") for place in range(AUTHORS)]
            record["authors_count"] = AUTHORS
            many.append(number_of(record))
        path.write_bytes(gzip.compress(b"".join(orjson.dumps(record) + b"\n" for record in records), 1))
    return files, frozenset(many[::5])


@dataclass
class Outcome:
    """The outcome of a harvest."""

    files: dict[str, str]
    credits: int
    reported: dict[str, Any]
    report: dict[str, Any]
    fetched_again: list[tuple[str, str]]
    seconds: float
    starts: int = 1
    kills: int = 0
    days: int = 0


def fetched_again(requests: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return pages requested after a later page of their list, by which time they must have been stored."""
    present: dict[str, str] = {}
    behind: set[tuple[str, str]] = set()
    repeated = []
    for request in requests:
        if not request["cursor"]:
            continue
        query, cursor = request["query"], request["cursor"]
        if (query, cursor) in behind:
            repeated.append((query, cursor))
        elif present.setdefault(query, cursor) != cursor:
            behind.add((query, present[query]))
            present[query] = cursor
    return repeated


def digests(folder: Path, pattern: str) -> dict[str, str]:
    """Return the SHA-256 of files by their path."""
    paths = sorted((folder / "results").glob(pattern))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def run_to_the_end(
    start: Callable[[str], subprocess.Popen],
    folder: Path,
    server: OpenAlexServer,
    pattern: str,
    moments: Sequence[int] = (),
    spent: Callable[[subprocess.Popen], bool] = lambda process: False,
) -> Outcome:
    """Start a harvest until it is done, and kill it whenever the server has charged some numbers of credits.

    Parameters
    ----------
    start : callable
        Starts the harvest in a new process group, given the address of the service.
    folder : Path
        Working folder, with the store in ``harvest``.
    server : OpenAlexServer
        Server, which is started and ended here.
    pattern : str
        Glob of the files to compare, below ``results``.
    moments : sequence of int
        Credits after which the harvest is killed, in rising order.
    spent : callable
        Tells whether a failed process ended because the budget was spent.
    """
    begun, starts, kills, days = time.monotonic(), 0, 0, 0
    moments = list(moments)
    chance = random.Random(len(moments))
    with server:
        while True:
            process, starts = start(server.url), starts + 1
            while process.poll() is None:
                if moments and server.credits_used >= moments[0]:
                    time.sleep(chance.uniform(0, 0.1))
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    moments.pop(0)
                    kills += 1
                time.sleep(0.005)
            if process.returncode == 0:
                break
            if process.returncode > 0:
                if not spent(process) or starts > 100:
                    raise AssertionError(f"start {starts} ended with status {process.returncode}")
                server.next_day()
                days += 1
        seconds = time.monotonic() - begun
        return Outcome(
            digests(folder, pattern),
            server.credits_used,
            Ledger(folder / "harvest").summary(),
            server.report(),
            fetched_again(server.requests),
            seconds,
            starts,
            kills,
            days,
        )


def compare(
    start_in: Callable[[Path], Callable[[str], subprocess.Popen]],
    folder: Path,
    works: int,
    kills: int,
    seed: int,
    pattern: str,
    pace: int,
    probability: float,
    spent: Callable[[subprocess.Popen], bool],
) -> tuple[Outcome, Outcome]:
    """Run an undisturbed and a disturbed harvest of the same works, from servers at the same address."""
    files, merged = corpus(folder / "corpus", works, seed)
    calm = OpenAlexServer(files, key=SECRET, per_second=pace, failures=Failures(merged=merged))
    port = int(calm.url.rpartition(":")[2])
    first = run_to_the_end(start_in(folder / "calm"), folder / "calm", calm, pattern)
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(1, first.credits * 9 // 10), kills))
    failures = Failures.all(probability, hang_seconds=1.5, merged=merged, day_turns_after=None)
    failing = OpenAlexServer(
        files, key=SECRET, per_second=pace, failures=failures, seed=seed, port=port,
        daily_credits=first.credits * 2 // 3,
    )  # fmt: skip
    second = run_to_the_end(
        start_in(folder / "failing"), folder / "failing", failing, pattern, moments, spent
    )
    return first, second


def direct(folder: Path) -> Callable[[str], subprocess.Popen]:
    """Return a function that starts a harvest without Snakemake."""
    folder.mkdir(parents=True, exist_ok=True)

    def start(url: str) -> subprocess.Popen:
        command = [sys.executable, harvester.__file__, url, str(folder)]
        return subprocess.Popen(
            command, env=os.environ | {"OPENALEX_API_KEY": SECRET}, start_new_session=True
        )

    return start


def through_snakemake(folder: Path) -> Callable[[str], subprocess.Popen]:
    """Return a function that starts the study up to its works."""
    folder.mkdir(parents=True, exist_ok=True)

    def start(url: str) -> subprocess.Popen:
        api = f"url: '{url}', shards: quarter, rate: 90, timeout: 2, drift: 0, citing: true, citing_shards: 8"
        command = [
            *(
                sys.executable,
                "-m",
                "snakemake",
                "--snakefile",
                str(ROOT / "Snakefile"),
                "--directory",
                str(folder),
            ),
            # A kill leaves the folder locked and files marked as unfinished; the options ignore both.
            *("--nolock", "--rerun-incomplete", "--quiet", "all", "--until", "select_works", "--config"),
            f"source={{kind: api, shards: 4, api: {{{api}}}}}",
            f"years={{first: {FIRST}, last: {LAST}}}",
            f"trajectories={{first: {FIRST}, last: {LAST}}}",
        ]
        with (folder / "output.txt").open("w") as output:
            return subprocess.Popen(
                command, cwd=ROOT, env=os.environ | {"OPENALEX_API_KEY": SECRET}, start_new_session=True,
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    return start


def main() -> int:
    """Run both harvests and print their outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--probability", type=float, default=0.03, help="probability of each failure")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="kills-"))
    for part in ("calm", "failing", "corpus"):
        shutil.rmtree(folder / part, ignore_errors=True)

    def spent(_: subprocess.Popen) -> bool:
        return "the OpenAlex budget of today is spent" in (folder / "failing/output.txt").read_text()

    calm, failing = compare(
        through_snakemake, folder, options.works, options.kills, options.seed, "works/*.parquet", 100,
        options.probability, spent,
    )  # fmt: skip
    identical = calm.files == failing.files and len(calm.files) == LAST - FIRST + 1
    delivered = Counter(page["delivered"] for page in failing.report["pages"] if page["cursor"])
    outcomes = {"calm": calm, "disturbed": failing}
    summary: dict[str, Any] = {
        name: {
            "seconds": round(outcome.seconds),
            "requests": outcome.report["requests"],
            "failures": outcome.report["failures"],
            "credits by the service": outcome.credits,
            "ledger": outcome.reported,
            "starts, kills, days": [outcome.starts, outcome.kills, outcome.days + 1],
            "pages fetched again after they were stored": len(outcome.fetched_again),
        }
        for name, outcome in outcomes.items()
    }
    summary |= {
        "works served": failing.report["works"],
        "whole answers of a page": dict(sorted(delivered.items())),
        "works files": len(calm.files),
        "byte-identical": identical,
    }
    print(json.dumps(summary, indent=1))
    return int(not identical or bool(failing.fetched_again) or failing.credits != failing.reported["credits"])


if __name__ == "__main__":
    sys.exit(main())
