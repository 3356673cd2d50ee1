"""The whole study from a stand-in of OpenAlex's REST API: a demo snapshot, served here and harvested.

    python tests/demo_api.py [--works N] [--folder FOLDER] [--calm] [snakemake options ...]

Everything that can fail fails now and then, unless it is to be calm. Results stand in FOLDER/results.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from openalex_server import Failures, OpenAlexServer
from poles.corpus.demo.snapshot import write_snapshot

KEY = "demo-key"
PER_SECOND = 100
"""Requests in a second; the study sends a tenth fewer, because they may arrive unevenly."""


def main() -> int:
    """Make the snapshot, serve it, and run the study; return the exit status of Snakemake."""
    parser = argparse.ArgumentParser(description="Run the study through a stand-in of the REST API.")
    parser.add_argument("--works", type=int, default=20_000, help="size of the planted world")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "results/demo-api", help="where the study works"
    )
    parser.add_argument("--calm", action="store_true", help="no failures")
    options, more = parser.parse_known_args()
    snapshot = options.folder / "snapshot" / str(options.works)
    if not snapshot.exists():
        world = {"works": options.works, "seed": 1, "first": 1990, "last": 2023, "layout": "jsonl"}
        write_snapshot(snapshot, **world, record={})
    files = sorted(snapshot.glob("data/jsonl/works/*/*.gz"))
    failures = None if options.calm else Failures.all(hang_seconds=3.0)
    with OpenAlexServer(files, key=KEY, per_second=PER_SECOND, failures=failures) as server:
        pace = f"rate: {0.9 * PER_SECOND}, timeout: 2"
        api = f"url: '{server.url}', {pace}, shards: year, citing: true, citing_shards: 4"
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"),
            *("--directory", options.folder, *more),
            *("--config", f"source={{kind: api, shards: 2, api: {{{api}}}}}"),
            "trajectories={panel: {min_strength: 20}}",
        ]
        status = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"OPENALEX_API_KEY": KEY}, check=False
        ).returncode
        report = server.report()
    print(
        f"{report['works']} works served: {report['requests']} requests, {report['credits_used']} credits, "
        f"failures {report['failures']}"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
