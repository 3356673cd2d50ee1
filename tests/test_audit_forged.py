"""Records, caches and lists of digests that somebody has edited end in a sentence, and none is believed."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from poles.audits import claim, environment, hashes
from poles.audits import code as codes
from poles.errors import StudyError
from poles.study import audit, crate, crate_check, digest, embedding, extraction, run_record
from test_audit_faults import damage
from workflow import Project

BRANCH = "results/full/claims/max_entropy.parquet"
CLAIM = "poles_diverge_collaboration"


RECORD = {"rule": "any", "wildcards": {}, "params": {"code": "0 a"}, "log": "any.log", "inputs": {}}


@pytest.mark.parametrize(
    "edit",
    [
        {"inputs": []},
        {"params": ["code"]},
        {"rule": 3},
        {"store": [3]},
        {"inputs": {"results/\0x": "0" * 64}},
        {"rule": None, "answers": {}},
    ],
)
def test_a_record_that_the_study_does_not_write_is_none(tmp_path: Path, edit: dict[str, Any]):
    path = tmp_path / "file.json"
    embedding.write_json({}, path, RECORD)
    assert extraction.read(path) is not None
    embedding.write_json({}, path, RECORD | edit)
    assert extraction.read(path) is None
    assert audit.read_content(str(path)).record is None


def test_answers_in_the_record_of_a_job_do_not_hide_its_code():
    assert "present code is" in str(
        audit.code_state(RECORD | {"answers": {}, "params": {"code": "0 find_core"}})
    )
    assert audit.code_state({"answers": {"a": "0" * 64}}) is None


@pytest.mark.parametrize("code", ["", " ", None, 3, ["0 a"], "0123"])
def test_a_record_without_code_says_so(code: Any):
    record = {"rule": "any", "params": {"code": code}}
    assert audit.code_state(record) == "its record names no code"
    with pytest.raises(StudyError, match=r"^x: a record of its chain names no code"):
        codes._code_of(record, "x")


def test_an_edited_list_of_digests_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    embedding.write_json({"files": {"results/a": "1" * 64}}, audit.AUDIT, RECORD)
    assert audit.recorded_digests() == {"results/a": "1" * 64}
    audit.AUDIT.write_text(audit.AUDIT.read_text().replace("1" * 64, "2" * 64))
    with pytest.raises(StudyError, match=r"audit\.json: does not hold what was written to it"):
        audit.recorded_digests()


@pytest.mark.parametrize(
    "cache",
    [
        [],
        {"version": hashes.VERSION, "files": [], "records": {}},
        {"version": hashes.VERSION, "files": {"a": 3}, "records": {}},
        {"version": hashes.VERSION, "files": {"a": [[1], "2", "unknown", None, []]}, "records": {}},
        {"version": hashes.VERSION, "files": {}, "records": []},
    ],
)
def test_an_edited_cache_is_read_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Any):
    monkeypatch.chdir(tmp_path)
    hashes.CACHE.parent.mkdir()
    hashes.CACHE.write_text(json.dumps(cache))
    Path("a").write_text("text")
    reader = hashes.Reader()
    assert reader("a").digest == embedding.file_digest("a")
    assert (reader.read, reader.known) == (1, 0)
    reader.save()


def test_code_after_a_lone_carriage_return_counts(tmp_path: Path):
    plain, hidden = tmp_path / "plain.py", tmp_path / "hidden.py"
    plain.write_bytes(b"A = 1\n# the end B = 2\n")
    hidden.write_bytes(b"A = 1\n# the end\rB = 2\n")
    names: dict[str, Any] = {}
    exec(compile(hidden.read_bytes(), "hidden", "exec"), names)  # Python takes it for code
    assert names["B"] == 2
    assert digest.module_digest(plain) != digest.module_digest(hidden)


def test_a_package_beside_a_module_of_its_name_is_what_python_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path)
    for name in ("both_of_them.py", "both_of_them/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"NAME = {name!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    imported = __import__("both_of_them")
    assert digest._file.__wrapped__("both_of_them") == tmp_path / imported.NAME


def test_evidence_that_was_changed_is_named_with_its_file(twin: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(twin.folder)
    shown = claim.evidence(CLAIM, "full/max_entropy")["branches"][0]
    assert shown["breaks"] == []
    trajectories = shown["rows"]["trajectories"]["file"]
    damage(Path(trajectories))
    (broken,) = claim.evidence(CLAIM, "full/max_entropy")["branches"][0]["breaks"]
    assert broken.startswith(f"{trajectories}: does not hold what was written to it")


def test_verdicts_without_the_claim_end_in_a_sentence(twin: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(twin.folder)
    with pytest.raises(StudyError, match=r"claims\.parquet: its record does not hold the claim"):
        claim._claim_in({"params": {"claims": [3]}}, CLAIM, Path("results/claims.parquet"))
    rows = pl.read_parquet("results/claims.parquet").filter(claim=CLAIM, variant="full", null="max_entropy")
    monkeypatch.setattr(claim.tables, "read", lambda path, table: rows.clear())
    (row,) = rows.rows(named=True)
    judged = type("Judged", (), {key: row[key] for key in ("verdict", "statistic", "why")})
    (sentence,) = claim._differences(row, judged, Path(BRANCH))
    assert sentence == f"{BRANCH}: its row on {CLAIM} is not that of results/claims.parquet"


@pytest.mark.parametrize("key", ["object", "result", "instrument"])
def test_a_job_of_a_crate_without_its_parts_ends_in_a_sentence(tiny: Project, tmp_path: Path, key: str):
    shutil.copy(tiny.folder / "results" / crate.NAME, tmp_path)
    path = tmp_path / crate.NAME
    described = json.loads(path.read_text())
    job = next(one for one in described["@graph"] if one["@id"].startswith("#job/"))
    del job[key]
    path.write_text(json.dumps(described))
    with pytest.raises(StudyError, match=r"no crate of the study \(#job/"):
        list(crate_check.check_crate(tmp_path))


def test_pins_and_jobs_of_another_form_end_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pins = tmp_path / "requirements.txt"
    pins.write_text("polars ===== 3\n")
    monkeypatch.setattr(environment, "PINS", pins)
    monkeypatch.setattr(environment, "pinned", lambda read=environment.pinned: read(pins))
    (sentence,) = environment.faults({})
    assert sentence.startswith("envs/requirements.txt: not readable as a list of pinned packages")
    run = {"jobs": [{"log": ["a"], "ended": "now"}], "given": {}}
    monkeypatch.chdir(tmp_path)
    run_record.RUN.parent.mkdir()
    run_record.RUN.write_text(
        json.dumps(run | {key: kind() for key, kind in run_record._PARTS.items()} | run)
    )
    with pytest.raises(StudyError, match=r"run\.json: holds no record of a run"):
        run_record.read_run()
