"""The networks for other programs, read back by libraries that did not write them."""

import json
import math
import shutil
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import polars as pl
import pytest

from poles.exports import graphs
from poles.exports.writing import write_networks
from poles.networks import pajek
from poles.networks.tables import COUNTRIES
from poles.nulls.tables import SCORES
from poles.study import tables
from workflow import Project

NEEDED = "needs the packages of envs/crate.txt, which `make test` installs"
RECORD = {"rule": "export_networks", "wildcards": {}, "params": {}, "log": "", "inputs": {}}
COUNTRY_ROWS = [
    ("CN", 20.0), ("NA", 1.5), ("NO", 3.0), ("OTH", None), ("US", 30.0)
]  # fmt: skip
"""Countries with their papers. Norway has no link, and the rest of the world no papers."""
PAIRS = {
    "collaboration": [("CN", "US", 3.0), ("NA", "US", 0.5), ("CN", "NA", 0.0), ("CN", "OTH", 2.0)],
    "citation": [
        ("CN", "US", 5.0), ("US", "CN", 7.0), ("US", "NA", 1.0), ("NA", "US", 0.0), ("CN", "OTH", 2.0)
    ],
}  # fmt: skip
"""Pairs with their weights, by layer. No link of collaboration in the second year is Namibian."""
YEARS = (2000, 2001)


def scores_of(layer: str, expected: float) -> pl.DataFrame:
    """Scores of both years. The link of China and the rest of the world has no z."""
    rows = [
        {
            "year": year,
            "source": a,
            "target": b,
            "observed": 0.0 if year == 2001 and "NA" in (a, b) else weight,
        }
        for year in YEARS
        for a, b, weight in PAIRS[layer]
    ]
    z = pl.when(pl.col("target") != "OTH").then((pl.col("observed") - expected) / 3)
    return pl.DataFrame(rows).with_columns(z=z, expected=pl.lit(expected), std=3.0, p=0.5, q=0.5)


@pytest.fixture(scope="module", params=list(PAIRS))
def layer(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(layer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(layer, tmp_path_factory.mktemp(layer))


def write(layer: str, folder: Path) -> Path:
    """Write the networks of both years under two null models."""
    scores = {}
    for null, expected in (("max_entropy", 1.0), ("multi_edge", 4.0 / 3.0)):
        scores[null] = str(folder / f"{null}.parquet")
        tables.write(scores_of(layer, expected), SCORES, scores[null], RECORD)
    countries = pl.DataFrame(
        [
            {"year": year, "country": code, "papers": papers, "collaboration_strength": 2.0,
             "citation_strength_out": 4.0, "citation_strength_in": 5.0}
            for year in YEARS
            for code, papers in COUNTRY_ROWS
            if year == 2000 or code != "NO"
        ],
    ).with_columns(
        pl.lit(None).alias(name)
        for name in ("international_papers", "collaboration_links", "citation_links_out", "citation_links_in")
    )  # fmt: skip
    tables.write(countries, COUNTRIES, folder / "countries.parquet", RECORD)
    paths = {form: [str(folder / f"{year}.{form}") for year in YEARS] for form in ("graphml", "net", "json")}
    paths |= {"dynamic": str(folder / "all_years.gexf"), "package": str(folder / "datapackage.json")}
    write_networks(scores, str(folder / "countries.parquet"), layer, paths, RECORD)
    return folder


def expected_links(layer: str, year: int = 2000) -> dict[tuple[str, str], float]:
    """Weights of the links of a year."""
    return {
        (a, b): weight
        for a, b, weight in PAIRS[layer]
        if weight and not (year == 2001 and "NA" in (a, b))
    }  # fmt: skip


def ends(graph: nx.Graph, source: str, target: str) -> tuple[str, str]:
    """Ends of a link, sorted if it has no direction."""
    return (source, target) if graph.is_directed() else (min(source, target), max(source, target))


@pytest.mark.parametrize("year", YEARS)
def test_networkx_reads_graphml(layer: str, folder: Path, year: int):
    graph = nx.read_graphml(folder / f"{year}.graphml")
    assert graph.is_directed() == (layer == "citation")
    found = {ends(graph, a, b): weight for a, b, weight in graph.edges(data="weight")}
    assert found == expected_links(layer, year)
    assert set(graph) == {code for code, _ in COUNTRY_ROWS if year == 2000 or code != "NO"}
    assert graph.nodes["NA"] | {"papers": 1.5, "label": "Namibia", "alpha3": "NAM"} == graph.nodes["NA"]
    assert graph.nodes["US"]["continent"] == "Americas"
    assert not {"papers", "alpha3"} & set(graph.nodes["OTH"])
    edge = graph.edges["CN", "US"]
    assert edge["observed"] == edge["weight"] and edge["expected_max_entropy"] == 1
    assert edge["z_multi_edge"] == pytest.approx((edge["weight"] - 4 / 3) / 3, rel=1e-5)
    assert not {"z_max_entropy", "z_multi_edge"} & set(graph.edges["CN", "OTH"])


def test_igraph_reads_graphml(layer: str, folder: Path):
    igraph = pytest.importorskip("igraph", reason=NEEDED)
    graph = igraph.Graph.Read_GraphML(str(folder / "2000.graphml"))
    codes = graph.vs["id"]
    assert graph.is_directed() == (layer == "citation")
    assert sorted(codes) == [code for code, _ in COUNTRY_ROWS]
    found = {(codes[edge.source], codes[edge.target]): edge["weight"] for edge in graph.es}
    if not graph.is_directed():
        found = {(min(pair), max(pair)): weight for pair, weight in found.items()}
    assert found == expected_links(layer)
    assert graph.vs.find(id="NO").degree() == 0, "a country without links"
    assert graph.vs.find(id="NA")["label"] == "Namibia" and graph.vs.find(id="NA")["papers"] == 1.5
    assert math.isnan(graph.vs.find(id="OTH")["papers"])
    missing = [
        edge["z_max_entropy"] for edge in graph.es if "OTH" in (codes[edge.source], codes[edge.target])
    ]
    assert len(missing) == 1 and math.isnan(missing[0])


def test_networkx_reads_pajek(layer: str, folder: Path):
    graph = nx.read_pajek(folder / "2000.net")
    assert graph.is_directed() == (layer == "citation")
    assert list(graph) == [code for code, _ in COUNTRY_ROWS]
    assert {ends(graph, a, b): weight for a, b, weight in graph.edges(data="weight")} == expected_links(layer)


def test_igraph_reads_pajek(layer: str, folder: Path):
    igraph = pytest.importorskip("igraph", reason=NEEDED)
    graph = igraph.Graph.Read_Pajek(str(folder / "2000.net"))
    codes = graph.vs["name"]
    assert graph.is_directed() == (layer == "citation")
    assert codes == [code for code, _ in COUNTRY_ROWS]
    found = {(codes[edge.source], codes[edge.target]): edge["weight"] for edge in graph.es}
    assert {ends(graph, *pair): weight for pair, weight in found.items()} == expected_links(layer)


def test_the_study_reads_its_own_pajek_files(layer: str, folder: Path):
    text = (folder / "2000.net").read_text()
    larger: dict[tuple[str, str], float] = {}
    for (a, b), weight in expected_links(layer).items():
        larger[min(a, b), max(a, b)] = max(weight, larger.get((min(a, b), max(a, b)), 0))
    assert pajek.links_of(text, "2000.net") == larger


def test_a_link_of_the_dynamic_network_has_the_values_of_each_year(layer: str, folder: Path):
    graph = nx.read_gexf(folder / "all_years.gexf")
    assert graph.is_directed() == (layer == "citation")
    assert set(graph) == {code for code, _ in COUNTRY_ROWS}
    assert {ends(graph, a, b) for a, b in graph.edges} == set(expected_links(layer))
    weights = {pair: expected_links(layer)[pair] for pair in expected_links(layer, 2001)}
    for pair, weight in weights.items():
        assert graph.edges[pair]["weight"] == 2 * weight
    # The reader of networkx keeps one value of several, so the values are read from the XML itself.
    text = {"g": "http://www.gexf.net/1.2draft"}
    root = ElementTree.parse(folder / "all_years.gexf").getroot()
    assert root.find("g:meta", text).attrib == {}, "a date would differ from run to run"
    titles = {
        (group.get("class"), item.get("id")): item.get("title")
        for group in root.iter("{http://www.gexf.net/1.2draft}attributes")
        for item in group
    }
    edge = next(
        item
        for item in root.iter("{http://www.gexf.net/1.2draft}edge")
        if {item.get("source"), item.get("target")} == {"NA", "US"} and float(item.get("weight")) > 0
    )
    values = {
        (titles["edge", value.get("for")], float(value.get("start"))): float(value.get("value"))
        for value in edge.iter("{http://www.gexf.net/1.2draft}attvalue")
    }
    weight = 0.5 if layer == "collaboration" else 1.0
    assert values["observed", 2000.0] == weight
    assert values["z_max_entropy", 2000.0] == pytest.approx((weight - 1) / 3, rel=1e-5)
    assert {year for _, year in values} == {2000.0}, "the link is gone in 2001"
    spells = [
        (item.get("start"), item.get("end")) for item in edge.iter("{http://www.gexf.net/1.2draft}spell")
    ]
    assert spells == [("2000.0", "2000.99")]


def test_vosviewer_gets_one_link_for_both_directions(layer: str, folder: Path):
    network = json.loads((folder / "2000.json").read_text(encoding="utf-8"))["network"]
    codes = {item["id"]: item["code"] for item in network["items"]}
    assert list(codes) == [1, 2, 3, 4, 5] and set(codes.values()) == {code for code, _ in COUNTRY_ROWS}
    labels = {item["code"]: item["label"] for item in network["items"]}
    assert labels["NA"] == "Namibia" and labels["OTH"] == "OTH"
    papers = {item["code"]: item["weights"].get("papers") for item in network["items"]}
    assert papers == dict(COUNTRY_ROWS)
    links = {
        frozenset((codes[link["source_id"]], codes[link["target_id"]])): link for link in network["links"]
    }
    assert len(links) == len(network["links"]) == 3
    link = links[frozenset(("CN", "US"))]
    one, two = (3.0,), (5.0, 7.0)
    weights = one if layer == "collaboration" else two
    assert link["strength"] == link["observed"] == sum(weights)
    assert link["expected_max_entropy"] == len(weights)
    assert link["z_max_entropy"] == pytest.approx(sum((w - 1) / 3 for w in weights) / len(weights), rel=1e-5)
    if layer == "citation":  # the direction without a link counts
        z = links[frozenset(("NA", "US"))]["z_max_entropy"]
        assert z == pytest.approx(((1 - 1) / 3 + (0 - 1) / 3) / 2, rel=1e-5)


def test_every_attribute_of_a_file_has_one_type(folder: Path):
    text = (folder / "2000.graphml").read_text()
    keys = [line for line in text.replace("<key", "\n<key").splitlines() if line.startswith("<key")]
    names = [line.split('attr.name="')[1].split('"')[0] for line in keys]
    assert len(set(names)) == len(names)
    assert 'attr.type="long"' not in text and 'attr.type="int"' not in text


def test_frictionless_finds_the_package_valid(folder: Path, tmp_path: Path):
    frictionless = pytest.importorskip("frictionless", reason=NEEDED)
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid and len(report.tasks) == 7
    changed = shutil.copytree(folder, tmp_path / "changed")
    (changed / "2000.net").write_text((folder / "2000.net").read_text().replace("NA", "NO"))
    report = frictionless.validate(str(changed / "datapackage.json"))
    assert [task.name for task in report.tasks if not task.valid] == ["2000.net"]


def test_equal_networks_give_equal_bytes(layer: str, folder: Path, tmp_path: Path):
    again = write(layer, tmp_path)
    names = {path.name for path in folder.iterdir() if path.suffix != ".parquet"}
    assert len(names) == 8
    unequal = {name for name in names if (again / name).read_bytes() != (folder / name).read_bytes()}
    assert unequal == {"datapackage.json"}, "it has its path in it, as all files with a record have"
    packages = [json.loads((path / "datapackage.json").read_bytes()) for path in (folder, again)]
    for package in packages:
        for key in ("file", "sha256"):
            package["provenance"].pop(key)
    assert packages[0] == packages[1]


def test_the_order_of_rows_does_not_matter():
    scores = scores_of("citation", 1.0)
    shuffled = scores.sample(fraction=1, shuffle=True, seed=1)
    for directed in (True, False):
        assert graphs.linked_pairs({"a": scores}, directed).equals(
            graphs.linked_pairs({"a": shuffled}, directed)
        )


def test_the_exports_of_a_study_are_under_audit(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    assert twin.plan("exports") == {"export_networks": 2, "write_pages": 1, "exports": 1}
    twin.run("results/exports/full/collaboration/datapackage.json")
    name = "results/exports/full/collaboration/2010.graphml"
    links = pl.read_parquet(tiny.folder / "results/full/collaboration/links/2010.parquet")
    graph = nx.read_graphml(twin.folder / name)
    weights = {ends(graph, a, b): weight for a, b, weight in graph.edges(data="weight")}
    assert weights == {(a, b): weight for a, b, weight in links.iter_rows() if a != b}
    answer = twin.python("scripts/audit.py", name)
    assert answer.returncode == 0, answer.stderr
    path = twin.folder / name
    path.write_text(path.read_text().replace("Germany", "Prussia"))
    answer = twin.python("scripts/audit.py", name)
    assert f"{name} does not hold what was written to it" in answer.stderr
    for change in (lambda: None, path.unlink):
        change()
        answer = twin.python("scripts/audit.py", "--all")
        assert answer.returncode == 1 and f"first broken link: {name} " in answer.stderr, "with all others"
