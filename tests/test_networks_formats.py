"""Networks in other forms than edge lists: the same links give the same tables, whatever holds them."""

import gzip
import zipfile
from pathlib import Path

import networkx as nx
import polars as pl
import pytest

from poles import countries
from poles.errors import StudyError
from poles.networks.edge_files import recognise
from poles.networks.edge_lists import common_years, read_links

YEARS = range(2000, 2003)
LINKS = {
    2000: {("CN", "US"): 5, ("US", "CN"): 7, ("NA", "US"): 2, ("DE", "OTH"): 1},
    2001: {("CN", "US"): 6, ("KR", "NA"): 3},
}
"""Citations by year."""
NAMES = {"CN": "China", "US": "United States", "NA": "Namibia", "DE": "Germany", "KR": "Republic of Korea"}
CODES = ["CN", "DE", "KR", "NA", "OTH", "US"]


def edge_list(path: Path) -> Path:
    rows = [f"{y},{a},{b},{w}" for y, links in LINKS.items() for (a, b), w in links.items()]
    path.write_text("\n".join(["year,source,target,weight", *rows]))
    return path


def matrix(year: int, names: dict[str, str], front: str = "") -> list[str]:
    """Rows of the matrix of a year; pairs without a link are 0, or empty in the row of Germany."""
    rows = []
    for source in CODES:
        cells = [str(LINKS[year].get((source, target), "" if source == "DE" else 0)) for target in CODES]
        rows.append(",".join([f"{front}{names.get(source, source)}", *cells]))
    return rows


def wide(path: Path, names: dict[str, str]) -> Path:
    header = ",".join(["year", "country", *(names.get(code, code) for code in CODES)])
    rows = [row for year in LINKS for row in matrix(year, names, f"{year},")]
    path.write_text("\n".join([header, *rows]))
    return path


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as members:
        for name, text in {**files, "README.txt": "of 1999"}.items():
            members.writestr(f"data/{name}", text)
    return path


def graph_of(year: int, names: dict[str, str]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(names.get(code, code) for code in CODES)
    for (a, b), weight in LINKS[year].items():
        graph.add_edge(names.get(a, a), names.get(b, b), weight=weight)
    return graph


def pajek_text(year: int, names: dict[str, str]) -> str:
    return "\n".join(nx.generate_pajek(graph_of(year, names)))


def graphml_text(year: int, names: dict[str, str]) -> str:
    return "\n".join(nx.generate_graphml(graph_of(year, names)))


def forms(folder: Path) -> dict[str, Path]:
    """Write the links in every form."""
    found = {}
    for style, names in (("codes", {}), ("names", NAMES)):
        found[f"wide {style}"] = wide(folder / f"wide_{style}.csv", names)
        header = ",".join(["", *(names.get(code, code) for code in CODES)])
        texts = {
            "matrices": {f"m{year}.csv": "\n".join([header, *matrix(year, names)]) for year in LINKS},
            "pajek": {f"n{year}.net": pajek_text(year, names) for year in LINKS},
            "graphml": {f"g{year}.graphml": graphml_text(year, names) for year in LINKS},
        }
        for form, files in texts.items():
            found[f"{form} {style}"] = archive(folder / f"{form}_{style}.zip", files)
    return found


FORMS = [
    f"{form} {style}" for form in ("wide", "matrices", "pajek", "graphml") for style in ("codes", "names")
]


@pytest.mark.parametrize("layer", ["citation", "collaboration"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_links(tmp_path: Path, form: str, layer: str):
    wanted = read_links(edge_list(tmp_path / "links.csv"), layer, YEARS)
    path = forms(tmp_path)[form]
    found = read_links(path, layer, YEARS)
    assert [found[year].rows() for year in YEARS] == [wanted[year].rows() for year in YEARS]
    assert found[2000].schema == wanted[2000].schema
    assert common_years({layer: str(path)}) == {"first": 2000, "last": 2001}


@pytest.mark.parametrize("suffix", ["net", "graphml", "csv"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_network_of_one_year_has_the_year_in_its_name(tmp_path: Path, suffix: str, gzipped: bool):
    header = ",".join(["country", *CODES])
    text = {
        "net": pajek_text(2001, {}),
        "graphml": graphml_text(2001, {}),
        "csv": "\n".join([header, *matrix(2001, {})]),
    }
    path = tmp_path / f"citations_2001.{suffix}"
    path.write_bytes(gzip.compress(text[suffix].encode()) if gzipped else text[suffix].encode())
    links = read_links(path, "citation", range(2001, 2002))
    assert links[2001].rows() == [("CN", "US", 6), ("KR", "NA", 3)]
    unnamed = path.rename(tmp_path / f"citations.{suffix}")
    with pytest.raises(
        StudyError, match=r"citations\.\w+: no year in this format; allowed: one year in the name"
    ):
        read_links(unnamed, "citation", range(2001, 2002))


def test_igraph_writes_what_the_study_reads(tmp_path: Path):
    igraph = pytest.importorskip("igraph", reason="needs the packages of envs/crate.txt")
    graph = igraph.Graph(directed=True)
    graph.add_vertices(list(NAMES.values()))
    graph.add_edges([(NAMES[a], NAMES[b]) for a, b in LINKS[2001]])
    graph.es["weight"] = list(LINKS[2001].values())
    graph.write_graphml(str(tmp_path / "g2001.graphml"))
    graph.write_pajek(str(tmp_path / "g2001.net"))
    assert '<node id="n0">' in (tmp_path / "g2001.graphml").read_text(), "names are no ids"
    for suffix in ("graphml", "net"):
        links = read_links(tmp_path / f"g2001.{suffix}", "citation", range(2001, 2002))
        assert links[2001].rows() == [("CN", "US", 6), ("KR", "NA", 3)]


def test_the_exports_of_the_study_are_read(tmp_path: Path):
    from test_exports_networks import expected_links, write

    for layer in ("citation", "collaboration"):
        folder = write(layer, tmp_path / layer)
        for suffix in ("graphml", "net"):
            links = read_links(folder / f"2000.{suffix}", layer, range(2000, 2001))
            assert {(a, b): w for a, b, w in links[2000].iter_rows()} == expected_links(layer)


def test_names_that_are_not_ambiguous_are_codes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "links.csv"
    path.write_text(
        "year,source,target,weight\n"
        "2000,Germany,Côte d'Ivoire,1\n2000,south korea,USA,2\n2000,NAM,Germany,3\n"
    )
    with caplog.at_level("INFO", logger="poles"):
        links = read_links(path, "citation", YEARS)
    assert links[2000].rows() == [("DE", "CI", 1), ("KR", "US", 2), ("NA", "DE", 3)]
    assert "names and three-letter codes are read as two-letter codes" in caplog.text
    assert "SOUTH KOREA KR" in caplog.text


@pytest.mark.parametrize(
    "name", ["Korea", "Congo", "Virgin Islands", "England", "Samoa Islands", "Asia", "UK"]
)
def test_names_of_several_countries_or_of_parts_are_refused(tmp_path: Path, name: str):
    assert countries.named(name) is None
    path = tmp_path / "links.csv"
    path.write_text(f"year,source,target,weight\n2000,{name},US,1\n")
    with pytest.raises(StudyError, match=rf"row 1 \(2000, {name}, US, 1\): {name} as source is no code"):
        read_links(path, "citation", YEARS)


def test_every_country_is_known_by_its_name_and_three_letter_code():
    table = countries.load()
    for code, code3, name in table.select("code", "code3", "name").iter_rows():
        assert countries.named(code3) == code
        assert countries.named(name) == (None if name == "Congo" else code)
    words = [countries._words(name) for name in table["name"]]
    assert len(set(words)) == len(words) and frozenset() not in words


def test_a_country_under_its_name_and_its_code_is_refused(tmp_path: Path):
    path = tmp_path / "links.csv"
    path.write_text("year,source,target,weight\n2000,DE,US,1\n2000,Germany,US,2\n")
    message = r"row 2 \(2000, Germany, US, 2\): the same link as row 1 \(2000, DE, US, 1\)"
    with pytest.raises(StudyError, match=message):
        read_links(path, "citation", YEARS)


def test_codes_of_the_matrix_may_be_merged(tmp_path: Path):
    path = tmp_path / "m.csv"
    path.write_text("year,country,UK,US,FR\n2000,UK,0,3,1\n2000,US,2,0,0\n2000,FR,0,0,0\n")
    links = read_links(path, "citation", YEARS, {"UK": "GB"})
    assert links[2000].rows() == [("GB", "FR", 1), ("GB", "US", 3), ("US", "GB", 2)]
    with pytest.raises(StudyError, match=r"UK as source is no code .*did you mean GB\?"):
        read_links(path, "citation", YEARS)


WRONG = {
    "a column that is no country": (
        "m2000.csv", "country,US,CN,Total\nUS,0,1,1\n",
        r"row 1 \(2000, US, Total, 1\): Total as target is no code",
    ),
    "a cell that is no number": (
        "m2000.csv", "country,US,CN\nUS,0,many\n", r"row 1 \(2000, US, CN, many\): the weight is no number"
    ),
    "NA in a cell": (
        "m2000.csv", "country,US,CN\nUS,0,NA\n", r"row 1 \(2000, US, CN, NA\): the weight is no number"
    ),
    "edges in citations": (
        "n2000.net", '*Vertices 2\n1 "US"\n2 "CN"\n*Edges\n1 2 3\n',
        "line 4: links without direction; allowed",
    ),
    "an undirected graph of citations": (
        "g2000.graphml", "\n".join(nx.generate_graphml(nx.Graph([("US", "CN")]))), "links without direction"
    ),
    "links without weights": (
        "g2000.graphml", "\n".join(nx.generate_graphml(nx.DiGraph([("US", "CN")]))),
        "link US-CN has no weight or papers or observed; allowed: a number for each link",
    ),
    "broken XML": ("g2000.graphml", "<graphml><graph>", "not readable as GraphML"),
    "nodes that are no countries": (
        "g2000.graphml", "\n".join(nx.generate_graphml(nx.DiGraph([("Atlantis", "CN", {"weight": 1})]))),
        r"row 1 \(2000, Atlantis, CN, 1\.0\): Atlantis as source is no code",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, case: str):
    name, text, message = WRONG[case]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(StudyError, match=rf"(?s)^[^\n]*{name}.*{message}"):
        read_links(path, "citation", YEARS)


def test_archives_without_networks_of_years_are_refused(tmp_path: Path):
    for files, message in (
        ({"links.csv": "country,US,CN\nUS,0,1\n"}, "no year, or several"),
        (
            {"a2000.net": pajek_text(2000, {}), "b2000.net": pajek_text(2000, {})},
            "allowed: one network for a year",
        ),
        ({"m2000.csv": "year,source,target,weight\n2000,US,CN,1\n"}, "not a matrix"),
        ({"m2000.csv": "country,US,CN\nUS,0,x\n"}, "row 1: 'x' in column CN; allowed: a number"),
    ):
        with pytest.raises(StudyError, match=message):
            read_links(archive(tmp_path / "z.zip", files), "citation", YEARS)
    workbook = archive(tmp_path / "book.xlsx", {"xl/workbook.xml": "<workbook/>"})
    with pytest.raises(StudyError, match="a zip archive or an Excel workbook"):
        recognise(workbook, "citation")


def test_edge_lists_whose_columns_look_like_countries_stay_edge_lists(tmp_path: Path):
    path = tmp_path / "links.csv"
    path.write_text("year,i,j,papers,US,CN\n2000,US,CN,4,1,1\n")
    assert read_links(path, "citation", YEARS)[2000].rows() == [("US", "CN", 4)]
    path.write_text("year,from,to,n\n2000,US,CN,4\n")
    with pytest.raises(StudyError, match="lacks column source or i, target or j, weight or papers"):
        read_links(path, "citation", YEARS)


def test_real_matrices_and_edge_lists_agree(shared_data, tmp_path: Path):
    source = next(shared_data("europe-collaboration").glob("*.csv*"))
    edges = pl.read_csv(source, infer_schema=False).filter(pl.col("year").is_in(["2019", "2020"]))
    weight = next(name for name in ("weight", "papers") if name in edges.columns)
    wide_form = edges.pivot("target", index=["year", "source"], values=weight).fill_null("0")
    edges.write_csv(tmp_path / "edges.csv")
    wide_form.rename({"source": "country"}).write_csv(tmp_path / "wide.csv")
    years = range(2019, 2021)
    one, two = (read_links(tmp_path / f"{form}.csv", "collaboration", years) for form in ("edges", "wide"))
    assert len(one[2020]) > 1000
    assert [one[year].rows() for year in years] == [two[year].rows() for year in years]
