"""Generated input for what reads files of the user: records of works, edge lists and networks.

    python tests/fuzz.py [--inputs 100000] [--only NAME ...]

gives each of `READINGS` its share of the inputs, and prints how many were read, how many refused, and the
first input of every flaw, made as small as possible. A flaw is an error that is not a `StudyError`, or rows
that are not those of a plain reading. `tests/test_fuzz.py` runs a thousand inputs.
"""

import argparse
import csv
import gzip
import io
import logging
import math
import re
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import test_decode
import test_records
from poles import countries
from poles.corpus import decoded, flat_lists, raw_schema
from poles.corpus.prefilter import CorePrefilter
from poles.errors import StudyError
from poles.networks import edge_lists, pajek
from test_prefilter import spell

YEARS = range(1998, 2004)
CODES = ("US", "CN", "NA", "XK", "OTH", "us", " cn ", "Germany", "DEU")

# Damage ----------------------------------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        *(b"", b"", b'"', b'""', b",", b";", b"\n", b"\r", b"\\", b"0", b"-", b".", b"e9", b"1e999", b"nan"),
        *(b" ", b"\t", b"[", b"]", b"{", b"}", b":", b"null", b"\0", b"\xff", b"\xe9", b"\xef\xbb\xbf", b"<"),
        *(b">", b"&a;", b"*", b"%", b"row", b"year", b"target", b"US", b"NA", b"2000", b"9" * 30),
        b"1" + b"0" * 400,
    ]
) | st.binary(max_size=2)
EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3), FRAGMENTS), min_size=1, max_size=4)


def damaged(text: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Put fragments into a text, each in the place of some bytes."""
    for place, length, fragment in edits:
        place %= len(text) + 1
        text = text[:place] + fragment + text[place + length :]
    return text


# Records of works ------------------------------------------------------------------------------------------


def read_records(folder: Path, drawn: tuple[Any, ...]) -> bool:
    """Works in any spelling and form, as many at a time as drawn: decoded as a parse gives them."""
    works, random, plain, form, edits = drawn
    text = test_decode.FORMS[form]([spell(work, random, plain) for work in works]).encode()
    path = folder / "works.json"
    path.write_bytes(damaged(text, edits))
    options: list[dict[str, Any]] = [{}]
    if not edits:
        core = CorePrefilter(pl.Series([1, 3]))
        options += [{"prefilter": core, "keep": core.condition(), "columns": ["references", "year"]}]
    answers = []
    for option in options:
        answers.append(test_decode.outcome(path, decoded.Decoded, **option))
        assert answers[-1] == test_decode.outcome(path, test_decode.Undecoded, **option)
    return not isinstance(answers[0], str)


def read_packed_works(folder: Path, drawn: tuple[Any, ...]) -> bool:
    """Works in a compressed file that may be damaged: those that were written, or refused in one line."""
    works, suffix, edits = drawn
    content = b"\n".join(orjson.dumps({"id": f"W{number}"}) for number in works)
    path = folder / f"works{suffix}"
    if suffix == ".gz":
        packed = gzip.compress(content, 1, mtime=0)
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("works.jsonl", content)
        packed = buffer.getvalue()
    path.write_bytes(damaged(packed, edits))
    answer = test_decode.outcome(path, decoded.Decoded)
    if isinstance(answer, str):
        assert edits and "\n" not in answer, answer
        return False
    assert [row["work_id"] for row in answer[1]] == works
    return True


def read_plain_works(folder: Path, works: list[dict[str, Any]]) -> bool:
    """Works of the usual form, as JSON and as Parquet: the rows that plain Python gives."""
    works = [*works, works[-1] | {"id": "W1"}]  # a file without any id is refused
    rows, counted = test_records.plainly(works)
    times = [
        work
        | {"updated_date": work["updated_date"] and pl.Series([work["updated_date"]]).str.to_datetime()[0]}
        for work in works
    ]
    files = [
        test_records.write_lines(works, folder / "works.jsonl"),
        test_records.write_parquet(times, folder / "works.parquet"),
    ]
    for path in files:
        tally = raw_schema.Tally()
        assert test_records.read(path, tally=tally).to_dicts() == rows
        assert tally == counted
    return True


def read_foreign_parquet(folder: Path, columns: dict[str, list[Any]]) -> bool:
    """Parquet in which some columns have any values: read, or refused in one line."""
    length = max(map(len, columns.values()))
    works = [{"id": f"W{number + 1}", "type": "article"} for number in range(length)]
    table = pa.Table.from_pylist(works, test_records.EXPORTED)
    try:
        for name, values in columns.items():
            place = table.schema.get_field_index(name)
            column = pa.array((values * length)[:length])
            table = table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
        pq.write_table(table, folder / "works.parquet")
    except (pa.ArrowException, OverflowError):
        return False  # values of no common type are no column
    answer = test_decode.outcome(folder / "works.parquet", decoded.Decoded)
    if isinstance(answer, str):
        assert "\n" not in answer, answer
        return False
    assert [row["work_id"] for row in answer[1]] == list(range(1, length + 1))
    return True


def change_lists(folder: Path, drawn: tuple[list[list[int | None] | None], int]) -> bool:
    """Functions on lists that lie end to end: those of plain Python on each list."""
    lists, divisor = drawn
    series = pl.Series(lists, dtype=pl.List(pl.Int64))
    plain = [values or [] for values in lists]
    assert flat_lists.lengths(series).tolist() == [len(values) for values in plain]
    assert flat_lists.values(series).to_list() == [value for values in plain for value in values]

    def change(values: pl.Series) -> pl.Series:
        return values.to_frame("a").select(pl.when(pl.col("a") % divisor != 0).then("a")).to_series()

    changed, dropped = flat_lists.changed(series, change)
    kept = [[value for value in values if value is not None and value % divisor] for values in plain]
    assert changed.to_list() == kept
    assert list(dropped) == [len(a) - len(b) for a, b in zip(plain, kept, strict=True)]
    return True


# Edge lists and networks -----------------------------------------------------------------------------------

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
Links = dict[tuple[int, str, str], float]


def plain_number(text: str) -> float:
    """Number in a text; NaN if it is none."""
    return float(text) if NUMBER.fullmatch(text) else math.nan


def plain_country(text: str) -> str | None:
    """Code of a country, by its code or a name."""
    code = text.strip().upper()
    return code if code in countries.names() or code == "OTH" else countries.named(code)


def plain_rows(rows: Sequence[tuple[str, str, str, str]]) -> Links | None:
    """Links of rows of year, source, target and weight; None if any of them is not valid."""
    links: Links = {}
    for row in rows:
        year, weight = plain_number(row[0].strip()), plain_number(row[3].strip())
        ends = plain_country(row[1]), plain_country(row[2])
        if not (1000 <= year <= 2999 and year == int(year) and 0 <= weight < 2**53) or None in ends:
            return None
        if (link := (int(year), *ends)) in links:
            return None
        links[link] = weight
    return links


def plain_table(content: bytes) -> Links | None:
    """Links of a table in text with the values of each row in columns; None if it is not valid."""
    text = content.decode("utf-8-sig")
    header = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0])
    separator = max(",;\t|", key=header.count)
    names, *lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if line]
    lower = [name.strip().lower() for name in names]
    places = []
    for accepted in edge_lists.COLUMNS.values():
        places.append(next(lower.index(name) for name in accepted if name in lower))
    found = [[line[place] if place < len(line) else "" for place in places] for line in lines]
    return plain_rows([tuple(values) for values in found if any(values)])


def plain_network(links: Links, layer: str) -> Links:
    """What the study makes of links: those of its years, without zeros; undirected ones once, the larger."""
    found: Links = {}
    for (year, source, target), weight in links.items():
        ends = (source, target) if layer == "citation" else tuple(sorted((source, target)))
        if weight and year in YEARS:
            found[year, *ends] = max(weight, found.get((year, *ends), 0.0))
    return found


def read(path: Path, layer: str) -> Links | None:
    """Links that the study reads from a file; None if it refuses the file in one line."""
    try:
        frames = edge_lists.read_links(path, layer, YEARS)
    except StudyError as error:
        assert "\n" not in str(error), error
        return None
    return {
        (year, source, target): float(weight)
        for year, frame in frames.items()
        for source, target, weight in frame.iter_rows()
    }


def read_table(folder: Path, drawn: tuple[Any, ...]) -> bool:
    """A table of links, whole or damaged: read as Python's reader of CSV reads it, or refused."""
    rows, separator, quoting, layer, gzipped, edits = drawn
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator, quoting=quoting, lineterminator="\n")
    writer.writerows([("year", "source", "target", "weight"), *rows])
    content = damaged(buffer.getvalue().encode(), edits)
    path = folder / "links.csv"
    path.write_bytes(gzip.compress(content, 1) if gzipped else content)
    found = read(path, layer)
    if found is None:
        plain = plain_rows([tuple(map(str, row)) for row in rows])
        usual = plain and plain_network(plain, layer)
        assert edits or not usual, "a valid table was refused"
        return False
    plain = plain_table(content)
    assert plain is not None, "a table that is not valid was read"
    assert found == plain_network(plain, layer)
    return True


def read_damaged(name: str, write: Callable[[Links, str], bytes]) -> Callable[[Path, tuple[Any, ...]], bool]:
    """Reading of networks in a file of another form, whole or damaged."""

    def reading(folder: Path, drawn: tuple[Any, ...]) -> bool:
        links, layer, edits = drawn
        given: Links = {(2000, *ends): float(weight) for ends, weight in links.items()}
        path = folder / name
        path.write_bytes(damaged(write(given, layer), edits))
        found = read(path, layer)
        if edits:
            return found is not None
        expected = plain_network(given, layer)
        assert found == (expected or None)
        return found is not None

    reading.__doc__ = f"Networks as in {name}, whole or damaged: read, or refused."
    return reading


def as_pajek(links: Links, layer: str) -> bytes:
    """Write a network of Pajek."""
    codes = sorted({code for _, *ends in links for code in ends})
    number = {code: place for place, code in enumerate(codes, 1)}
    lines = [f"*Vertices {len(codes)}", *(f'{place} "{code}"' for code, place in number.items()), "*Arcs"]
    lines += [
        f"{number[source]} {number[target]} {weight!r}" for (_, source, target), weight in links.items()
    ]
    return "\n".join(lines).encode()


def as_graphml(links: Links, layer: str) -> bytes:
    """Write a network as GraphML."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_weighted_edges_from((source, target, weight) for (_, source, target), weight in links.items())
    return "\n".join(nx.generate_graphml(graph)).encode()


def as_matrix(links: Links, layer: str) -> bytes:
    """Write a matrix of countries in CSV."""
    codes = sorted({code for _, *ends in links for code in ends} | {"US", "CN"})
    lines = [["year", "country", *codes]]
    lines += [["2000", a, *(f"{links.get((2000, a, b), 0)!r}" for b in codes)] for a in codes]
    return "\n".join(map(",".join, lines)).encode()


def as_parquet(links: Links, layer: str) -> bytes:
    """Write an edge list as Parquet."""
    rows = [(*link, weight) for link, weight in links.items()]
    buffer = io.BytesIO()
    schema = {"year": pl.Int64, "source": pl.String, "target": pl.String, "weight": pl.Float64}
    pl.DataFrame(rows, schema, orient="row").write_parquet(buffer)
    return buffer.getvalue()


def as_zip(links: Links, layer: str) -> bytes:
    """Write a zip archive of a Pajek network."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("links_2000.net", as_pajek(links, layer))
        archive.writestr("readme.txt", "text")
    return buffer.getvalue()


def as_gzip(links: Links, layer: str) -> bytes:
    """Write a compressed network of Pajek."""
    return gzip.compress(as_pajek(links, layer), 1, mtime=0)


def read_columns(folder: Path, columns: dict[str, list[Any]]) -> bool:
    """An edge list in Parquet with columns of any type: read, or refused."""
    length = max(map(len, columns.values()))
    rows = {name: (values * length)[:length] for name, values in columns.items()}
    try:
        pq.write_table(pa.table(rows), folder / "links.parquet")
    except (pa.ArrowException, OverflowError, ValueError):
        return False  # values of no common type are no column
    found = read(folder / "links.parquet", "citation")
    return found is not None


def convert_archive(folder: Path, drawn: tuple[Any, ...]) -> bool:
    """An archive of Pajek networks, whole or damaged, that the command converts to an edge list."""
    links, edits = drawn
    given: Links = {(2000, *ends): float(weight) for ends, weight in links.items()}
    path = folder / "networks.zip"
    path.write_bytes(damaged(as_zip(given, "collaboration"), edits))
    try:
        lines = pajek.edge_list(path).splitlines()[1:]
    except StudyError:
        assert edits, "a valid archive was refused"
        return False
    if not edits:
        rows = [tuple(line.split(",")) for line in lines]
        assert plain_rows(rows) == plain_network(given, "collaboration")
    return True


# All of them -----------------------------------------------------------------------------------------------

maybe_damaged = st.just([]) | EDITS
layers = st.sampled_from(["collaboration", "citation"])
ends = st.tuples(*[st.sampled_from(["US", "CN", "NA", "XK", "DE", "OTH"])] * 2)
weights = st.integers(0, 5) | st.sampled_from([0.5, 2.25, 2**40])
networks = st.dictionaries(ends, weights, min_size=1, max_size=6)
odd = st.sampled_from(["", "x", "1e3", "2000.0", "-1", "inf", "nan", "1,5", "0", "2001", '"', "é", "UK"])


def mostly(values: Sequence[str]) -> st.SearchStrategy[str]:
    """Texts, and now and then an odd one."""
    return st.integers(0, 30).flatmap(lambda number: st.sampled_from(values) if number else odd)


row = st.tuples(
    mostly(["1999", "2000", "2001", "2000.0", " 2002", "1950"]),
    mostly(CODES),
    mostly(CODES),
    mostly(["0", "1", "3", "2.50", "1e2", "7 ", "1099511627776"]),
)
rows = st.lists(row, min_size=1, max_size=5)
GOOD: dict[str, list[Any]] = {"year": [2000], "source": ["US"], "target": ["CN"], "weight": [3]}
scalars = st.sampled_from(
    [None, True, 0, 3, -1, 2000, 2**62, 0.5, math.nan, math.inf, "US", "W1", "2000", "", "é", b"US", b"\xff"]
)
anything = (
    scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("ab"), scalars, max_size=2)
)
column = st.lists(anything, min_size=1, max_size=3) | scalars.map(lambda value: [value])
spelled = st.tuples(
    test_decode.works,
    st.randoms(use_true_random=False),
    st.sampled_from([1.0, 1.0, 0.97]),
    st.sampled_from(sorted(test_decode.FORMS)),
    maybe_damaged,
)


class Reading(NamedTuple):
    """What reads generated input.

    Attributes
    ----------
    share : int
        Inputs out of a hundred.
    inputs : SearchStrategy
    read : callable
        Reads an input in a folder; tells whether it was accepted, and raises an error for a flaw.
    """

    share: int
    inputs: st.SearchStrategy
    read: Callable[[Path, Any], bool]


def _network(share: int, name: str, write: Callable[[Links, str], bytes]) -> Reading:
    return Reading(share, st.tuples(networks, layers, maybe_damaged), read_damaged(name, write))


READINGS: Mapping[str, Reading] = {
    "works": Reading(15, spelled, read_records),
    "packed works": Reading(
        5,
        st.tuples(st.lists(st.integers(1, 9), min_size=1), st.sampled_from([".gz", ".zip"]), maybe_damaged),
        read_packed_works,
    ),
    "plain works": Reading(5, st.lists(test_records.work, min_size=1, max_size=5), read_plain_works),
    "works in Parquet": Reading(
        5,
        st.dictionaries(st.sampled_from(sorted(test_decode.MEMBERS)), column, min_size=1, max_size=2),
        read_foreign_parquet,
    ),
    "lists": Reading(
        5,
        st.tuples(
            st.lists(st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=4), max_size=6),
            st.integers(1, 4),
        ),
        change_lists,
    ),
    "tables": Reading(
        25,
        st.tuples(
            rows,
            st.sampled_from(",;\t|"),
            st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
            layers,
            st.booleans(),
            maybe_damaged,
        ),
        read_table,
    ),
    "Pajek": _network(8, "links_2000.net", as_pajek),
    "GraphML": _network(8, "links_2000.graphml", as_graphml),
    "matrices": _network(8, "links.csv", as_matrix),
    "Parquet": _network(4, "links.parquet", as_parquet),
    "zip": _network(4, "links.zip", as_zip),
    "gzip": _network(2, "links_2000.net.gz", as_gzip),
    "columns of Parquet": Reading(
        3,
        st.tuples(st.sampled_from([*GOOD]), column, st.sampled_from([*GOOD]), column).map(
            lambda drawn: GOOD | {drawn[0]: drawn[1], drawn[2]: drawn[3]}
        ),
        read_columns,
    ),
    "conversion": Reading(3, st.tuples(networks, maybe_damaged), convert_archive),
}
"""Readings by name. The shares add up to a hundred."""


class Outcome(NamedTuple):
    """What came of a number of inputs."""

    accepted: int
    refused: int
    flaw: str | None


def run(name: str, inputs: int, shrink: bool = True) -> Outcome:
    """Give a reading a number of inputs, until the first flaw.

    Parameters
    ----------
    name : str
        Key of `READINGS`.
    inputs : int
        Number of inputs.
    shrink : bool
        Whether to look for the smallest input with the flaw.
    """
    reading, counts = READINGS[name], Counter[bool]()
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    with tempfile.TemporaryDirectory() as folder:

        @settings(
            max_examples=inputs, phases=phases, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False,
        )  # fmt: skip
        @given(reading.inputs)
        def property_of_all(drawn: Any) -> None:
            counts[reading.read(Path(folder), drawn)] += 1

        try:
            property_of_all()
        except BaseException as error:  # a panic of polars is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            places = [
                f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            own = [place for place in places if place.startswith(str(ROOT)) and "site-packages" not in place]
            notes = getattr(error, "__notes__", ())
            flaw = "\n".join([" > ".join(own[-4:]), *traceback.format_exception_only(error), *notes])
            return Outcome(counts[True], counts[False], flaw)
    return Outcome(counts[True], counts[False], None)


def main() -> int:
    """Run the readings from the command line; the number of flaws is the exit status."""
    parser = argparse.ArgumentParser(description="Generated input for the readers of the study.")
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs of all readings together")
    parser.add_argument("--only", nargs="+", choices=READINGS, default=list(READINGS))
    arguments = parser.parse_args()
    logging.disable()  # of warnings of years without links
    whole = sum(READINGS[name].share for name in arguments.only)
    flaws = 0
    print(f"{'reading':20}{'inputs':>10}{'read':>10}{'refused':>10}{'CPU s':>8}")
    for name in arguments.only:
        start = time.process_time()
        outcome = run(name, max(1, arguments.inputs * READINGS[name].share // whole))
        seconds, total = time.process_time() - start, outcome.accepted + outcome.refused
        print(f"{name:20}{total:10}{outcome.accepted:10}{outcome.refused:10}{seconds:8.0f}", flush=True)
        if outcome.flaw:
            flaws += 1
            print(outcome.flaw, flush=True)
    print(f"{flaws} flaws")
    return min(flaws, 1)


if __name__ == "__main__":
    sys.exit(main())
