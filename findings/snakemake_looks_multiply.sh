#!/usr/bin/env bash
# Snakemake 9.27.1, 2026-11-29: with every job that ends, the scheduler looks for jobs to start once more a second,
# for as long as jobs are waiting. All options are at their defaults, but for the greedy scheduler.
#
# Input: 120 jobs that sleep for 0.4 seconds, on two cores. A counter stands around the method of the scheduler that
# selects jobs; the package is unchanged.
# Expected: about one look for each job that ends, so some five a second, at the end as at the beginning.
# What happens: 22 a second in the first third of the time, 97 in the last, 1,533 in all. --max-jobs-per-timespan is
# 100/1s by default, and with a limit every look plans a further look a second later, by a thread that sleeps so
# long. No look takes the place of an earlier one. Each asks for the resources of all waiting jobs and the sizes of
# their inputs. Without a limit (the control below) there is one look a job.
# Instead: the option takes no value that means "no limit", and a longer time span keeps the driver from ending for
# as long, as the threads are waited for. Take the limit away when the run starts, on machines where the number of
# cores is limit enough: `onstart: workflow.scheduler.job_rate_limiter = None` in the Snakefile.
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
rule all:
    input: expand("{folder}/{number}", folder=config["folder"], number=range(120))

rule work:
    output: "{folder}/{number}"
    shell: "sleep 0.4; touch {output}"

if config["folder"] == "unlimited":
    onstart:
        workflow.scheduler.job_rate_limiter = None
SNAKEFILE
cat >count.py <<'PYTHON'
"""Run Snakemake and write the moments at which its scheduler looks for jobs."""
import sys
import time
from pathlib import Path

from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

looks, select = [], JobScheduler.job_selector


def counted(self, jobs):
    looks.append(time.monotonic())
    return select(self, jobs)


JobScheduler.job_selector = counted
try:
    main(sys.argv[2:])
finally:
    Path(sys.argv[1]).write_text("\n".join(map(str, looks)))
PYTHON
for name in limited unlimited; do
    "$folder/env/bin/python" count.py "$name.txt" --quiet all --cores 2 --scheduler greedy --config "folder=$name" \
        >>"$folder/log" 2>&1 || true
    [ "$(ls "$name" | wc -l)" -eq 120 ]
done

"$folder/env/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

print(f"Snakemake {version('snakemake')}, {date.today()}")
totals, growth = {}, {}
for name in ("limited", "unlimited"):
    looks = [float(moment) for moment in Path(f"{name}.txt").read_text().split()]
    begin, end = looks[0], looks[-1]
    third = (end - begin) / 3
    first = sum(moment < begin + third for moment in looks) / third
    last = sum(moment > end - third for moment in looks) / third
    totals[name], growth[name] = len(looks), last / first
    print(f"{name:<10} {len(looks):5} looks for 120 jobs; a second: {first:.1f} in the first third of the time, "
          f"{last:.1f} in the last")
same = totals["limited"] > 4 * 120 and growth["limited"] > 2 and totals["unlimited"] < 2 * 120 and growth["unlimited"] < 2
print("as described" if same else "the behaviour changed")
sys.exit(0 if same else 1)
PYTHON
