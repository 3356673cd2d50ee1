# Each word sets up what it needs: .venv, from the pinned and hashed packages of envs/requirements.txt.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONHASHSEED := 0
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: study paper-scale archive timings test test-all test-slurm lint clean help bench worlds thinning pins estimate
.PHONY: verify-live demo-api faults soak fuzz
.DEFAULT_GOAL := study

study: .venv/ready  ## the whole study on the demo snapshot, then its report
	$(BIN)/snakemake
	$(BIN)/snakemake --report results/report.html
	@$(BIN)/python scripts/write_crate.py  # once more, as the report is new
	@$(BIN)/python scripts/summarize.py

WORKS ?= 3240000
SCALE = paper-scale/$(WORKS)

paper-scale: .venv/ready  ## a planted world of the size of the paper (or WORKS=200000), through the whole study
	$(BIN)/snakemake --directory $(SCALE) --configfile config/paper-scale.yaml --config 'demo={works: $(WORKS)}'
	@$(BIN)/python scripts/timings.py --markdown $(SCALE)

timings: .venv/ready  ## jobs, CPU time, wall time and memory of the last run, by rule
	@$(BIN)/python scripts/timings.py

test: .venv/crate  ## the quick tests, a file at a time on each core
	$(BIN)/pytest --numprocesses auto --dist loadfile -m 'not slow and not slurm'

test-all: .venv/crate  ## the rest: whole studies on real data, second runs, harvests that are killed
	$(BIN)/pytest --numprocesses auto --dist loadfile -m slow

test-slurm: .venv/slurm  ## the small study through a Slurm on this machine; needs slurmctld, slurmd and munge
	$(BIN)/pytest -m slurm tests/test_slurm.py

# One environment holds everything, Snakemake included, so rules name none: that one remark is let pass.
lint: .venv/ready  ## style of Python and Snakemake files, and types
	$(BIN)/ruff check scripts tests
	$(BIN)/ruff format --check scripts tests
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --list-rules > .venv/rules  # fails where the workflow cannot be read, which the next line hides
	$(BIN)/snakemake --lint 2>&1 | (! grep '^ *\* ' | grep -v 'Specify a conda environment')

archive: .venv/ready  ## files for a deposit in archive/: the finished study, its harvest, checksums
	@$(BIN)/python scripts/archive_study.py

clean:  ## remove all results, the record of what made them included
	find results -mindepth 1 -not -path results/README.md -delete
	rm -rf .snakemake

help:  ## what each word does
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

bench: .venv/ready  ## speed and memory, side by side, as ratios
	for file in tests/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

worlds: .venv/ready  ## eleven planted worlds: what is recovered, and how many verdicts are false
	$(BIN)/python tests/worlds.py -- --cores all

INPUTS ?= 100000

fuzz: .venv/ready  ## generated and damaged files for all that reads files of the user; INPUTS=1000000 for more
	$(BIN)/python tests/fuzz.py --inputs $(INPUTS)

thinning: .venv/ready  ## the null models on ever sparser networks; needs the edge list of config/world-collaboration.yaml
	$(BIN)/python tests/thinning.py --figure docs/images/thinning.svg

estimate: .venv/ready  ## what a harvest from the REST API will cost, and what there is to spend today
	$(BIN)/snakemake estimate_harvest --configfile config/openalex-api.yaml

verify-live: .venv/ready  ## with OPENALEX_API_KEY set: whether what the harvest takes for granted holds
	$(BIN)/python scripts/verify_live.py

demo-api: .venv/ready  ## the whole study from a stand-in of the REST API on this machine, with every failure on
	$(BIN)/python tests/demo_api.py

SEED ?= 0

faults: .venv/ready  ## a small study in which things go wrong: what it says, what mends it, the same bytes afterwards
	$(BIN)/python tests/faults.py --seed $(SEED)

RUNS ?= 50

soak: .venv/ready  ## a small study RUNS times in one folder, with random edits of its configuration: nothing old stays
	$(BIN)/python tests/soak.py --runs $(RUNS) --seed $(SEED)

# The script also writes workflow/schemas/config.schema.yaml.
config/README.md: scripts/poles/study/settings.py scripts/poles/study/config_reference.py .venv/ready
	$(BIN)/python scripts/describe_config.py

COMPILE := uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --upgrade

pins: envs/requirements.in envs/crate.in envs/slurm.in  ## resolve the direct dependencies anew
	$(COMPILE) $< -o envs/requirements.txt
	$(COMPILE) --constraint envs/requirements.txt envs/crate.in -o envs/crate.txt
	$(COMPILE) --constraint envs/requirements.txt envs/slurm.in -o envs/slurm.txt

.venv/ready: envs/requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 14) and f"Python 3.11, 3.12 or 3.13 is needed, this is {v[0]}.{v[1]}; name one: make PYTHON=python3.13")'
	@echo 'Installing the pinned packages into .venv; this is done once and takes a minute or two.'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --require-hashes -r $<
	touch $@

# Validators and readers of what the study writes for others, which only tests need.
.venv/crate: envs/crate.txt .venv/ready
	$(BIN)/pip install -qq --require-hashes -r $<
	touch $@

# What runs the study on a cluster with Slurm.
.venv/slurm: envs/slurm.txt .venv/ready
	$(BIN)/pip install -qq --require-hashes -r $<
	touch $@
