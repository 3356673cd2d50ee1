"""What jobs ask for: lines fitted to measured jobs, requests in every rule, and the profile for a cluster."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from poles.errors import StudyError
from poles.study import extraction, resource_lines, resources
from poles.study.resource_lines import Job
from poles.study.resources import DEFAULT, Need
from test_workflow import EVERYTHING
from workflow import Project

NEEDS = resources.read_needs(ROOT)
WORKFLOW = "".join(
    path.read_text() for path in (ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk")))
)
RULES = set(re.findall(r"^ *(?:use rule \w+ as|rule) (\w+)", WORKFLOW, re.MULTILINE)) - {"all", "exports"}
LOCAL = set(
    re.findall(r"\w+", "".join(re.findall(r"^localrules:\n((?:    \w+,\n)+)", WORKFLOW, re.MULTILINE)))
)
PROFILES = {
    name: yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")
}


def test_a_line_goes_through_exact_values_of_several_sizes():
    sizes = np.array([1.0, 2.0, 5.0])
    assert resource_lines.line(sizes, [13.0, 16.0, 25.0], 1.0) == pytest.approx((10.0, 3.0))
    assert resource_lines.line(sizes, [13.0, 16.0, 25.0], 50.0) == pytest.approx((47.0, 3.0)), "at 1.0"


def test_a_line_through_jobs_of_one_size_starts_at_an_idle_job():
    sizes = np.array([4.0, 4.0, 4.0])
    base, slope = resource_lines.line(sizes, [100.0, 120.0, 140.0], 40.0)
    assert slope == pytest.approx((120 - 40) / 4)
    assert base + 4 * slope == pytest.approx(140), "raised to the largest"
    assert resource_lines.line(np.zeros(2), [100.0, 140.0], 40.0) == pytest.approx((140.0, 0.0))


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e5)), min_size=1, max_size=20), st.floats(0, 100))
def test_no_value_lies_above_its_line_and_no_line_falls(jobs, least):
    sizes, values = np.array(jobs).T
    base, slope = resource_lines.line(sizes, values.tolist(), least)
    assert base >= 0 and slope >= 0
    assert (base + slope * sizes >= values - 1e-6 * (1 + values)).all()


def test_needs_of_rules_and_of_all_others_and_their_table(tmp_path: Path):
    jobs = [
        Job("score_links", 1.0, 210.0, 2.0),
        Job("score_links", 3.0, 230.0, 6.0),
        Job("plot_links", 0.5, None, 1.25),
    ]
    needs = resource_lines.fit_needs(jobs)
    assert list(needs) == ["plot_links", "score_links", DEFAULT]
    assert needs["score_links"] == pytest.approx(Need(3.0, 200.0, 10.0, 0.0, 2.0))
    idle = resource_lines.IDLE_MEMORY, resource_lines.IDLE_SECONDS
    assert needs["plot_links"] == pytest.approx(Need(0.5, idle[0], 0.0, idle[1], 0.5))
    assert needs[DEFAULT] == pytest.approx(Need(0.0, 230.0, 0.0, 6.0, 0.0))
    table = tmp_path / resources.TABLE
    table.parent.mkdir()
    table.write_text(resource_lines.describe_needs(needs))
    read = resources.read_needs(tmp_path)
    assert list(read) == list(needs)
    assert read["score_links"] == pytest.approx(needs["score_links"])
    assert resource_lines.describe_needs({"a": Need(0.111, 0.5, 0.001, 0.25, 0.0)}).splitlines()[-1] == (
        "a: {size: 0.12, memory: 1, memory_slope: 0.01, seconds: 0.3, seconds_slope: 0.000}"
    )
    with pytest.raises(StudyError, match="no measured job; name folders of finished runs"):
        resource_lines.fit_needs([])


def test_a_table_with_other_keys_says_what_is_allowed(tmp_path: Path):
    table = tmp_path / resources.TABLE
    table.parent.mkdir()
    with pytest.raises(StudyError, match=r"resources.yaml: .*allowed: a map of rules"):
        resources.read_needs(tmp_path)
    entry = "{size: 1, memory: 1, memory_slope: 1, seconds: 1, seconds_slope: SLOPE}\n"
    for wrong in (f"default: {entry}", "default: {size: 1}\n", "- 1\n", "default: 1\n"):
        table.write_text(wrong)
        with pytest.raises(StudyError, match="allowed: a map of rules, each with numbers for size, memory"):
            resources.read_needs(tmp_path)
    table.write_text("score_links: " + entry.replace("SLOPE", "1"))
    with pytest.raises(StudyError, match="no entry default"):
        resources.read_needs(tmp_path)


def test_requests_have_margins_and_grow_with_size_and_attempt():
    need = Need(size=20.0, memory=100.0, memory_slope=2.0, seconds=30.0, seconds_slope=3.0)
    # 1.3 (100 + 2 * 50) + 450 = 710 MB; 4 (30 + 3 * 50) = 720 s.
    assert resources.memory(need, 50.0, 1) == 800
    assert resources.memory(need, 50.0, 2) == 1500
    assert resources.minutes(need, 50.0, 1) == 2 + 12
    assert resources.minutes(need, 50.0, 3) == 3 * 14
    assert resources.memory(need, None, 1) == resources.memory(need, 20.0, 1) == 700
    assert resources.minutes(need, None, 1) == 2 + 6


def test_sizes_are_those_of_the_files(tmp_path: Path):
    for name, size in (("a", 1_500_000), ("b", 250_000)):
        (tmp_path / name).write_bytes(bytes(size))
    assert resources.megabytes([tmp_path / "a", tmp_path / "b"]) == pytest.approx(1.75)
    assert resources.megabytes([]) == 0
    assert resources.megabytes([tmp_path / "a", tmp_path / "c"]) is None


def test_the_jobs_of_a_run_have_the_sizes_of_their_inputs_and_ask_for_more_than_they_took(tiny: Project):
    jobs = resource_lines.read_run(tiny.folder)
    counts = {rule: sum(job.rule == rule for job in jobs) for rule in {job.rule for job in jobs}}
    assert counts | {"all": 1} == EVERYTHING
    scores = tiny.folder / "results/full/collaboration/scores/max_entropy.parquet"
    moments = tiny.folder / "results/full/collaboration/nulls/max_entropy.parquet"
    assert scores.exists()
    sizes = {job.size for job in jobs if job.rule == "score_links"}
    assert moments.stat().st_size / 1e6 in sizes
    assert {job.size for job in jobs if job.rule == "make_demo"} == {8.0}
    inputs = extraction.read(tiny.folder / "results/audit.json")["inputs"]
    whole = sum((tiny.folder / path).stat().st_size for path in inputs) / 1e6
    assert [job.size for job in jobs if job.rule == "audit_results"] == [pytest.approx(whole)]
    for job in jobs:
        need = resources.need_of(job.rule, NEEDS)
        assert resources.memory(need, job.size, 1) - resources.SNAKEMAKE > (job.memory or 0), job


def test_every_rule_asks_for_what_was_measured():
    blocks = re.split(r"^ *(?=rule \w+:)", WORKFLOW, flags=re.MULTILINE)[1:]
    for block in blocks:
        name = re.match(r"rule (\w+):", block)[1]
        if name in RULES:
            assert re.search(r"^ +resources:\n +\*\*MEASURED,$", block, re.MULTILINE), name
    known = set(NEEDS) - {DEFAULT}
    assert known <= RULES, "an entry stays behind"
    assert RULES - known - LOCAL <= {f"{rule}{resources.VARIANT}" for rule in known}


def requests(project: Project, *arguments: str) -> dict[str, list[dict[str, int]]]:
    """Resources that jobs of each rule ask for, in the order of the plan."""
    answer = project.snakemake("--dry-run", *arguments)
    assert answer.returncode == 0, answer.stderr[-4000:]
    found: dict[str, list[dict[str, int]]] = {}
    blocks = re.split(r"^ *(?=(?:local)?rule \w+:$)", answer.stdout + answer.stderr, flags=re.MULTILINE)
    for block in blocks[1:]:
        name = re.match(r"(?:local)?rule (\w+):", block)[1]
        line = re.search(r"^ +resources: (.*)$", block, re.MULTILINE)
        values = re.findall(r"(\w+)=(\d+)(?=,|$)", line[1]) if line else []
        found.setdefault(name, []).append({key: int(value) for key, value in values})
    return found


def test_jobs_of_a_plan_ask_for_memory_and_time_and_for_more_when_tried_again(tmp_path: Path):
    project = Project.copy(tmp_path / "empty")
    first, second = requests(project), requests(project, "--attempt", "2")
    assert first.keys() == second.keys() > {"make_demo", "study_stability", "audit_results"}
    for rule, jobs in first.items():
        for once, twice in zip(jobs, second[rule], strict=True):
            if rule != "all":
                assert 500 <= once["mem_mb"] < twice["mem_mb"] <= 2 * once["mem_mb"], rule
                assert once["runtime"] >= 3, rule
                assert twice["runtime"] == 2 * once["runtime"], rule


def test_larger_worlds_and_larger_inputs_ask_for_more(tiny: Project, tmp_path: Path):
    project = Project.copy(tmp_path / "empty")
    small, large = (
        requests(project, "make_demo", "--config", f"demo={{works: {works}}}")["make_demo"][0]
        for works in (60_000, 6_000_000)
    )
    assert small["mem_mb"] < large["mem_mb"] and small["runtime"] < large["runtime"]
    twin = tiny.twin(tmp_path / "twin")
    before = requests(twin, "--forcerun", "select_works")["select_works"][0]
    with next((twin.folder / "results/harvest/records").glob("*.parquet")).open("ab") as file:
        file.truncate(10**9)
    after = requests(twin, "--forcerun", "select_works")["select_works"][0]
    assert before["mem_mb"] < after["mem_mb"] and before["runtime"] < after["runtime"]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The profile for Slurm without what needs the plugin: plans are the same."""
    settings = {
        key: value for key, value in PROFILES["slurm"].items() if key != "executor" and "slurm" not in key
    }
    folder = tmp_path_factory.mktemp("profiles") / "slurm"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return str(folder)


def test_the_profile_of_a_cluster_reruns_for_the_same_reasons_and_groups_rules_that_exist():
    shared = PROFILES["default"].keys() - {"cores"}
    assert {key: PROFILES["slurm"][key] for key in shared} == {
        key: PROFILES["default"][key] for key in shared
    }
    groups = PROFILES["slurm"]["groups"]
    assert groups.keys() <= RULES - LOCAL
    assert PROFILES["slurm"]["group-components"].keys() <= set(groups.values())
    assert PROFILES["slurm"]["set-threads"].keys() <= RULES


def test_neither_the_profile_of_a_cluster_nor_the_default_triggers_plan_a_finished_study_again(
    tiny: Project, profile: str
):
    assert tiny.plan("--workflow-profile", profile) == {}
    assert tiny.plan("--workflow-profile", "none", "--cores", "1") == {}
    everything = ("--rerun-triggers", "code", "input", "mtime", "params", "software-env")
    assert tiny.plan("--workflow-profile", profile, *everything) == {}


STUDIES = {
    "demo": (),
    "robustness": ("--configfile", "config/robustness.yaml"),
    "interface": ("--configfile", "config/openalex-api.yaml"),
    "networks": ("--config", "source={kind: networks, networks: {collaboration: links.csv}}"),
}


@pytest.mark.parametrize("arguments", STUDIES.values(), ids=list(STUDIES))
def test_groups_hold_most_jobs_and_none_depends_on_itself(
    tmp_path: Path, profile: str, arguments: tuple[str, ...]
):
    project = Project.copy(tmp_path / "empty")
    (project.folder / "links.csv").write_text("year,source,target,weight\n2000,CN,US,3\n2021,CN,US,3\n")
    answer = project.snakemake("--dry-run", "--workflow-profile", profile, *arguments)
    assert answer.returncode == 0, answer.stderr[-4000:]
    text = answer.stdout + answer.stderr
    jobs = sum(len(found) for found in requests(project, *arguments).values())
    groups = re.findall(r" Group job (\w+) \(jobs in lexicogr\. order\):$", text, re.MULTILINE)
    assert set(groups) > {"fits", "verdicts", "links", "pages"}
    alone = [rule for rule in re.findall(r"^rule (\w+):$", text, re.MULTILINE) if rule not in {"all", *LOCAL}]
    assert len(groups) + len(alone) < jobs / 2
    if not arguments:
        sentence = f"the {jobs - 2} jobs of the demo are {len(groups) + len(alone)} jobs of the cluster"
        assert sentence in (ROOT / "docs/clusters.md").read_text()
