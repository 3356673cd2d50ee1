"""The tiny study end to end: results, provenance, tampering, determinism, failures."""

import gzip
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import polars as pl
import pytest

from conftest import ROOT
from poles.archetypes.tables import RECOVERY
from poles.claims.tables import CLAIMS
from poles.corpus.tables import LOSSES
from poles.networks.tables import LINKS
from poles.nulls.tables import MOMENTS
from poles.study import crate, embedding, extraction, tables
from workflow import UNEQUAL, Project, files


def results(project: Project) -> dict[str, str]:
    """SHA-256 of every result that must not differ between two runs."""
    folder = project.folder / "results"
    own = {"logs", "benchmarks", "run.json", "warnings.json", "report.html", crate.NAME, crate.CODE}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): embedding.file_digest(path)
        for path in paths
        if path.relative_to(folder).parts[0] not in own
    }


def audit(project: Project, result: str, *options: str):
    return project.python("scripts/audit.py", result, *options)


def test_every_result_carries_its_provenance(tiny: Project):
    for path in results(tiny):
        record = extraction.read(tiny.folder / "results" / path)
        assert record, path
        assert extraction.is_intact(tiny.folder / "results" / path), path
        assert set(record) == {"file", "rule", "wildcards", "params", "log", "inputs"}
        assert record["file"] == f"results/{path}"
        assert re.fullmatch(r"[0-9a-f]{16}( [\w.]+)+", record["params"]["code"]), path


@pytest.mark.slow
def test_with_other_poles_most_claims_are_testable(twin: Project):
    poles = ("--config", "poles=[DE, FR]")
    twin.run("results/claims.parquet", *poles)
    judged = tables.read(twin.folder / "results/claims.parquet", CLAIMS)
    assert judged["claim"].n_unique() == 26
    testable = judged.filter(pl.col("verdict") != "not testable")
    assert len(testable) > 20, judged.filter(verdict="not testable").select("claim", "why").rows()
    assert not judged.filter(pl.col("statement").str.contains("China|United States")).height
    assert not re.search(r"\bpaper\b", (twin.folder / "results/claims.html").read_text(encoding="utf-8"))
    answer = twin.snakemake("--dry-run", "--config", "poles=[DE, FR, GB]")
    assert "not about DE, FR, GB; allowed: two poles, or a file of your own claims" in (
        answer.stdout + answer.stderr
    )


def test_logs_say_something(tiny: Project):
    logs = list((tiny.folder / "results/logs").rglob("*.log"))
    assert len(logs) >= 20
    assert all(path.stat().st_size > 0 for path in logs)
    assert "records" in (tiny.folder / "results/logs/read_works/0.log").read_text()


def test_the_losses_add_up_to_the_works(tiny: Project):
    losses = tables.read(tiny.folder / "results/losses.parquet", LOSSES)
    works = pl.read_parquet(tiny.folder / "results/works/*.parquet")
    read = losses.filter(pl.col("step") == "read")
    assert read["left"].sum() == 8000
    assert read.filter(pl.col("year").is_null())["left"].sum() > 0
    chosen = losses.filter(pl.col("step") == "in the field or citing a selected work")
    by_year = dict(works.group_by("year").len().iter_rows())
    found = {year: left for year, left in chosen.select("year", "left").iter_rows() if left}
    assert found == by_year
    countries = losses.filter(pl.col("step") == "with a country")
    assert countries["left"].sum() == works.filter(pl.col("countries").list.len() > 0).height


def test_citations_are_those_that_the_references_say(tiny: Project):
    works = pl.read_parquet(tiny.folder / "results/works/*.parquet")
    countries = {i: c for i, c, core in works.select("work_id", "countries", "is_core").iter_rows() if core}
    expected: dict[tuple[str, str], int] = {}
    year = works.filter(pl.col("year") == 2010)
    for own, references in year.select("countries", "references").iter_rows():
        for reference in references:
            for pair in ((a, b) for a in own for b in countries.get(reference, [])):
                expected[pair] = expected.get(pair, 0) + 1
    links = tables.read(tiny.folder / "results/full/citation/links/2010.parquet", LINKS)
    assert {(a, b): w for a, b, w in links.iter_rows()} == expected


def test_expected_strengths_are_the_observed_ones(tiny: Project):
    moments = tables.read(tiny.folder / "results/full/citation/nulls/max_entropy.parquet", MOMENTS)
    for end in ("source", "target"):
        sums = moments.group_by("year", end).agg(pl.col("observed", "expected").sum())
        worst = ((sums["expected"] - sums["observed"]).abs() / sums["observed"].clip(1)).max()
        assert worst < 1e-9


def test_the_recovered_archetypes_are_not_chance(tiny: Project):
    recovery = tables.read(tiny.folder / "results/full/recovery/max_entropy.parquet", RECOVERY)
    assert recovery["adjusted_rand_index"][0] > 0.2


def test_the_audit_of_an_untouched_study_holds(tiny: Project):
    answer = audit(tiny, "results/figures/full/max_entropy/archetypes.svg")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.rstrip().endswith("every link holds")
    for rule in ("plot_clusters", "cluster_trajectories", "fit_null", "select_works", "make_demo"):
        assert f"rule {rule}" in answer.stdout
    full = audit(tiny, "results/figures/full/max_entropy/archetypes.svg", "--full")
    assert full.stdout.count("results/full/citation/links/") == 34


@pytest.mark.parametrize("name", ["run.json", "warnings.json", "logs/collect_claims.log"])
def test_a_file_that_describes_the_run_is_not_called_broken(tiny: Project, name: str):
    assert (tiny.folder / "results" / name).is_file()
    answer = audit(tiny, f"results/{name}")
    assert answer.returncode == 1
    assert f"results/{name} describes a run and is no result" in answer.stderr


def tamper(path: Path) -> None:
    """Change one weight of a table, keeping its metadata and its time stamps."""
    before = path.stat()
    frame = pl.read_parquet(path)
    frame = frame.with_columns(pl.col("weight") + pl.int_range(pl.len()).eq(0).cast(pl.Int64))
    frame.write_parquet(path, metadata={"provenance": pl.read_parquet_metadata(path)["provenance"]})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_tampered_table_with_its_old_time_stamp_is_found(twin: Project):
    links = "results/full/citation/links/2010.parquet"
    tamper(twin.folder / links)
    assert twin.plan() == {}, "Snakemake itself does not see it"
    changed = f"{links} has changed since results/full/citation/nulls/"
    answer = audit(twin, "results/claims.md")
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"first broken link: {changed}")
    answer = twin.snakemake("--forcerun", "audit_results")
    assert answer.returncode != 0
    assert f"audit_results: audit: {changed}" in answer.stderr


def test_a_tampered_result_at_the_end_of_the_chain_is_found(twin: Project):
    page = twin.folder / "results/claims.md"
    page.write_text(
        page.read_text()
        .replace("**not testable**", "**reproduced**", 1)
        .replace("**contradicted**", "**reproduced**")
    )
    answer = audit(twin, "results/claims.md")
    assert answer.returncode == 1
    assert (
        "first broken link: results/claims.md has changed since results/audit.json was made" in answer.stderr
    )


def test_a_table_that_was_changed_and_then_built_upon_is_found(twin: Project):
    links = "results/full/citation/links/2010.parquet"
    tamper(twin.folder / links)
    (twin.folder / links).touch()
    (twin.folder / "results/audit.json").unlink()
    moments = "results/full/citation/nulls/max_entropy.parquet"
    twin.run(moments)
    answer = audit(twin, moments)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"first broken link: {links} does not hold what was written to it")


def test_changed_code_and_lost_files_are_found(twin: Project):
    module = twin.folder / "scripts/poles/networks/links.py"
    module.write_text(module.read_text() + "\nADDED = 1\n")
    answer = audit(twin, "results/full/trajectories/max_entropy.parquet")
    assert "results/full/citation/links/1990.parquet made by code" in answer.stderr
    (twin.folder / "results/full/citation/scores/max_entropy.parquet").unlink()
    answer = audit(twin, "results/full/trajectories/max_entropy.parquet")
    assert "scores/max_entropy.parquet is missing" in answer.stderr


def without_times(path: Path) -> dict:
    """A crate without what two runs cannot have in common: times, and digests of files that hold them."""
    entities = {entity["@id"]: entity for entity in json.loads(path.read_bytes())["@graph"]}
    kept = {name: entity for name, entity in entities.items() if not name.startswith(("#cpu/", *UNEQUAL))}
    for entity in kept.values():
        for key in ("startTime", "endTime", "datePublished"):
            entity.pop(key, None)
    return kept


@pytest.mark.slow
def test_two_runs_elsewhere_and_with_other_threads_give_equal_bytes(
    tiny: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    again = Project.copy(tmp_path / "another place" / "again")
    shutil.copy(tiny.folder / "config/config.yaml", again.folder / "config/config.yaml")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "C")
    again.run("--cores", "3" if os.cpu_count() == 1 else "1")  # the tiny study takes all
    first, second = files(tiny.folder / "results"), files(again.folder / "results")
    assert first.keys() == second.keys()
    differing = [path for path in first if first[path] != second[path]]
    assert [path for path in differing if not path.startswith(UNEQUAL)] == []
    assert len(first) - len(differing) > 300, "tables, figures, pages, and the copy of the code"
    crates = [without_times(project.folder / "results" / crate.NAME) for project in (tiny, again)]
    assert crates[0] == crates[1]
    compare_archives(tiny.twin(tmp_path / "first"), again)


def compare_archives(*projects: Project) -> None:
    """Two runs archive one harvest, and studies that differ in times and what hashes them alone."""
    members: list[dict[str, bytes]] = []
    for project in projects:
        assert project.python("scripts/archive_study.py").returncode == 0
        with tarfile.open(project.folder / "archive/study.tar.gz") as archive:
            contents = {member.name: archive.extractfile(member) for member in archive}
            members.append({name: stream.read() for name, stream in contents.items() if stream})
    first, second = members
    assert first.keys() == second.keys()
    unequal = [f"study/results/{name}" for name in UNEQUAL] + [
        "study/SHA256SUMS",
        "study/.snakemake/metadata/",
    ]
    differing = [name for name in first if first[name] != second[name]]
    assert [name for name in differing if not name.startswith(tuple(unequal))] == []
    harvests = {embedding.file_digest(project.folder / "archive/harvest.tar") for project in projects}
    assert len(harvests) == 1


def test_the_documentation_lists_what_two_runs_cannot_have_in_common():
    page = (ROOT / "docs/provenance.md").read_text(encoding="utf-8")
    section = page.split("## Two runs")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)) == set(UNEQUAL)


OTHER_SOURCES = {
    "parquet": "source={shards: 1} demo={layout: parquet, works: 8000, seed: 3}",
    "snapshot": "source={kind: snapshot, shards: 1, path: DEMO}",
    "works": "source={kind: works, shards: 1, path: 'DEMO/data/jsonl/works/*/*.gz'}",
}
"""The works of the tiny study in the other layout, and read from files; each in one shard."""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("parquet", marks=pytest.mark.slow),
        pytest.param("snapshot", marks=pytest.mark.slow),
        "works",
    ],
)
def test_every_source_gives_the_same_works(tiny: Project, tmp_path: Path, source: str):
    config = OTHER_SOURCES[source].replace("DEMO", str(tiny.folder / "results/demo"))
    project = Project.copy(tmp_path / source)
    project.run("results/losses.parquet", "--config", *re.split(r" (?=demo=)", config))
    works = {folder: sorted((folder / "results/works").glob("*")) for folder in (project.folder, tiny.folder)}
    assert len(works[project.folder]) == len(works[tiny.folder]) == 34
    for path, other in zip(*works.values(), strict=True):
        assert path.name == other.name
        assert pl.read_parquet(path).equals(pl.read_parquet(other)), path.name


def test_bad_input_ends_in_one_line_and_loses_nothing(tiny: Project, tmp_path: Path):
    project = tiny.twin(tmp_path / "broken")
    kept = embedding.file_digest(project.folder / "results/claims.parquet")
    source = project.folder / "works.jsonl.gz"
    source.write_bytes(
        gzip.compress(b'{"id": "https://openalex.org/W1", "publication_year": 2000}\n{"id": broken\n')
    )
    answer = project.snakemake("--config", "source={kind: works, path: works.jsonl.gz}")
    assert answer.returncode != 0
    assert re.search(r"find_core: .*works\.jsonl\.gz.*line 2", answer.stderr), answer.stderr[-3000:]
    assert "Traceback" not in answer.stderr
    assert not (project.folder / "results/harvest/core/0.parquet").exists(), "half a result looks finished"
    assert embedding.file_digest(project.folder / "results/claims.parquet") == kept


def test_run_json_holds_what_belongs_to_a_run(tiny: Project):
    run = json.loads((tiny.folder / "results/run.json").read_text())
    assert run["config"]["demo"]["works"] == 8000
    assert run["packages"]["polars"] == pl.__version__
    assert run["branches"] == ["full/max_entropy"]
    assert run["source"] == {"kind": "demo", "works": 8000, "seed": 3}
    for job in run["jobs"]:
        assert run["started"] <= job["started"] <= job["ended"] <= run["finished"]
        assert (tiny.folder / "results/logs" / job["log"]).is_file()
    logs = {extraction.read(tiny.folder / "results" / path)["log"] for path in results(tiny)}
    assert {f"results/logs/{job['log']}" for job in run["jobs"]} == logs, "every result has a job with times"
    assert set(run["stages"]) == {
        "corpus", "networks", "nulls", "trajectories", "blocs", "claims", "figures", "exports", "pages",
        "audit",
    }  # fmt: skip
    assert sum(stage["jobs"] for stage in run["stages"].values()) == len(run["jobs"])
    assert run["requirements"] == embedding.file_digest(tiny.folder / "envs/requirements.txt")
