"""The study on a real cluster: a Slurm of one node that these tests start and stop (`make test-slurm`)."""

import gzip
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm import Cluster, missing
from test_study import UNEQUAL, files
from workflow import Project

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(missing()), reason=missing() or "no reason"),
]
pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs the packages of envs/slurm.txt")

# A cluster without accounting cannot answer sacct. These tests ask for jobs more often than is polite.
ON_CLUSTER = (
    *("--workflow-profile", "profiles/slurm", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"),
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster on which this process and its children submit jobs."""
    with (
        Cluster(tmp_path_factory.mktemp("slurm") / "cluster") as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def study(tiny: Project, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny study, made by the cluster."""
    project = Project.copy(tmp_path_factory.mktemp("study") / "project")
    shutil.copy(tiny.folder / "config/config.yaml", project.folder / "config/config.yaml")
    project.run(*ON_CLUSTER)
    return project


def states(cluster: Cluster, since: int) -> list[str]:
    """How the jobs ended that were submitted after some others."""
    return [job["JobState"] for job in cluster.finished() if int(job["JobId"]) > since]


def last_job(cluster: Cluster) -> int:
    return max((int(job["JobId"]) for job in cluster.finished()), default=0)


def test_a_cluster_makes_the_same_bytes_as_this_machine(tiny: Project, study: Project):
    here, there = files(tiny.folder / "results"), files(study.folder / "results")
    assert here.keys() == there.keys()
    assert [path for path in here if here[path] != there[path] and not path.startswith(UNEQUAL)] == []
    assert len(here) > 300


def test_jobs_of_seconds_go_together_and_ask_for_what_they_need(
    tiny: Project, study: Project, cluster: Cluster
):
    jobs = [job for job in cluster.finished() if job["WorkDir"] == str(study.folder)]
    made = len(list((study.folder / "results/logs").rglob("*.log")))
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert 10 < len(jobs) < made / 2
    for job in jobs:
        request = dict(part.split("=") for part in job["Tres"].split(","))
        assert 1 <= int(request["cpu"]) <= 2
        assert 400 < int(request["mem"].removesuffix("M")) < 4000
        assert 2 < int(job["TimeLimit"]) < 60


def test_a_finished_study_is_finished_on_either(tiny: Project, study: Project):
    assert study.plan() == study.plan(*ON_CLUSTER) == tiny.plan(*ON_CLUSTER) == {}


def test_a_job_that_takes_more_memory_than_it_asked_for_is_tried_with_more(
    study: Project, cluster: Cluster, tmp_path: Path
):
    project = study.twin(tmp_path / "project")
    target = project.folder / "results/harvest/core/0.parquet"
    target.unlink()
    before = last_job(cluster)
    scarce = ("--set-resources", "find_core:mem_mb=60*attempt**4")
    answer = project.snakemake(
        str(target.relative_to(project.folder)), *ON_CLUSTER, "--retries", "0", *scarce
    )
    assert answer.returncode != 0
    assert states(cluster, before) == ["FAILED"]
    answer = project.snakemake(str(target.relative_to(project.folder)), *ON_CLUSTER, *scarce)
    assert answer.returncode == 0, answer.stderr[-4000:]
    assert "Trying to restart job" in answer.stderr
    assert states(cluster, before) == ["FAILED", "FAILED", "COMPLETED"]


def test_a_job_that_takes_longer_than_it_asked_for_is_tried_with_more(cluster: Cluster, tmp_path: Path):
    (tmp_path / "Snakefile").write_text(
        textwrap.dedent(
            """
            rule wait:
                output: "done"
                resources: runtime=lambda wildcards, attempt: attempt
                shell: "sleep 100; touch {output}"
            """
        )
    )
    before = last_job(cluster)
    shutil.copytree(Path(__file__).parent.parent / "profiles", tmp_path / "profiles")
    answer = Project(tmp_path).snakemake("done", *ON_CLUSTER)
    assert answer.returncode == 0, answer.stderr[-4000:]
    assert states(cluster, before) == ["TIMEOUT", "COMPLETED"]
    assert "TIMEOUT" in answer.stderr


def test_bad_input_ends_with_the_line_of_the_job(study: Project, cluster: Cluster, tmp_path: Path):
    project = study.twin(tmp_path / "project")
    (project.folder / "works.jsonl.gz").write_bytes(
        gzip.compress(b'{"id": "https://openalex.org/W1", "publication_year": 2000}\n{"id": broken\n')
    )
    before = last_job(cluster)
    source = ("--config", "source={kind: works, path: works.jsonl.gz}")
    answer = project.snakemake(*ON_CLUSTER, "--retries", "1", *source)
    assert answer.returncode != 0
    assert re.search(r"find_core: .*works\.jsonl\.gz.*line 2", answer.stderr), answer.stderr[-4000:]
    assert states(cluster, before) == ["FAILED", "FAILED"]
