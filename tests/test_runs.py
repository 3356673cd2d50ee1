"""A table that is written from sorted runs holds what one in memory holds."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poles.errors import StudyError
from poles.study import extraction, runs, tables
from poles.study.tables import YEAR, Table

RECORD = {"rule": "a", "wildcards": {}, "params": {}, "log": "a.log", "inputs": {}}
KIND = Table(
    ("year", "position"),
    {
        "position": pl.Int64,
        "year": YEAR,
        "codes": pl.List(pl.Struct({"code": pl.String, "numbers": pl.List(pl.Int64)})),
    },
    row_group=5,
)
entry = st.fixed_dictionaries(
    {
        "code": st.none() | st.sampled_from(["NA", "é", "x" * 20]),
        "numbers": st.none() | st.lists(st.integers(0, 9), max_size=3),
    }
)
codes = st.lists(st.none() | entry, max_size=3)
rows = st.lists(st.tuples(st.sampled_from([None, -5, 1990, 1991, 2023]), st.none() | codes), max_size=60)


def frame_of(drawn) -> pl.DataFrame:
    columns = {"position": range(len(drawn)), "year": [y for y, _ in drawn], "codes": [c for _, c in drawn]}
    return pl.DataFrame(columns, schema=dict(KIND.columns))


def parts(frame: pl.DataFrame, length: int) -> Iterator[pl.DataFrame]:
    return (frame.slice(start, length) for start in range(0, len(frame), length))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows, st.integers(1, 20), st.sampled_from([0, 5, 20]))
def test_runs_give_the_rows_of_a_table_in_memory(tmp_path_factory, drawn, length, largest):
    frame, folder = frame_of(drawn), tmp_path_factory.mktemp("runs")
    expected = tables.write(frame, KIND, folder / "whole.parquet", RECORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "LARGEST", largest)
        runs.write(parts(frame, length), KIND, folder / "runs.parquet", RECORD)
    assert tables.read(folder / "runs.parquet", KIND).equals(expected)
    assert pl.concat([frame.clear(), *runs.read(folder / "runs.parquet", KIND)]).equals(expected)
    place = (folder / "runs.parquet").as_posix()
    assert extraction.read(place) == RECORD | {"file": place}
    assert extraction.is_intact(folder / "runs.parquet")
    assert {path.name for path in folder.iterdir()} == {"whole.parquet", "runs.parquet"}
    for year in (None, 1990):
        alone = pl.scan_parquet(folder / "runs.parquet").filter(pl.col("year").eq_missing(year)).collect()
        assert alone.equals(expected.filter(pl.col("year").eq_missing(year)))


def write_large(path: Path, monkeypatch) -> pl.DataFrame:
    frame = frame_of([(1990 + n % 3, [{"code": "NA", "numbers": [n]}]) for n in range(100)])
    monkeypatch.setattr(runs, "LARGEST", 10)
    runs.write(parts(frame, 7), KIND, path, RECORD)
    return frame


def test_row_groups_of_a_large_table_end_with_the_year(tmp_path, monkeypatch):
    write_large(tmp_path / "a.parquet", monkeypatch)
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        years = [set(file.read_row_group(n)["year"].to_pylist()) for n in range(file.num_row_groups)]
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert all(len(held) == 1 for held in years)
    assert sizes == [5] * 6 + [4] + ([5] * 6 + [3]) * 2  # 34, 33 and 33 rows


def test_equal_rows_give_equal_bytes(tmp_path, monkeypatch):
    frame = write_large(tmp_path / "a.parquet", monkeypatch)
    frames = [frame], runs.read(tmp_path / "a.parquet", KIND)
    for name, others in zip("bc", frames, strict=True):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)  # the record of a file names its path
        runs.write(others, KIND, "a.parquet", RECORD)
    assert (tmp_path / "b/a.parquet").read_bytes() == (tmp_path / "c/a.parquet").read_bytes()
    content = tmp_path / "a.parquet"
    assert pl.read_parquet(content).equals(pl.read_parquet("a.parquet"))


def test_a_small_table_is_the_one_that_is_written_from_memory(tmp_path):
    frame = frame_of([(1990, None), (None, [None]), (1989, [])])
    tables.write(frame, KIND, tmp_path / "a.parquet", RECORD)
    expected = (tmp_path / "a.parquet").read_bytes()
    runs.write(parts(frame, 1), KIND, tmp_path / "a.parquet", RECORD)
    assert (tmp_path / "a.parquet").read_bytes() == expected


def test_a_changed_byte_of_a_large_table_is_found(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    write_large(path, monkeypatch)
    content = bytearray(path.read_bytes())
    assert extraction.is_intact(path)
    content[200] ^= 1  # in the first row group
    path.write_bytes(content)
    assert not extraction.is_intact(path)


def test_a_table_of_another_kind_is_refused(tmp_path):
    pl.DataFrame({"position": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(StudyError, match=r"a\.parquet: columns .*, expected"):
        next(runs.read(tmp_path / "a.parquet", KIND))


def test_rows_out_of_order_and_failures_leave_nothing(tmp_path, monkeypatch):
    frame = frame_of([(1990, None)] * 100)
    monkeypatch.setattr(runs, "LARGEST", 10)
    swapped = [frame.slice(50), frame.head(50)]
    with pytest.raises(
        StudyError, match=r"rows with year 1990 come out of order: \(1990, 0\) after \(1990, 99\)"
    ):
        runs.write(swapped, KIND, tmp_path / "a.parquet", {})
    with pytest.raises(StudyError, match="come out of order"):
        runs.write([frame, frame.tail(1)], KIND, tmp_path / "a.parquet", {})

    def broken() -> Iterator[pl.DataFrame]:
        yield frame
        raise StudyError("cannot be read")

    with pytest.raises(StudyError, match="cannot be read"):
        runs.write(broken(), KIND, tmp_path / "a.parquet", {})
    assert not list(tmp_path.iterdir())
