"""The end of a run: warnings of all jobs in one file, and the summary that the terminal shows."""

import json
from pathlib import Path

import polars as pl
import pytest

from poles.claims import summary
from poles.claims.tables import CLAIMS
from poles.errors import StudyError
from poles.study import run_warnings, tables


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
            (f"claim_{n}", variant, null, "It is so.", None, verdict, "")
            for n, (variant, null, verdict) in enumerate(rows)
        ],
        schema=dict(CLAIMS.columns),
        orient="row",
    )
    tables.write(frame, CLAIMS, summary.TABLE, {"rule": "collect_claims"})


def test_warnings_of_all_jobs_stand_in_one_file_once_each():
    write_log("read_works/0.log", "INFO fine", "WARNING works.jsonl: the file holds no works")
    write_log("full/build.log", "WARNING twice", "WARNING twice", "WARNING naïve", "ERROR other")
    write_log("quiet.log", "INFO a WARNING in the text of another line")
    expected = {
        "full/build.log": ["twice", "naïve"],
        "read_works/0.log": ["works.jsonl: the file holds no works"],
    }
    assert run_warnings.write_warnings() == expected
    assert json.loads(run_warnings.WARNINGS.read_text()) == run_warnings.read_warnings() == expected


def test_the_summary_counts_verdicts_and_shows_warnings():
    write_claims(
        ("full", "max_entropy", "reproduced"),
        ("full", "max_entropy", "inconclusive"),
        ("full", "multi_edge", "contradicted"),
        ("full", "all", "reproduced"),
        ("literal", "max_entropy", "not testable"),
    )
    write_log("read_works/0.log", *(f"WARNING number {n}" for n in range(12)))
    run_warnings.write_warnings()
    lines = summary.summarize().splitlines()
    assert lines[1:4] == [
        "  full, max_entropy: 2 reproduced, 1 inconclusive",
        "  full, multi_edge: 1 reproduced, 1 contradicted",
        "  literal, max_entropy: 1 not testable",
    ]
    assert "  read_works/0: number 9" in lines and "  and 2 more" in lines
    assert not any("report.html" in line for line in lines), "there is none in this folder"


def test_without_results_the_summary_says_what_to_do():
    with pytest.raises(StudyError, match="no such file; run the study in this folder first"):
        summary.summarize()
