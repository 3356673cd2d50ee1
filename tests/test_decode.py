"""Works that are decoded many at a time give what a parse of each one gives."""

import gzip
import json
from pathlib import Path
from random import Random

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from poles.corpus import decoded, json_bytes, json_decode, json_lines, raw_schema, records
from poles.corpus.prefilter import CorePrefilter
from poles.errors import StudyError
from test_prefilter import spell

URL = "https://openalex.org/"
SHORT = (Phase.explicit, Phase.reuse, Phase.generate)  # examples are small; shrinking takes minutes
maybe = st.none().__or__

# Values of the right kind, plain and less plain, and anything else ------------------------------------------

anything = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -1, 7, 1702, 2.5, 1e300, 10**18, 2**63, 10**30])
    | st.sampled_from(["", "W7", "US", "é", "a\\"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def mostly(strategy):
    """Values of a strategy, and now and then anything."""
    return st.integers(0, 30).flatmap(lambda number: strategy if number else anything)


text = mostly(maybe(st.sampled_from(["article", "paratext", "préprint", "book \\", 'a "b"', ""])))
number = st.integers(1, 10**9) | st.sampled_from([0, 1, 10**17, 10**18 - 1, 10**18, 2**63 - 1, 2**63])
work_id = st.builds("{}{}".format, st.sampled_from([f"{URL}W", f"{URL}W", "W", URL, f"{URL}A"]), number)
code = mostly(maybe(st.sampled_from(["US", "CN", "NA", "us", "fR", "USA", "1A", "U", "ß"])))
score = st.floats(0, 1) | st.sampled_from([0, 1, 0.9998, -0.5, 1e-7, 123456789012345678, 0.1234567890123456])
subfield = st.sampled_from(
    [
        1702,
        "1702",
        "01702",
        1702.0,
        "1702.0",
        f"{URL}subfields/1702",
        "subfields/17",
        "a1702",
        "1" * 12,
        10**12,
    ]
)
subfield |= st.fixed_dictionaries({"display_name": text}, optional={"id": mostly(maybe(subfield))})
topic = st.fixed_dictionaries(
    {"x": anything}, optional={"subfield": mostly(maybe(subfield)), "score": mostly(maybe(score))}
)
institution = st.fixed_dictionaries({"id": text}, optional={"country_code": code, "type": text})
authorship = st.fixed_dictionaries(
    {"author": st.just({"countries": ["XX"]})},
    optional={
        "countries": mostly(maybe(st.lists(code, max_size=3))),
        "institutions": mostly(maybe(st.lists(mostly(maybe(institution)), max_size=3))),
    },
)
flag = mostly(maybe(st.booleans()))
count = mostly(maybe(st.integers(0, 4)))
time = st.sampled_from(
    ["2026-09-01T01:02:03.123456", "2021-11-03", "2026-05-21 09:19:25", "2026-05-21T09:19:25Z"]
)
MEMBERS = {
    "publication_year": mostly(st.sampled_from([1999, 2024, 7, 0, 12345, 40000, -1, 1999.0, "2001", None])),
    "type": text,
    "updated_date": mostly(maybe(time)),
    "is_retracted": flag,
    "is_paratext": flag,
    "is_xpac": flag,
    "is_authors_truncated": flag,
    "authors_count": count,
    "countries_distinct_count": count,
    "referenced_works_count": count,
    "primary_topic": mostly(maybe(topic)),
    "topics": mostly(maybe(st.lists(mostly(maybe(topic)), max_size=3))),
    "authorships": mostly(maybe(st.lists(mostly(maybe(authorship)), max_size=3))),
    "referenced_works": mostly(maybe(st.lists(mostly(work_id), max_size=4))),
    "title": anything,
    "abstract_inverted_index": st.dictionaries(
        st.sampled_from(["id", "topics", "}", "a b"]), anything, max_size=2
    ),
}
work = st.tuples(
    st.integers(1, 9),
    st.lists(st.sampled_from([*MEMBERS]).flatmap(lambda key: st.tuples(st.just(key), MEMBERS[key]))),
).map(lambda drawn: [("id", f"{URL}W{drawn[0]}"), *drawn[1]])  # a key may come twice
works = st.lists(
    work | st.tuples(st.tuples(st.just("id"), work_id), st.just(("type", "article"))).map(list),
    min_size=1,
    max_size=6,
)


def as_lines(texts):
    return "\n".join(texts)


FORMS = {
    "lines": as_lines,
    "lines and blank ones": lambda texts: "\n" + "\r\n\n".join(texts) + "\n",
    "array": lambda texts: "[" + " , ".join(texts) + "]\n",
    "array on lines": lambda texts: "[\n" + ",\n".join(texts) + "\n]",
    "page": lambda texts: '{"meta": {"count": 9}, "results": [' + ",".join(texts) + '], "group_by": []}',
    "page on lines": lambda texts: '{\n"results": [' + ",\n".join(texts) + '],\n"meta": {"count": 7}}',
    "lines, pages and arrays": lambda texts: as_lines(
        [texts[0], f'{{"results":[{",".join(texts)}]}}', texts[-1], f"[{','.join(texts)}]", *texts]
    ),
}


class Undecoded(decoded.Decoded):
    """Finds every work irregular."""

    def decode(self, block, start, stop, rows):  # noqa: D102
        return np.zeros(len(start), np.bool_)


def outcome(path: Path, decoder: type, **options):
    """Return the records and the tally of a file, or its error message."""
    tally = raw_schema.Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "Decoded", decoder)
        try:
            frames = list(records.read_records(path, 3, tally=tally, **options))
        except StudyError as error:
            return str(error)
    return (
        [frame.schema for frame in frames[:1]],
        [row for frame in frames for row in frame.to_dicts()],
        tally,
    )


def assert_same(path: Path, **options) -> None:
    assert outcome(path, decoded.Decoded, **options) == outcome(path, Undecoded, **options)


@settings(max_examples=60, phases=SHORT, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    works,
    st.integers(0, 2**32),
    st.sampled_from([1.0, 1.0, 0.97]),
    st.sampled_from(sorted(FORMS)),
    st.sampled_from([64, 1000]),
    st.sampled_from([1, 3, 1000]),
    st.sampled_from([2, 1000]),
)
def test_decoding_gives_what_a_parse_gives(tmp_path_factory, works, seed, plain, form, block, lines, chunk):
    random = Random(seed)
    path = tmp_path_factory.mktemp("decode") / "works.json"
    path.write_text(FORMS[form]([spell(work, random, plain) for work in works]), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "BLOCK", block)
        patch.setattr(json_lines, "LINES", lines)
        patch.setattr(raw_schema, "CHUNK", chunk)
        assert_same(path)
        assert_same(path, columns=["year"])
        core = CorePrefilter(pl.Series([1, 3]))
        assert_same(path, prefilter=core, keep=core.condition(), columns=["references", "is_incomplete"])


WORK = {
    "id": f"{URL}W1",
    "title": 'a \\ "b" \t',
    "publication_year": 2001,
    "type": "article",
    "updated_date": "2026-09-01T01:02:03.123456",
    "is_retracted": False,
    "is_xpac": None,
    "fwci": -1.5e-3,
    "primary_topic": {"score": 0.9998, "subfield": {"id": f"{URL}subfields/1702", "display_name": "AI"}},
    "topics": [{"score": 1, "subfield": {"id": "1702"}}, None],
    "authorships": [{"countries": ["us"], "institutions": [{"country_code": "NA", "type": "company"}]}, {}],
    "referenced_works": [f"{URL}W2", "W3"],
    "authors_count": 2,
    "x": {"a": [[], {}, [True, None, 0]]},
}


def test_a_line_that_is_damaged_anywhere_gives_what_a_parse_gives(tmp_path):
    line = json.dumps(WORK).encode()
    path = tmp_path / "works.jsonl"
    answers = set()
    random = Random(1)
    for place in range(len(line)):
        damage = random.choice((b"", b'"', b"}", b",", b"\\", b"0", b" ", b"\xff"))
        path.write_bytes(b'{"id":"W9"}\n' + line[:place] + damage + line[place + 1 :] + b'\n{"id":"W8"}')
        answers.add(type(outcome(path, decoded.Decoded)))
        assert_same(path)
    assert answers == {str, tuple}


def test_plain_works_are_decoded_and_others_parsed(tmp_path):
    path = tmp_path / "works.jsonl"
    others = [WORK | {"publication_year": "2001"}, WORK | {"type": "é"}, WORK | {"referenced_works": [None]}]
    path.write_bytes(b"\n".join(map(orjson.dumps, [WORK, *others, WORK, WORK])))
    (chunk,) = json_lines.chunks(path, list(raw_schema.RAW_SCHEMA), None, raw_schema.Tally())
    assert chunk.frame["row"].to_list() == [1, 2, 3]
    assert chunk.decoded is not None and chunk.decoded["row"].to_list() == [0, 4, 5]
    path.write_bytes(b"[%b]" % b",".join(map(orjson.dumps, [WORK, *others])))
    (chunk,) = json_lines.chunks(path, list(raw_schema.RAW_SCHEMA), None, raw_schema.Tally())
    assert chunk.frame["row"].to_list() == [1, 2, 3]


def test_works_that_are_decoded_are_those_of_a_plain_reading(tmp_path):
    path = tmp_path / "works.jsonl"
    path.write_bytes(orjson.dumps(WORK))
    (frame,) = records.read_records(path, 2)
    assert frame.to_dicts() == [
        {
            "position": 2 << 32,
            "work_id": 1,
            "year": 2001,
            "type": "article",
            "is_retracted": False,
            "is_paratext": False,
            "is_xpac": False,
            "updated": "2026-09-01T01:02:03.123456",
            "primary_subfield": 1702,
            "topic_score": 0.9998,
            "topic_subfields": [1702],
            "n_authors": 2,
            "authorships": [
                {"countries": ["US"], "institutions": ["NA"], "types": ["company"]},
                {"countries": [], "institutions": [], "types": []},
            ],
            "references": [2, 3],
            "is_incomplete": False,
        }
    ]


@given(
    st.lists(st.sampled_from([b"", b" ", b"\t\r", b"a", b" {}", b"x" * 70]), max_size=20), st.integers(0, 70)
)
def test_lines_are_those_of_python(parts, begin):
    text = b"".join(part + b"\n" for part in parts)
    block = np.frombuffer(bytes(begin) + text + b"\n" * json_bytes.PADDING, np.uint8)
    number, first, last, count = json_decode.lines(block, begin, begin + len(text))
    assert count == len(parts)
    assert number.tolist() == [place for place, part in enumerate(parts) if part.strip()]
    found = [bytes(block[a:b]) for a, b in zip(first, last, strict=True)]
    assert found == [part for part in parts if part.strip()]


def test_genuine_records_are_decoded_as_they_are_parsed(shared_data):
    lines = [
        shared_data("openalex-works") / "works_reduced.jsonl.gz",
        shared_data("openalex-api-responses") / "works_reduced.jsonl.gz",
        shared_data("openalex-works-edge-cases") / "openalexbiblio_works_reduced.jsonl.gz",
    ]
    pages = sorted(shared_data("openalex-api-responses").glob("json_files_page*.json.gz"))
    archives = sorted((shared_data("openalex-works") / "raw").glob("*.zip"))[:3]
    for path in [*lines, *pages, *archives]:
        assert_same(path)
        (chunk, *_) = json_lines.chunks(path, list(raw_schema.RAW_SCHEMA), None, raw_schema.Tally())
        assert chunk.decoded is not None and len(chunk.decoded) > 20 * len(chunk.frame)
    assert gzip.decompress(lines[0].read_bytes()).count(b"\n") >= 7517
