"""A snapshot for benchmarks, with the keys, sizes and shares of OpenAlex's, but random content.

A record has about ten thousand bytes of JSON, as in the release of 2026: on average four authors with raw and
matched affiliations, topics, concepts, two or three locations, and eight references; half of the records have
an abstract. As in OpenAlex, 0.4 % of the works are in the field and 0.24 % cite it from outside (2.0 and 1.24
million of 510). Texts contain what could mislead a search of bytes: escapes, and the very words that are
searched.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq
from isal import igzip

from poles.corpus.demo.parquet_schema import SCHEMA

URL = "https://openalex.org/"
DATE = "2026-09-23"
PARTITION = "updated_date=2026-09-20"
FIELD, SHARE, CITING = 1702, 0.004, 0.0024
ROW_GROUP = 20_000
CODES = ("US", "CN", "GB", "DE", "IN", "JP", "FR", "BR", "IT", "CA", "ES", "KR", "AU", "RU", "IR", "NL", "NA")
MISLEADING = (
    "\\alpha",
    "naïve",
    '"so',
    "β-catenin",
    "two\nlines",
    "1702",
    'subfields/1702"',
    "publication_year",
)

RECORD = (
    b'{"id":%(url)b,"doi":"https://doi.org/%(doi)b","title":%(title)b,"display_name":%(title)b,'
    b'"ids":{"openalex":%(url)b,"doi":"https://doi.org/%(doi)b"},"indexed_in":["crossref"],'
    b'"publication_date":"%(year)d-%(month)02d-01","publication_year":%(year)d,"language":"en","type":"article",'
    b'"authorships":[%(authorships)b],"authors_count":%(authors)d,'
    b'"corresponding_author_ids":["https://openalex.org/A5000000001"],"corresponding_institution_ids":[],'
    b'"primary_topic":%(topic)b,"topics":[%(topics)b],"keywords":[%(keywords)b],"concepts":[%(concepts)b],'
    b'"locations":[%(locations)b],"locations_count":1,"primary_location":%(location)b,"best_oa_location":null,'
    b'"sustainable_development_goals":[],"awards":[],"funders":[],"institutions":[],'
    b'"countries_distinct_count":1,"institutions_distinct_count":1,"open_access":{"is_oa":false,'
    b'"oa_status":"closed","any_repository_has_fulltext":false,"oa_url":null},"is_paratext":false,'
    b'"is_retracted":false,"is_xpac":%(xpac)b,"biblio":{"volume":"%(page)d","issue":"1","first_page":"%(page)d",'
    b'"last_page":"%(page)d"},"referenced_works":%(references)b,"referenced_works_count":%(cited)d,'
    b'"related_works":[%(related)b],"abstract_inverted_index":%(abstract)b,"cited_by_count":%(page)d,'
    b'"counts_by_year":[%(counts)b],"apc_list":null,"apc_paid":null,"fwci":%(score).4f,'
    b'"citation_normalized_percentile":{"value":%(score).6f,"is_in_top_1_percent":false,'
    b'"is_in_top_10_percent":false},"cited_by_percentile_year":{"min":0,"max":90},"mesh":[],'
    b'"has_content":{"pdf":false,"grobid_xml":false},"has_fulltext":false,"created_date":"2025-10-10T00:00:00",'
    b'"updated_date":"2026-09-20T01:02:03.%(page)06d"}\n'
)
LOCATION = (
    b'{"id":"doi:%(doi)b","is_oa":false,"landing_page_url":"https://doi.org/%(doi)b","pdf_url":null,'
    b'"source":%(source)b,"license":null,"license_id":null,"version":"publishedVersion","is_accepted":true,'
    b'"is_published":true,"raw_source_name":"Journal","raw_type":"journal-article"}'
)


def _schema() -> pa.Schema:
    """Return the types of the columns, as in OpenAlex's Parquet files."""
    text, flag = pa.string(), pa.bool_()
    names = ("id", "display_name", "issn_l", "host_organization", "host_organization_name", "type")
    source = {**dict.fromkeys(names, text), **dict.fromkeys(("is_oa", "is_in_doaj", "is_core"), flag)}
    source |= {"issn": pa.list_(text), "host_organization_lineage": pa.list_(text)}
    texts = ("id", "landing_page_url", "pdf_url", "license", "license_id", "version")
    texts += ("raw_source_name", "raw_type")
    location = dict.fromkeys(texts, text) | dict.fromkeys(("is_oa", "is_accepted", "is_published"), flag)
    location = pa.struct(list((location | {"source": pa.struct(list(source.items()))}).items()))
    own = {
        "ids": pa.struct([("openalex", text), ("doi", text)]),
        "locations": pa.list_(location),
        "primary_location": location,
        "best_oa_location": location,
        "created_date": pa.timestamp("us"),
        "updated_date": pa.timestamp("us"),
        "publication_date": text,
    }
    return pa.schema([(field.name, own.get(field.name, field.type)) for field in SCHEMA])


class _Pools:
    """Pieces of records, some of which each record takes.

    Parameters
    ----------
    random : Generator
    """

    def __init__(self, random: np.random.Generator):
        self.random = random
        letters, share = list("etaoinshrdlucmfwypvbgkjqxz"), 1 / np.arange(2, 28)
        lengths = random.integers(2, 13, 40_000)
        drawn = random.choice(letters, (40_000, 12), p=share / share.sum())
        self.words = ["".join(row[:n]) for row, n in zip(drawn.tolist(), lengths, strict=True)]
        self.words[2005::801] = [MISLEADING[n % 8] for n in range(len(self.words[2005::801]))]
        self.share = np.cumsum(1 / np.arange(3, 40_003))
        self.share /= self.share[-1]
        self.topics = [self.topic(n) for n in range(4516)]
        self.institutions = [self.institution(n) for n in range(8000)]
        self.authors = [self.author(n) for n in range(60_000)]
        self.concepts = [self.concept(n) for n in range(8000)]
        self.keywords = [self.keyword(n) for n in range(8000)]
        self.sources = [self.source(n) for n in range(6000)]

    def some(self, count: int) -> list[int]:
        """Draw ranks of words, the first ones most often (Zipf's law)."""
        return np.searchsorted(self.share, self.random.random(count)).tolist()

    def text(self, count: int) -> str:
        return " ".join([self.words[rank] for rank in self.some(count)])

    def topic(self, n: int) -> tuple[bytes, bytes]:
        """Return the text before and after the score."""
        number = FIELD if n < 18 else 1100 + n % 600 if n % 600 != 602 else 1100
        head = {"id": f"{URL}T{n + 10_000}", "display_name": self.text(4).title()}
        tail = {
            "subfield": {"id": f"{URL}subfields/{number}", "display_name": f"Name of Subfield {n % 252}"},
            "field": {"id": f"{URL}fields/{number // 100}", "display_name": "Computer Science"},
            "domain": {"id": f"{URL}domains/3", "display_name": "Physical Sciences"},
        }
        return orjson.dumps(head)[:-1], orjson.dumps(tail)[1:]

    def institution(self, n: int) -> dict:
        return {
            "id": f"{URL}I{n + 10**7}",
            "display_name": "University of " + self.text(2).title(),
            "ror": f"https://ror.org/{n:09x}",
            "country_code": CODES[int(self.random.random() ** 2 * len(CODES))],
            "type": "education",
            "lineage": [f"{URL}I{n + 10**7}"],
        }

    def author(self, n: int) -> bytes:
        name = self.text(2).title()
        count = 0 if n % 4 == 3 else 1 + (n % 9 == 0)
        members = [self.institutions[place] for place in self.random.integers(0, 8000, count)]
        raw = [f"Department of {self.text(3).title()}, {m['display_name']}, {self.text(2)}" for m in members]
        raw = raw or ([self.text(8)] if n % 8 == 3 else [])
        ids = [member["id"] for member in members]
        orcid = f"https://orcid.org/0000-0002-{n % 10_000:04}-{n * 7 % 10_000:04}"
        return orjson.dumps(
            {
                "author": {
                    "id": f"{URL}A{n + 5 * 10**9}",
                    "display_name": name,
                    "orcid": orcid if n % 2 else None,
                },
                "author_position": "middle",
                "affiliations": [
                    {"raw_affiliation_string": text, "institution_ids": ids[:1]} for text in raw
                ],
                "countries": sorted({member["country_code"] for member in members}),
                "raw_author_name": name,
                "is_corresponding": False,
                "raw_affiliation_strings": raw,
                "raw_orcid": None,
                "institutions": members,
            }
        )

    def concept(self, n: int) -> bytes:
        wikidata = f"https://www.wikidata.org/wiki/Q{n * 7}"
        name = self.text(2)
        return orjson.dumps({"id": f"{URL}C{n}", "wikidata": wikidata, "display_name": name, "level": n % 5})[
            :-1
        ]

    def keyword(self, n: int) -> bytes:
        name = self.text(2)
        return orjson.dumps({"id": f"{URL}keywords/{name.replace(' ', '-')}", "display_name": name})[:-1]

    def source(self, n: int) -> bytes:
        issn, host = f"{n:04}-{n * 3 % 10_000:04}", f"{URL}P{n % 400 + 10**6}"
        return orjson.dumps(
            {
                "id": f"{URL}S{n + 10**6}",
                "display_name": self.text(4).title(),
                "issn_l": issn,
                "issn": [issn],
                "is_oa": False,
                "is_in_doaj": False,
                "is_core": True,
                "host_organization": host,
                "host_organization_name": self.text(2).title(),
                "host_organization_lineage": [host],
                "type": "journal",
            }
        )

    def abstract(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, rank in enumerate(self.some(int(self.random.integers(50, 220)))):
            found.setdefault(self.words[rank], []).append(place)
        return found


def _urls(numbers: np.ndarray) -> bytes:
    return b",".join([b'"https://openalex.org/W%d"' % number for number in numbers.tolist()])


def _records(pools: _Pools, places: np.ndarray, ids: np.ndarray, core: np.ndarray) -> Iterator[dict]:
    """Yield the values of `RECORD` for each work; the abstract is an object."""
    random, field, others = pools.random, ids[core], ids[~core]

    def pick(pieces: list, least: int, most: int) -> list:
        return [pieces[place] for place in random.integers(0, len(pieces), random.integers(least, most))]

    for place in places.tolist():
        number, inside = int(ids[place]), bool(core[place])
        doi = b"10.%d/journal.%d.%d" % (1000 + number % 9000, number % 977, number % 10**7)
        authors = [pools.authors[n] for n in random.integers(0, 60_000, min(random.geometric(0.3), 60))]
        first = random.integers(0, 18) if inside else random.integers(18, 4516)
        topics = [pools.topics[n] for n in (first, *random.integers(18, 4516, 2))]
        scored = [b'%b,"score":%.4f,%b' % (head, random.random(), tail) for head, tail in topics]
        scored = [] if number % 8 == 0 and not inside else scored
        source = pools.sources[number % 6000] if number % 9 else b"null"
        location = LOCATION % {b"doi": doi, b"source": source}
        cited = (field if inside else others)[
            random.integers(0, len(field if inside else others), random.geometric(0.06) if number % 2 else 0)
        ]
        if not inside and random.random() < CITING:
            cited = np.append(cited, field[random.integers(len(field))])
        cited = np.unique(cited)
        yield {
            b"url": b'"https://openalex.org/W%d"' % number,
            b"doi": doi,
            b"title": orjson.dumps(pools.text(int(random.integers(5, 16)))),
            b"year": int(2025 - 60 * random.random() ** 2.2),
            b"month": number % 12 + 1,
            b"authorships": b",".join(authors),
            b"authors": len(authors),
            b"topic": scored[0] if scored else b"null",
            b"topics": b",".join(scored),
            b"keywords": b",".join(
                b'%b,"score":%.7f}' % (k, random.random()) for k in pick(pools.keywords, 1, 7)
            ),
            b"concepts": b",".join(
                b'%b,"score":%.7f}' % (c, random.random()) for c in pick(pools.concepts, 1, 12)
            ),
            b"location": location,
            b"locations": location if number % 3 else location + b"," + location,
            b"xpac": b"false" if number % 3 or inside else b"true",
            b"page": number % 1000,
            b"references": b"[%b]" % _urls(cited) if len(cited) else b"null",
            b"cited": len(cited),
            b"related": _urls(random.integers(10**9, 7 * 10**9, 8 if number % 5 else 0)),
            b"abstract": pools.abstract() if number % 2 else None,
            b"counts": b",".join(
                b'{"year":%d,"cited_by_count":3}' % y for y in range(2026, 2026 - number % 9, -1)
            ),
            b"score": random.random(),
        }


def write(folder: Path, size: int, parts: int) -> int:
    """Write the same works as JSON lines and as Parquet, with their manifests.

    Parameters
    ----------
    folder : Path
        Stands for the bucket.
    size : int
        Bytes of JSON wanted, about.
    parts : int
        Files of each format.

    Returns
    -------
    int
        Bytes of JSON.
    """
    random = np.random.default_rng(1)
    pools = _Pools(random)
    trial = np.arange(500)
    sample = list(_records(pools, trial, trial + 10**9, trial % 200 == 0))
    each = np.mean(
        [len(RECORD % {**record, b"abstract": orjson.dumps(record[b"abstract"])}) for record in sample]
    )
    ids = np.unique(random.integers(10**9, 7 * 10**9, round(size / each)))
    core = random.random(len(ids)) < SHARE
    files: dict[str, list] = {"jsonl": [], "parquet": []}
    total = 0
    for part, places in enumerate(np.array_split(random.permutation(len(ids)), parts)):
        lines, texts = io.BytesIO(), io.BytesIO()
        for record in _records(pools, places, ids, core):
            abstract = orjson.dumps(record[b"abstract"])
            lines.write(RECORD % (record | {b"abstract": abstract}))
            # In Parquet the abstract is the text of the object.
            text = orjson.dumps(abstract.decode()) if record[b"abstract"] else b"null"
            texts.write(RECORD % (record | {b"abstract": text}))
        total += lines.tell()
        paths = {kind: _path(folder, kind, part) for kind in files}
        paths["jsonl"].write_bytes(igzip.compress(lines.getbuffer(), 3))
        _write_parquet(texts, paths["parquet"])
        for kind, path in paths.items():
            meta = {"content_length": path.stat().st_size, "record_count": len(places)}
            files[kind].append({"url": f"s3://openalex/{path.relative_to(folder)}", "meta": meta})
    for kind, entries in files.items():
        document = {
            "date": DATE,
            "format": kind,
            "entity": "works",
            "record_count": len(ids),
            "files": entries,
        }
        (folder / f"data/{kind}/works/manifest.json").write_text(json.dumps(document))
    return total


def _path(folder: Path, kind: str, part: int) -> Path:
    name = f"part_{part:04}.{'gz' if kind == 'jsonl' else 'parquet'}"
    path = folder / f"data/{kind}/works/{PARTITION}/{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_parquet(lines: io.BytesIO, path: Path) -> None:
    """Write JSON lines as Parquet: Snappy, lists with leaves called ``list.element``, all columns."""
    lines.seek(0)
    options = pa.json.ParseOptions(_schema(), unexpected_field_behavior="error")
    table = pa.json.read_json(lines, pa.json.ReadOptions(block_size=8 << 20), options)
    pq.write_table(table, path, ROW_GROUP, compression="snappy", use_compliant_nested_type=True)
