"""The end of a run: warnings of all jobs in one file, and the summary that the terminal shows."""

import json
from pathlib import Path

import polars as pl
import pytest

from poles.claims import summary
from poles.claims.tables import BASIS, CLAIMS
from poles.errors import StudyError
from poles.study import job_times, run_warnings, tables, timings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a study in which nothing has run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_log(name: str, *lines: str) -> None:
    path = run_warnings.LOGS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"12:00:00 {line}\n" for line in lines), encoding="utf-8")


def write_claims(*rows: tuple[str, str, str]) -> None:
    """Claims with one verdict in each branch: variant, null model, verdict."""
    frame = pl.DataFrame(
        [
            (f"claim_{n}", variant, null, "It is so.", None, verdict, "", *[None] * 4)
            for n, (variant, null, verdict) in enumerate(rows)
        ],
        schema=dict(CLAIMS.columns),
        orient="row",
    )
    tables.write(frame, CLAIMS, summary.TABLE, {"rule": "collect_claims"})
    for variant, null in {row[:2] for row in rows if row[1] != "all"}:
        pairs = 30 if null == "multi_edge" else 40
        values = {
            "variant": variant,
            "null": null,
            "channel": "citation",
            "pairs": pairs,
            "rule": "large pairs",
        }
        basis = pl.DataFrame([dict.fromkeys(BASIS.columns) | values], schema=dict(BASIS.columns))
        tables.write(basis, BASIS, f"results/{variant}/claims/{null}.basis.parquet", {"rule": "judge_branch"})


def test_warnings_of_all_jobs_stand_in_one_file_once_each():
    write_log("read_works/0.log", "INFO fine", "WARNING works.jsonl: the file holds no works")
    write_log("full/build.log", "WARNING twice", "WARNING twice", "WARNING naïve", "ERROR other")
    write_log("quiet.log", "INFO a WARNING in the text of another line")
    write_log("other/build.log", "WARNING of a variant that is no longer run")
    write_result("results/works.parquet", "read_works/0.log")
    write_result("results/links.parquet", "full/build.log", "results/works.parquet")
    write_result("results/claims.parquet", "quiet.log", "results/links.parquet")
    write_result("results/other.parquet", "other/build.log", "results/works.parquet")
    expected = {
        "full/build.log": ["twice", "naïve"],
        "read_works/0.log": ["works.jsonl: the file holds no works"],
    }
    assert run_warnings.write_warnings(["results/claims.parquet", "results/lost.parquet"]) == expected
    assert json.loads(run_warnings.WARNINGS.read_text()) == run_warnings.read_warnings() == expected


def write_job(name: str, rule: str, cpu: str, wall: str, memory: str, seconds: str = "00 01") -> None:
    """Log and benchmark of a finished job, which ran between two seconds of a minute."""
    start, end = (f"2026-01-02T03:04:{second}+00:00" for second in seconds.split())
    done = f"INFO {rule}: done in 1.0 s, {cpu} s of CPU, from {start} to {end}"
    write_log(f"{name}.log", "INFO something", done)
    path = timings.BENCHMARKS / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{wall}\t0:00:01\t{memory}\t0.00\n")


def test_timings_add_up_jobs_by_rule():
    write_job("read_works/0", "read_works", "4.25", "5.5", "300.4")
    write_job("read_works/1", "read_works", "3.75", "4.5", "250.0")
    write_job("full/plot_panel.max_entropy", "plot_panel", "0.75", "1.25", "NA", "05 58")
    write_job("full/score_links.max_entropy", "score_links", "10.00", "7.00", "120.00", "00 59")
    write_log("full/plot_panel.failed.log", "ERROR plot_panel: no file")
    (timings.BENCHMARKS / "full/plot_panel.failed.tsv").write_text("s\tmax_rss\n1.0\t1.0\n")
    assert timings.read_timings().rows() == [
        ("score_links", 1, 10.0, 7.0, 120.0),
        ("read_works", 2, 8.0, 10.0, 300.4),
        ("plot_panel", 1, 0.75, 1.25, None),
    ]
    head, *rows = (line.split() for line in timings.describe_timings().splitlines())
    assert head == ["rule", "jobs", "CPU", "s", "wall", "s", "MB"]
    assert rows[1:] == [
        ["read_works", "2", "8.0", "10.0", "300"],
        ["plot_panel", "1", "0.8", "1.2"],
        ["all", "4", "18.8", "18.2", "300"],
        [],
        ["From", "the", "first", "start", "to", "the", "last", "end:", "0:00:59"],
    ]
    page = timings.answer(["--markdown", "."]).splitlines()
    assert page[:3] == [
        "| rule | jobs | CPU s | wall s | MB |",
        "|---|---:|---:|---:|---:|",
        "| score_links | 1 | 10.0 | 7.0 | 120 |",
    ]
    assert page[5] == "| all | 4 | 18.8 | 18.2 | 300 |"
    write_claims(("full", "max_entropy", "reproduced"))
    assert "4 jobs took 19 s of CPU" in summary.summarize()


def test_stages_add_up_their_jobs():
    write_job("read_works/1", "read_works", "3.75", "4.5", "250.0", "08 12")
    write_job("read_works/0", "read_works", "4.25", "5.5", "300.4", "02 20")
    write_job("full/score_links.max_entropy", "score_links", "10.00", "7.00", "120.00", "21 30")
    write_job("other", "removed_rule", "1.00", "1.00", "1.00", "00 01")
    write_log("failed.log", "INFO begun", "ERROR plot_panel: no file")
    jobs = job_times.read_jobs()
    assert [job.log for job in jobs] == [
        "other.log", "read_works/0.log", "read_works/1.log", "full/score_links.max_entropy.log"
    ]  # fmt: skip
    stages = {"score_links": "nulls", "read_works": "corpus", "plot_panel": "figures"}
    at = "2026-01-02T03:04:{}+00:00".format
    assert job_times.by_stage(jobs, stages) == {
        "corpus": {"jobs": 2, "started": at("02"), "ended": at("20"), "wall": 2.0, "cpu": 8.0},
        "nulls": {"jobs": 1, "started": at("21"), "ended": at("30"), "wall": 1.0, "cpu": 10.0},
    }


def test_timings_before_a_run_say_what_to_do():
    with pytest.raises(StudyError, match="results/benchmarks: no finished job; run the study"):
        timings.read_timings()
    write_claims(("full", "max_entropy", "reproduced"))
    assert "CPU" not in summary.summarize()


def write_result(path: str, log: str, *inputs: str) -> None:
    made_from = {"wildcards": {}, "params": {}, "inputs": dict.fromkeys(inputs, "0" * 64)}
    record = {"rule": "r", "log": f"results/logs/{log}", **made_from}
    tables.write(frame(path), ONE, path, record)


ONE = tables.Table(("name",), {"name": pl.String})


def frame(name: str) -> pl.DataFrame:
    return pl.DataFrame({"name": [name]})


def test_a_page_has_the_warnings_of_the_jobs_that_it_rests_on():
    for name in ("read", "build", "judge", "plot", "other"):
        write_log(f"{name}.log", f"WARNING of {name}", "WARNING of several")
    write_log("judge.log", "INFO fine")
    write_result("results/works.parquet", "read.log", "../data/works.jsonl")
    write_result("results/links.parquet", "build.log", "results/works.parquet")
    write_result("results/gone.parquet", "removed.log", "results/works.parquet")
    write_result("results/verdicts.parquet", "judge.log", "results/links.parquet", "results/gone.parquet")
    write_result("results/figure.parquet", "plot.log", "results/verdicts.parquet")
    found = run_warnings.upstream(["results/verdicts.parquet"])
    assert found == {name: [f"of {name[:-4]}", "of several"] for name in ("build.log", "read.log")}
    assert run_warnings.sentences(found) == ["of build (build)", "of several (build, read)", "of read (read)"]


def test_the_summary_counts_verdicts_and_shows_warnings():
    write_claims(
        ("full", "max_entropy", "reproduced"),
        ("full", "max_entropy", "inconclusive"),
        ("full", "multi_edge", "contradicted"),
        ("full", "all", "reproduced"),
        ("literal", "max_entropy", "not testable"),
    )
    write_log("read_works/0.log", *(f"WARNING number {n}" for n in range(12)))
    write_result("results/works.parquet", "read_works/0.log")
    run_warnings.write_warnings(["results/works.parquet"])
    lines = summary.summarize().splitlines()
    assert lines[1:4] == [
        "  full, max_entropy: 2 reproduced, 1 inconclusive",
        "  full, multi_edge: 1 reproduced, 1 contradicted",
        "  literal, max_entropy: 1 not testable",
    ]
    assert lines[5:8] == [
        "Pairs of countries in the panel:",
        "  40 in 2 of 3 branches: large pairs",
        "  30 in 1 of 3 branches: large pairs",
    ]
    assert "  read_works/0: number 9" in lines and "  and 2 more" in lines
    assert not any("report.html" in line for line in lines), "there is none in this folder"


def test_without_results_the_summary_says_what_to_do():
    with pytest.raises(StudyError, match="no such file; run the study in this folder first"):
        summary.summarize()
