"""Edge lists in several spellings, orders and formats against the same links."""

import csv
import gzip
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.errors import StudyError
from poles.networks.edge_lists import read_links
from poles.networks.tables import FRACTIONAL_LINKS, LINKS

YEARS = range(2000, 2003)


def write_csv(path, rows, header="year,source,target,weight") -> str:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def rows_of(links: dict[int, pl.DataFrame]) -> dict[int, list[tuple]]:
    return {year: frame.rows() for year, frame in links.items()}


code = st.sampled_from(["AF", "CN", "NA", "US", "XK"])
links = st.dictionaries(
    st.tuples(st.sampled_from(YEARS), code, code).map(lambda key: (key[0], *sorted(key[1:]))),
    st.integers(1, 10**12),
    min_size=1,
)


@settings(max_examples=30, deadline=None)
@given(links, st.randoms(use_true_random=False), st.sampled_from(["csv", "csv.gz", "parquet"]))
def test_an_undirected_link_is_the_same_from_either_end_and_from_both(
    tmp_path_factory, links, random, ending
):
    rows = []
    for (year, a, b), weight in links.items():
        ends = {(a, b), (b, a)}
        for source, target in random.sample(sorted(ends), random.randint(1, len(ends))):
            rows.append((year, source, target, weight))
    random.shuffle(rows)
    path = tmp_path_factory.mktemp("links") / f"links.{ending}"
    frame = pl.DataFrame(rows, ("year", "source", "target", "weight"), orient="row")
    if ending == "parquet":
        frame.write_parquet(path)
    else:
        text = frame.write_csv().encode()
        path.write_bytes(gzip.compress(text) if ending == "csv.gz" else text)
    read = read_links(path, "collaboration", YEARS)
    assert all(frame.schema == pl.Schema(LINKS.columns) for frame in read.values())
    assert rows_of(read) == {
        year: sorted((a, b, weight) for (when, a, b), weight in links.items() if when == year)
        for year in YEARS
    }


def test_the_larger_of_two_weights_counts_and_the_log_says_so(tmp_path, caplog):
    rows = [(2000, "US", "CN", 5), (2000, "CN", "US", 6), (2001, "NA", "CN", 0), (2001, "CN", "NA", 2)]
    links = read_links(write_csv(tmp_path / "links.csv", rows), "collaboration", YEARS)
    assert rows_of(links) == {2000: [("CN", "US", 6)], 2001: [("CN", "NA", 2)], 2002: []}
    assert "1 pairs have different weights" in caplog.text


def test_directed_links_stay_as_they_are_with_the_diagonal(tmp_path):
    rows = [(2000, "US", "CN", 5), (2000, "CN", "US", 6), (2000, "US", "US", 70), (2001, "NA", "NA", 1)]
    links = read_links(write_csv(tmp_path / "links.csv", rows), "citation", YEARS)
    assert rows_of(links) == {
        2000: [("CN", "US", 6), ("US", "CN", 5), ("US", "US", 70)],
        2001: [("NA", "NA", 1)],
        2002: [],
    }


@pytest.mark.parametrize(
    "header",
    ["year,source,target,weight", "year,source,target,papers", "year,i,j,weight", " Year,I,J,Papers"],
)
def test_names_of_columns(tmp_path, header):
    path = write_csv(tmp_path / "links.csv", [(2000, "na", " US ", 3)], header)
    assert rows_of(read_links(path, "citation", YEARS))[2000] == [("NA", "US", 3)]


def test_further_columns_are_not_read(tmp_path):
    path = write_csv(
        tmp_path / "links.csv", [("Namibia", 3, "US", "NA", 2000)], "name,weight,target,source,year"
    )
    assert rows_of(read_links(path, "citation", YEARS))[2000] == [("NA", "US", 3)]


def test_one_fractional_weight_makes_all_fractional(tmp_path):
    path = write_csv(tmp_path / "links.csv", [(2000, "US", "CN", 3), (2001, "US", "CN", "0.25")])
    links = read_links(path, "citation", YEARS)
    assert all(frame.schema == pl.Schema(FRACTIONAL_LINKS.columns) for frame in links.values())
    assert rows_of(links) == {2000: [("US", "CN", 3.0)], 2001: [("US", "CN", 0.25)], 2002: []}


@pytest.mark.parametrize("weight", ["3.0", "3", "3e0"])
def test_whole_numbers_are_integers_however_spelled(tmp_path, weight):
    path = write_csv(tmp_path / "links.csv", [(2000, "US", "CN", weight), (2000, "CN", "US", 4)])
    assert read_links(path, "citation", YEARS)[2000]["weight"].dtype == pl.Int64


@pytest.mark.parametrize("kind", [pl.Float32, pl.Float64, pl.Decimal(10, 2)])
def test_fractional_weights_of_parquet_are_not_truncated(tmp_path, kind):
    frame = pl.DataFrame({"year": [2000], "source": ["US"], "target": ["CN"], "weight": [1.5]})
    frame.with_columns(pl.col("weight").cast(kind)).write_parquet(tmp_path / "links.parquet")
    assert rows_of(read_links(tmp_path / "links.parquet", "citation", YEARS))[2000] == [("US", "CN", 1.5)]


def test_links_left_out_are_counted(tmp_path, caplog):
    rows = [(1999, "US", "CN", 5), (2000, "CN", "US", 6), (2001, "US", "CN", 0), (2003, "US", "CN", 0)]
    with caplog.at_level("INFO", logger="poles"):
        read_links(write_csv(tmp_path / "links.csv", rows), "citation", YEARS)
    assert (
        "1 links in 1 years between 2 countries; left out: 2 of weight 0, 1 outside 2000-2002" in caplog.text
    )


def test_codes_that_iso_does_not_have_are_named(tmp_path, caplog):
    rows = [(2000, "UK", "US", 1), (2000, "OTH", "US", 1)]
    links = read_links(write_csv(tmp_path / "links.csv", rows), "citation", YEARS)
    assert len(links[2000]) == 2
    assert "codes that ISO 3166-1 does not have: UK" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((2000, "USA", "CN", 1), "three letters as source; allowed: two-letter codes"),
        ((2000, "US", "China", 1), "no country as target"),
        ((2000, "", "CN", 1), "no country as source"),
        (("2000.5", "US", "CN", 1), "no year"),
        (("", "US", "CN", 1), "no year"),
        ((2000, "US", "CN", ""), "no weight"),
        ((2000, "US", "CN", "many"), "no weight"),
        ((2000, "US", "CN", -1), "weight is negative"),
        ((2000, "US", "CN", "inf"), "weight is not finite"),
        ((2000, "US", "CN", "NaN"), "weight is not finite"),
        ((2001, "NA", "US", 4), "second row of that link"),
    ],
)
def test_an_invalid_row_is_named(tmp_path, row, message):
    path = write_csv(tmp_path / "links.csv", [(2001, "NA", "US", 3), row])
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read_links(path, "collaboration", YEARS)
    assert f"{path}, row 2 (" in str(error.value)
    assert message in str(error.value)


def test_files_that_are_not_edge_lists_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"source\.networks\.citation: missing"):
        read_links(None, "citation", YEARS)
    with pytest.raises(StudyError, match=r"none\.csv: not readable"):
        read_links(tmp_path / "none.csv", "citation", YEARS)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(StudyError, match=r"empty\.csv: not readable"):
        read_links(tmp_path / "empty.csv", "citation", YEARS)
    (tmp_path / "links.parquet").write_text("year")
    with pytest.raises(StudyError, match=r"links\.parquet: not readable"):
        read_links(tmp_path / "links.parquet", "citation", YEARS)
    path = write_csv(tmp_path / "links.csv", [], "year,from,target,count")
    with pytest.raises(
        StudyError, match="lacks column source or i, weight or papers; it has year, from, target, count"
    ):
        read_links(path, "citation", YEARS)
    path = write_csv(tmp_path / "links.csv", [(1980, "US", "CN", 1)])
    with pytest.raises(StudyError, match="no link in the years 2000-2002; the file has 1980-1980"):
        read_links(path, "citation", YEARS)


def test_a_file_without_rows_gives_years_without_links(tmp_path):
    links = read_links(write_csv(tmp_path / "links.csv", []), "collaboration", YEARS)
    assert rows_of(links) == {2000: [], 2001: [], 2002: []}


@pytest.mark.parametrize(("name", "first"), [("world-collaboration", 2000), ("europe-collaboration", 1990)])
def test_real_edge_lists_are_read_completely(shared_data, name, first):
    path = shared_data(name) / "collaboration.csv.gz"
    expected: dict[int, dict] = defaultdict(dict)
    with gzip.open(path, "rt") as stream:
        for row in csv.DictReader(stream):
            expected[int(row["year"])][tuple(sorted((row["source"], row["target"])))] = int(row["papers"])
    read = read_links(path, "collaboration", range(first, 2022))
    assert rows_of(read) == {
        year: sorted((*pair, weight) for pair, weight in expected[year].items())
        for year in range(first, 2022)
    }
    assert any("NA" in frame["source"] for frame in read.values()) == (name == "world-collaboration")
