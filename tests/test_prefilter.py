"""Reading with a prefilter gives the same records as a full parse of every record."""

import gzip
import json
from pathlib import Path
from random import Random

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from poles.corpus import json_bytes, json_index, json_lines, raw_schema, records
from poles.corpus.field import cites, in_field
from poles.corpus.prefilter import CorePrefilter, FieldPrefilter
from poles.errors import StudyError
from test_records import EXPORTED, FORMATS, write_parquet
from test_records import work as parquet_work

URL = "https://openalex.org/"
PRIMARY = {"subfields": [1702], "match": "primary"}
SHORT = (Phase.explicit, Phase.reuse, Phase.generate)  # examples are small; shrinking takes minutes
CORE = pl.Series("work_id", [1, 3, 7, 2**40], pl.Int64)

# Texts that could mislead a search of bytes.
MISLEADING = [
    "subfields/1702",
    '"subfield":{"id":"https://openalex.org/subfields/1702"}',
    '","publication_year":1999,"x":"',
    "https://openalex.org/W1",
    "ends in a backslash\\",
    "\\\\",
    '\\"',
    "}]}",
    "{[",
    "one\ntwo",
    "naïve β 日本",
    "",
    "publication_year",
    "referenced_works",
    "results",
    "id",
]

maybe = st.none().__or__
text = st.sampled_from(MISLEADING)
subfield = st.sampled_from(
    [1702, "1702", "subfields/1702", f"{URL}subfields/1702", f"{URL}subfields/1707", 17020]
)
subfield |= st.sampled_from([None, "", "W1702", 11702, "01702", "1702x"])
topic = st.fixed_dictionaries(
    {
        "display_name": text,
        "subfield": subfield | st.fixed_dictionaries({"display_name": text, "id": subfield}),
    },
    optional={"score": st.floats(0, 1)},
)
reference = st.integers(0, 12).map(lambda n: f"{URL}W{n}") | st.sampled_from(
    [None, "W1", "", f"{URL}A1", f"{URL}W1x", f"{URL}W{2**40}", f"{URL}W1{'0' * 30}", f"{URL}W", "W3"]
)
anything = st.recursive(
    text | st.none() | st.booleans() | st.integers(-5, 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
KEYS = ("id", "publication_year", "primary_topic", "topics", "referenced_works", "results")
year = st.sampled_from([1999, 2024, 7, 0, 12345, 40000, -1, 1999.0, "2001", None, "x"])
member = st.one_of(
    st.tuples(st.just("publication_year"), year),
    st.tuples(st.just("primary_topic"), maybe(topic)),
    st.tuples(st.just("topics"), maybe(st.lists(maybe(topic), max_size=3))),
    st.tuples(st.just("referenced_works"), maybe(st.lists(reference, max_size=4))),
    st.tuples(st.just("id"), st.sampled_from([f"{URL}W5", f"{URL}W7", "W3", None, "", f"{URL}W{2**40}"])),
    st.tuples(text.filter(lambda name: name not in KEYS), anything),
    st.tuples(st.just("abstract_inverted_index"), st.dictionaries(text, st.lists(st.just(7), max_size=2))),
)  # fmt: skip
record = st.tuples(st.integers(1, 9), st.lists(member, max_size=7)).map(
    lambda drawn: [("id", f"{URL}W{drawn[0]}"), *drawn[1]]
)


def spell_letter(letter: str, random: Random, plain: float) -> str:
    if letter == "/" and random.random() > plain:
        return "\\/"
    if ord(letter) < 128 and random.random() > plain:
        return f"\\u{ord(letter):04x}"
    return json.dumps(letter, ensure_ascii=random.random() > plain)[1:-1]


def spell(value, random: Random, plain: float) -> str:
    """Write a value as JSON with random blanks and escapes; a list of pairs is an object."""
    blank = lambda: "" if random.random() < plain else random.choice([" ", "\t", "  ", "\r"])  # noqa: E731
    if isinstance(value, str):
        return '"' + "".join(spell_letter(letter, random, plain) for letter in value) + '"'
    if isinstance(value, dict):
        value = list(value.items())
        is_object = True
    else:
        is_object = (
            isinstance(value, list) and bool(value) and all(isinstance(element, tuple) for element in value)
        )
    if is_object:
        inner = [
            f"{blank()}{spell(name, random, plain)}{blank()}:{blank()}{spell(item, random, plain)}{blank()}"
            for name, item in value
        ]
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(f"{blank()}{spell(element, random, plain)}{blank()}" for element in value) + "]"
    return json.dumps(value)


def outcome(path: Path, prefilter, keep: pl.Expr):
    """Return the records and the tally of a file, or its error message."""
    tally = raw_schema.Tally()
    try:
        frames = list(records.read_records(path, 3, keep=keep, tally=tally, prefilter=prefilter))
    except StudyError as error:
        return str(error)
    frame = pl.concat(frames) if frames else pl.DataFrame()
    return frame.rows(named=True), tally


def prefilters(match: str = "any"):
    """Yield both prefilters, each with the condition that it approximates."""
    field = {"subfields": [1702, 2718], "match": match}
    yield FieldPrefilter(field["subfields"], match == "any"), in_field(field)
    yield CorePrefilter(CORE), pl.col("work_id").is_in(CORE.implode()) | cites(CORE)


@settings(max_examples=50, phases=SHORT, suppress_health_check=list(HealthCheck))
@given(
    st.lists(record, min_size=1, max_size=8),
    st.integers(0, 2**32),
    st.sampled_from([1.0, 0.97, 0.7]),
    st.sampled_from(["primary", "any"]),
    st.sampled_from([64, 200, 4096]),
    st.sampled_from([1, 3, 1000]),
)
def test_every_spelling_of_json_gives_what_a_full_parse_gives(
    tmp_path_factory, works, seed, plain, match, block, lines
):
    random = Random(seed)
    texts = [spell(work, random, plain) for work in works]
    if random.random() < 0.3:
        texts.insert(random.randrange(len(texts) + 1), f"[{','.join(texts[:2])}]")
        texts.insert(random.randrange(len(texts) + 1), f'{{"meta": {{}}, "results": [{texts[0]}]}}')
        texts.insert(random.randrange(len(texts) + 1), random.choice(["", "  \t", "\r"]))
    ending = "" if random.random() < 0.5 else "\n"
    path = tmp_path_factory.mktemp("prefilter") / "works.jsonl"
    path.write_text("\n".join([f'{{"id":"{URL}W12"}}', *texts]) + ending, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "BLOCK", block)
        patch.setattr(json_lines, "LINES", lines)
        for prefilter, keep in prefilters(match):
            assert outcome(path, prefilter, keep) == outcome(path, None, keep)


@settings(max_examples=25, phases=SHORT, suppress_health_check=list(HealthCheck))
@given(st.lists(parquet_work, min_size=1, max_size=8), st.sampled_from(["primary", "any"]))
def test_parquet_gives_what_a_full_reading_gives(tmp_path_factory, works, match):
    path = tmp_path_factory.mktemp("prefilter") / "works.parquet"
    times = [work | {"updated_date": None} for work in works]
    write_parquet([*times, {"id": "W1"}], path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_schema, "CHUNK", 3)
        for prefilter, keep in prefilters(match):
            result, expected = outcome(path, prefilter, keep), outcome(path, None, keep)
            assert result == expected


def test_parquet_of_other_types_gives_what_a_full_reading_gives(tmp_path):
    kinds = {field.name: field.type for field in EXPORTED}
    number = pa.struct([("subfield", pa.struct([("id", pa.int64())]))])
    kinds |= {"primary_topic": number, "topics": pa.large_list(number), "publication_year": pa.string()}
    kinds["referenced_works"] = pa.large_list(pa.large_string())
    works = [
        {
            "id": f"{URL}W{n}",
            "publication_year": "2001" if n % 2 else "?",
            "primary_topic": {"subfield": {"id": n}},
            "topics": [{"subfield": {"id": 1702 if n % 7 == 0 else None}}, None],
            "referenced_works": [f"{URL}W{n + 1}"],
        }
        for n in range(1700, 1720)
    ]
    path = write_parquet(works, tmp_path / "works.parquet", pa.schema(kinds))
    prefilter = FieldPrefilter([1702], True)
    keep = in_field({"subfields": [1702], "match": "any"})
    result = outcome(path, prefilter, keep)
    assert result == outcome(path, None, keep)
    assert [row["work_id"] for row in result[0]] == [1701, 1702, 1708, 1715]


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_of_json_gives_the_same_through_a_prefilter(tmp_path, name):
    FORMATS[name](tmp_path / name)
    for prefilter, keep in prefilters("primary"):
        assert outcome(tmp_path / name, prefilter, keep) == outcome(tmp_path / name, None, keep)


def test_keys_with_escapes_are_seen_wherever_they_stand(tmp_path):
    path = tmp_path / "works.jsonl"
    for length in range(66):
        plain = f'{{"id":"{URL}W5","x":"{"y" * length}"}}'
        works = [
            f'{{"id":"{URL}W6","a":"{"b" * length}","top\\u0069cs":[{{"subfield":1702}}]}}',
            f'{{"id":"{URL}W6","r\\u0065ferenced_works":["{URL}W1"],"a":"{"b" * length}"}}',
            f'{{"{"k" * length}":1,"\\u0069\\u0064":"{URL}W7"}}',
        ]
        path.write_text("\n".join([plain, *(text for work in works for text in (plain, work, plain))]))
        for prefilter, keep in prefilters():
            assert outcome(path, prefilter, keep) == outcome(path, None, keep)


# Damaged files ---------------------------------------------------------------------------------------------

OUTSIDE = (
    b'{"id":"https://openalex.org/W20","title":"a \\"cut\\" {text","publication_year":2001,'
    b'"authorships":[{"x":[]}],"primary_topic":{"subfield":{"id":"https://openalex.org/subfields/2718"}},"topics":[],'
    b'"referenced_works":["https://openalex.org/W30"],"abstract_inverted_index":{"word":[1,2],"}":[3]}}'
)


def refused(folder: Path, lines, number: int) -> None:
    path = folder / "works.jsonl"
    path.write_bytes(b"\n".join(lines))
    for prefilter, keep in prefilters():
        answer = outcome(path, prefilter, keep)
        assert isinstance(answer, str) and f"works.jsonl, line {number}: not valid JSON" in answer


def test_a_line_cut_anywhere_is_named(tmp_path):
    for stop in range(1, len(OUTSIDE)):
        refused(tmp_path, [OUTSIDE, OUTSIDE, OUTSIDE[:stop], OUTSIDE], 3)


def test_a_line_that_lost_a_quote_or_a_bracket_is_named(tmp_path):
    inside = OUTSIDE.index(b'a \\"')
    for place, byte in enumerate(OUTSIDE):
        # Damage within texts is not noticed, because the texts of dropped records are not read.
        in_text = inside <= place < inside + 13 or OUTSIDE[place - 1 : place + 2] == b'"}"'
        if byte in b'"{}[]' and not in_text:
            refused(tmp_path, [OUTSIDE, OUTSIDE[:place] + OUTSIDE[place + 1 :], OUTSIDE], 2)


def test_lines_that_lost_the_newline_between_them_are_named(tmp_path):
    refused(tmp_path, [OUTSIDE, OUTSIDE + OUTSIDE, OUTSIDE], 2)
    refused(tmp_path, [OUTSIDE, OUTSIDE, OUTSIDE + b" garbage"], 3)
    refused(tmp_path, [OUTSIDE, b"garbage", OUTSIDE], 2)


def test_a_gzip_file_cut_anywhere_is_named_with_the_last_sound_line(tmp_path):
    path = tmp_path / "works.jsonl.gz"
    whole = gzip.compress(b"\n".join([OUTSIDE.replace(b"W20", b"W%d" % n) for n in range(20, 3000)]))
    for stop in (30, 300, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:stop])
        for prefilter, keep in prefilters():
            answer = outcome(path, prefilter, keep)
            assert isinstance(answer, str) and "works.jsonl.gz: cannot be read beyond line" in answer
            assert "\n" not in answer
    path.write_bytes(whole[:-8] + b"1234" + whole[-4:])
    assert "cannot be read beyond line" in outcome(path, *next(prefilters()))


# The index itself -------------------------------------------------------------------------------------------


@settings(max_examples=50, phases=SHORT)
@given(st.lists(record, min_size=1, max_size=5), st.integers(0, 2**32), st.integers(0, 70))
def test_the_index_finds_the_values_of_the_record_itself(works, seed, begin):
    random = Random(seed)
    works = [list(dict(work).items()) for work in works]
    lines = [spell(work, random, 1.0).encode() for work in works]
    text = b"\n".join(lines) + b"\n"
    block = np.frombuffer(bytes(begin) + text + bytes(json_bytes.PADDING), np.uint8)
    rules, counts = next(prefilters())[0].rules, np.zeros(raw_schema.YEARS + 1, np.int64)
    result, count, reached = json_index.index(block, begin, begin + len(text), 10, rules, counts)
    assert (count, reached) == (len(lines), begin + len(text))
    names = json_index.keys(json_index.NAMES)
    for whole, *places, line, work in zip(
        *json_index.members(block, result.start, result.stop, names), lines, works, strict=True
    ):
        assert whole or not any("\\" in json.dumps(name, ensure_ascii=False) for name, _ in work)
        assert b"\\" in text or not whole
        parsed = orjson.loads(line)
        for name, first, last in zip(json_index.NAMES, *places, strict=True):
            if name not in parsed:
                assert first == last == -1
            else:
                assert orjson.loads(bytes(block[first:last])) == parsed[name]
    for line, start, stop in zip(lines, result.start, result.stop, strict=True):
        assert bytes(block[start:stop]) == line
    assert (result.irregular <= result.candidate).all() and counts.sum() == (~result.candidate).sum()


@settings(max_examples=50, phases=SHORT)
@given(
    st.sets(st.integers(0, 2**40) | st.integers(0, 300), max_size=60),
    st.lists(st.integers(-1, 2**40) | st.integers(0, 300), max_size=60),
)
def test_a_set_of_ids_holds_what_it_was_given(ids, numbers):
    known = json_index.id_set(np.array(sorted(ids), np.int64))
    asked = np.array([*numbers, *ids], np.int64)
    assert json_index.among(asked, *known).tolist() == [number in ids for number in asked.tolist()]
