"""A thousand generated inputs for the readers, and what earlier ones found; see fuzz.py."""

import gzip
import json
import zipfile
import zlib
from pathlib import Path

import polars as pl
import pytest

import fuzz
from poles.corpus.records import read_records
from poles.errors import StudyError
from poles.networks import edge_files, pajek
from poles.networks.edge_lists import read_links
from poles.study import extraction

INPUTS = 1000
PAJEK = '*Vertices 2\n1 "US"\n2 "CN"\n*Arcs\n1 2 3\n'


@pytest.mark.parametrize("name", fuzz.READINGS)
def test_generated_inputs_are_read_rightly_or_refused(name: str):
    outcome = fuzz.run(name, INPUTS * fuzz.READINGS[name].share // 100, shrink=False)
    assert outcome.flaw is None, outcome.flaw
    assert outcome.accepted + outcome.refused > 0


def test_the_shares_add_up():
    assert sum(reading.share for reading in fuzz.READINGS.values()) == 100


def test_a_flaw_is_found_and_told(monkeypatch: pytest.MonkeyPatch):
    def fails(folder: Path, links: tuple) -> bool:
        raise ZeroDivisionError("planted")

    monkeypatch.setitem(fuzz.READINGS, "Pajek", fuzz.READINGS["Pajek"]._replace(read=fails))
    flaw = fuzz.run("Pajek", 1).flaw
    assert flaw is not None and "ZeroDivisionError: planted" in flaw and "drawn=" in flaw


# Each of these once ended with a traceback, or in several lines --------------------------------------------


def zipped(path: Path, name: str, content: str) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path.read_bytes()


def refused(step, *arguments) -> str:
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        step(*arguments)
    return str(error.value)


def test_a_zip_archive_with_a_damaged_directory_is_refused(tmp_path: Path):
    path = tmp_path / "links.zip"
    content = zipped(path, "links_2000.net", PAJEK)
    path.write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x03"))
    assert "links.zip: not readable as a zip file (" in refused(read_links, path, "citation", [2000])


@pytest.mark.parametrize(
    ("place", "change"), [(8, b"\x63\0"), (6, b"\x01\0"), (30 + len("links_2000.net") + 2, b"\xff\xff")]
)
def test_a_zip_archive_of_networks_that_cannot_be_unpacked_is_refused(tmp_path: Path, place, change):
    path = tmp_path / "links.zip"
    content = zipped(path, "links_2000.net", PAJEK)
    directory = content.index(b"PK\x01\x02") + 2  # it repeats the method and the flags two bytes later
    for start in {place, directory + place} if place < 30 else {place}:
        content = content[:start] + change + content[start + 2 :]
    path.write_bytes(content)
    assert "links.zip: not readable as a" in refused(read_links, path, "citation", [2000])
    assert "links.zip: not readable as a zip archive (" in refused(pajek.edge_list, path)


def test_a_zip_archive_of_works_with_a_wrong_offset_is_refused(tmp_path: Path):
    path = tmp_path / "works.zip"
    content = zipped(path, "works.jsonl", json.dumps({"id": "W1"}))
    path.write_bytes(content[:2] + content[3:])
    assert "works.zip: cannot be read as a zip file (" in refused(lambda: list(read_records(path, 0)))


@pytest.mark.parametrize("name", ["links_2000.net.gz", "links.csv.gz"])
def test_a_gzip_file_with_damage_far_inside_is_refused(tmp_path: Path, name: str):
    lines = [f"2000,US,CN,{number}\n" for number in range(30_000)]
    text = "year,source,target,weight\n" + "".join(lines)
    text = text if ".csv" in name else PAJEK + "% " + "".join(lines).replace("\n", "\n% ")
    first = gzip.compress(text.encode(), mtime=0)
    assert len(first) > edge_files.HEAD, "the first look at a file does not see the damage"
    second = first[:10] + b"\x07" * 20  # a part whose data begin with a kind of block that there is not
    with pytest.raises(zlib.error):
        gzip.decompress(second)
    path = tmp_path / name
    path.write_bytes(first + second)
    assert f"{name}: not readable as " in refused(read_links, path, "citation", [2000])


def test_a_header_with_a_line_break_is_shown_in_one_line(tmp_path: Path):
    path = tmp_path / "links.csv"
    path.write_text('year,source,"targ\net",weight\n2000,US,CN,3\n')
    assert "it has year, source, targ et, weight" in refused(read_links, path, "citation", [2000])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('year,source,target,weight\n2000,US,CN,3\n2000,US,C"N,3\n2001,US,CN,4\n', 3),
        ('year,source,target,weight,note\n2000,US,CN,3,5" wide\n2001,US,CN,4,5" long\n', 2),
        ('"year","source","target","weight","\n"2000","US","CN","3"\n"2001","US","CN","1"3"\n', 1),
        ('year;source;target;weight\n2000;US;"CN;3\n2001;US;CN;4\n', 2),
        ('year,US,CN\nUS,1,"2"3\nCN,4,5\n', 2),
    ],
)
def test_a_quote_within_a_value_is_refused_as_readers_disagree_about_it(tmp_path: Path, text: str, line: int):
    path = tmp_path / "links_2000.csv"
    path.write_text(text)
    assert f"links_2000.csv: line {line} has a quote within" in refused(read_links, path, "citation", [2000])


def test_quotes_around_values_are_read(tmp_path: Path):
    path = tmp_path / "links.csv"
    path.write_bytes(
        b'\xef\xbb\xbf"year","source","target","weight","note"\r\n'
        b'"2000","US","CN","3","a ""quoted"" note,\r\n2000,US,CN"\r\n2000,CN,US,4,""\r\n'
    )
    links = read_links(path, "citation", [2000])[2000]
    assert links.rows() == [("CN", "US", 4), ("US", "CN", 3)]


def test_a_panic_of_the_reader_of_parquet_is_an_error_of_the_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "links.parquet"
    pl.DataFrame({"year": [2000], "source": ["US"], "target": ["CN"], "weight": [3]}).write_parquet(path)

    def panic(*arguments: object) -> None:
        raise pl.exceptions.PanicException("planted")

    monkeypatch.setattr(pl, "read_parquet", panic)
    monkeypatch.setattr(pl, "read_parquet_metadata", panic)
    assert "links.parquet: not readable as " in refused(read_links, path, "citation", [2000])
    assert "links.parquet: not readable as parquet (planted)" in refused(extraction.read, path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"year","source","target","weight"\n"2000","US","CN"\r,"3"\n', 2),
        ("year,source,target,weight\n2000,US,CN,3\n2000,US\r,DE,3\n", 3),
        ("year,source,target,weight\r2000,US,CN,3\r2000,CN,DE,3\r", 1),
    ],
)
def test_a_carriage_return_within_a_line_is_refused(tmp_path: Path, text: str, line: int):
    path = tmp_path / "links.csv"
    path.write_bytes(text.encode())
    assert f"links.csv: line {line} has a carriage return" in refused(read_links, path, "citation", [2000])


def test_line_ends_of_windows_are_read_even_if_written_twice(tmp_path: Path):
    path = tmp_path / "links.csv"
    path.write_bytes(b"year,source,target,weight\r\n2000,US,CN,3\r\r\n2000,CN,US,4\r\n\r")
    assert read_links(path, "citation", [2000])[2000].rows() == [("CN", "US", 4), ("US", "CN", 3)]


def test_a_matrix_may_have_a_column_called_row(tmp_path: Path):
    path = tmp_path / "links_2000.csv"
    path.write_text("row,US,CN\nUS,1,2\nCN,3,4\n")
    links = read_links(path, "citation", [2000])[2000].rows()
    assert links == [("CN", "CN", 4), ("CN", "US", 3), ("US", "CN", 2), ("US", "US", 1)]
    path.write_text("country,US,CN,row\nUS,1,2,3\nCN,3,4,5\n")
    assert "ROW as target is no code" in refused(read_links, path, "citation", [2000]).replace(
        "row as", "ROW as"
    )


def test_a_line_break_in_the_name_of_a_member_is_shown_in_one_line(tmp_path: Path):
    path = tmp_path / "links.zip"
    zipped(path, "links\n_20.net", PAJEK)
    assert "links.zip: links _20.net: no year" in refused(read_links, path, "citation", [2000])
    zipped(path, "links\n_2000.net", PAJEK + "5 6 7\n")
    assert "links.zip, links _2000.net, line 6: no link" in refused(read_links, path, "citation", [2000])
    zipped(tmp_path / "works.zip", "a\nb.jsonl", "{")
    assert "works.zip, a b.jsonl, line 1: " in refused(lambda: list(read_records(tmp_path / "works.zip", 0)))
