"""Planting a world and writing it as a snapshot, compared with another version of the study.

    python tests/benchmarks/bench_demo.py [WORKS ...] [--against OLD]

OLD is the folder ``scripts`` of the other version. Each version plants each world in a process of its own.
The output is CPU seconds and peak memory. Both versions must write the same records.
"""

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

OURS = Path(__file__).resolve().parents[2] / "scripts"


def plant(scripts: str, works: int, folder: str) -> None:
    """Plant a world with a version of the study, and print CPU seconds and MB."""
    sys.path.insert(0, scripts)
    from poles.corpus.demo import snapshot

    snapshot.write_snapshot(folder, works, 1, 1990, 2023, "jsonl", {"rule": "make_demo", "params": {}})
    print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def records_digest(folder: Path) -> str:
    """Digest of the uncompressed records of a snapshot, in the order of its parts."""
    digest = hashlib.sha256()
    for part in sorted(folder.rglob("part_*.gz")):
        stream = zlib.decompressobj(wbits=31)
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(stream.decompress(block))
    return digest.hexdigest()


def measured(scripts: Path, works: int, compare: bool) -> tuple[float, float, str]:
    """Measure CPU seconds, peak memory in MB, and the digest of the records if they are to be compared."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "plant", str(scripts), str(works), folder]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, megabytes = map(float, answer.stdout.split())
        return seconds, megabytes, records_digest(Path(folder)) if compare else ""


def main() -> None:
    """Plant all worlds and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("works", nargs="*", type=int, default=[60_000, 300_000])
    parser.add_argument("--against", type=Path, metavar="OLD")
    arguments = parser.parse_args()
    measured(OURS, 1000, False)  # compiles what has to be compiled
    for works in arguments.works:
        seconds, megabytes, records = measured(OURS, works, arguments.against is not None)
        print(f"{works} works: {seconds:.1f} CPU s, {megabytes:.0f} MB")
        if arguments.against:
            before, memory, others = measured(arguments.against, works, True)
            assert records == others, "both versions must write the same records"
            print(f"before: {before:.1f} CPU s, {memory:.0f} MB; before / now: {before / seconds:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["plant"]:
        plant(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main()
