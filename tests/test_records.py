"""Records beside a simple reading of the same works, in every format and every age of the schema."""

import gzip
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from poles.corpus import raw_schema, records
from poles.corpus.demo.snapshot import write_snapshot
from poles.corpus.prefilter import CorePrefilter, FieldPrefilter
from poles.corpus.tables import RECORDS
from poles.errors import StudyError

OPENALEX = "https://openalex.org/"
SHORT = (Phase.explicit, Phase.reuse, Phase.generate)  # examples are small; shrinking takes minutes


def read(path, **options) -> pl.DataFrame:
    return pl.concat(records.read_records(path, 0, **options))


def write_lines(works, path: Path) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, works)))
    return path


def struct(**kinds) -> pa.DataType:
    return pa.struct([pa.field(name, kind) for name, kind in kinds.items()])


TOPIC = struct(id=pa.string(), score=pa.float64(), subfield=struct(id=pa.string(), display_name=pa.string()))
INSTITUTION = struct(id=pa.string(), country_code=pa.string(), type=pa.string())
EXPORTED = pa.schema(
    {
        "id": pa.string(),
        "title": pa.string(),
        "publication_year": pa.int32(),
        "type": pa.string(),
        "authorships": pa.list_(
            struct(
                author_position=pa.string(),
                institutions=pa.list_(INSTITUTION),
                countries=pa.list_(pa.string()),
            )
        ),
        "primary_topic": TOPIC,
        "topics": pa.list_(TOPIC),
        "is_retracted": pa.bool_(),
        "is_paratext": pa.bool_(),
        "is_xpac": pa.bool_(),
        "referenced_works": pa.list_(pa.string()),
        "updated_date": pa.timestamp("us"),
        "is_authors_truncated": pa.bool_(),
        "authors_count": pa.int32(),
        "countries_distinct_count": pa.int32(),
        "referenced_works_count": pa.int32(),
    }
)
"""Columns of the snapshot's Parquet files that matter here, and some that do not."""


def write_parquet(works, path: Path, schema: pa.Schema = EXPORTED) -> Path:
    # As OpenAlex writes them: list leaves are called `element`, nulls are explicit.
    table = pa.Table.from_pylist(works, schema)
    pq.write_table(table, path, row_group_size=3, use_compliant_nested_type=True)
    return path


def maybe(strategy):
    return st.none() | strategy


code = maybe(st.sampled_from(["US", "CN", "NA", "us", "fR", "XK", "USA", "", "1A", "ÉÉ", "U "]))
subfield = maybe(st.sampled_from([OPENALEX + "subfields/1702", "subfields/1707", "1702", "unknown", ""]))
score = maybe(st.sampled_from([0.9998, 0.1, 1, 0, 0.3333334]))
topic = st.fixed_dictionaries({"subfield": maybe(st.fixed_dictionaries({"id": subfield})), "score": score})
reference = maybe(
    st.integers(1, 30).map(lambda n: f"{OPENALEX}W{n}") | st.sampled_from(["W7", "", "A3", "W", "x"])
)
institution_type = st.sampled_from(["education", "company"])
authorship = st.fixed_dictionaries(
    {
        "institutions": maybe(
            st.lists(
                maybe(st.fixed_dictionaries({"country_code": code, "type": maybe(institution_type)})),
                max_size=3,
            )
        ),
        "countries": maybe(st.lists(code, max_size=3)),
    }
)
work = st.fixed_dictionaries(
    {
        "id": st.integers(1, 2**40).map(lambda n: f"{OPENALEX}W{n}") | st.sampled_from([None, "", "W12"]),
        "publication_year": maybe(st.sampled_from([1990, 2021, 0, -5, 32767, 32768, 99999])),
        "type": maybe(st.sampled_from(["article", "paratext", "conference-paper"])),
        "authorships": maybe(st.lists(maybe(authorship), max_size=4)),
        "primary_topic": maybe(topic),
        "topics": maybe(st.lists(maybe(topic), max_size=3)),
        "is_retracted": maybe(st.booleans()),
        "is_paratext": maybe(st.booleans()),
        "is_xpac": maybe(st.booleans()),
        "referenced_works": maybe(st.lists(reference, max_size=6)),
        "updated_date": maybe(st.sampled_from(["2026-09-01T00:00:00.000000", "2023-05-16T14:50:18.726146"])),
        "is_authors_truncated": st.sampled_from([None, False, False, True]),
        "authors_count": maybe(st.integers(0, 4)),
        "countries_distinct_count": maybe(st.integers(0, 4)),
        "referenced_works_count": maybe(st.integers(0, 6)),
    }
)


def number_of(text: str | None, pattern: str) -> int | None:
    match = re.fullmatch(pattern, text or "")
    return int(match[1]) if match else None


def plainly(works) -> tuple[list[dict], raw_schema.Tally]:
    """Return the expected result of `read_records`, computed record by record in plain Python."""
    tally = raw_schema.Tally(rows=len(works))
    rows = []

    def codes(values):
        good = [value.upper() for value in values if is_code(value)]
        tally.codes += sum(value is not None for value in values) - len(good)
        return good

    def is_code(value):
        return bool(value and re.fullmatch("[A-Z]{2}", value.upper()))

    def institutions_of(authorship):
        return [institution for institution in authorship["institutions"] or [] if institution]

    def subfield_of(topic):
        return number_of(((topic or {}).get("subfield") or {}).get("id"), r"(?:.*/)?(\d+)")

    for position, work in enumerate(works):
        year = work["publication_year"]
        year = year if year is not None and -(2**15) <= year < 2**15 else None
        if not work["id"]:
            tally.without_id[year] += 1
            continue
        tally.with_id[year] += 1
        listed = work["referenced_works"] or []
        references = [number_of(text, rf"(?:{OPENALEX})?W(\d+)") for text in listed]
        tally.references += references.count(None)
        subfields = [subfield_of(topic) for topic in work["topics"] or []]
        score = (work["primary_topic"] or {}).get("score")
        authorships = [
            {
                "countries": codes(a["countries"] or []),
                "institutions": codes([i["country_code"] for i in institutions_of(a)]),
                "types": [i["type"] for i in institutions_of(a) if is_code(i["country_code"])],
            }
            for a in work["authorships"] or []
            if a is not None
        ]
        held = {code for a in authorships for code in [*a["countries"], *a["institutions"]]}
        rows.append(
            {
                "position": position,
                "work_id": number_of(work["id"], rf"(?:{OPENALEX})?W(\d+)"),
                "year": year,
                "type": work["type"],
                "is_retracted": work["is_retracted"] or False,
                "is_paratext": work["is_paratext"] or work["type"] == "paratext",
                "is_xpac": work["is_xpac"] or False,
                "updated": work["updated_date"],
                "primary_subfield": subfield_of(work["primary_topic"]),
                "topic_score": None if score is None else round(float(score), 6),
                "topic_subfields": [number for number in subfields if number is not None],
                "n_authors": len(authorships),
                "authorships": authorships,
                "references": [number for number in references if number is not None],
                "is_incomplete": bool(
                    work["is_authors_truncated"]
                    or (work["authors_count"] or 0) > len(authorships)
                    or (work["countries_distinct_count"] or 0) > len(held)
                    or (work["referenced_works_count"] or 0) > len(listed)
                ),
            }
        )
    return rows, tally


@settings(max_examples=30, deadline=None, phases=SHORT)
@given(st.lists(work, min_size=1, max_size=8))
def test_json_and_parquet_give_what_a_plain_reading_gives(tmp_path_factory, works):
    works.append(works[-1] | {"id": "W1"})  # a file without any id is refused
    folder = tmp_path_factory.mktemp("works")
    rows, expected = plainly(works)
    times = [
        work
        | {"updated_date": work["updated_date"] and pl.Series([work["updated_date"]]).str.to_datetime()[0]}
        for work in works
    ]
    files = [write_lines(works, folder / "works.jsonl"), write_parquet(times, folder / "works.parquet")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_schema, "CHUNK", 3)
        for path in files:
            tally = raw_schema.Tally()
            frame = read(path, tally=tally)
            assert frame.schema == pl.Schema(RECORDS.columns)
            assert frame.to_dicts() == rows
            assert tally == expected
            kept = read(path, keep=pl.col("year") > 2000, columns=["year", "is_paratext", "n_authors"])
            assert kept.equals(
                frame.filter(pl.col("year") > 2000).select(
                    "position", "work_id", "year", "is_paratext", "n_authors"
                )
            )


WORKS = [
    {
        "id": f"{OPENALEX}W{number}",
        "publication_year": 2000 + number,
        "type": "article",
        "authorships": [{"countries": ["NA"], "institutions": [{"country_code": "US"}]}] * number,
        "primary_topic": {"subfield": {"id": f"{OPENALEX}subfields/1702"}},
        "referenced_works": [f"{OPENALEX}W{n}" for n in range(number)],
        "updated_date": "2026-01-02T03:04:05.000000",
    }
    for number in range(1, 6)
]
PAGE = {"meta": {"count": 5, "next_cursor": None}, "results": WORKS, "group_by": []}
LINES = b"\n".join(map(orjson.dumps, WORKS))


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("works_0_2.json", orjson.dumps(WORKS[:2]))
        archive.writestr("README", b"nothing")
        archive.writestr("deep/works_2_5.jsonl", b"\n".join(map(orjson.dumps, WORKS[2:])))


FORMATS = {
    "lines.jsonl": lambda path: path.write_bytes(LINES),
    "marked.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + LINES + b"\n\n"),
    "part_0000.gz": lambda path: path.write_bytes(gzip.compress(LINES)),
    "members.gz": lambda path: path.write_bytes(
        b"".join(gzip.compress(line + b"\n") for line in LINES.splitlines())
    ),
    "array.json": lambda path: path.write_bytes(orjson.dumps(WORKS)),
    "indented.json": lambda path: path.write_bytes(orjson.dumps(WORKS, option=orjson.OPT_INDENT_2)),
    "page.json": lambda path: path.write_bytes(orjson.dumps(PAGE)),
    "indented_page.json.gz": lambda path: path.write_bytes(
        gzip.compress(orjson.dumps(PAGE, option=orjson.OPT_INDENT_2))
    ),
    "pages.jsonl": lambda path: path.write_bytes(
        b"\n".join(orjson.dumps(PAGE | {"results": part}) for part in (WORKS[:3], [], WORKS[3:]))
    ),
    "archive.zip": zipped,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_of_json_gives_the_same_records(tmp_path, name):
    FORMATS[name](tmp_path / name)
    frame = read(tmp_path / name)
    assert frame.to_dicts() == read(write_lines(WORKS, tmp_path / "plain.jsonl")).to_dicts()
    assert frame["work_id"].to_list() == [1, 2, 3, 4, 5]
    assert frame["n_authors"].to_list() == [1, 2, 3, 4, 5]


def test_one_work_in_a_file(tmp_path):
    path = tmp_path / "work.json"
    path.write_text(json.dumps(WORKS[2], indent=1))
    assert read(path)["references"].to_list() == [[0, 1, 2]]


def test_position_orders_files_and_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_schema, "CHUNK", 2)
    works = [WORKS[0], {**WORKS[1], "id": None}, *WORKS[2:]]
    frame = pl.concat(records.read_records(write_lines(works, tmp_path / "works.jsonl"), 7))
    assert frame["position"].to_list() == [7 * 2**32 + row for row in (0, 2, 3, 4)]


@pytest.mark.parametrize(
    "subfield",
    [1702, 1702.0, "1702", "subfields/1702", f"{OPENALEX}subfields/1702"],
)
@pytest.mark.parametrize("wrap", [lambda value: {"id": value}, lambda value: value])
def test_every_spelling_of_a_subfield(tmp_path, subfield, wrap):
    topic = {"id": f"{OPENALEX}T10181", "subfield": wrap(subfield)}
    work = {"id": "W1", "primary_topic": topic, "topics": [topic, {"subfield": None}, {}]}
    frame = read(write_lines([work], tmp_path / "works.jsonl"))
    assert frame.select("primary_subfield", "topic_subfields").row(0) == (1702, [1702])


def test_subfields_as_numbers_in_parquet(tmp_path):
    topic = struct(subfield=struct(id=pa.int64()))
    schema = pa.schema(
        {**{f.name: f.type for f in EXPORTED}, "primary_topic": topic, "topics": pa.list_(topic)}
    )
    work = {
        "id": "W1",
        "primary_topic": {"subfield": {"id": 1702}},
        "topics": [{"subfield": {"id": 1707}}, None],
    }
    frame = read(write_parquet([work], tmp_path / "works.parquet", schema))
    assert frame.select("primary_subfield", "topic_subfields").row(0) == (1702, [1707])


@pytest.mark.parametrize(
    ("given", "score"), [(0.9998, 0.9998), (1, 1.0), (0.1, 0.1), (0, 0.0), (None, None), (float("nan"), None)]
)
def test_a_score_of_single_precision_is_that_of_double(tmp_path, given, score):
    work = {"id": "W1", "primary_topic": {"score": given, "subfield": {"id": "1702"}}}
    topic = struct(score=pa.float32(), subfield=struct(id=pa.string()))
    schema = EXPORTED.set(EXPORTED.get_field_index("primary_topic"), pa.field("primary_topic", topic))
    assert read(write_parquet([work], tmp_path / "works.parquet", schema))["topic_score"].to_list() == [score]
    assert read(write_lines([work], tmp_path / "works.jsonl"))["topic_score"].to_list() == [score]


def test_parquet_of_before_countries_and_topics(tmp_path):
    institution = struct(id=pa.string(), country_code=pa.string())
    authorships = pa.list_(struct(institutions=pa.list_(institution)))
    kinds = {f.name: f.type for f in EXPORTED if "topic" not in f.name} | {"authorships": authorships}
    work = {"id": "W1", "authorships": [{"institutions": [{"country_code": "GB"}, None]}, None]}
    frame = read(write_parquet([work], tmp_path / "works.parquet", pa.schema(kinds)))
    assert frame["authorships"].to_list() == [[{"countries": [], "institutions": ["GB"], "types": [None]}]]
    assert frame["primary_subfield"].to_list() == [None]
    assert frame["topic_subfields"].to_list() == [[]]


def test_parquet_whose_lists_call_their_leaves_item(tmp_path):
    path = tmp_path / "works.parquet"
    pq.write_table(pa.Table.from_pylist(WORKS, EXPORTED.remove(11)), path, use_compliant_nested_type=False)
    expected = read(write_lines(WORKS, tmp_path / "works.jsonl")).drop("updated")
    assert read(path).drop("updated").equals(expected)


def with_types(change: Callable[[pa.DataType], pa.DataType]) -> Callable[[list[dict], Path], None]:
    """Make a writer that changes the types of pyarrow, at every depth."""

    def changed(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, changed(field.type)) for field in kind])
        if pa.types.is_list(kind):
            return change(pa.list_(changed(kind.value_type)))
        return change(kind)

    def write(works: list[dict], path: Path) -> None:
        inferred = pa.Table.from_pylist(works)
        schema = pa.schema([(field.name, changed(field.type)) for field in inferred.schema])
        pq.write_table(pa.Table.from_pylist(works, schema), path)

    return write


def as_large(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.large_list(kind.value_type)
    return pa.large_string() if pa.types.is_string(kind) else kind


def coded(array: pa.Array) -> pa.Array:
    """Encode texts as dictionaries, at every depth."""
    if pa.types.is_string(array.type):
        return array.dictionary_encode()
    if pa.types.is_list(array.type):
        values = coded(array.values)
        return pa.ListArray.from_arrays(array.offsets, values, mask=array.is_null() if len(array) else None)
    if pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        return pa.StructArray.from_arrays(
            [coded(array.field(name)) for name in names], names, mask=array.is_null()
        )
    return array


def write_coded(works: list[dict], path: Path) -> None:
    table = pa.Table.from_pylist(works)
    columns = {name: coded(table[name].combine_chunks()) for name in table.column_names}
    pq.write_table(pa.table(columns), path, row_group_size=2)


def write_viewed(works: list[dict], path: Path) -> None:
    table = pa.Table.from_pylist(works)
    columns = {
        name: column.cast(pa.string_view()) if column.type == pa.string() else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    pq.write_table(pa.table(columns), path)


def categories(frame: pl.DataFrame) -> pl.DataFrame:
    """Frame whose texts, also those in lists, are categorical."""
    kinds = {pl.String: pl.Categorical, pl.List(pl.String): pl.List(pl.Categorical)}
    return frame.with_columns(pl.col(kind).cast(to) for kind, to in kinds.items())


WRITERS: dict[str, Callable[[list[dict], Path], None]] = {
    "pyarrow": with_types(lambda kind: kind),
    "pyarrow, large": with_types(as_large),
    "pyarrow, views of lists": with_types(
        lambda kind: pa.list_view(kind.value_type) if pa.types.is_list(kind) else kind
    ),
    "pyarrow, views of texts": write_viewed,
    "pyarrow, dictionaries": write_coded,
    "pyarrow, without its schema": lambda works, path: pq.write_table(
        pa.Table.from_pylist(works), path, store_schema=False
    ),
    "polars": lambda works, path: pl.DataFrame(works).write_parquet(path, row_group_size=2),
    "polars, categorical": lambda works, path: categories(pl.DataFrame(works)).write_parquet(path),
    "pandas": lambda works, path: pd.DataFrame(works).to_parquet(path, row_group_size=2),
    "pandas, Arrow types": lambda works, path: (
        pd.DataFrame(works).convert_dtypes(dtype_backend="pyarrow").to_parquet(path)
    ),
    "pandas, categories": lambda works, path: (
        pd.DataFrame(works).astype({"type": "category", "id": "category"}).to_parquet(path)
    ),
}
PARTS: dict[str, dict] = {
    "everything": {},
    "no references": {"referenced_works": None},
    "empty references": {"referenced_works": []},
    "references that are null": {"referenced_works": [None]},
    "no authorships": {"authorships": None},
    "empty authorships": {"authorships": []},
    "authorships that are null": {"authorships": [None, None]},
    "no countries": {"authorships": [{"countries": None, "institutions": [{"country_code": "US"}]}]},
    "empty countries": {"authorships": [{"countries": [], "institutions": [{"country_code": "US"}]}]},
    "no institutions": {"authorships": [{"countries": ["US", None], "institutions": None}]},
    "empty institutions": {"authorships": [{"countries": [], "institutions": []}, None]},
    "institutions without a country": {"authorships": [{"institutions": [{"country_code": None}]}]},
    "no topic": {"primary_topic": None, "topics": None},
    "topics without a subfield": {"primary_topic": {"subfield": None, "score": 1}, "topics": [{"score": 1}]},
    "subfields by themselves": {"primary_topic": {"subfield": 1702.0}, "topics": [{"subfield": 1702}]},
    "no text": {"type": None, "updated_date": None, "is_retracted": None, "publication_year": None},
    "years with decimals": {"publication_year": 2001.0},
}  # fmt: skip
"""What all works of a part of the data have in common, on which the types of its columns depend."""


@pytest.mark.parametrize("writer", WRITERS)
def test_types_that_follow_the_content_of_a_part_give_the_same_records(tmp_path, writer):
    in_field = pl.col("topic_subfields").list.contains(1702)
    cites = pl.col("references").list.contains(1) | pl.col("work_id").is_in([1, 2])
    prefilters = {
        FieldPrefilter([1702], any_topic=True): in_field,
        CorePrefilter(pl.Series([1, 2])): cites,
        None: pl.lit(True),
    }
    for name, part in PARTS.items():
        works = [work | {"topics": [work["primary_topic"]]} | part for work in WORKS]
        expected = read(write_lines(works, tmp_path / "works.jsonl"))
        WRITERS[writer](works, tmp_path / "works.parquet")
        for prefilter, keep in prefilters.items():
            chunks = records.read_records(tmp_path / "works.parquet", 0, prefilter=prefilter, keep=keep)
            assert pl.concat([expected.clear(), *chunks]).equals(expected.filter(keep)), name


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("publication_year", date(2000, 1, 1), "year is of type date32[day], but has to be a whole number"),
        ("publication_year", datetime(2000, 1, 1), "year is of type timestamp[us], but has to be"),
        ("publication_year", True, "year is of type bool, but has to be a whole number"),
        ("referenced_works", "W1; W2", "referenced_works is of type string, but has to be a list"),
        ("referenced_works", [2.5], "referenced_works is of type double, but has to be text"),
        ("authorships", "[]", "authorships is of type string, but has to be a list"),
        ("authorships", ["US"], "authorships is of type string, but has to be a struct"),
        ("authorships", [{"countries": "US"}], "authorships.countries is of type string, but has to be"),
        ("primary_topic", 1702, "primary_topic is of type int64, but has to be a struct"),
        ("primary_topic", {"score": "high"}, "primary_topic.score is of type string, but has to be a number"),
        ("is_retracted", "no", "is_retracted is of type string, but has to be true or false"),
        ("updated_date", 20260101, "updated_date is of type int64, but has to be a time"),
    ],
)  # fmt: skip
def test_a_column_of_another_type_is_named_with_its_type(tmp_path, column, value, message):
    pq.write_table(pa.Table.from_pylist([work | {column: value} for work in WORKS]), tmp_path / "a.parquet")
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read(tmp_path / "a.parquet")
    assert str(error.value).startswith(f"{tmp_path / 'a.parquet'}: {column}")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("2026-05-21T09:19:25.381259", "2026-05-21T09:19:25.381259"),
        ("2026-05-21T09:19:25.381Z", "2026-05-21T09:19:25.381000"),
        ("2026-05-21T09:19:25+00:00", "2026-05-21T09:19:25.000000"),
        ("2026-05-21 09:19:25", "2026-05-21T09:19:25.000000"),
        ("2021-11-03", "2021-11-03T00:00:00.000000"),
        (None, None),
    ],
)
def test_times_are_spelled_so_that_later_is_greater(tmp_path, given, normal):
    frame = read(write_lines([{"id": "W1", "updated_date": given}], tmp_path / "works.jsonl"))
    assert frame["updated"].to_list() == [normal]


@pytest.mark.parametrize(
    ("given", "year"),
    [
        (1999, 1999),
        (1999.0, 1999),
        ("1999", 1999),
        (" 1999.0 ", 1999),
        ("1.999e3", 1999),
        (1999.5, None),
        ("1999-01-01", None),
        (True, None),
        (10**12, None),
        (-(10**30), None),
        (2**63, None),
        (2**64 + 1999, None),
        ("n.d.", None),
        ([], None),
    ],
)
def test_years_that_no_calendar_has_are_null(tmp_path, given, year):
    path = tmp_path / "works.jsonl"
    path.write_text(json.dumps({"id": "W1", "publication_year": given}))
    assert read(path)["year"].to_list() == [year]


@pytest.mark.parametrize(
    "years",
    [
        pa.array([1999, None, 2001], pa.uint16()),
        pa.array([1999.0, None, 2001.0], pa.float32()),
        pa.array(["1999", "n.d.", " 2001.0"]),
        pa.array(["1999.0", "1999.5", "2.001e3"], pa.string_view()),
        pa.array(["1999", None, "2001"]).dictionary_encode(),
        pa.array([Decimal(1999), None, Decimal(2001)], pa.decimal128(6, 1)),
        pa.array([1999.0, 2000.5, 2001.0]),
    ],
    ids=lambda years: str(years.type),
)
def test_years_of_parquet_in_any_type_that_holds_numbers(tmp_path, years):
    table = pa.Table.from_pylist(WORKS[:3], EXPORTED.remove(11))
    place = table.column_names.index("publication_year")
    pq.write_table(table.set_column(place, "publication_year", years), tmp_path / "works.parquet")
    assert read(tmp_path / "works.parquet")["year"].to_list() == [1999, None, 2001]


@pytest.mark.parametrize("beyond", [2**63, 2**64 + 1999])
def test_years_of_parquet_beyond_64_bits_are_no_years(tmp_path, beyond):
    kind = pa.uint64() if beyond < 2**64 else pa.decimal128(30, 0)
    table = pa.Table.from_pylist(WORKS[:3], EXPORTED.remove(11))
    years = pa.array([Decimal(1999), Decimal(beyond), None], pa.decimal128(30, 0)).cast(kind)
    place = table.column_names.index("publication_year")
    pq.write_table(table.set_column(place, "publication_year", years), tmp_path / "works.parquet")
    plain = read(tmp_path / "works.parquet")
    assert plain["year"].to_list() == [1999, None, None]
    everything = CorePrefilter(plain["work_id"].sort())
    assert read(tmp_path / "works.parquet", prefilter=everything).equals(plain)


@pytest.mark.parametrize("number", [2**63, 2**64 + 5, 10**400, -5])
def test_numbers_of_works_beyond_64_bits_or_below_0_are_no_ids(tmp_path, number):
    kept = {"id": "W1", "referenced_works": [f"W{number}", f"https://openalex.org/W{number}", "W2"]}
    tally = raw_schema.Tally()
    assert read(write_lines([kept], tmp_path / "a.jsonl"), tally=tally)["references"].to_list() == [[2]]
    assert tally.references == 2
    path = write_lines([kept, {"id": f"https://openalex.org/W{number}"}], tmp_path / "b.jsonl")
    with pytest.raises(StudyError, match=r"b\.jsonl, line 2: id '.*' is not the id of a work, such as"):
        read(path)


def test_a_score_beyond_all_floating_point_numbers_is_no_score(tmp_path):
    line = '{"id": "W1", "primary_topic": {"score": %s}}\n' % ("9" * 400)
    (tmp_path / "works.jsonl").write_text(line * 2)
    assert read(tmp_path / "works.jsonl")["topic_score"].to_list() == [None, None]


def test_what_is_dropped_is_counted(tmp_path):
    authorship = {"countries": ["US", "usa", None], "institutions": [None, {}, {"country_code": "?"}]}
    work = {"id": "W1", "authorships": [authorship], "referenced_works": ["W2", None, "doi:10.1/2"]}
    tally = raw_schema.Tally()
    read(write_lines([work, {"id": None}, {}], tmp_path / "works.jsonl"), tally=tally)
    assert (tally.rows, tally.without_id.total(), tally.codes, tally.references) == (3, 2, 2, 2)


UNUSED = {
    "half of a surrogate pair": rb'"title": "a \ud83d"',
    "second half of one": rb'"title": "\ude00 b"',
    "a byte that is no UTF-8": b'"title": "caf\xe9"',
    "a surrogate in UTF-8": b'"title": "\xed\xa0\xbd"',
    "control characters": b'"title": "a\x01\tb"',
    "no finite number": b'"fwci": NaN, "apc": -Infinity',
    "a number of many digits": b'"fwci": 1' + b"0" * 400,
    "more digits than Python reads": b'"cited_by_count": 1' + b"0" * 5000,
    "a key of half a pair": rb'"\ud83d": "\\"',
}
"""Members of a record that the study does not use, and that some programs write but few read."""
WRAPS = {
    "first.jsonl": lambda line, others: b"\n".join([line, *others]),
    "last.jsonl": lambda line, others: b"\n".join([*others, line]),
    "array.json": lambda line, others: b"[" + b",".join([line, *others]) + b"]",
    "array_of_lines.json": lambda line, others: b"[\n" + b",\n".join([*others, line]) + b"\n]",
    "page.json": lambda line, others: b'{"results": [' + b",".join([*others, line]) + b"]}",
    "indented_page.json": lambda line, others: (
        b'{"x": "\\ud83d",\n"results": [\n' + b",".join([*others, line]) + b"]}"
    ),
}


@pytest.mark.parametrize("unused", UNUSED)
@pytest.mark.parametrize("wrap", WRAPS)
def test_what_the_study_does_not_use_never_decides_whether_a_record_is_read(tmp_path, unused, wrap):
    lines = [orjson.dumps(work) for work in WORKS]
    paths = {name: tmp_path / f"{name}_{wrap}" for name in ("strange", "plain")}
    paths["plain"].write_bytes(WRAPS[wrap](lines[-1], lines[:-1]))
    paths["strange"].write_bytes(WRAPS[wrap](b"{%b, %b" % (UNUSED[unused], lines[-1][1:]), lines[:-1]))
    ai = pl.col("primary_subfield") == 1702
    for options in ({}, {"prefilter": FieldPrefilter([1702], False), "keep": ai}):
        assert read(paths["strange"], **options).equals(read(paths["plain"], **options))


def test_a_used_text_that_is_no_unicode_is_dropped_or_named(tmp_path):
    path = tmp_path / "works.jsonl"
    authorships, references = b'[{"countries": ["US", "U\xff"]}]', b'["W2", "W\\ud83d"]'
    path.write_bytes(b'{"id": "W1", "authorships": %b, "referenced_works": %b}' % (authorships, references))
    tally = raw_schema.Tally()
    assert read(path, tally=tally).select("references", "authorships").to_dicts() == [
        {"references": [2], "authorships": [{"countries": ["US"], "institutions": [], "types": []}]}
    ]
    assert (tally.codes, tally.references) == (1, 1)


def damaged(name: str, content: bytes, message: str):
    return pytest.param(name, content, message, id=f"{name}: {message}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        damaged("a.jsonl", LINES.replace(b'"id"', b"id", 3)[:-5], "line 1: not valid JSON"),
        damaged("a.jsonl", LINES + b'\n{"id": "W9", ', "line 6: not valid JSON"),
        damaged("a.jsonl", LINES + b'\n{"id": "W\xff"}', "line 6: id 'W\ufffd' is not the id"),
        damaged("a.jsonl", LINES + b"\n17", "line 6: 17 is not a work"),
        damaged("a.json", b'[\n{"id": "W1"},\n{"id": "W2"\n', "line 4: not valid JSON"),
        damaged("a.json", b'[\n{"id": "W1", "title": "\\ud83d"},\n{"id": 2 3}\n', "line 3: not valid JSON"),
        damaged("a.json", b'{"id": "W1", "x": ' + b"[" * 100_000, "line 1: not valid JSON (too many levels)"),
        damaged("a.json", b'[{"id": "W1"}, null]', "line 1, record 2: None is not a work"),
        damaged("a.json", b'{"error": "Rate limit exceeded"}', "an error of the API instead of works"),
        damaged("a.json", b'{"results": {}}', "{} is not a work"),
        damaged("a.jsonl", b'{"id": "W1"}\n{"id": "https://openalex.org/A5"}', "line 2: id 'https://openalex.org/A5'"),
        damaged("a.jsonl", b'{"id": 5}', "line 1: id is 5, but has to be text"),
        damaged("a.jsonl", b'{"name": 5}', "none of its 1 records has an id"),
        damaged("a.jsonl", b'{"id": "W1", "authorships": {}}', "line 1: authorships is {}, but has"),
        damaged("a.jsonl", b'{"id": "W1", "authorships": ["x"]}', "line 1: authorships holds 'x'"),
        damaged("a.jsonl", b'{"id": "W1", "referenced_works": [7]}', "line 1: referenced_works holds 7"),
        damaged("a.jsonl", b'{"id": "W1", "referenced_works": "W7"}', "line 1: referenced_works is 'W7'"),
        damaged("a.jsonl", b'{"id": "W1", "is_retracted": "no"}', "line 1: is_retracted is 'no', but"),
        damaged("a.gz", b"", "a.gz: the file is empty"),
        damaged("a.gz", LINES, "a.gz: not a gz file"),
        damaged("a.gz", gzip.compress(LINES)[:-20], "a.gz: cannot be read beyond line"),
        damaged("a.gz", gzip.compress(LINES)[:-6] + b"123456", "a.gz: cannot be read beyond line"),
        damaged("a.zip", b"PK\x03\x04 and nothing", "a.zip: cannot be read as a zip file"),
        damaged("a.parquet", b"", "a.parquet: the file is empty"),
        damaged("a.parquet", LINES, "a.parquet: not a parquet file"),
        damaged("a.parquet", b"PAR1" + LINES, "a.parquet: cannot be read as a Parquet file"),
    ],
)  # fmt: skip
def test_damage_is_named_in_one_line_with_its_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"id": "' + b"W" * 10**6 + b'"}',
        b'{"id": "W1", "type": [' + b'"a", ' * 10**5 + b'"b"]}',
        b'{"id": "W1", "authorships": {"' + b"k" * 10**6 + b'": 1}}',
        b'["' + b"x" * 10**6 + b'"]',
    ],
    ids=["id", "type", "authorships", "no work"],
)
def test_a_message_never_repeats_a_file(tmp_path, content):
    path = tmp_path / "works.json"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        read(path)
    assert str(error.value).startswith(f"{path}, line 1")
    assert len(str(error.value)) <= 1200
    assert len(str(StudyError("configuration: a\n" + "x" * 5000 + "; allowed: b"))) < 1300


def test_missing_file_and_foreign_parquet_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"none\.jsonl: cannot be read"):
        read(tmp_path / "none.jsonl")
    pl.DataFrame({"id": ["W1"], "year": [2000]}).write_parquet(tmp_path / "other.parquet")
    lacking = r"lacks the columns publication_year, authorships\.countries, referenced_works.*it has id, year"
    with pytest.raises(StudyError, match=lacking):
        read(tmp_path / "other.parquet")
    works = [{"id": "W1"}, {"id": f"{OPENALEX}A2"}]
    with pytest.raises(StudyError, match=r"row 2: id 'https://openalex\.org/A2'"):
        read(write_parquet(works, tmp_path / "authors.parquet"))


def test_damaged_parquet_pages_are_named(tmp_path):
    path = write_parquet([{**work, "updated_date": None} for work in WORKS], tmp_path / "works.parquet")
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    with pytest.raises(
        StudyError, match=r"works\.parquet: cannot be read as a Parquet file of works after row 0"
    ):
        read(path)


def test_damaged_zip_member_is_named(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("works.jsonl", LINES)
    path.write_bytes(path.read_bytes().replace(b"article", b"artikel", 1))
    with pytest.raises(StudyError, match=r"a\.zip: cannot be read beyond works\.jsonl, line.*CRC"):
        read(path)


def test_demo_is_the_same_in_both_layouts(tmp_path):
    frames = []
    for kind in ("jsonl", "parquet"):
        write_snapshot(tmp_path, 1000, 3, 1990, 2023, kind, {})
        frames.append(pl.concat(map(read, sorted((tmp_path / f"data/{kind}").glob("works/*/part*")))))
    assert len(frames[0]) == 1000
    assert frames[0].equals(frames[1])


# Real records ----------------------------------------------------------------------------------------------


def test_old_records_as_served_and_as_cut_are_the_same(shared_data):
    folder = shared_data("openalex-works")
    cut = read(folder / "works_reduced.jsonl.gz").drop("position").sort("work_id")
    assert not cut["is_incomplete"].any()
    served = pl.concat(map(read, sorted((folder / "raw").glob("*.zip"))))
    served = served.sort("work_id", "updated").unique("work_id", keep="last").drop("position").sort("work_id")
    assert len(cut) == 7518
    assert served["is_incomplete"].sum() == 2  # works with a hundred authors in a list
    assert served.drop("is_incomplete").equals(cut.drop("is_incomplete"))


def test_work_with_five_thousand_authors_and_no_institution(shared_data):
    frame = read(shared_data("openalex-works-edge-cases") / "works3.json")
    assert frame["n_authors"].to_list() == [5103]
    assert frame["authorships"].explode().struct.unnest().to_dict(as_series=False) == {
        "countries": [[]] * 5103,
        "institutions": [[]] * 5103,
        "types": [[]] * 5103,
    }


def test_references_that_resolve_among_the_works_of_2026(shared_data):
    frame = read(shared_data("openalex-works-edge-cases") / "openalexbiblio_works_reduced.jsonl.gz")
    assert len(frame) == frame["work_id"].n_unique() == 304
    assert frame["references"].explode().is_in(frame["work_id"].implode()).sum() == 1322


@pytest.mark.parametrize("title", ["", r"\"authors_count\": 1", r"\"is_authors_truncated\": true"])
def test_a_record_that_states_more_than_it_holds_is_found_without_parsing_it_whole(tmp_path, title):
    work = WORKS[2] | {"title": "TITLE"}
    stated = [
        {"is_authors_truncated": True},
        {"is_authors_truncated": False, "authors_count": 3, "referenced_works_count": 3},
        {"authors_count": 4},
        {"referenced_works_count": 4},
        {"countries_distinct_count": 3},
        {"countries_distinct_count": 2, "authors_count": None, "referenced_works_count": "many"},
    ]
    path = tmp_path / "works.jsonl"
    text = b"\n".join(orjson.dumps(work | more) for more in [{}, *stated])
    path.write_bytes(text.replace(b"TITLE", title.encode()))
    prefilters = [None, FieldPrefilter([1702], any_topic=False), CorePrefilter(pl.Series([3]))]
    for prefilter in prefilters:
        found = read(path, prefilter=prefilter)["is_incomplete"].to_list()
        assert found == [False, True, False, True, True, True, False]


def countries_in(frame: pl.DataFrame) -> list[int]:
    """Count the distinct countries listed for each work, which OpenAlex counts too."""
    return [len({code for a in row for code in a["countries"]}) for row in frame["authorships"]]


def test_language_works_of_today_are_in_artificial_intelligence(shared_data):
    path = shared_data("openalex-works-edge-cases") / "hin_nlp_first10_openalex.json"
    works = json.loads(path.read_text())
    frame = read(path)
    assert frame["primary_subfield"].to_list() == [
        int(work["primary_topic"]["subfield"]["id"].rpartition("/")[2]) for work in works
    ]
    assert frame["references"].list.len().to_list() == [work["referenced_works_count"] for work in works]
    assert countries_in(frame) == [work["countries_distinct_count"] for work in works]
    assert not frame["is_incomplete"].any()


@pytest.mark.parametrize("name", ["json_files_page_1.json.gz", "json_files_page_2_a.json.gz"])
def test_pages_of_the_api(shared_data, name):
    path = shared_data("openalex-api-responses") / name
    works = json.loads(gzip.decompress(path.read_bytes()))["results"]
    frame = read(path)
    assert len(frame) == len(works) == 200
    assert frame["references"].list.len().to_list() == [work["referenced_works_count"] for work in works]
    assert countries_in(frame) == [work["countries_distinct_count"] for work in works]
    assert not frame["is_incomplete"].any()


def test_recorded_answers_of_the_api(shared_data, tmp_path):
    works = errors = 0
    for path in sorted((shared_data("openalex-api-responses") / "small").glob("*.json")):
        answer = json.loads(path.read_text())
        body = answer["body"] if isinstance(answer["body"], dict) else json.loads(answer["body"])
        (tmp_path / path.name).write_text(json.dumps(body))
        first = next(iter(body.get("results", [body])), {})
        if "error" in body:
            errors += 1
            with pytest.raises(StudyError, match="an error of the API"):
                read(tmp_path / path.name)
        elif "authorships" in first and first.get("id"):
            works += 1
            assert len(read(tmp_path / path.name)) == len(body.get("results", [body]))
    assert works >= 5
    assert errors >= 5


def test_snapshots_of_the_past(shared_data):
    folder = shared_data("openalex-snapshot-samples")
    paths = sorted(folder.rglob("part_*.gz"))
    frames = {path: read(path) for path in paths if "sources" not in path.name}
    assert sorted(map(len, frames.values())) == [27, 29, 50]
    for path, frame in frames.items():
        works = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        assert frame["work_id"].to_list() == [int(work["id"].rpartition("W")[2]) for work in works]
        codes = [
            {i["country_code"] for a in w["authorships"] for i in a["institutions"]} - {None} for w in works
        ]
        found = [{c for a in row for c in a["institutions"]} for row in frame["authorships"]]
        assert found == codes
    assert any(len(row) for frame in frames.values() for row in frame["references"])


def test_sources_are_not_taken_for_works(shared_data):
    path = shared_data("openalex-snapshot-samples") / "omid-openalex/sources_part_test.gz"
    with pytest.raises(StudyError, match=r"line 1: id 'https://openalex\.org/S"):
        read(path)
