"""What Snakemake does not see, and what sees it: the plan, the audit, or the job itself.

docs/provenance.md lists which test shows what.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from poles.errors import StudyError
from poles.study import embedding, jobs
from workflow import Project

FIGURE = "results/figures/full/max_entropy/archetypes.svg"
SCORES = "results/full/collaboration/scores/max_entropy.parquet"
CLUSTERS = "results/full/clusters/max_entropy.parquet"


def test_results_with_new_time_stamps_and_equal_bytes_plan_nothing(twin: Project):
    for path in (twin.folder / "results/works").iterdir():
        os.utime(path)
    os.utime(twin.folder / SCORES)
    assert twin.plan() == {}
    assert twin.audit("--all").returncode == 0


def test_a_rerun_that_gives_equal_bytes_plans_nothing_after_it(twin: Project):
    before = embedding.file_digest(twin.folder / SCORES)
    os.utime(twin.folder / SCORES, (0, 0))
    twin.run(SCORES, "--forcerun", "score_links")
    assert embedding.file_digest(twin.folder / SCORES) == before
    assert (twin.folder / SCORES).stat().st_mtime > 0, "it was made again"
    assert twin.plan() == {}
    assert twin.audit(FIGURE).returncode == 0


def test_an_edited_constant_of_a_null_model_is_named(twin: Project):
    twin.edit("scripts/poles/nulls/max_entropy.py", "xtol=1e-3", "xtol=1e-4")
    assert twin.plan()["fit_null"] == 2
    named = twin.broken("results/full/collaboration/scores/max_entropy.parquet")
    assert "nulls/max_entropy.parquet made by code" in named
    assert "(to mend it: snakemake -R fit_null)" in named
    assert twin.audit("results/full/indices.parquet").returncode == 0, "it rests on no null model"


def test_an_edited_module_is_named_and_other_words_are_not(twin: Project):
    """What is imported counts, comments and docstrings of scripts and modules do not."""
    script = twin.folder / "scripts/score_links.py"
    script.write_text(f"# A comment.\n{script.read_text()}")
    assert twin.audit(FIGURE).returncode == 0
    module = twin.folder / "scripts/poles/stats/false_discovery.py"
    module.write_text(f"{module.read_text()}\nADDED = 1\n")
    assert f"{SCORES} made by code" in twin.broken(SCORES)


def test_a_configuration_read_past_the_params_is_named_and_refused(twin: Project):
    twin.edit("scripts/plot_losses.py", "with jobs.run(snakemake) as record:\n",
         "with jobs.run(snakemake) as record:\n    poles = snakemake.config['poles']\n")  # fmt: skip
    named = twin.broken("--all")
    assert "first broken link: results/figures/losses." in named and " made by code" in named
    shown = twin.audit("--all").stdout
    assert "✗ scripts/plot_losses.py, line " in shown
    assert "reads the configuration past the params" in shown
    answer = twin.snakemake("results/figures/losses.png")
    assert answer.returncode != 0
    assert "plot_losses: configuration: poles is read past the params of the rule" in answer.stderr


def test_two_params_that_change_places_are_named(twin: Project):
    rule = twin.folder / "workflow/rules/figures.smk"
    text = rule.read_text()
    old = re.search(r" +channels=CHANNELS,\n +clustering=.*\n +poles=config\[.poles.\],\n", text)[0]
    swapped = (
        old.replace("CHANNELS", "POLES")
        .replace('config["poles"]', "CHANNELS")
        .replace("POLES", 'config["poles"]')
    )
    rule.write_text(text.replace(old, swapped))
    assert twin.plan() == {}, "Snakemake itself does not see it"
    message = 'params differ from the configuration: channels.0 was "collaboration" and is "US"'
    assert message in twin.broken(FIGURE)


def test_values_that_change_places_within_one_param_plan_the_rule(twin: Project):
    """Two periods of a figure, whose inputs depend on neither, stand in one map for this reason."""
    periods = '{"years": ends("trajectories"), "recent": ends("significance")}'
    swapped = '{"years": ends("significance"), "recent": ends("trajectories")}'
    twin.edit("workflow/rules/figures.smk", periods, swapped)
    assert twin.plan() == {"plot_links": 1, "write_pages": 1, "audit_results": 1, "all": 1}


def test_a_param_that_is_no_plain_value_is_refused(twin: Project):
    twin.edit("workflow/rules/figures.smk", '        chosen=config["figures"],\n',
         '        chosen=Path("pairs"),\n')  # fmt: skip
    answer = twin.snakemake("results/figures/full/max_entropy/trajectories.png", "--forcerun", "plot_links")
    assert answer.returncode != 0
    assert (
        "plot_links: param chosen: Object of type PosixPath is not JSON serializable; allowed: "
        in answer.stderr
    )


def test_an_input_that_no_rule_makes_is_named(twin: Project):
    twin.edit("workflow/rules/trajectories.smk", '"results/{variant}/trajectories/{null}.signal.parquet"',
         '"results/{variant}/trajectories/{null}.signals.parquet"')  # fmt: skip
    signal = "results/full/trajectories/max_entropy.signal.parquet"
    assert twin.plan() == {}, "Snakemake drops the rule without a word"
    assert f"{signal} made by rule measure_signal; in the workflow no rule makes it" in twin.broken("--all")
    shown = twin.audit("--all").stdout
    assert f"✗ {signal}: no rule makes it, but results/full/claims/max_entropy" in shown


def test_without_the_memory_of_snakemake_the_records_in_the_files_stay(twin: Project):
    shutil.rmtree(twin.folder / ".snakemake")
    assert twin.audit("--all").returncode == 0
    message = "params differ from the configuration: clusters.seed was 1 and is 2"
    assert message in twin.broken(CLUSTERS, "--config", "clusters={seed: 2}")


def test_an_upgraded_package_is_named(twin: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    upgraded = tmp_path / "site/polars-99.0.dist-info"
    upgraded.mkdir(parents=True)
    (upgraded / "METADATA").write_text("Metadata-Version: 2.1\nName: polars\nVersion: 99.0\n")
    monkeypatch.setenv("PYTHONPATH", str(upgraded.parent))
    assert twin.plan() == {}, "Snakemake itself does not see it"
    for result in ("--all", FIGURE):
        named = twin.broken(result)
        assert "the study does not hold: polars 99.0 is installed; envs/requirements.txt pins " in named
    # The pins follow, and nothing was run again.
    pins = twin.folder / "envs/requirements.txt"
    pins.write_text(re.sub(r"^polars==\S+", "polars==99.0", pins.read_text(), flags=re.MULTILINE))
    assert "polars 99.0 is installed; the last run used " in twin.broken(FIGURE)
    monkeypatch.delenv("PYTHONPATH")
    assert "envs/requirements.txt pins 99.0" in twin.broken(FIGURE)


def test_results_of_another_configuration_in_the_same_folder_are_named(twin: Project):
    shutil.copytree(twin.folder / "results/full", twin.folder / "results/earlier")
    answer = twin.audit("--all")
    assert answer.returncode == 0
    assert "files below results/ belong to no result of this configuration: results/earlier/" in answer.stdout
    twin.run(CLUSTERS, "--config", "clusters={seed: 2}")
    message = "params differ from the configuration: clusters.seed was 2 and is 1"
    assert message in twin.audit(CLUSTERS, "--config", "clusters={seed: 1}").stdout
    # Under the configuration of the last run the clusters hold, and what was made before them does not.
    named = twin.broken("results/claims.parquet")
    assert "max_entropy.parquet has changed since results/full/" in named or "clusters.seed was 1" in named
    shown = twin.audit(FIGURE).stdout
    assert f"✗ {CLUSTERS}" in shown and f"has changed since {FIGURE} was made" in shown


def test_a_job_sees_nothing_of_the_configuration_but_its_source():
    seen = jobs._Configuration(source={"api": {"mailto": "a@example.org"}})
    assert seen["source"]["api"] == {"mailto": "a@example.org"}
    with pytest.raises(StudyError, match="configuration: poles is read past the params"):
        seen["poles"]


def test_a_result_at_the_place_of_another_one(twin: Project):
    scores = "results/full/{}/scores/max_entropy.parquet"
    path = scores.format("collaboration")
    shutil.copy(twin.folder / scores.format("citation"), twin.folder / path)
    (twin.folder / "results/audit.json").unlink()  # the digests in it are not what finds it
    sentence = f"stands in the place of another file: it was written as {scores.format('citation')}"
    assert f"{path} {sentence}" in twin.broken(path)
    shown = twin.audit(path).stdout
    assert 'BROKEN: made for another place: layer was "citation" and is "collaboration"' in shown


def test_the_record_of_all_results_is_audited_too(twin: Project):
    path = twin.folder / "results/audit.json"
    kept = path.read_text()
    path.write_text(kept.replace('"rules":', '"rule":', 1))
    assert "results/audit.json does not hold what was written to it" in twin.broken("--all")
    path.unlink()
    assert "results/audit.json: no such file" in twin.broken("--all")


@pytest.mark.parametrize(
    "given", [["--configfile", "nope.yaml"], ["--config", "nope=3"], ["--config", "poles=["]], ids=" ".join
)
def test_a_configuration_that_cannot_be_read_is_no_success(tiny: Project, given: list[str]):
    answer = tiny.audit("--all", *given)
    assert answer.returncode == 1 and answer.stderr.count("\n") <= 2
    assert "nope" in answer.stderr or "poles" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_setting_of_the_study_that_no_longer_fits_it_is_no_success(twin: Project):
    config = twin.folder / "config/config.yaml"
    config.write_text(f"{config.read_text()}\nalignment: {{resamples: 7}}\n")
    assert "params were not compared with the configuration" in twin.broken("--all")


def test_a_link_is_not_shown_from_files_that_have_changed(twin: Project):
    path = "results/full/citation/links/2015.parquet"
    shutil.copy(twin.folder / "results/full/citation/links/2014.parquet", twin.folder / path)
    assert f"{path}: has changed since results/audit.json was made" in twin.broken(
        "--link", "US", "CN", "2015"
    )
    (twin.folder / path).unlink()
    assert f"{path}: is missing" in twin.broken("--link", "US", "CN", "2015")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--code", "config/config.yaml"], "config.yaml: carries no provenance"),
        (["--code", ""], "no result is named"),
        (["--claim", ""], "has no such claim"),
        ([""], "no result is named"),
    ],
)
def test_wrong_names_end_in_a_sentence(tiny: Project, arguments: list[str], sentence: str):
    assert sentence in tiny.broken(*arguments)


@pytest.mark.parametrize(
    "change",
    [None, {"jobs": [3]}, {"given": {"configfiles": 3}}, {"packages": []}, {"source": None}],
    ids=str,
)
def test_a_broken_record_of_the_run_ends_in_a_sentence_and_the_next_run_mends_it(
    twin: Project, change: dict[str, object] | None
):
    path = twin.folder / "results/run.json"
    run = json.loads(path.read_text())
    path.write_text('{"stages":' if change is None else json.dumps(run | change))
    for question in (["--all"], [FIGURE], ["--code", FIGURE]):
        assert "results/run.json: holds no record of a run" in twin.broken(*question)
    assert twin.plan() == {}
