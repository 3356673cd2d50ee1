"""Archives of Pajek networks against the edge lists that they hold."""

import gzip
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT
from poles.errors import StudyError
from poles.networks import pajek
from poles.networks.edge_lists import read_links

HEAD = '\ufeff% mat2Pajek Tue Aug 27 2024 \n*vertices 3 \n1 "US"\n2 "NA"\n3 "CN"\n'
"""As the R function matrix2net of Batagelj writes it."""


def archive(path: Path, **networks: str) -> Path:
    with zipfile.ZipFile(path, "w") as members:
        for name, text in networks.items():
            members.writestr(f"data/{name}.net", text)
        members.writestr("data/WrldCo2000T.vec", "*vertices 3\n1\n2\n3\n")
    return path


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return archive(
        tmp_path / "years.zip",
        WrldCo2001=HEAD + "*arcs\n1 3 1e+05 \n3 1 100001 \n2 1 4 \n",
        WrldCo2000=HEAD + "*arcs\n1 2 3 \n2 1 3 \n3 3 9 \n2 3 0 \n",
    )


def test_the_command_makes_an_edge_list_that_the_study_reads(world: Path, tmp_path: Path):
    digest = hashlib.sha256(world.read_bytes()).hexdigest()
    edges = tmp_path / "edges.csv.gz"
    command = [sys.executable, str(ROOT / "scripts/convert_pajek.py"), str(world), str(edges)]
    process = subprocess.run([*command, "--sha256", digest], capture_output=True, text=True, check=True)
    assert f"{world}: SHA-256 {digest}" in process.stdout
    assert f"4 links, SHA-256 {hashlib.sha256(edges.read_bytes()).hexdigest()}" in process.stdout
    assert gzip.decompress(edges.read_bytes()).decode().splitlines() == [
        "year,source,target,papers", "2000,CN,CN,9", "2000,NA,US,3", "2001,CN,US,100001", "2001,NA,US,4",
    ]  # fmt: skip
    links = read_links(edges, "collaboration", range(2000, 2002))
    assert links[2001].rows() == [("CN", "US", 100001), ("NA", "US", 4)]
    edges.unlink()
    process = subprocess.run([*command, "--sha256", "0" * 64], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr == f"{world}: SHA-256 {digest}; allowed: {'0' * 64}\n"
    assert not edges.exists()


@pytest.mark.parametrize(
    "links",
    [
        "*Arcs\n1 2 3\n2 1 2\n1 3 0.5",
        "*Edges\n2 1 3\n3 1 0.5 c Blue",
        '*Arcs :1 "papers"\n1 2 3\n1 3 0.5',
        "*Matrix\n0 3 0\n2 0 0\n0.5 0 0",
    ],
)
def test_links_in_every_section(links):
    assert pajek.links_of(HEAD + links, "x.net") == {("NA", "US"): 3, ("CN", "US"): 0.5}


def test_labels_without_quotes_and_links_without_weights():
    text = "*Vertices 2\n1 US 0.1 0.2 0.5\n2 CN\n*Edges\n1 2\n"
    assert pajek.links_of(text, "x.net") == {("CN", "US"): 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "*Edges\n1 2 3\n*Arcs\n1 3 2\n", ", line 8: a second section of links"),
        (HEAD + "*Edges :1\n1 2 3\n*Edges :2\n1 3 2\n", ", line 8: a second section of links"),
        (
            HEAD + "*Arcslist\n1 2 3\n",
            ", line 6: section '*arcslist'; allowed: *vertices, *arcs, *edges, *matrix",
        ),
        (HEAD + "*Edges\n1 4 3\n", ", line 7: no link of two vertices"),
        (HEAD + "*Edges\n1 2 -3\n", ", line 7: weight '-3'; allowed: a number, not below 0"),
        (HEAD + "*Edges\n1 2 many\n", ", line 7: weight 'many'"),
        (HEAD + "*Arcs\n1 2 3\n1 2 3\n", ", line 8: US-NA has a second line"),
        (HEAD + "*Matrix\n1 2\n", ", line 7: not a row of a square matrix"),
        ("*Vertices 2\n1\n", ", line 2: no vertex with a label"),
        ("*Vertices 2\n1 US\n2 US\n", ", line 3: a second vertex 'US'"),
        (HEAD + "*Matrix\n0 1 2\n", ": the matrix has fewer rows than vertices"),
        ("year,source\n", ", line 1: text before the first section"),
        ("*Vertices 5 2\n", ", line 1: a network of two modes"),
    ],
)
def test_networks_that_readers_disagree_about_are_refused(text, message):
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        pajek.links_of(text, "x.net")
    assert str(error.value).startswith(f"x.net{message}")


def test_archives_that_hold_no_networks_of_years_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"none\.zip: not readable as a zip archive"):
        pajek.edge_list(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(StudyError, match=r"text\.zip: not readable as a zip archive"):
        pajek.edge_list(tmp_path / "text.zip")
    with pytest.raises(StudyError, match="no network; allowed: a zip archive"):
        pajek.edge_list(archive(tmp_path / "no.zip"))
    with pytest.raises(StudyError, match=r"World\.net: no year"):
        pajek.edge_list(archive(tmp_path / "year.zip", World=HEAD))
    with pytest.raises(StudyError, match="allowed: one network for a year"):
        pajek.edge_list(archive(tmp_path / "two.zip", a2000=HEAD, b2000=HEAD))
