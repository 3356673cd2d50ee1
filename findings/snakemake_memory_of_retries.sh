#!/usr/bin/env bash
# Snakemake 9.27.1, 2026-11-29: a job that is tried again with more memory is scheduled as if it took the memory of
# its first try.
#
# Input: two jobs that ask for 100 MB times the attempt, fail on their first try, and may take 250 MB together
# (--resources mem_mb=250).
# Expected: both first tries run at once, as they take 200 MB together. The second tries ask for 200 MB each, so one
# of them waits for the other.
# What happens: the second tries run at once. Both are told that they have 200 MB, and Snakemake prints mem_mb=200 for
# each, so together they take 400 of 250 MB. Asked for 200 MB from the start (the control below), one job waits.
# Instead: where memory is short, do not rely on the limit for jobs that are tried again: let the largest be asked
# for at once, or give such jobs a second resource that holds them one at a time.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check snakemake==9.27.1 >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

cd "$folder"
cat >Snakefile <<'SNAKEFILE'
FIRST, FAILS = int(config["first"]), config["fails"]

rule all:
    input: expand("{folder}/{name}", folder=config["folder"], name=["first", "second"])

rule work:
    output: "{folder}/{name}"
    resources: mem_mb=lambda wildcards, attempt: FIRST * attempt
    shell:
        "mkdir -p times; from=$(date +%s.%N); sleep 3; "
        "echo {wildcards.folder} {resources.mem_mb} $from $(date +%s.%N) "
        "> times/{wildcards.folder}.{wildcards.name}.{resources.mem_mb}; "
        "[ {resources.mem_mb} -ne {FAILS} ] && touch {output}"
SNAKEFILE
run() {
    "$folder/env/bin/snakemake" --quiet all --cores 4 --resources mem_mb=250 --retries 1 --config "$@" \
        >>"$folder/log" 2>&1
}
run folder=again first=100 fails=100
run folder=control first=200 fails=0

"$folder/env/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

print(f"Snakemake {version('snakemake')}, {date.today()}")
times = {}
for path in sorted(Path("times").iterdir()):
    folder, memory, start, end = path.read_text().split()
    times.setdefault((folder, int(memory)), []).append((float(start), float(end)))
at_once = {}
for (folder, memory), ((a, b), (c, d)) in times.items():
    at_once[folder, memory] = max(a, c) < min(b, d)
    print(f"{folder:<8} {memory} MB each, 250 MB allowed: {'at once' if at_once[folder, memory] else 'in turn'}")
same = at_once == {("again", 100): True, ("again", 200): True, ("control", 200): False}
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
