"""Edge lists in several spellings, orders and formats against the same links."""

import csv
import gzip
import json
import re
import tempfile
from collections import defaultdict
from datetime import date, datetime
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from poles.errors import StudyError
from poles.networks.edge_files import recognise
from poles.networks.edge_lists import common_years, read_links
from poles.networks.tables import FRACTIONAL_LINKS, LINKS
from poles.study import config
from workflow import Project

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


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("UK", "did you mean GB?; allowed: "),
        ("el", "did you mean GR?; allowed: "),
        ("England", "did you mean GB?; allowed: "),
        ("EU", "EU is the European Union; allowed: "),
        ("EU27_2020", "EU27_2020 is a group of countries; allowed: "),
        ("AN", "AN is the Netherlands Antilles"),
        ("SU", "SU is the Soviet Union"),
        ("YU", "YU is Yugoslavia"),
        ("CS", "CS is Serbia and Montenegro"),
        ("TP", "did you mean TL?"),
        ("ZR", "did you mean CD?"),
        ("WLD", "WLD is the world"),
        ("ROW", "ROW is the rest of the world (OTH in an edge list)"),
        ("ZZ", "alpha-2; allowed: two-letter codes, XK, and OTH for the rest"),
        ("7", "alpha-2; allowed: "),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_code_that_is_no_country_is_refused(tmp_path, code, advice, ending):
    rows = [(2000, "OTH", "US", 1), (2000, "XK", code, 1)]
    path = tmp_path / f"links.{ending}"
    if ending == "csv":
        write_csv(path, rows)
    else:
        pl.DataFrame(rows, ("year", "source", "target", "weight"), orient="row").write_parquet(path)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read_links(path, "citation", YEARS)
    start = f"{path}, row 2 (2000, XK, {code}, 1): {code} as target is no code of ISO 3166-1 alpha-2; "
    assert str(error.value).startswith(start.removesuffix("alpha-2; "))
    assert advice in str(error.value)


def test_all_foreign_codes_are_named_with_a_mapping(tmp_path):
    path = write_csv(
        tmp_path / "links.csv", [(2000, "UK", "US", 1), (2000, "FR", "EL", 1), (2001, "EU", "US", 1)]
    )
    with pytest.raises(StudyError, match=r"the file also has EU, EL; .*selection\.merge: {UK: GB, EL: GR}$"):
        read_links(path, "citation", YEARS)


def test_mapped_codes_give_the_links_of_the_countries(tmp_path, caplog):
    iso = [(2000, "GB", "US", 3), (2000, "GR", "GB", 1), (2001, "GR", "GR", 2)]
    foreign = [tuple({"GB": "UK", "GR": "el"}.get(value, value) for value in row) for row in iso]
    read = [
        read_links(write_csv(tmp_path / name, rows), "collaboration", YEARS, merge)
        for name, rows, merge in (
            ("iso.csv", iso, {}),
            ("foreign.csv", foreign, {"UK": "GB", "EL": "GR", "TP": "TL"}),
        )
    ]
    assert rows_of(read[0]) == rows_of(read[1])
    assert "TP counts as TL (selection.merge): 0 rows" in caplog.text
    assert "UK counts" not in caplog.text, "only a code without rows is warned of"
    twice = write_csv(tmp_path / "twice.csv", [(2000, "UK", "US", 3), (2000, "GB", "US", 4)])
    with pytest.raises(StudyError, match=r"row 2 .*the same link as row 1 \(2000, UK, US, 3\)"):
        read_links(twice, "collaboration", YEARS, {"UK": "GB"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((2000, "", "CN", 1), "no country as source"),
        (("2000.5", "US", "CN", 1), "the year is no whole number"),
        (("y2000", "US", "CN", 1), "the year is no whole number"),
        (("2000-01-01", "US", "CN", 1), "the year is a date"),
        (("1/1/2000", "US", "CN", 1), "the year is a date"),
        (("", "US", "CN", 1), "no year"),
        ((2000, "US", "CN", ""), "no weight"),
        ((2000, "US", "CN", "NA"), "the weight is no number"),
        ((2000, "US", "CN", "many"), "the weight is no number"),
        (
            (2000, "US", "CN", '"1,000"'),
            "a weight with a comma or blank; allowed: digits with a decimal point",
        ),
        ((2000, "US", "CN", "1 000"), "a weight with a comma or blank"),
        (("99999999999999999999", "US", "CN", 1), "no such year; allowed: a year from 1000 to 2999"),
        ((2**64 + 2000, "US", "CN", 1), "no such year"),
        ((-2000, "US", "CN", 1), "no such year"),
        ((20000, "US", "CN", 1), "no such year"),
        ((2000, "US", "CN", 2**53), "the weight is too large; allowed: a number below 9007199254740992"),
        ((2000, "US", "CN", 2**64 + 1), "the weight is too large"),
        ((2000, "US", "CN", "1e300"), "the weight is too large"),
        ((2000, "US", "CN", -1), "weight is negative"),
        ((2000, "US", "CN", "inf"), "weight is not finite"),
        ((2000, "US", "CN", "NaN"), "weight is not finite"),
        ((2001, "NA", "US", 4), "the same link as row 1 (2001, NA, US, 3)"),
        (("2001.0", "na", "us", 4), "the same link as row 1 (2001, NA, US, 3)"),
    ],
)
def test_an_invalid_row_is_named(tmp_path, row, message):
    path = write_csv(tmp_path / "links.csv", [(2001, "NA", "US", 3), row])
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read_links(path, "collaboration", YEARS)
    assert f"{path}, row 2 (" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("year", ["2000", "2000.0", "2000.", " 2000 ", "2e3", "+2000"])
@pytest.mark.parametrize("weight", ["1000", "1000.0", "1e3", "1E+03", "1.000e+03", " 1000 "])
def test_whole_numbers_are_read_in_any_spelling(tmp_path, year, weight):
    links = read_links(write_csv(tmp_path / "a.csv", [(year, "US", "CN", weight)]), "citation", YEARS)
    assert links[2000].rows() == [("US", "CN", 1000)]
    assert links[2000]["weight"].dtype == pl.Int64


def test_the_largest_weight_is_exact(tmp_path):
    rows = [(2000, "US", "CN", 2**53 - 1), (2000, "US", "FR", 1)]
    links = read_links(write_csv(tmp_path / "a.csv", rows), "citation", YEARS)
    assert links[2000].rows() == [("US", "CN", 2**53 - 1), ("US", "FR", 1)]


@pytest.mark.parametrize("kind", [pl.Int16, pl.UInt64, pl.Float32, pl.Float64, pl.Decimal(12, 2), pl.Int128])
def test_whole_numbers_are_read_from_any_type_of_number(tmp_path, kind):
    frame = pl.DataFrame({"year": [2000], "source": ["US"], "target": ["CN"], "weight": [100]})
    frame.with_columns(pl.col("year", "weight").cast(kind)).write_parquet(tmp_path / "links.parquet")
    links = read_links(tmp_path / "links.parquet", "citation", YEARS)
    assert links[2000].rows() == [("US", "CN", 100)]
    assert links[2000]["weight"].dtype == pl.Int64


ROWS = {"year": [2000, 2001], "source": ["US", "NA"], "target": ["CN", "CN"], "weight": [100000, 7]}


def arrow(path, store_schema=True, **kinds) -> None:
    """Write the links with pyarrow, some columns with other types than it infers."""
    columns = {name: pa.array(values) for name, values in ROWS.items()}
    table = pa.table(columns | {name: columns[name].cast(kind) for name, kind in kinds.items()})
    pq.write_table(table, path, store_schema=store_schema)


def pandas(path, index=None, **kinds) -> None:
    """Write the links with pandas, some columns with other types than it infers."""
    pd.DataFrame(ROWS, index=index).astype(kinds).to_parquet(path)


def polars(path, categorical=()) -> None:
    """Write the links with polars, some columns as categorical."""
    pl.DataFrame(ROWS).with_columns(pl.col(categorical).cast(pl.Categorical)).write_parquet(path)


def pandas_csv(path, separator=",", number=None, quoting=csv.QUOTE_MINIMAL) -> None:
    """Write the links with pandas as CSV, all numbers as floating-point numbers."""
    frame = pd.DataFrame(ROWS).astype({"year": float, "weight": float})
    frame.to_csv(path, sep=separator, float_format=number, quoting=quoting)


WRITERS = {
    "Arrow, large types": partial(arrow, source=pa.large_string(), weight=pa.uint64()),
    "Arrow, views": partial(arrow, source=pa.string_view(), target=pa.string_view()),
    "Arrow, dictionaries": partial(arrow, source=pa.dictionary(pa.int8(), pa.string()), year=pa.float32()),
    "Arrow, decimals": partial(arrow, weight=pa.decimal128(22, 3), year=pa.decimal128(22, 1)),
    "Arrow, texts": partial(arrow, year=pa.string(), weight=pa.large_string()),
    "Arrow, without its schema": partial(arrow, store_schema=False),
    "polars": polars,
    "polars, categorical": partial(polars, categorical=["source", "target"]),
    "pandas": pandas,
    "pandas, with an index": partial(pandas, index=["a", "b"]),
    "pandas, nullable types": partial(pandas, year="Int64", weight="Float64", source="string"),
    "pandas, categories": partial(pandas, source="category", target="category", weight="float32"),
    "pandas, CSV": pandas_csv,
    "pandas, CSV with exponents": partial(pandas_csv, number="%.3e"),
    "pandas, CSV with quotes": partial(pandas_csv, separator=";", quoting=csv.QUOTE_NONNUMERIC),
}
"""Writers of the same two links, with the types and spellings that each chooses."""


CSV = {
    "R, write.csv": '"","year","source","target","weight"\r\n'
    '"1",2000,"US","CN",1e+05\r\n"2",2001,"NA","CN",7\r\n',
    "R, write.csv2": '"year";"source";"target";"weight"\n2000;"US";"CN";1e+05\n2001;"NA";"CN";7\n',
    "R, write.table": '"year"\t"source"\t"target"\t"weight"\n2000\t"US"\t"CN"\t1e+05\n2001\t"NA"\t"CN"\t7\n',
    "DuckDB": "year,source,target,weight\n2000,US,CN,100000.0\n2001.0,NA,CN,7.0\n",
}
"""The same links as programs write them that are not installed here."""


@pytest.mark.parametrize("program", CSV)
def test_links_are_the_same_in_the_csv_of_other_programs(tmp_path, program):
    (tmp_path / "links.csv").write_text(CSV[program])
    links = read_links(tmp_path / "links.csv", "citation", YEARS)
    assert rows_of(links) == {2000: [("US", "CN", 100000)], 2001: [("NA", "CN", 7)], 2002: []}


@pytest.mark.parametrize("writer", WRITERS)
def test_links_are_the_same_from_every_writer(tmp_path, writer):
    path = tmp_path / ("links.csv" if "CSV" in writer else "links.parquet")
    WRITERS[writer](path)
    links = read_links(path, "citation", YEARS)
    assert rows_of(links) == {2000: [("US", "CN", 100000)], 2001: [("NA", "CN", 7)], 2002: []}
    assert all(frame.schema == pl.Schema(LINKS.columns) for frame in links.values())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("year", [2000.0, 2000.5], "row 2 (2000.5, US, CN, 1): the year is no whole number"),
        ("year", [date(2000, 1, 1)] * 2, "year is of type Date; allowed: a whole number such as 2000"),
        ("year", [datetime(2000, 1, 1)] * 2, "year is of type Datetime("),
        ("year", ["2000", "2000-06-30"], "row 2 (2000-06-30, US, CN, 1): the year is a date"),
        ("year", [2000, None], "row 2 (, US, CN, 1): no year"),
        ("weight", [True, True], "weight is of type Boolean; allowed: a number"),
        ("source", [["US"], ["US"]], "source is of type List(String)"),
        ("source", [None, None], "row 1 (2000, , CN, 1): no country as source"),
    ],
)
def test_values_of_parquet_are_refused_by_their_type(tmp_path, column, values, message):
    frame = pl.DataFrame({"year": [2000, 2001], "source": "US", "target": "CN", "weight": 1})
    frame.with_columns(pl.Series(column, values)).write_parquet(tmp_path / "links.parquet")
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read_links(tmp_path / "links.parquet", "citation", YEARS)
    assert message in str(error.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_recognised(tmp_path, separator):
    text = 'weight|name|target|source|year\n3|"a, b; c"|US|NA|2000\n\n'.replace("|", separator)
    (tmp_path / "links.csv").write_text(f"\ufeff{text}", encoding="utf-8")
    assert rows_of(read_links(tmp_path / "links.csv", "citation", YEARS))[2000] == [("NA", "US", 3)]


@pytest.mark.parametrize("separator", [",", ";"])
def test_na_of_r_without_quotes_is_no_namibia(tmp_path, separator):
    def links(*sources: str) -> dict[int, list[tuple]]:
        lines = ['"","year","source","target","weight"']
        lines += [f'"{row}",2000,{source},"US",{row}' for row, source in enumerate(sources, 1)]
        (tmp_path / "links.csv").write_text("\n".join(lines).replace(",", separator))
        return rows_of(read_links(tmp_path / "links.csv", "citation", YEARS))

    assert links('"CN"', '"NA"')[2000] == [("CN", "US", 1), ("NA", "US", 2)]
    with pytest.raises(
        StudyError, match=r"links\.csv, row 2: NA without quotes .* as R writes a missing value"
    ):
        links('"CN"', "NA", '"NA"')
    (tmp_path / "links.csv").write_text("year,source,target,weight\n2000,NA,US,1\n2000,CN,NA,2\n")
    plain = read_links(tmp_path / "links.csv", "citation", YEARS)
    assert rows_of(plain)[2000] == [("CN", "NA", 2), ("NA", "US", 1)], "without any quotes, NA is Namibia"


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps([{"year": 2000, "source": "US", "target": "CN", "weight": 1}] * 20000).encode(), "JSON"),
        (b"PK\x03\x04" + b"x" * 2000, "a zip archive or an Excel workbook"),
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page or XML"),
        ("year,source".encode("utf-16"), "text in UTF-16"),
        (b"year\0\1", "a binary file"),
    ],
)
def test_files_of_another_format_are_named_in_a_short_line(tmp_path, content, reason, ending):
    path = tmp_path / f"links.{ending}"
    path.write_bytes(gzip.compress(content) if ending == "csv.gz" else content)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        recognise(path, "citation")
    assert str(error.value).startswith(f"{path}: not readable: this is {reason}")
    assert len(str(error.value)) < len(str(path)) + 200


def test_files_that_are_not_edge_lists_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"source\.networks\.citation: missing"):
        read_links(None, "citation", YEARS)
    with pytest.raises(
        StudyError, match=r"source\.networks\.citation: .*none\.csv: no such file; allowed: a CSV"
    ):
        recognise(tmp_path / "none.csv", "citation")
    with pytest.raises(StudyError, match="not readable"):
        recognise(tmp_path, "citation")
    (tmp_path / "links.parquet").write_text("year")
    with pytest.raises(StudyError, match=r"links\.parquet: not readable: this is no Parquet file"):
        recognise(tmp_path / "links.parquet", "citation")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and so on")
    with pytest.raises(StudyError, match=r"cut\.parquet: not readable as a CSV"):
        read_links(tmp_path / "cut.parquet", "citation", YEARS)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"year,source\n" * 9)[:-9])
    with pytest.raises(StudyError, match=r"cut\.csv\.gz: not readable as a CSV"):
        read_links(tmp_path / "cut.csv.gz", "citation", YEARS)
    path = write_csv(tmp_path / "links.csv", [], "year,from,target,count")
    with pytest.raises(
        StudyError, match=r"lacks column source or i, weight or papers; it has year, from, target, count$"
    ):
        read_links(path, "citation", YEARS)
    path = write_csv(tmp_path / "wide.csv", [], ",".join(["year", "x" * 500, *map(str, range(100))]))
    with pytest.raises(StudyError, match=r"and 90 more$"):
        read_links(path, "citation", YEARS)
    path = write_csv(tmp_path / "links.csv", [(1980, "US", "CN", 1)])
    with pytest.raises(
        StudyError,
        match=r"no link in the years 2000-2002; the file has 1980; set years: \{first: 1980, last: 1980\}",
    ):
        read_links(path, "citation", YEARS)


PERIODS = st.tuples(st.integers(1900, 2050), st.integers(0, 9)).map(lambda ends: (ends[0], sum(ends)))


@settings(max_examples=40)
@given(PERIODS, PERIODS, st.sampled_from([None, 1990]), st.booleans())
def test_years_follow_the_edge_lists_unless_they_are_set(a, b, set_first, both):
    with tempfile.TemporaryDirectory() as folder:
        networks = {}
        for layer, (first, last) in zip(("collaboration", "citation"), (a, b)[: 1 + both], strict=False):
            rows = [(f"{year}.0", "US", "CN", 1) for year in {last, first}]
            rows += [(year, "US", "FR", 0) for year in (first - 1, last + 1)]
            networks[layer] = str(write_csv(Path(folder, f"{layer}.csv"), rows))
        shared = set(range(a[0], a[1] + 1)) & (set(range(b[0], b[1] + 1)) if both else set(range(3000)))
        chosen = {"source": {"kind": "networks", "networks": networks}, "years": {"first": set_first}}
        if not shared:
            with pytest.raises(StudyError, match=r"source\.networks: .* allowed: files that share years"):
                config.complete(chosen, ROOT, common_years)
        elif set_first is not None and set_first > max(shared):
            with pytest.raises(StudyError, match=f"allowed: at most years.last = {max(shared)}"):
                config.complete(chosen, ROOT, common_years)
        else:
            config.complete(chosen, ROOT, common_years)
            assert chosen["years"] == {"first": set_first or min(shared), "last": max(shared)}


def test_edge_lists_that_share_no_year_are_named_with_their_years(tmp_path):
    networks = {
        "collaboration": write_csv(tmp_path / "a.csv", [(2000, "US", "CN", 1)]),
        "citation": write_csv(tmp_path / "b.csv", [(2010, "US", "CN", 1), (2012, "US", "CN", 1)]),
    }
    with pytest.raises(StudyError, match=r"networks: .*a\.csv has 2000, .*b\.csv has 2010-2012; allowed: "):
        common_years(networks)


def test_an_edge_list_of_zeros_has_no_years(tmp_path):
    path = write_csv(tmp_path / "zeros.csv", [(2000, "US", "CN", 0)])
    with pytest.raises(StudyError, match=r"zeros\.csv: all weights are 0; allowed: at least one link"):
        common_years({"collaboration": path, "citation": None})


def test_years_that_are_set_need_no_look_into_the_file():
    networks = {"kind": "networks", "networks": {"collaboration": "none.csv"}}
    chosen = {"source": networks, "years": {"first": 2000, "last": 2005}}
    config.complete(chosen, ROOT, common_years)
    assert chosen["years"] == {"first": 2000, "last": 2005}


def test_a_missing_file_stops_the_study_before_it_starts(tmp_path):
    networks = "source={kind: networks, networks: {collaboration: none.csv}}"
    process = Project(ROOT).snakemake("--dry-run", "--directory", str(tmp_path), "--config", networks)
    assert process.returncode != 0
    output = process.stdout + process.stderr
    assert "source.networks.collaboration: none.csv: no such file; allowed: a CSV" in output
    assert "MissingInputException" not in output


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_without_rows_is_refused(tmp_path, ending):
    frame = pl.DataFrame(
        schema={"year": pl.Int64, "source": pl.String, "target": pl.String, "weight": pl.Int64}
    )
    path = tmp_path / f"links.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    with pytest.raises(StudyError, match="no rows below the header"):
        read_links(path, "collaboration", YEARS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'"year","source","target","weight"\n"1",2000,"US","CN",5\n',
            "line 2 has 5 values, but the header has 4",
        ),
        (b"year,source,target,weight\n2000,US,CN,5\n2000,US,FR,5,6\n", "line 3 has 5 values"),
        (b"sep=;\nyear;source;target;weight\n2000;US;CN;5\n", "line 2 has 4 values, but the header has 2"),
        (b"# R\nyear,source,target,weight\n2000,US,CN,5\n", "the header must be the first line"),
        ("year,source,target,weight\n2000,US,C\xd4,5\n".encode("latin-1"), "line 2 is not in UTF-8; save"),
    ],
)
def test_a_text_that_is_no_table_is_named_with_its_line(tmp_path, content, message):
    path = tmp_path / "links.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=re.escape(f"{path}: not readable as ")) as error:
        read_links(path, "citation", YEARS)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("in_file", "needed", "wanted"),
    [
        ((2010, 2011, 2013), (2010, 2013), None),
        ((2010, 2013), (2011, 2012), None),
        (
            (2010, 2013),
            (2009, 2013),
            "2009-2013; the file has 2010-2013; set years: {first: 2010, last: 2013}",
        ),
        (
            (2010, 2013),
            (2010, 2014),
            "2010-2014; the file has 2010-2013; set years: {first: 2010, last: 2013}",
        ),
        ((2012,), (2010, 2014), "2010-2014; the file has 2012; set years: {first: 2012, last: 2012}"),
    ],
)
def test_a_file_that_lacks_needed_years_is_refused_with_the_years_to_set(
    tmp_path, caplog, in_file, needed, wanted
):
    rows = [(year, "US", "CN", 1) for year in in_file] + [(2009, "US", "CN", 0)]
    path = write_csv(tmp_path / "links.csv", rows)
    years = range(2008, 2016)
    if wanted is None:
        links = read_links(path, "collaboration", years, needed=needed)
        assert [year for year in years if len(links[year])] == list(in_file)
        absent = [str(year) for year in years if year not in in_file]
        assert f"no link in {len(absent)} of the years 2008-2015: {', '.join(absent)}" in caplog.text
    else:
        with pytest.raises(StudyError, match=re.escape(f"{path}: the study needs links of {wanted}")):
            read_links(path, "collaboration", years, needed=needed)


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
