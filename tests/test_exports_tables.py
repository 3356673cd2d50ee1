"""The exported tables: the numbers of the results, described, valid for others, and under audit."""

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from conftest import ROOT
from poles.errors import StudyError
from poles.exports import collection
from poles.exports.csv_files import write_csv
from poles.exports.tables import exported
from poles.study import branches, dictionary, extraction
from poles.study import config as configuration
from workflow import Project

FULL = "results/full"
ORIGINALS = {
    "countries": [f"{FULL}/countries.parquet"],
    "links": [f"{FULL}/{layer}/scores/max_entropy.parquet" for layer in ("collaboration", "citation")],
    "indices": [f"{FULL}/indices.parquet"],
    "trajectories": [f"{FULL}/trajectories/max_entropy.parquet"],
    "archetypes": [f"{FULL}/clusters/max_entropy.parquet"],
    "pair_trends": [f"{FULL}/clusters/max_entropy.trends.parquet"],
    "alignment": [f"{FULL}/alignment/max_entropy.parquet"],
    "trends": [f"{FULL}/alignment/max_entropy.trends.parquet"],
    "courses": [f"{FULL}/alignment/max_entropy.courses.parquet"],
    "polarization": [f"{FULL}/polarization/max_entropy.parquet"],
    "polarization_trends": [f"{FULL}/polarization/max_entropy.trends.parquet"],
    "candidates": [f"{FULL}/alignment/max_entropy.poles.parquet"],
    "hubs": [f"{FULL}/hubs/max_entropy.parquet"],
    "selection": [f"{FULL}/clusters/max_entropy.selection.parquet"],
    "recovery": [f"{FULL}/recovery/max_entropy.parquet"],
    "diagnostics": [
        f"{FULL}/{layer}/nulls/max_entropy.diagnostics.parquet" for layer in ("collaboration", "citation")
    ],
    "losses": ["results/losses.parquet"],
    "claims": ["results/claims.parquet"],
    "robustness": ["results/robustness.parquet"],
}  # fmt: skip
"""Results behind the tables of the tiny study."""


NEEDED = "needs the packages of envs/crate.txt, which `make test` installs"


@pytest.fixture(scope="module")
def frictionless():
    return pytest.importorskip("frictionless", reason=NEEDED)


@pytest.fixture(scope="module")
def folder(tiny: Project) -> Path:
    return tiny.folder / "results/tables"


@pytest.fixture(scope="module")
def package(folder: Path) -> dict:
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


def test_the_package_lists_every_file_with_its_size_and_digest(folder: Path, package: dict):
    described = {entry["path"]: (entry["bytes"], entry["hash"]) for entry in package["resources"]}
    found = {
        path.name: (path.stat().st_size, "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.iterdir()
        if path.name not in ("datapackage.json", "dictionary.md")
    }
    assert described == found
    assert {entry["name"] for entry in package["resources"]} == {*ORIGINALS, "branches", "country_names"}


def test_frictionless_finds_the_package_valid(frictionless, folder: Path):
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "message"])[:5]
    rows = {task.name: task.stats["rows"] for task in report.tasks}
    assert rows["claims"] == 32 and rows["country_names"] == 250


def test_frictionless_finds_a_value_of_another_type(frictionless, folder: Path, tmp_path: Path):
    copied = shutil.copytree(folder, tmp_path / "tables")
    with (copied / "alignment.csv").open("a") as stream:
        stream.write('"full","max_entropy","ZZ",,"both",,,,not a number,,\n')
    report = frictionless.validate(str(copied / "datapackage.json"))
    kinds = {error for (error,) in report.flatten(["type"])}
    assert {"type-error", "hash-count", "byte-count"} <= kinds


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_table_holds_exactly_the_numbers_of_the_results(tiny: Project, folder: Path, name: str):
    path = next(folder.glob(f"{name}.csv*"))
    # pandas reads decimal numbers exactly only if it is told to.
    exact = {"keep_default_na": False, "na_values": [""], "float_precision": "round_trip"}
    table = pd.read_csv(path, **exact)
    original = pl.concat(pl.read_parquet(tiny.folder / path) for path in ORIGINALS[name])
    if name == "losses":
        original = original.drop_nulls("year")  # works without a year are of no year
    original = original.with_columns(pl.col(pl.List(pl.String)).list.join(" ").replace("", None))
    assert len(table) == len(original)
    for column in original.columns:
        found = table["null_model" if column == "null" else column]
        if original[column].dtype.is_numeric():
            wanted = original[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            assert (found.to_numpy(dtype=float) == wanted).sum() == original[column].drop_nulls().len(), (
                column
            )
        else:
            texts = [None if pd.isna(value) else value for value in found]
            assert texts == original[column].to_list(), column


def test_an_archetype_stands_beside_its_stability(tiny: Project, folder: Path):
    stability = pl.read_parquet(tiny.folder / FULL / "clusters/max_entropy.stability.parquet")
    sure = {(a, b): share for a, b, share in stability.select("source", "target", "stability").iter_rows()}
    with (folder / "archetypes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["source"], row["target"]): float(row["stability"]) for row in rows} == sure


def test_every_column_is_described_in_the_package_and_in_the_dictionary(folder: Path, package: dict):
    page = (folder / "dictionary.md").read_text(encoding="utf-8")
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    for entry in package["resources"]:
        path = folder / entry["path"]
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        header = next(csv.reader(io.StringIO(content[:2000].decode())))
        fields = entry["schema"]["fields"]
        assert [field["name"] for field in fields] == header
        assert all(len(field["description"]) > 10 for field in fields)
        assert all(f"| {field['description']} |" in sections[entry["name"]] for field in fields)


def test_descriptions_are_the_comments_beside_the_declarations():
    source = (ROOT / "scripts/poles/nulls/tables.py").read_text(encoding="utf-8")
    text = dictionary.describe("nulls.SCORES", "q")
    assert f'"q": pl.Float64,  # {text.rstrip(".")}\n' in source
    by_table = exported(["collaboration", "citation_out", "citation_in"], ["DE", "FR"])
    growth = by_table["trajectories"].describe("z_growth_citation_in")
    assert (
        growth == "What growth alone makes of that z." != by_table["trajectories"].describe("z_citation_in")
    )
    assert by_table["alignment"].describe("archetype_FR") == "Archetype of its pair with the pole."
    assert "that cites" in by_table["links"].describe("source")


@pytest.mark.parametrize(
    ("origin", "column", "message"),
    [
        ("nulls.SCORES", "zz", r"nulls/tables\.py: no comment beside column zz of SCORES"),
        ("nulls.NOTHING", "z", r"nulls/tables\.py: no table NOTHING"),
    ],
)
def test_a_column_without_a_description_is_named(origin: str, column: str, message: str):
    with pytest.raises(StudyError, match=message):
        dictionary.describe(origin, column)


def test_branches_say_under_which_variant_their_rows_stand():
    config: dict = {"run": {"variants": ["full", "literal", "fractional"], "nulls": ["max_entropy"]}}
    config["variants"] = {
        "full": {"counting": "full"}, "literal": {"preprocessing": "literal"},
        "fractional": {"counting": "fractional"},
    }  # fmt: skip
    configuration.complete(config, ROOT)
    rows = collection.branch_rows(branches.homes(config), branches.declared(config)).rows_by_key("variant")
    assert rows["literal"][0][1:5] == ("full", "full", "literal", "literal")
    assert rows["fractional"][0][1:5] == ("fractional",) * 4
    assert "counting: fractional; window: none; " in rows["fractional"][0][5]


def test_the_path_of_a_result_gives_its_place():
    place = {"variant": "full", "null_model": "max_entropy"}
    assert collection.place_of("results/full/citation/scores/max_entropy.parquet") == place | {
        "layer": "citation"
    }
    assert collection.place_of("results/full/alignment/max_entropy.trends.parquet") == place


def small_table(path: Path) -> Path:
    """Write three countries, one without a code, as the exports do."""
    links = exported(["collaboration"], ["US", "CN"])["links"]
    frame = pl.DataFrame(
        {"year": [2000] * 3, "source": SOURCES, "target": ["US", "NA", "OTH"], "z": [0.1, None, 3.0]},
        schema_overrides={"year": pl.Int16},
    ).with_columns(observed=1.0, expected=1.0, std=1.0, p=0.5, q=0.5)  # fmt: skip
    place = {"variant": "full", "layer": "collaboration", "null_model": "max_entropy"}
    write_csv([collection.complete(frame, links, place)], path)
    return path


SOURCES, ALPHA3 = ["NA", "NO", "CN"], ["NAM", "NOR", "CHN"]


def test_pandas_loses_namibia_unless_it_is_told_otherwise(tmp_path: Path):
    path = small_table(tmp_path / "links.csv.gz")
    by_default = pd.read_csv(path)
    assert by_default["source"].isna().tolist() == [True, False, False]
    assert by_default["source_alpha3"].tolist() == ALPHA3
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    assert table["source"].tolist() == SOURCES
    assert table["z"].isna().tolist() == [False, True, False]
    assert table["target_alpha3"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("name", ["links.csv", "links.csv.gz"])
def test_polars_sees_namibia_as_it_is(tmp_path: Path, name: str):
    table = pl.read_csv(small_table(tmp_path / name))
    assert table["source"].to_list() == SOURCES and table["source_alpha3"].to_list() == ALPHA3
    assert table["z"].to_list() == [0.1, None, 3.0]


@pytest.mark.parametrize("name", ["links.csv", "links.csv.gz"])
def test_duckdb_sees_namibia_as_it_is(tmp_path: Path, name: str):
    duckdb = pytest.importorskip("duckdb", reason=NEEDED)
    path = small_table(tmp_path / name)
    rows = duckdb.sql(f"SELECT source, source_alpha3, z, null_model FROM '{path}'").fetchall()
    assert rows == [
        (code, code3, z, "max_entropy")
        for code, code3, z in zip(SOURCES, ALPHA3, [0.1, None, 3.0], strict=True)
    ]


def test_r_loses_namibia_unless_it_is_told_otherwise(tmp_path: Path):
    rscript = os.environ.get("RSCRIPT", "Rscript")
    if shutil.which(rscript) is None:
        pytest.skip("R is not installed")
    path = small_table(tmp_path / "links.csv.gz")
    program = (
        'f <- commandArgs(TRUE); for (na in c("NA", "")) {t <- read.csv(f, na.strings = na); '
        'cat(paste(t$source, t$source_alpha3, is.na(t$source), is.na(t$z), sep = "/"), "\\n")}'
    )
    (tmp_path / "read.R").write_text(program)
    process = subprocess.run(
        [rscript, tmp_path / "read.R", path], capture_output=True, text=True, check=True
    )  # fmt: skip
    by_default, told = process.stdout.splitlines()[-2:]
    assert by_default.split()[0] == "NA/NAM/TRUE/FALSE"
    assert told.split() == ["NA/NAM/FALSE/FALSE", "NO/NOR/FALSE/TRUE", "CN/CHN/FALSE/FALSE"]


def test_equal_rows_give_equal_bytes_in_one_piece_or_several(tmp_path: Path):
    frame = pl.DataFrame({"source": ["NA", None, 'a "b"'], "z": [1e-300, None, 0.1 + 0.2]})
    write_csv([frame], tmp_path / "one.csv.gz")
    write_csv([frame[:1], frame[1:]], tmp_path / "two.csv.gz")
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    with gzip.open(tmp_path / "one.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        assert stream.read() == '"source","z"\n"NA",1e-300\n,\n"a ""b""",0.30000000000000004\n'


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path):
    with pytest.raises(StudyError, match=r"t\.csv: z holds a number that is not finite"):
        write_csv([pl.DataFrame({"z": [1.0, float("nan")]})], tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("claims.csv", "results/tables/claims.csv has changed since results/audit.json was made"),
        ("datapackage.json", "results/tables/datapackage.json: does not hold what was written to it"),
    ],
)
def test_the_audit_finds_a_changed_table(tiny: Project, tmp_path: Path, changed: str, message: str):
    twin = tiny.twin(tmp_path / "twin")
    assert twin.python("scripts/audit.py", "results/tables/claims.csv").returncode == 0
    path = twin.folder / "results/tables" / changed
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("inconclusive", "reproduced"))
    path.write_text(path.read_text(encoding="utf-8").replace("Namibia", "Nauru"))
    assert path.read_text(encoding="utf-8") != text
    answer = twin.python("scripts/audit.py", "results/tables/claims.csv")
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"first broken link: {message}") or message in answer.stderr


def test_a_package_of_the_user_beside_a_source_is_no_provenance(tmp_path: Path):
    source = tmp_path / "links.csv"
    source.write_text("year,source,target,weight\n2000,US,CN,3\n")
    for package in ("no JSON", "[]", '{"resources": [{"path": "links.csv", "hash": "sha256:0"}]}'):
        (tmp_path / extraction.PACKAGE).write_text(package)
        assert extraction.read(source) is None
