"""Loops are compiled once and early, and Snakemake looks for jobs no more often than jobs end."""

import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT
from poles.study import kernels
from workflow import Project

CALLED_TWICE = """
import json, sys
import numpy as np
import polars as pl
from poles.archetypes import dtw, euclidean, kmeans
from poles.corpus import decoded, json_decode, json_index, passes
from poles.nulls import local_rewiring, rewiring_abreast, rewiring_convergence, rewiring_kernel
from poles.nulls.network import Network

kept = [dtw._fit, dtw._distances, dtw._fill_rows, euclidean._best, json_index._index,
        json_decode.decode, rewiring_abreast.move_abreast, rewiring_kernel.rewire]
for module in (decoded, kmeans, rewiring_convergence):
    module.prepare()
early = [len(loop.signatures) for loop in kept]
x = np.random.default_rng(1).normal(size=(30, 6, 2))
kmeans.fit(x, k=3, seed=1, radius=1)
dtw.matrix(x, radius=1)
weights = np.random.default_rng(1).integers(1, 9, (6, 6)).astype(float)
np.fill_diagonal(weights, 0)
for directed in (True, False):
    network = Network(2001, "any", tuple("ABCDEF"), weights if directed else weights + weights.T, directed)
    local_rewiring.fit(network, max_sweeps=2000)
field = {"subfields": [1702], "match": "primary"}
core, _ = passes.find_core([sys.argv[1]], field, [None])
list(passes.read_works([sys.argv[1]], [0], core["work_id"], field, [None]))
print(json.dumps([(str(loop), first, len(loop.signatures)) for loop, first in zip(kept, early)]))
"""
COUNTED = """
import sys
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

looks, select = [], JobScheduler.job_selector
JobScheduler.job_selector = lambda self, jobs: looks.append(len(jobs)) or select(self, jobs)
try:
    main(sys.argv[1:])
finally:
    print("looks:", len(looks))
"""


def test_what_is_compiled_early_serves_the_jobs(tmp_path):
    record = {
        "id": "https://openalex.org/W1", "publication_year": 2001, "referenced_works": [],
        "primary_topic": {"subfield": {"id": "https://openalex.org/subfields/1702"}},
    }  # fmt: skip
    works = tmp_path / "works.jsonl"
    works.write_text(json.dumps(record) + "\n")
    answer = subprocess.run(
        [sys.executable, "-c", CALLED_TWICE, str(works)], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    for loop, early, late in json.loads(answer.stdout):
        assert early == late == 1, f"{loop} was compiled for {early} kinds of arrays early, {late} in the end"


@pytest.mark.skipif("NUMBA_CACHE_DIR" in os.environ, reason="numba keeps what it compiled elsewhere")
def test_what_numba_keeps_is_recognized(tmp_path, monkeypatch):
    modules = [kernel.module for kernel in kernels.KERNELS.values()]
    for module in modules:
        __import__(module)
        sys.modules[module].prepare()
    assert kernels.start(list(kernels.KERNELS)) is None, "all is kept"
    monkeypatch.setattr(kernels, "PACKAGE", tmp_path / "poles")
    started = kernels.start(["fit_null_years", "plot_panel"])
    assert started and started.args[2:] == ["poles.study.kernels", "poles.nulls.rewiring_convergence"]
    started.wait(60)
    assert kernels.start(["plot_panel"]) is None, "a rule without such loops"


def test_snakemake_looks_for_jobs_once_for_each_that_ends(tmp_path):
    answer = Project.copy(tmp_path / "project").python(
        "-c", COUNTED, "--cores", "2", "--config", "demo={works: 1000}", "--until", "select_works"
    )
    assert answer.returncode == 0, answer.stderr[-4000:]
    jobs = answer.stderr.count("Finished jobid")
    (looks,) = (int(line.split()[1]) for line in answer.stdout.splitlines() if line.startswith("looks:"))
    assert jobs >= 6 and looks <= jobs, (looks, jobs)
