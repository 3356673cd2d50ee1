"""What decided a claim, against the tables of the tiny study; tampered verdicts; wrong names."""

import json
import shutil

import polars as pl
import pytest

from poles.claims.tables import CLAIMS
from poles.study import extraction, tables
from workflow import Project


def audit(project: Project, *arguments: str):
    return project.python("scripts/audit.py", "--claim", *arguments)


def evidence(project: Project, *arguments: str) -> dict:
    """What the command prints as JSON, for a claim that holds together."""
    answer = audit(project, *arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_every_claim_is_judged_anew_with_the_same_verdict(tiny: Project):
    program = """
import json, polars as pl
from poles.audits import claim, text
names = pl.read_parquet("results/claims.parquet")["claim"].unique(maintain_order=True)
print(json.dumps([text.finite(claim.evidence(name)) for name in names]))
print(all(claim.describe(claim.evidence(name), full=True) for name in names))
"""
    answer = tiny.python("-c", f"import sys; sys.path.insert(0, 'scripts'){program}")
    assert answer.returncode == 0, answer.stderr
    traced = json.loads(answer.stdout.splitlines()[0])
    judged = tables.read(tiny.folder / "results/claims.parquet", CLAIMS)
    assert len(traced) == judged["claim"].n_unique()
    assert {one["claim"]["kind"] for one in traced} > {"trend", "group", "courses", "clusters", "robust"}
    for one in traced:
        rows = judged.filter(claim=one["claim"]["id"])
        assert [branch["verdict"] for branch in one["branches"]] == rows["verdict"].to_list()
        assert not any(branch["breaks"] for branch in one["branches"])
        for branch in one["branches"]:
            if branch["verdict"] != "not testable":
                assert branch["conditions"] and branch["changes"] and branch["rows"]


def test_a_trend_is_shown_with_its_interval_its_limit_and_every_year(tiny: Project):
    traced = evidence(tiny, "poles_diverge_collaboration", "--branch", "full/max_entropy")
    [branch] = traced["branches"]
    courses = pl.read_parquet(tiny.folder / "results/full/alignment/max_entropy.courses.parquet")
    row = courses.filter(country="CN", pole="US", channel="collaboration").row(0, named=True)
    limits = {one["verdict"]: (one["value"], one["relation"], one["limit"]) for one in branch["conditions"]}
    assert limits["reproduced"] == (row["high"], "below", -0.1)
    assert limits["contradicted"] == (row["low"], "above", -0.1)
    assert limits["not testable"] == (22, "below", 10)
    assert row in branch["rows"]["courses"]["rows"]
    assert branch["rows"]["courses"]["file"] == "results/full/alignment/max_entropy.courses.parquet"
    years = branch["rows"]["links"]["rows"]
    scores = pl.read_parquet(tiny.folder / branch["rows"]["links"]["file"]).filter(source="CN", target="US")
    assert [one["year"] for one in years] == list(range(2000, 2022))
    for one in years:
        assert one["observed"] == scores.filter(year=one["year"])["observed"][0]
        assert one["z"] == pytest.approx((one["observed"] - one["expected"]) / one["std"])


def test_a_claim_on_ties_is_shown_with_every_link_that_counts(tiny: Project):
    [branch] = evidence(tiny, "china_significant_ties")["branches"]
    above = {one["country"] for one in branch["rows"]["recent"]["rows"] if one["above"]}
    scores = pl.read_parquet(tiny.folder / branch["rows"]["recent"]["file"])
    recent = scores.filter(
        pl.col("year").is_between(2017, 2021), pl.any_horizontal(pl.col("source", "target") == "CN")
    ).drop_nulls("z")
    partner = pl.when(pl.col("source") == "CN").then("target").otherwise("source").alias("partner")
    means = recent.group_by(partner).agg(pl.col("z").mean(), pl.len())
    expected = means.filter(pl.col("z") > 2, pl.col("len") >= 3)["partner"]
    assert above == set(expected) and len(above) == branch["statistic"]
    assert {one["year"] for one in branch["rows"]["links"]["rows"]} == set(range(2017, 2022))


def test_a_person_can_read_it(tiny: Project):
    answer = audit(tiny, "two_poles_citation")
    assert answer.returncode == 0, answer.stderr
    assert "full/max_entropy: " in answer.stdout
    assert "reproduced if all of this holds:" in answer.stdout
    assert (
        "It would not be testable if the number of countries that the correlation compares" in answer.stdout
    )
    assert "The measure by year" in answer.stdout and "results/full/polarization/" in answer.stdout
    long = audit(tiny, "large_producers_diverge")
    assert "more; --full lists them" in long.stdout
    assert len(audit(tiny, "large_producers_diverge", "--full").stdout) > 4 * len(long.stdout)


def test_a_verdict_that_the_rows_do_not_give_is_named(twin: Project):
    path = twin.folder / "results/claims.parquet"
    record = extraction.read(path)
    frame = tables.read(path, CLAIMS)
    named = pl.col("claim") == "poles_diverge_citation"
    other = pl.when(named).then(pl.lit("contradicted")).otherwise("verdict").alias("verdict")
    tables.write(frame.with_columns(other), CLAIMS, path, record)
    answer = audit(twin, "poles_diverge_citation")
    assert answer.returncode == 1
    assert "results/claims.parquet: verdict 'contradicted'; judged anew it is 'reproduced'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_rows_that_changed_since_and_rows_that_are_gone_are_named(twin: Project):
    courses = twin.folder / "results/full/alignment/max_entropy.courses.parquet"
    frame = pl.read_parquet(courses).with_columns(pl.col("high") + 5.0)
    frame.write_parquet(courses, metadata={"provenance": pl.read_parquet_metadata(courses)["provenance"]})
    answer = audit(twin, "poles_diverge_citation")
    assert answer.returncode == 1
    assert "BROKEN: results/full/alignment/max_entropy.courses.parquet: has changed since" in answer.stdout
    assert "judged anew it is 'inconclusive'" in answer.stderr
    courses.unlink()
    answer = audit(twin, "poles_diverge_citation")
    name = "results/full/alignment/max_entropy.courses.parquet"
    assert answer.returncode == 1
    assert answer.stderr == f"{name}: is missing; `snakemake {name}` makes it again\n"


def test_a_copy_of_the_study_gives_the_same_evidence(tiny: Project, tmp_path):
    copied = tmp_path / "elsewhere"
    shutil.copytree(tiny.folder / "results", copied / "results")
    shutil.copytree(tiny.folder / "scripts", copied / "scripts")
    assert evidence(Project(copied), "us_only") == evidence(tiny, "us_only")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("poles_diverge",), "has no such claim; it has poles_diverge_c"),
        (
            ("us_only", "--branch", "full/none"),
            "--branch: full/none; the claim is judged in full/max_entropy",
        ),
    ],
)
def test_a_claim_or_branch_that_is_not_there_is_refused_in_one_line(tiny: Project, arguments, message):
    answer = audit(tiny, *arguments)
    assert answer.returncode == 1
    assert message in answer.stderr and "Traceback" not in answer.stderr
    assert tiny.python("scripts/audit.py", "--branch", "full/max_entropy").returncode == 2
