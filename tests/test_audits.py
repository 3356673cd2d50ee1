"""One link through all stages, against the records of the demo and the tables of the tiny study."""

import gzip
import json

import polars as pl
import pytest

from workflow import Project

YEAR = 2015


def follow(project: Project, *arguments: str):
    return project.python("scripts/audit.py", "--link", *arguments)


@pytest.fixture(scope="module")
def link(tiny: Project) -> dict:
    answer = follow(tiny, "US", "CN", str(YEAR), "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_works_are_counted_like_the_links_and_found_where_they_were_read(tiny: Project, link: dict):
    weights = {(row["layer"], row["source"], row["target"]): row["weight"] for row in link["weights"]}
    assert set(weights) == {
        ("collaboration", "CN", "US"), ("citation", "US", "CN"), ("citation", "CN", "US")
    }  # fmt: skip
    for layer, counts in link["works"].items():
        for count in counts:
            source, target = count["source"], count["target"]
            assert count["weight"] == weights[layer, source, target] > 0
            assert 0 < len(count["sample"]) <= 10
            for work in count["sample"]:
                with gzip.open(tiny.folder / work["file"], "rt") as lines:
                    record = json.loads(next(line for row, line in enumerate(lines, 1) if row == work["row"]))
                assert record["id"] == work["work"]
                assert record["publication_year"] == YEAR
                listed = {code for author in record["authorships"] for code in author["countries"]}
                assert {source, target} <= listed if layer == "collaboration" else source in listed


def test_every_stage_says_what_its_table_says(tiny: Project, link: dict):
    folder = tiny.folder / "results/full"
    row = next(row for row in link["null_models"] if row["layer"] == "collaboration")
    scores = pl.read_parquet(folder / "collaboration/scores/max_entropy.parquet")
    table = scores.filter(year=YEAR, source="CN", target="US").row(0, named=True)
    assert row["z"] == table["z"] == pytest.approx((row["observed"] - row["expected"]) / row["std"])
    assert {row["null"] for row in link["null_models"]} == {"max_entropy"}
    intervals = {(row["layer"], row["source"]): row for row in link["intervals"]}
    assert len(intervals) == len(link["intervals"]) == 3
    for row in link["null_models"]:
        ends = intervals[row["layer"], row["source"]]
        assert ends["z_low"] <= row["z"] <= ends["z_high"] and ends["draws"] == 20
    (plain,) = link["index_intervals"]
    assert plain["salton_low"] <= link["indices"][0]["salton"] <= plain["salton_high"]
    assert link["indices"][0]["weight"] == row["observed"]
    cluster = pl.read_parquet(folder / "clusters/max_entropy.parquet").filter(source="CN", target="US")
    assert [part["archetype"] for part in link["clusters"]] == cluster["archetype"].to_list()
    assert len(link["trajectories"]) == len(cluster) and len(link["excluded"]) == 1 - len(cluster)


def test_a_person_can_read_it(tiny: Project):
    answer = follow(tiny, "us", "cn", str(YEAR))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("United States (US) and China (CN), 2015\n")
    assert "citation US-CN: " in answer.stdout and "citation CN-US: " in answer.stdout
    for title in ("Weights of the networks", "Under the null models", "Plain indices", "95 % intervals of z"):
        assert title in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("US", "CN", "1900"), "no links of 1900; it has 1990-2023"),
        (("US", "QQ", "2015"), "QQ: no link in 2015; give two codes"),
        (("US", "CN", "now"), "--link: year 'now'; allowed: a number such as 2015"),
    ],
)
def test_a_link_that_is_not_there_is_refused_in_one_line(tiny: Project, arguments, message):
    answer = follow(tiny, *arguments)
    assert answer.returncode == 1
    assert message in answer.stderr and "Traceback" not in answer.stderr


def test_the_chain_is_json_too(tiny: Project):
    answer = tiny.python("scripts/audit.py", "results/full/indices.parquet", "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["holds"] and found["first_broken"] is None and not found["faults"]
    links = found["links"]
    assert (
        links[0]["path"] == "results/full/indices.parquet" and links[0]["record"]["rule"] == "measure_indices"
    )
    assert not any(part["breaks"] for part in links)
    assert {part["path"] for part in links} > {"results/full/citation/links/2015.parquet"}
