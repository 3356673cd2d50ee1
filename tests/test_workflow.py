"""The plan: the jobs that Snakemake would run after each kind of change, and the form of the rules."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from snakemake.utils import update_config

from conftest import ROOT
from poles.claims.tables import CLAIMS
from poles.nulls.tables import MOMENTS
from poles.study import branches, config, extraction, tables
from workflow import Project

RULES = sorted((ROOT / "workflow").rglob("*.smk"))
ONCE = """
    make_demo select_works build_networks build_trajectories cluster_trajectories align_countries
    judge_recovery judge_branch collect_claims plot_links plot_panel plot_clusters plot_first_link plot_losses
    plot_study
    audit_results all search_poles measure_courses measure_polarization compare_hubs study_stability
    classify_trends measure_signal sample_null_panels check_countries measure_indices verify_clusters
    measure_uncertainty write_tables write_explorer write_pages
"""
TWICE = "find_core read_works fit_null score_links"
EVERYTHING = dict.fromkeys(ONCE.split(), 1) | dict.fromkeys(TWICE.split(), 2)


def example(name: str) -> str:
    """Text of the file that the page on new null models shows."""
    page = (ROOT / "docs/adding-a-null-model.md").read_text()
    return re.search(rf"`{re.escape(name)}`:\n\n```python\n(.*?)```", page, re.DOTALL)[1]


@pytest.fixture(scope="module")
def module_twin(tiny: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return tiny.twin(tmp_path_factory.mktemp("module") / "twin")


@pytest.fixture
def edited(module_twin: Project) -> Iterator[Project]:
    """A copy of the finished tiny study whose Python files are restored after each test."""
    yield module_twin
    shutil.copytree(ROOT / "scripts", module_twin.folder / "scripts", dirs_exist_ok=True)


@pytest.fixture(scope="module")
def readers(tiny: Project) -> dict[str, set[str]]:
    """Rules that read files of each rule, from the provenance of the tiny study."""
    makers, inputs = {}, []
    for path in (tiny.folder / "results").rglob("*"):
        record = extraction.read(path) if path.is_file() else None
        if record:
            makers[path.relative_to(tiny.folder).as_posix()] = record["rule"]
            inputs += [(record["rule"], name) for name in record["inputs"]]
    readers = {rule: set() for rule in makers.values()}
    for rule, name in inputs:
        readers[makers[name]].add(rule)
    return readers


def test_an_empty_folder_plans_every_job(tmp_path: Path):
    project = Project.copy(tmp_path / "empty")
    one_branch = ("--config", "run={variants: [full], nulls: [max_entropy]}")
    assert project.plan(*one_branch) == EVERYTHING
    without_intervals = {rule: jobs for rule, jobs in EVERYTHING.items() if rule != "measure_uncertainty"}
    assert project.plan(*one_branch, "uncertainty={draws: 0}") == without_intervals


def test_three_variants_run_under_four_null_models_by_default(tmp_path: Path):
    plan = Project.copy(tmp_path / "empty").plan()
    by_branch = (
        "build_trajectories", "cluster_trajectories", "study_stability", "judge_recovery", "plot_clusters",
        "judge_branch",
    )  # fmt: skip
    assert all(plan[rule] == 3 * 4 for rule in by_branch)
    # Growth kept or removed, under each null model; the third variant shares the panel of the first.
    assert plan["measure_polarization"] == plan["sample_null_panels"] == plan["plot_panel"] == 2 * 4
    assert plan["score_links"] == 4 * 2 and plan["plot_links"] == 4
    once = ("build_networks", "collect_claims", "plot_first_link", "verify_clusters", "plot_study")
    assert all(plan[rule] == 1 for rule in once)


def test_long_jobs_have_a_second_thread_only_where_branches_leave_cores_idle(tmp_path: Path):
    project = Project.copy(tmp_path / "empty")

    def jobs_with_two_threads(*arguments: str) -> int:
        answer = project.snakemake("--dry-run", "--cores", *arguments)
        assert answer.returncode == 0, answer.stderr[-8000:]
        return (answer.stdout + answer.stderr).count("threads: 2")

    three_branches = ("--config", "run={nulls: [max_entropy]}")
    assert jobs_with_two_threads("2") == jobs_with_two_threads("3", *three_branches) == 0
    # Of three branches: the study of stability, and the drawn panels of which two branches share one.
    assert jobs_with_two_threads("4", *three_branches) == 3 + 2


def test_other_words_and_time_stamps_plan_nothing(edited: Project):
    for part in ("Snakefile", "workflow", "config", "profiles"):
        for path in [edited.folder / part, *(edited.folder / part).rglob("*")]:
            os.utime(path)
    for path in (edited.folder / "scripts").rglob("*.py"):
        text = re.sub(r'^( *""")(?=\w)', r"\1Other words. ", path.read_text(), flags=re.MULTILINE)
        path.write_text(f"# A comment.\n\n{text}\n# The end.\n")
    assert edited.plan() == {}


EDITS = {
    "stats/dyadic.py": "cluster_trajectories compare_hubs",
    "study/extraction.py": "audit_results collect_claims write_pages",
    "corpus/selection.py": "select_works",
    "networks/links.py": "build_networks measure_uncertainty",
    "nulls/max_entropy.py": "fit_null measure_uncertainty",
    "trajectories/construction.py": "build_trajectories",
    "archetypes/clusters.py": "cluster_trajectories",
    "blocs/tables.py": "align_countries compare_hubs measure_courses measure_polarization search_poles",
    "claims/kinds/trend.py": "judge_branch",
    "claims/page.html.j2": "collect_claims",
    "figures/hubs.py": "plot_panel",
    "exports/data_package.py": "write_pages write_tables",
    "report/pages.index.html.j2": "write_pages",
    "explorer/page.js": "write_explorer",
}
"""One file of each package, and the first rules that use it."""
ADDITIONS = {
    "blocs/tables.py": "HUBS = HUBS._replace(columns={**HUBS.columns, 'added': pl.Int8})",
    "claims/page.html.j2": "<!-- added -->",
    "report/pages.index.html.j2": "<!-- added -->",
}
"""What is added to a file, if not a constant."""


QUICK_EDITS = ("networks/links.py", "blocs/tables.py", "claims/page.html.j2")


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=() if path in QUICK_EDITS else pytest.mark.slow) for path in EDITS]
)
def test_an_edit_plans_the_rules_that_use_the_file_and_what_follows(
    edited: Project, readers: dict[str, set[str]], path: str
):
    file = edited.folder / "scripts/poles" / path
    file.write_text(f"{file.read_text()}\n{ADDITIONS.get(path, 'ADDED = 1')}\n")
    rules, queue = {"all"}, EDITS[path].split()
    while queue:
        rule = queue.pop()
        rules.add(rule)
        queue += readers[rule] - rules
    assert edited.plan() == {rule: EVERYTHING[rule] for rule in rules}


def test_a_kind_of_claim_is_one_file(twin: Project):
    kind = twin.folder / "scripts/poles/claims/kinds/many_poles.py"
    kind.write_text(
        """\"\"\"Kind ``many_poles``: the study has so many poles.\"\"\"

from poles.claims.verdicts import CONTRADICTED, REPRODUCED, Branch, Claim, Verdict

KEYS = {"least": "whole number"}
OPTIONAL = {}
STAGE = "links"


def judge(claim: Claim, branch: Branch) -> Verdict:
    count = len(branch.poles)
    return Verdict(REPRODUCED if count >= claim["least"] else CONTRADICTED, count, f"{count} poles.")
"""
    )
    assert twin.plan() == {}, "no claim is of this kind"
    claims = twin.folder / "config/claims.yaml"
    several = "- {id: several, statement: There are several poles., kind: many_poles, least: LEAST}\n"
    shipped = claims.read_text()
    claims.write_text(shipped + several.replace("LEAST", "two"))
    answer = twin.snakemake("--dry-run")
    assert "claim several: least 'two'; allowed: a whole number above 0" in answer.stdout + answer.stderr
    claims.write_text(shipped + several.replace("LEAST", "2"))
    plan = {"judge_branch": 1, "collect_claims": 1, "audit_results": 1, "all": 1}
    plan |= {"write_tables": 1, "write_explorer": 1, "write_pages": 1, "plot_study": 1}
    assert twin.plan() == plan
    twin.run("results/claims.parquet")
    judged = tables.read(twin.folder / "results/claims.parquet", CLAIMS).filter(claim="several")
    assert judged.select("verdict", "statistic").row(0) == ("reproduced", 2.0)
    kind.write_text(kind.read_text() + "\nADDED = 1\n")
    assert twin.plan() == plan


def test_a_config_key_plans_the_rules_that_read_it_and_what_follows(tiny: Project):
    assert set(tiny.plan("--config", "clusters={seed: 2}")) == {
        "cluster_trajectories", "align_countries", "judge_recovery", "judge_branch", "collect_claims",
        "plot_clusters", "audit_results", "all",
        "study_stability", "classify_trends", "sample_null_panels", "verify_clusters", "write_tables",
        "write_explorer", "write_pages", "plot_study",
    }  # fmt: skip


def test_timings_hold_every_job(tiny: Project):
    table = tiny.python("scripts/timings.py").stdout.splitlines()[1:-2]
    jobs = {rule: int(count) for rule, count, *_ in map(str.split, table)}
    assert jobs.pop("all") == sum(jobs.values())
    assert jobs | {"all": 1} == EVERYTHING


def test_null_panels_are_sampled_only_if_they_are_surrogates(tiny: Project, tmp_path: Path):
    record = extraction.read(tiny.folder / "results/full/trajectories/max_entropy.null_panels.parquet")
    assert record["params"]["code"].endswith(" sample_null_panels poles.nulls.max_entropy")
    plan = Project.copy(tmp_path / "empty").plan("--config", "stability={surrogates: [growth_only]}")
    assert "study_stability" in plan and "sample_null_panels" not in plan


def test_a_variant_plans_its_branch_alone(tiny: Project):
    plan = tiny.plan("--config", "run={variants: [full, fractional]}")
    assert plan["build_networks"] == plan["judge_branch"] == plan["collect_claims"] == 1
    assert plan["fit_null"] == 2
    assert not {"make_demo", "find_core", "read_works", "select_works", "plot_losses"} & set(plan)


def test_variants_share_the_files_that_their_differences_do_not_affect(tiny: Project):
    plan = tiny.plan("--config", "run={variants: [full, literal]}")
    assert plan["build_trajectories"] == plan["cluster_trajectories"] == plan["plot_clusters"] == 1
    assert plan["judge_branch"] == plan["collect_claims"] == 1
    shared = {"build_networks", "fit_null", "score_links", "plot_links", "plot_first_link"}
    of_panel = {"search_poles", "measure_courses", "measure_polarization", "compare_hubs", "plot_panel"}
    assert not (shared | of_panel) & set(plan)
    plan = tiny.plan(
        "--config",
        "run={variants: [full, yearly]}",
        "variants={full: {counting: full}, yearly: {preprocessing: yearly_scale}}",
    )
    assert of_panel < set(plan) and not shared & set(plan)
    variants = "variants={full: {counting: full}, eight: {k: 8}}"
    plan = tiny.plan("--config", "run={variants: [full, eight]}", variants)
    assert plan["cluster_trajectories"] == plan["align_countries"] == plan["judge_branch"] == 1
    upstream = of_panel | {"build_trajectories", "sample_null_panels"}
    assert not (shared | upstream) & set(plan)


@pytest.mark.slow
def test_the_null_model_of_the_documentation_is_one_file_and_one_branch(twin: Project):
    model = "scripts/poles/nulls/uniform.py"
    (twin.folder / model).write_text(example(model))
    assert twin.plan() == {}
    both = ("--config", "run={nulls: [max_entropy, uniform]}")
    # One table holds the intervals of all null models, so what shows those of the other one is made anew.
    branch = {
        "fit_null": 2, "score_links": 2, "build_trajectories": 1, "cluster_trajectories": 1,
        "align_countries": 1, "judge_recovery": 1, "judge_branch": 2, "collect_claims": 1,
        "plot_links": 2, "plot_panel": 1, "plot_clusters": 1, "plot_first_link": 1,
        "search_poles": 1, "measure_courses": 1, "measure_polarization": 1, "compare_hubs": 1,
        "study_stability": 1, "classify_trends": 1, "measure_signal": 1, "audit_results": 1, "all": 1,
        "sample_null_panels": 1, "verify_clusters": 1, "measure_uncertainty": 1,
        "write_tables": 1, "write_explorer": 1, "write_pages": 1, "plot_study": 1,
    }  # fmt: skip
    assert twin.plan(*both) == branch
    twin.run(*both)
    assert twin.plan(*both) == {}
    claims = tables.read(twin.folder / "results/claims.parquet", CLAIMS)
    assert set(claims["null"]) == {"max_entropy", "uniform", "all"}
    moments = tables.read(twin.folder / "results/full/collaboration/nulls/uniform.parquet", MOMENTS)
    year = moments.filter(pl.col("year") == 2020)
    assert year["expected"].to_list() == pytest.approx([year["observed"].mean()] * len(year))
    assert (twin.folder / "results/figures/full/uniform/archetypes.svg").is_file()


def test_the_years_of_a_null_model_that_samples_are_fitted_in_several_jobs(tiny: Project):
    plan = tiny.plan("--config", "run={nulls: [local_rewiring]}")
    assert plan["fit_null_years"] == 2 * 4
    assert plan["gather_null_years"] == 2
    assert "fit_null" not in plan


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_are_short_and_named_like_their_scripts(path: Path):
    text = path.read_text()
    for block in re.split(r"^ *(?=rule \w+:)", text, flags=re.MULTILINE)[1:]:
        name = re.match(r"rule (\w+):", block)[1]
        body = [line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        body = body[: next((n + 1 for n, line in enumerate(body) if ".py" in line), len(body))]
        assert len(body) < 25, f"{name}: {len(body)} lines"
        script = re.search(r'"\.\./\.\./scripts/(\w+)\.py"', block)[1]
        assert script == name
        assert re.search(r"^ +code=(lambda wildcards: )?code\(", block, re.MULTILINE), (
            f"{name} has no digest of its code"
        )
        log = re.search(r'^ +log:\n +f?"results/logs/(.*)\.log",$', block, re.MULTILINE)
        benchmark = re.search(r'^ +benchmark:\n +f?"results/benchmarks/(.*)\.tsv"$', block, re.MULTILINE)
        assert log and (name == "estimate_harvest" or benchmark[1] == log[1])


def test_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 15, path.name


def test_every_script_belongs_to_a_rule_or_is_a_command():
    of_rules = set(re.findall(r"scripts/(\w+)\.py", "".join(path.read_text() for path in RULES)))
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} - of_rules == {
        "archive_study", "audit", "convert_pajek", "describe_config", "fit_resources", "summarize", "timings",
        "verify_live", "write_crate",
    }  # fmt: skip


WRONG_KEYS = {
    "clusters={kk: 4}": "clusters: unknown key kk; allowed: k, radius, seed",
    "source={kind: apii}": (
        "source.kind: 'apii'; allowed: 'demo', 'snapshot', 'api', 'works', 'networks' or 'archive'"
    ),
    "poles=[USA, CN]": "poles.0: 'USA'; allowed: a code of ISO 3166-1 alpha-2, or XK; did you mean US?",
}
CONFLICTS = {
    "trajectories={first: 1980}": "trajectories: 1980-2021; allowed: within years = 1990-2023",
    "run={nulls: [gravity]}": "run.nulls: 'gravity'; allowed: ",
    "nulls={local_rewiring: {chains: few}}": "nulls.local_rewiring.chains: 'few'; allowed: integer",
    "stability={null_options: {gravity: {}}}": "stability.null_options: 'gravity'; allowed: ",
    "source={kind: works}": "source.path: null; needed where source.kind is works",
}


@pytest.mark.parametrize("changes", [WRONG_KEYS, CONFLICTS], ids=["keys", "conflicts"])
def test_a_wrong_configuration_stops_with_one_line_for_each_key(tmp_path: Path, changes: dict[str, str]):
    project = Project(ROOT)
    process = project.snakemake("--dry-run", "--directory", str(tmp_path), "--config", *changes)
    assert process.returncode != 0
    output = process.stdout + process.stderr
    for message in changes.values():
        assert f"configuration: {message}" in output
    assert "Traceback" not in output


OVERLAYS = [
    path
    for path in sorted((ROOT / "config").glob("*.yaml"))
    if path.stem not in ("config", "claims", "claims-poles")
]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_overlays_are_valid(overlay: Path):
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(settings, yaml.safe_load(overlay.read_text()))
    config.complete(settings, ROOT)
    assert branches.branches(settings)


def test_blanks_and_quotes_in_paths_are_no_obstacle(tmp_path):
    project = Project.copy(tmp_path / 'it\'s a "new" (study) & more')
    (project.folder / ".venv").symlink_to(sys.prefix)
    links = project.folder / "my data/co-authors' links.csv"
    links.parent.mkdir()
    links.write_text("year,source,target,weight\n2000,US,CN,3\n")
    networks = {"kind": "networks", "networks": {"collaboration": str(links.relative_to(project.folder))}}
    command = [project.folder / ".venv/bin/python", "-m", "snakemake", "results/full/countries.parquet"]
    process = subprocess.run(
        [*command, "--config", f"source={json.dumps(networks)}"],
        cwd=project.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert (project.folder / "results/full/countries.parquet").exists()
