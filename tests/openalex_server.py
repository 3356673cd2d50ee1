"""A stand-in for api.openalex.org on this machine, which serves given works and can simulate every failure.

It answers as the service did in autumn 2026: envelopes, stateless cursors, filters, `select`, `group_by`
(also nested), single works with all their authors, keys, budgets, headers and error bodies. As a program,

    python tests/openalex_server.py FILES... [--port N] [--key K] [--daily-credits N] [--failures] ...

prints its address as the first line and serves until it is ended. `GET /_stand_in/report` reports the
requests and their costs; `GET /_stand_in/next_day` ends the UTC day.
"""

import argparse
import base64
import bisect
import contextlib
import csv
import json
import re
import signal
import socket
import sys
import threading
import time
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import formatdate
from functools import lru_cache
from hashlib import blake2b
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import numpy as np
import orjson
from isal import igzip, isal_zlib

MOST_VALUES = 100
"""Most alternatives in one filter."""
MOST_AUTHORS = 100
"""Most authorships of a work in a list; a single work has all of them."""
MOST_PER_PAGE = 200
MOST_BY_PAGE = 10_000
"""Rows that can be reached by page number; rows beyond need a cursor."""
MOST_REQUEST_LINE = 8_190
MOST_DIMENSIONS = 3

CREDIT_USD = 0.0001
COSTS = {"singleton": 0, "list": 1, "search": 10, "content": 100, "semantic": 10, "text": 100}

_FIELDS = (
    "id doi title display_name relevance_score publication_year publication_date ids language "
    "primary_location sources type indexed_in open_access authorships institution_assertions institutions "
    "countries_distinct_count institutions_distinct_count corresponding_author_ids "
    "corresponding_institution_ids apc_list apc_paid fwci is_authors_truncated has_fulltext "
    "fulltext_origin cited_by_count citation_normalized_percentile cited_by_percentile_year biblio "
    "is_retracted is_paratext is_xpac primary_topic topics keywords concepts mesh locations_count "
    "locations best_oa_location sustainable_development_goals awards funders datasets versions "
    "has_content content_urls referenced_works_count referenced_works related_works "
    "abstract_inverted_index counts_by_year updated_date created_date"
)
FIELDS = _FIELDS.split()
"""Fields of a work in the order of the API; unlike the snapshot, it has no `authors_count`."""

_PARAMETERS = (
    "api-key api_key cursor data_version data-version filter format include_xpac include-xpac group_by "
    "group-by mailto page per_page per-page sample seed search select sort corpus"
)
PARAMETERS = _PARAMETERS.split()

_LIMITS = (
    "Limit Remaining Onetime-Remaining Credits-Used Credits-Required Reset Limit-USD Remaining-USD "
    "Prepaid-Remaining-USD Cost-USD Cost-Required-USD"
)
_EXPOSED = ("Cache-Control", *(f"X-RateLimit-{name}" for name in _LIMITS.split()), "Retry-After")
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Accept-Language, Accept-Encoding, Authorization, Content-Type",
    "Access-Control-Expose-Headers": ", ".join(_EXPOSED),
}

NOT_FOUND = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. If you entered the URL manually please check your "
    "spelling and try again.</p>\n"
)


# --- failures -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failures:
    """Kinds of failures and their probabilities, which refer to one request unless stated otherwise.

    The seed, the request and the number of its earlier attempts decide whether a request fails. So parallel
    clients meet the same failures in any order. A repeated request succeeds after `most` failures at the
    latest.
    """

    too_fast: float = 0
    """Status 429, too many requests in this second; it occurs `burst` times in a row. Free."""
    burst: int = 2
    internal: float = 0
    """Status 500 or 502 with a JSON body. Free."""
    html: float = 0
    """Status 502 or 503 with an HTML body, without the headers of the service. Free."""
    gateway_timeout: float = 0
    """Status 504 with a JSON body, without rate-limit headers. Free."""
    hang: float = 0
    """No answer for `hang_seconds`, then the connection closes. Charged."""
    hang_seconds: float = 1.0
    dropped_before: float = 0
    """The connection closes before the request counts. Free."""
    dropped_after: float = 0
    """The connection closes after the request was charged, before the answer. Charged."""
    truncated: float = 0
    """The body ends early, half of the time with the full Content-Length, half without one. Charged."""
    short_page: float = 0
    """Status 200 with a part of the rows, a null cursor and a database time above 5 s; half of the time
    meta.count is too small as well. Charged."""
    repeated_rows: float = 0
    """The page begins with the last row of the page before. A page does so always or never."""
    drifting_count: float = 0
    """meta.count of the first answer to a filter is wrong by 1 or 2."""
    most: int = 3
    """Most failures of one request in a row."""
    merged: frozenset[int] = frozenset()
    """Works that occur in lists, but give status 404 if requested singly; `most` does not apply."""
    day_turns_after: int | None = None
    """Number of refusals for lack of budget after which the UTC day ends by itself."""

    @classmethod
    def all(cls, probability: float = 0.03, **changes: object) -> "Failures":
        """Make all failures possible with the same probability, except hangs with a third of it."""
        kinds = {kind: probability for kind in (*KINDS, "drifting_count", "repeated_rows")}
        return cls(**kinds | {"hang": probability / 3, "day_turns_after": 1} | changes)

    def fate(self, seed: int, request: str, attempt: int) -> str | None:
        """Return the failure of an attempt (from 0) of a request; None if it succeeds."""
        if attempt >= self.most:
            return None
        for before in range(min(self.burst, attempt + 1)):
            if self._drawn(seed, request, attempt - before) == "too_fast":
                return "too_fast"
        return self._drawn(seed, request, attempt)

    def _drawn(self, seed: int, request: str, attempt: int) -> str | None:
        draw = chance(seed, "fate", request, attempt)
        for kind in KINDS:
            draw -= getattr(self, kind)
            if draw < 0:
                return kind
        return None


KINDS = (
    "too_fast",
    "internal",
    "html",
    "gateway_timeout",
    "hang",
    "dropped_before",
    "dropped_after",
    "truncated",
    "short_page",
)
"""Failures that exclude each other."""


def chance(*arguments: object) -> float:
    """Return a number in [0, 1) that depends only on the arguments."""
    digest = blake2b("|".join(map(str, arguments)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


# --- works --------------------------------------------------------------------------------------------------


def read_records(sources: Iterable[object]) -> Iterator[tuple[bytes, dict]]:
    """Yield the text and content of works, from dicts or files (JSON lines, arrays, pages; also gzipped)."""
    for source in sources:
        if isinstance(source, Mapping):
            yield orjson.dumps(source), dict(source)
            continue
        path = Path(source)
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        with igzip.open(path) if is_gzip else path.open("rb") as file:
            start = file.read(4096).lstrip()[:1]
            file.seek(0)
            if start == b"[":
                documents = orjson.loads(file.read())
                yield from ((orjson.dumps(record), record) for record in documents)
                continue
            for line in file:
                if not line.strip():
                    continue
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:  # one document on several lines
                    record = orjson.loads(line + file.read())
                if "results" in record:
                    yield from ((orjson.dumps(work), work) for work in record["results"])
                else:
                    yield line, record


@lru_cache(100_000)
def number(identifier: str | int) -> int:
    """Return the number at the end of an OpenAlex id or address, 1702 for .../subfields/1702; else -1."""
    match = re.search(r"(\d+)/?$", str(identifier))
    return int(match[1]) if match else -1


@lru_cache(100_000)
def short(address: str) -> str:
    """Return the last part of an address: 'article' for 'https://openalex.org/types/article'."""
    return str(address).rstrip("/").rsplit("/", 1)[-1]


class Terms:
    """Values of a field of which a work may have several.

    Attributes
    ----------
    labels
        The distinct values, in the order in which they were added.
    rows, codes
        Work and value of each occurrence; a value occurs at most once in a work.
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self.labels: list[str] = []
        self.names: list[str] = []
        self._rows, self._values = array("i"), array("i")

    def add(self, row: int, values: Sequence[tuple[str, str]]) -> None:
        """Add the values (label, name) of one work."""
        for label, name in dict(values).items() if len(values) > 1 else values:
            code = self._codes.get(label)
            if code is None:
                code = self._codes[label] = len(self.labels)
                self.labels.append(label)
                self.names.append(name)
            self._rows.append(row)
            self._values.append(code)

    def close(self) -> None:
        """Turn the added values into arrays."""
        self.rows = np.array(self._rows, dtype=np.int32)
        self.codes = np.array(self._values, dtype=np.int32)

    def mask(self, labels: Iterable[str], works: int) -> np.ndarray:
        """Mask of the works with at least one of the values."""
        mask = np.zeros(works, dtype=bool)
        codes = [self._codes[label] for label in labels if label in self._codes]
        mask[self.rows[np.isin(self.codes, codes)]] = True
        return mask

    def any_value(self, works: int) -> np.ndarray:
        """Mask of the works with any value."""
        mask = np.zeros(works, dtype=bool)
        mask[self.rows] = True
        return mask


TERMS: dict[str, tuple[str, str]] = {
    "type": ("https://openalex.org/types/", "lower"),
    "language": ("https://openalex.org/languages/", "lower"),
    "authorships.countries": ("https://openalex.org/countries/", "upper"),
    "authorships.institutions.country_code": ("https://openalex.org/countries/", "upper"),
    "primary_topic.id": ("https://openalex.org/", "upper"),
    "primary_topic.subfield.id": ("https://openalex.org/subfields/", "number"),
    "primary_topic.field.id": ("https://openalex.org/fields/", "number"),
    "primary_topic.domain.id": ("https://openalex.org/domains/", "number"),
    "topics.id": ("https://openalex.org/", "upper"),
    "topics.subfield.id": ("https://openalex.org/subfields/", "number"),
    "topics.field.id": ("https://openalex.org/fields/", "number"),
    "topics.domain.id": ("https://openalex.org/domains/", "number"),
    "publication_year": ("", "number"),
}
"""Fields to filter and group by: the prefix of a value in the key of a group, and the form of the value."""

RANGES = (
    "publication_year",
    "cited_by_count",
    "authors_count",
    "referenced_works_count",
    "countries_distinct_count",
    "institutions_distinct_count",
)
FLAGS = (
    "is_retracted",
    "is_paratext",
    "is_xpac",
    "has_references",
    "has_doi",
    "has_abstract",
    "has_raw_affiliation_strings",
)
SEARCHES = ("title.search", "display_name.search", "title_and_abstract.search", "default.search")
IDS = ("openalex", "openalex_id", "ids.openalex", "cites", "referenced_works", "cited_by")
DATES = ("publication_date", "from_publication_date", "to_publication_date")
ALIASES = {
    "institutions.country_code": "authorships.institutions.country_code",
    "openalex_id": "openalex",
    "ids.openalex": "openalex",
    "referenced_works": "cites",
}
NOT_NESTED = (
    "topics.domain.id",
    "topics.field.id",
    "primary_topic.domain.id",
    "primary_topic.field.id",
    "primary_topic.subfield.id",
)
VALID_FILTERS = sorted({*TERMS, *RANGES, *FLAGS, *SEARCHES, *IDS, *DATES, *ALIASES, "doi"})
NEVER = np.iinfo(np.int64).min
"""Null in a column of numbers; no filter selects it."""


class ApiError(Exception):
    """An answer that is an error, with a status, and `error` and `message` in the body."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message


def refused(message: str) -> ApiError:
    return ApiError(400, "Invalid query parameters error.", message)


def badly_paged(message: str) -> ApiError:
    return ApiError(400, "Pagination error.", message)


class Works:
    """Works in memory: the compressed text of each, and columns for filters and orders.

    Parameters
    ----------
    sources : iterable
        Files or dicts, see `read_records`. Each work must occur once.
    """

    def __init__(self, sources: Iterable[object]) -> None:
        self._packed: list[bytes] = []
        self.row_of: dict[int, int] = {}
        self._numbers: list[tuple[int | None, ...]] = []
        self._flags: list[tuple[bool, ...]] = []
        self._percentile: list[float] = []
        self.titles: list[str] = []
        self.row_of_doi: dict[str, int] = {}
        self.terms = {name: Terms() for name in TERMS}
        cited: list[array] = []
        for text, record in read_records(sources):
            if number(record["id"]) in self.row_of:
                raise ValueError(f"{record['id']} occurs twice, but each work has to occur once")
            self._add(text, record, cited)
        self._close(cited)

    def __len__(self) -> int:
        return len(self._packed)

    def _add(self, text: bytes, record: dict, cited: list[array]) -> None:
        row = self.row_of[number(record["id"])] = len(self._packed)
        self._packed.append(isal_zlib.compress(text, 1))
        authorships = record.get("authorships") or []
        references = record.get("referenced_works") or []
        day = record.get("publication_date")
        counts = {"authors_count": len(authorships), "referenced_works_count": len(references)}
        numbers = [record.get(name, counts.get(name)) for name in RANGES]
        self._numbers.append((*numbers, date.fromisoformat(day).toordinal() if day else None))
        self._flags.append(
            (
                *(bool(record.get(name)) for name in FLAGS if name.startswith("is_")),
                bool(references),
                bool(record.get("doi")),
                bool(record.get("abstract_inverted_index")),
                any(a.get("raw_affiliation_strings") for a in authorships),
            )
        )
        percentile = record.get("cited_by_percentile_year") or {}
        self._percentile.append(float(percentile.get("max", -np.inf)))
        self.titles.append((record.get("title") or record.get("display_name") or "").lower())
        if record.get("doi"):
            self.row_of_doi[bare_doi(record["doi"])] = row
        cited.append(array("q", {int(reference.rpartition("W")[2]) for reference in references}))
        for name, values in term_values(record, authorships).items():
            self.terms[name].add(row, values)

    def _close(self, cited: list[array]) -> None:
        numbers = np.array([[NEVER if value is None else value for value in row] for row in self._numbers])
        self.columns = dict(
            zip((*RANGES, "date"), numbers.reshape(-1, len(RANGES) + 1).T.copy(), strict=True)
        )
        flags = np.array(self._flags, dtype=bool).reshape(-1, len(FLAGS))
        self.flags = dict(zip(FLAGS, flags.T.copy(), strict=True))
        self.percentile = np.array(self._percentile)
        for terms in self.terms.values():
            terms.close()
        self.ids = np.array(list(self.row_of), dtype=np.int64)
        # The service sorts ids as text.
        by_text = sorted(range(len(self)), key=lambda row: str(self.ids[row]))
        self.place_of_id = np.empty(len(self), dtype=np.int64)
        self.place_of_id[by_text] = np.arange(len(self))
        rows = np.repeat(np.arange(len(self), dtype=np.int32), [len(references) for references in cited])
        targets = np.array([target for references in cited for target in references], dtype=np.int64)
        order = np.lexsort((rows, targets))
        self.cited, self.citing = targets[order], rows[order]
        del self._numbers, self._flags, self._percentile

    def record(self, row: int) -> dict:
        """Return a work as it was read."""
        return orjson.loads(isal_zlib.decompress(self._packed[row]))

    def rendered(self, row: int, select: list[str] | None, single: bool) -> bytes:
        """Return a work as the API gives it, in a list or by itself."""
        record = self.record(row)
        if "has_content" in record:
            record.setdefault("content_urls", None)
        work = {name: record[name] for name in select or FIELDS if name in record}
        if not single and "authorships" in work:
            work["authorships"] = work["authorships"][:MOST_AUTHORS]
        for name in ("referenced_works", "topics"):
            if work.get(name, ()) is None:
                work[name] = []
        for name in ("created_date", "updated_date"):
            if work.get(name):
                work[name] = work[name].removesuffix("Z").removesuffix(".000")
        return orjson.dumps(work)


def bare_doi(doi: str) -> str:
    return re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", doi.lower())


def term_values(record: dict, authorships: list[dict]) -> dict[str, list[tuple[str, str]]]:
    """Return the values of a work in the fields of `TERMS`, each with the name that a group shows."""
    values: dict[str, list[tuple[str, str]]] = {}
    primary = record.get("primary_topic")
    for name, topics in (
        ("primary_topic", [primary] if primary else []),
        ("topics", record.get("topics") or []),
    ):
        levels = [
            topic_levels(*(named(topic.get(level)) for level in LEVELS), *named(topic)) for topic in topics
        ]
        for place, level in enumerate(("id", *(f"{level}.id" for level in LEVELS))):
            values[f"{name}.{level}"] = [pairs[place] for pairs in levels if pairs[place]]
    for name in ("type", "language"):
        values[name] = [(short(record[name]), short(record[name]))] if record.get(name) else []
    year = record.get("publication_year")
    values["publication_year"] = [(str(year), str(year))] if year is not None else []
    # The index has the countries of the first 100 authorships, but the institutions of all of them.
    listed = {country for a in authorships[:MOST_AUTHORS] for country in a.get("countries") or []}
    institution_countries = {
        institution.get("country_code") for a in authorships for institution in a.get("institutions") or []
    }
    names = country_names()
    values["authorships.countries"] = [(code, names.get(code, code)) for code in sorted(listed)]
    codes = sorted(code for code in institution_countries if code)
    values["authorships.institutions.country_code"] = [(code, names.get(code, code)) for code in codes]
    return values


LEVELS = ("subfield", "field", "domain")


def named(thing: object) -> tuple[str, str]:
    """Return the id and name of a topic, subfield, field or domain; older records have only a number."""
    return (
        (thing.get("id", ""), thing.get("display_name", "")) if isinstance(thing, dict) else (thing or "", "")
    )


@lru_cache(100_000)
def topic_levels(
    subfield: tuple, field: tuple, domain: tuple, topic: str, name: str
) -> list[tuple[str, str]]:
    """Return label and name of a topic, its subfield, field and domain; () for one that is missing."""
    above = [(str(number(key)), label) if key else () for key, label in (subfield, field, domain)]
    return [(short(topic), name), *above]


@lru_cache
def country_names() -> dict[str, str]:
    with Path(__file__).parent.parent.joinpath("scripts/poles/countries.csv").open(encoding="utf-8") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file)}


# --- the query language -------------------------------------------------------------------------------------


FILTER_PART = re.compile(r'(?:[^,"]|"[^"]*"?)+')


def split_filters(text: str) -> list[tuple[str, str]]:
    """Split a filter into its conditions, at commas that are not within double quotes."""
    conditions = []
    for part in FILTER_PART.findall(text):
        name, _, value = part.partition(":")
        name = name.strip().replace("-", "_")
        if name not in VALID_FILTERS:
            raise refused(
                f"{name} is not a valid field. Valid fields are underscore or hyphenated versions of: "
                f"{', '.join(VALID_FILTERS)}."
            )
        conditions.append((ALIASES.get(name, name), value.strip().strip('"')))
    return conditions


class Query:
    """Filters and sorts `Works`; it keeps recent results, so that the pages of a query are computed once."""

    MOST_RECENT = 64

    def __init__(self, works: Works) -> None:
        self.works = works
        self._recent: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def rows(self, filters: str, corpus: str, search: str, sort: tuple[tuple[str, bool], ...]) -> np.ndarray:
        """Return the matching rows, in order. `sort` holds pairs of a field and whether it descends."""
        query = filters, corpus, search, sort
        with self._lock:
            if query in self._recent:
                self._recent.move_to_end(query)
                return self._recent[query]
        rows = np.flatnonzero(self._mask(filters, corpus, search))
        keys = [self.column(name, descends)[rows] for name, descends in reversed(sort)]
        if keys:
            rows = rows[np.lexsort(keys)]
        with self._lock:
            self._recent[query] = rows
            if len(self._recent) > self.MOST_RECENT:
                self._recent.popitem(last=False)
        return rows

    def column(self, name: str, descends: bool) -> np.ndarray:
        """Return a column to sort by, smallest first; null is last in both directions."""
        works = self.works
        if name == "percentile":
            values = works.percentile
            return -values if descends else np.where(np.isinf(values), np.inf, values)
        if name == "id":
            return -works.place_of_id if descends else works.place_of_id
        values = works.columns["date" if name == "publication_date" else name]
        last = np.iinfo(np.int64).max
        return np.where(values == NEVER, last, -values if descends else values)

    def _mask(self, filters: str, corpus: str, search: str) -> np.ndarray:
        mask = np.ones(len(self.works), dtype=bool)
        conditions = split_filters(filters)
        if corpus != "all" and not any(name == "is_xpac" for name, _ in conditions):
            mask &= self.works.flags["is_xpac"] == (corpus == "expansion")
        for name, value in conditions:
            mask &= self._condition(name, value)
        return mask & self._search(search) if search else mask

    def _condition(self, name: str, value: str) -> np.ndarray:
        """Mask of works that meet a condition: `a|b`, `!a|b` (neither), `a b` (both) or a single value."""
        split = "|" if "|" in value else " " if name not in (*RANGES, *FLAGS, *SEARCHES) else None
        values = value.split(split) if split else [value]
        if len(values) > MOST_VALUES:
            raise refused(
                f"Maximum number of values exceeded for {name}. Decrease values to {MOST_VALUES} or below, "
                "or consider downloading the full dataset."
            )
        if split != "|":
            return np.logical_and.reduce([self._single(name, value) for value in values])
        if value.startswith("!"):
            return ~self._any(name, [value.replace("!", "") for value in values])
        if wrong := next((value for value in values if value.startswith("!")), None):
            raise refused(
                f"The ! operator can only be used at the beginning of an OR query. Problem value: {wrong}"
            )
        return self._any(name, values)

    def _any(self, name: str, values: list[str]) -> np.ndarray:
        if name in ("openalex", "cites"):  # up to 100 values, each of which is looked up once
            return self._by_id(name, [work_number(value) for value in values])
        return np.logical_or.reduce([self._single(name, value) for value in values])

    def _single(self, name: str, value: str) -> np.ndarray:
        works = self.works
        if name in FLAGS:
            if value.lower() not in ("true", "false"):
                raise refused(f"Value for {name} must be true or false, not {value}.")
            return works.flags[name] == (value.lower() == "true")
        if name in DATES:
            return self._dated(name, value)
        if name in SEARCHES:
            return self._search(value)
        if value.startswith("!") and value != "!null":
            return ~self._single(name, value[1:])
        if name in RANGES:
            return self._ranged(name, value)
        if name in ("openalex", "cites"):
            return self._by_id(name, [work_number(value)])
        if name == "cited_by":
            row = works.row_of.get(work_number(value))
            references = works.record(row).get("referenced_works") or [] if row is not None else []
            return self._by_id("openalex", [number(reference) for reference in references])
        if name == "doi":
            mask = np.zeros(len(works), dtype=bool)
            row = works.row_of_doi.get(bare_doi(value))
            mask[[] if row is None else [row]] = True
            return mask
        terms = works.terms[name]
        if value in ("null", "!null"):
            return terms.any_value(len(works)) == (value == "!null")
        return terms.mask([normal_form(name, value)], len(works))

    def _by_id(self, name: str, numbers: list[int]) -> np.ndarray:
        works, mask = self.works, np.zeros(len(self.works), dtype=bool)
        if name == "openalex":
            mask[[works.row_of[identity] for identity in numbers if identity in works.row_of]] = True
            return mask
        for identity in numbers:
            start, end = np.searchsorted(works.cited, [identity, identity + 1])
            mask[works.citing[start:end]] = True
        return mask

    def _ranged(self, name: str, value: str) -> np.ndarray:
        values = self.works.columns[name]
        if value in ("null", "!null"):
            return (values == NEVER) == (value == "null")
        match = re.fullmatch(r"([<>]?)(-?\d+)|(\d*)-(\d*)", value.strip())
        if not match or value.strip() == "-":
            raise refused(f"Value for param {name} must be a number.")
        if match[2] is not None and (match[1] or not match[2].startswith("-")):
            bound = int(match[2])
            mask = {"<": values < bound, ">": values > bound, "": values == bound}[match[1]]
        else:
            first, _, last = value.strip().partition("-")
            mask = (values >= int(first or 0)) & (values <= int(last or 2**62))
        return mask & (values != NEVER)

    def _dated(self, name: str, value: str) -> np.ndarray:
        sign, text = (value[0], value[1:]) if value[:1] in "<>" else ("", value)
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                raise ValueError
            day = date.fromisoformat(text).toordinal()
        except ValueError:
            raise refused(
                f"Value for param {name} is an invalid date. Format is yyyy-mm-dd (e.g. 2020-05-17)."
            ) from None
        days = self.works.columns["date"]
        compare = sign or {"from_publication_date": "from", "to_publication_date": "to"}.get(name, "")
        mask = {"<": days < day, ">": days > day, "from": days >= day, "to": days <= day, "": days == day}[
            compare
        ]
        return mask & (days != NEVER)

    def _search(self, text: str) -> np.ndarray:
        words = [word for word in re.findall(r"\w+", text) if word not in ("AND", "OR", "NOT")]
        return np.array(
            [all(word.lower() in title for word in words) for title in self.works.titles], dtype=bool
        )


def work_number(value: str) -> int:
    """Return the number of a work's id in a filter, which may have several forms."""
    if not re.fullmatch(r"(?:https://openalex\.org/)?(?:works/)?[Ww]\d+", value):
        raise refused(f"'{value.replace('https://openalex.org/', '')}' is not a valid OpenAlex ID.")
    return number(value)


def normal_form(name: str, value: str) -> str:
    """Return a value of a filter in the form in which `Terms` has it."""
    form = TERMS[name][1]
    return str(number(value)) if form == "number" else getattr(short(value), form)()


def encode_cursor(values: object) -> str:
    """Encode a cursor: the sort values of the last row as Python text, as a JSON string, in base64."""
    return base64.b64encode(json.dumps(str(values)).encode()).decode()


def decode_cursor(cursor: str) -> str:
    """Decode the text of a cursor; if it holds a list, `json.loads` can read it."""
    if cursor.lower() in ("null", "none"):
        raise badly_paged("Cursor is null. Likely reached end of results.")
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except ValueError:
        raise badly_paged("Invalid cursor value") from None
    return text.replace('"', "").replace("'", '"').replace("None", "null")


# --- lists and groups ---------------------------------------------------------------------------------------

DEFAULT_SORT = (("percentile", True), ("cited_by_count", True), ("id", False))
SORTS = ("publication_date", "publication_year", "cited_by_count")


@dataclass
class Page:
    """A page of a list: the metadata of the envelope, and the rows."""

    meta: dict[str, object]
    rows: np.ndarray
    start: int
    select: list[str] | None
    groups: list[dict] | None = None
    repeats: bool = False


def parse_sort(text: str, with_cursor: bool) -> tuple[tuple[str, bool], ...]:
    """Parse the fields to sort by and their directions; with a cursor, the default order completes them."""
    fields = []
    for part in filter(None, text.split(",")):
        name, _, direction = part.partition(":")
        name = name.strip().replace("-", "_")
        if name not in SORTS:
            raise refused(f"{name} is not a valid sort field.")
        if direction not in ("", "asc", "desc"):
            raise refused("Sort direction must be asc or desc.")
        fields.append((name, direction == "desc"))
    return (*fields, *(DEFAULT_SORT if with_cursor or not fields else ()))


def parse_select(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            raise refused(
                f"{name} is not a valid select field. Valid fields for select are: {', '.join(FIELDS)}."
            )
    return [name for name in FIELDS if name in names]


def whole_number(parameters: Mapping[str, str], *names: str, default: int) -> int:
    for name in names:
        if name in parameters:
            try:
                return int(parameters[name])
            except ValueError:
                raise badly_paged(f"Param {names[0]} must be a number.") from None
    return default


def list_page(query: Query, parameters: Mapping[str, str], one_earlier: bool = False) -> Page:
    """Compute the requested page; with `one_earlier`, it begins with the last row of the page before."""
    for name in parameters:
        if name not in PARAMETERS:
            raise refused(f"{name} is not a valid parameter. Valid parameters are: {', '.join(PARAMETERS)}.")
    group_by = parameters.get("group_by") or parameters.get("group-by")
    if group_by and "select" in parameters:
        raise refused("select does not work with group_by.")
    corpus = parse_corpus(parameters)
    select = parse_select(parameters.get("select"))
    cursor = parameters.get("cursor")
    page = whole_number(parameters, "page", default=1)
    per_page = whole_number(parameters, "per_page", "per-page", default=200 if group_by else 25)
    if group_by and page != 1:
        raise badly_paged("Unable to paginate beyond page 1. Group-by is limited to page 1.")
    if page < 1:
        raise badly_paged("Page parameter must be greater than 0.")
    if not 1 <= per_page <= MOST_PER_PAGE:
        raise badly_paged(f"per-page parameter must be between 1 and {MOST_PER_PAGE}")
    if page * per_page > MOST_BY_PAGE:
        raise badly_paged(
            f"Maximum results size of {MOST_BY_PAGE:,} records is exceeded. Cursor pagination is required "
            "for records beyond it."
        )
    if cursor and page != 1:
        raise badly_paged("Cannot use page parameter with cursor.")
    sort = parse_sort(parameters.get("sort", ""), bool(cursor)) if not group_by else ()
    matches = query.rows(parameters.get("filter", ""), corpus, parameters.get("search", ""), sort)
    meta: dict[str, object] = {
        "count": len(matches),
        "db_response_time_ms": 7 + len(matches) % 90,
        "page": None if cursor else page,
        "per_page": per_page,
    }
    if group_by:
        return group_page(query, matches, group_by, cursor, meta)
    if "sample" in parameters:
        matches = sampled(matches, parameters, cursor)
        meta["count"] = len(matches)
    start = (page - 1) * per_page if not cursor else position(query, matches, sort, cursor)
    repeats = bool(one_earlier and cursor and start and per_page > 1)
    start -= repeats
    rows = matches[start : start + per_page]
    if cursor:
        is_last = len(rows) < per_page
        meta["next_cursor"] = None if is_last else encode_cursor(sort_values(query.works, rows[-1], sort))
    meta["groups_count"] = None
    return Page(meta, rows, start, select, repeats=repeats)


def parse_corpus(parameters: Mapping[str, str]) -> str:
    xpac = parameters.get("include_xpac", parameters.get("include-xpac"))
    corpus = parameters.get("corpus")
    if corpus and (xpac or "is_xpac:" in parameters.get("filter", "")):
        raise refused("corpus cannot be combined with include_xpac or is_xpac.")
    if corpus not in (None, "core", "expansion", "all"):
        raise refused("corpus must be core, expansion or all.")
    if parameters.get("data-version", parameters.get("data_version", "2")) != "2":
        raise refused("data-version must be 2.")
    return corpus or ("all" if (xpac or "").lower() == "true" else "core")


def sampled(rows: np.ndarray, parameters: Mapping[str, str], cursor: str | None) -> np.ndarray:
    size = whole_number(parameters, "sample", default=0)
    if size > MOST_BY_PAGE:
        raise refused("Sample size must be less than or equal to 10,000.")
    if "sort" in parameters:
        raise refused("sample does not work with sort.")
    if cursor:
        raise badly_paged("Cannot use cursor with sample.")
    rng = np.random.default_rng(whole_number(parameters, "seed", default=0))
    return rng.permutation(np.sort(rows))[:size]


def sort_values(works: Works, row: int, sort: tuple[tuple[str, bool], ...]) -> list[object]:
    """Return the sort values of a row, as a cursor holds them."""
    values: list[object] = []
    for name, descends in sort:
        if name == "percentile":
            value = float(works.percentile[row])
            values.append(value if np.isfinite(value) else "-Infinity")
        elif name == "id":
            values.append(f"https://openalex.org/W{works.ids[row]}")
        else:
            number = int(works.columns["date" if name == "publication_date" else name][row])
            if number == NEVER:
                values.append(-(2**63) if descends else 2**63 - 1)
            else:
                values.append((number - EPOCH) * 86_400_000 if name == "publication_date" else number)
    return values


EPOCH = date(1970, 1, 1).toordinal()


def position(query: Query, rows: np.ndarray, sort: tuple[tuple[str, bool], ...], cursor: str) -> int:
    """Return the number of rows up to the cursor, whose sort values are all that this needs."""
    if cursor == "*":
        return 0
    try:
        values = list(json.loads(decode_cursor(cursor)))
        if len(values) != len(sort):
            raise ValueError
        after = tuple(place(value, *by) for value, by in zip(values, sort, strict=True))
    except (ValueError, TypeError):
        raise badly_paged("Invalid cursor value") from None

    def key(row: int) -> tuple:
        values = sort_values(query.works, row, sort)
        return tuple(place(value, *by) for value, by in zip(values, sort, strict=True))

    return bisect.bisect_right(rows, after, key=key)


def place(value: object, name: str, descends: bool) -> float | str:
    """Return a sort value such that smaller values come first and null comes last."""
    if name == "id":
        return str(value)
    if value in ("-Infinity", "Infinity", None) or value in (-(2**63), 2**63 - 1):
        return float("inf")
    return -float(value) if descends else float(value)


def group_page(query: Query, rows: np.ndarray, group_by: str, cursor: str | None, meta: dict) -> Page:
    """Count works by one field, or by up to three nested ones."""
    dimensions = [parse_dimension(part) for part in group_by.split(",")]
    if len(dimensions) > 1:
        if len(dimensions) > MOST_DIMENSIONS:
            raise refused(f"group_by supports at most {MOST_DIMENSIONS} dimensions; got {len(dimensions)}.")
        if cursor:
            raise refused("Cursor pagination is not supported with multi-dimensional group_by.")
        for name, _ in dimensions:
            if name in NOT_NESTED:
                raise refused(f"Field '{name}' is not supported in a multi-dimensional group_by.")
    selected = np.zeros(len(query.works), dtype=bool)
    selected[rows] = True
    size = int(meta["per_page"])
    if not cursor:
        groups = nested_groups(query.works, selected, dimensions, size)
    else:
        name, unknown = dimensions[0]
        after = "" if cursor == "*" else decode_cursor(cursor)
        all_groups = nested_groups(query.works, selected, [(name, unknown)], len(query.works) + 1)
        all_groups.sort(key=lambda group: bare_key(group))
        groups = [group for group in all_groups if bare_key(group) > after][:size]
        meta["next_cursor"] = encode_cursor(bare_key(groups[-1])) if groups else None
    meta["groups_count"] = len(groups)
    return Page(meta, rows[:0], 0, None, groups)


def bare_key(group: dict) -> str:
    return short(group["key"])


def parse_dimension(text: str) -> tuple[str, bool]:
    name, _, option = text.partition(":")
    name = ALIASES.get(name.replace("-", "_"), name.replace("-", "_"))
    if option.lower() not in ("", "include_unknown", "known"):
        raise refused("The only valid filter for a group_by param is 'include_unknown'.")
    if name == "cites":
        raise refused("Group by referenced_works is not supported at this time.")
    if name in (*DATES, *SEARCHES) or (name in RANGES and name not in TERMS):
        raise refused("Cannot group by date, number, or search fields.")
    if name not in TERMS:
        raise refused(f"{name} is not a valid field.")
    return name, option.lower() == "include_unknown"


def nested_groups(
    works: Works, selected: np.ndarray, dimensions: list[tuple[str, bool]], size: int
) -> list[dict]:
    """Return the `size` largest groups of the selected works, each grouped by the next dimension."""
    (name, unknown), *deeper = dimensions
    terms = works.terms[name]
    within = selected[terms.rows]
    rows, codes = terms.rows[within], terms.codes[within]
    counts = np.bincount(codes, minlength=len(terms.labels))
    buckets = [(int(count), terms.labels[code], code) for code, count in enumerate(counts) if count]
    without_value = selected & ~terms.any_value(len(works)) if unknown else None
    if unknown and without_value.any():
        buckets.append((int(without_value.sum()), "unknown", -1))
    buckets.sort(key=lambda bucket: (-bucket[0], bucket[1]))
    groups = []
    for count, label, code in buckets[:size]:
        key = "unknown" if code < 0 else TERMS[name][0] + label
        group = {"key": key, "key_display_name": "unknown" if code < 0 else terms.names[code], "count": count}
        if deeper:
            members = without_value
            if code >= 0:
                members = np.zeros(len(works), dtype=bool)
                members[rows[codes == code]] = True
            group["groups"] = nested_groups(works, members, deeper, size)
        groups.append(group)
    return groups


# --- accounts -----------------------------------------------------------------------------------------------


class Account:
    """Budget and pace of one key, or of all clients without a key."""

    def __init__(self, name: str, daily_credits: int, per_second: float) -> None:
        self.name, self.limit, self.per_second = name, daily_credits, per_second
        self.day: date | None = None
        self.used_today = self.used = 0
        self._most = max(1.0, per_second)
        self._tokens, self._refilled = self._most, time.monotonic()

    @property
    def remaining(self) -> int:
        """Credits left today."""
        return max(0, self.limit - self.used_today)

    def begin(self, day: date) -> None:
        """Reset the used credits on another day."""
        if day != self.day:
            self.day, self.used_today = day, 0

    def paced(self) -> float:
        """Return 0 if a request may pass, else the seconds until one may."""
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + (now - self._refilled) * self.per_second)
        self._refilled = now
        if self._tokens < 1:
            return (1 - self._tokens) / self.per_second
        self._tokens -= 1
        return 0.0

    def charge(self, credits: int) -> None:
        """Take credits; a negative number returns them."""
        self.used_today += credits
        self.used += credits

    def described(self) -> dict[str, int]:
        """Describe the account for a report."""
        return {"limit": self.limit, "used": self.used, "used_today": self.used_today}


def kind_of_call(path: str, parameters: Mapping[str, str]) -> str:
    """Return the price class of a request."""
    if path.startswith("/works/"):
        return "singleton"
    if "group_by" in parameters or "group-by" in parameters:
        return "list"
    if "search.semantic" in parameters:
        return "semantic"
    searched = any(name == "search" or name.startswith("search.") for name in parameters)
    return "search" if searched or ".search:" in parameters.get("filter", "") else "list"


# --- the service --------------------------------------------------------------------------------------------


@dataclass
class Request:
    """A request as received; `parameters` has no key, and `page` identifies the request."""

    number: int
    method: str
    path: str
    target: str
    pairs: list[tuple[str, str]]
    key: str | None
    parameters: dict[str, str] = field(init=False)
    query: str = field(init=False)
    cursor: str = field(init=False)
    status: int | None = None
    credits: int = 0
    failure: str | None = None
    delivered: bool = False

    def __post_init__(self) -> None:
        public = [(name, value) for name, value in self.pairs if name not in ("api_key", "api-key", "mailto")]
        self.parameters = dict(public)
        self.cursor = self.parameters.get("cursor", "")
        self.query = urlencode(
            sorted((name, value) for name, value in public if name != "cursor"), safe=":,|!*/"
        )

    @property
    def page(self) -> tuple[str, str, str]:
        """Path, query and cursor."""
        return self.path, self.query, self.cursor

    def described(self) -> dict[str, object]:
        """Describe the request for a report, without the key."""
        names = ("number", "method", "path", "query", "cursor", "status", "credits", "failure", "delivered")
        return {name: getattr(self, name) for name in names}


@dataclass
class Reply:
    """An answer.

    `good` tells that it is complete and right, and `cut` that the body ends early. `states_length` tells
    whether the headers state the length of the whole body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    good: bool = False
    cut: bool = False
    states_length: bool = True


class OpenAlexServer:
    """The service on a port of this machine; a context manager.

    Parameters
    ----------
    records : iterable of dict or path
        Works, or files of works (JSON lines, arrays, pages; gzipped or not).
    key : str, optional
        The only valid key; others are refused. All clients without a key share another account.
    daily_credits, per_second : int, float, optional
        Budget and pace of the key, or of all clients if there is none. By default those of a free key (10,000
        and 30), or without a key those of anonymous clients (1,000 and 10).
    failures : Failures, optional
        Failures to simulate; by default none.
    seed : int
        Seed of the failures.
    clock : callable, optional
        Gives seconds since 1970 (UTC), which decide the day of the budget.
    port : int
        Port; 0 for a free one.

    Attributes
    ----------
    url
        Address, without a slash at the end.
    requests
        The requests in order: list of dicts (number, method, path, query, cursor, status, credits, failure,
        delivered). `status` is None if no answer was sent.
    credits_used
        Credits charged to all accounts on all days.
    """

    def __init__(
        self,
        records: Iterable[object],
        *,
        key: str | None = "test-key",
        daily_credits: int | None = None,
        per_second: float | None = None,
        failures: Failures | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.works = Works(records)
        self.query = Query(self.works)
        self.key, self.failures, self.seed = key, failures or Failures(), seed
        self._clock, self._shift = clock, 0.0
        account = Account(
            "key" if key else "anonymous",
            (10_000 if key else 1_000) if daily_credits is None else daily_credits,
            per_second or (30 if key else 10),
        )
        self._accounts = {key: account} | ({None: Account("anonymous", 1_000, 10)} if key else {})
        self._lock = threading.Lock()
        self._log: list[Request] = []
        self._attempts: Counter[tuple[str, str, str]] = Counter()
        self._answered: Counter[str] = Counter()
        self._refusals = 0
        self._ending = threading.Event()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.service = self
        self._thread: threading.Thread | None = None
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "OpenAlexServer":
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def ended(self) -> bool:
        """Whether the service has ended; open connections get no answer then."""
        return self._ending.is_set()

    # for tests

    @property
    def requests(self) -> list[dict[str, object]]:
        """The requests in order."""
        with self._lock:
            return [request.described() for request in self._log]

    @property
    def credits_used(self) -> int:
        """Credits charged to all accounts on all days."""
        with self._lock:
            return sum(account.used for account in self._accounts.values())

    def report(self) -> dict[str, object]:
        """Return counts of all events, as `GET /_stand_in/report` does."""
        today = self.today()
        with self._lock:
            for account in self._accounts.values():
                account.begin(today)
            pages: dict[tuple[str, str, str], Counter[str]] = {}
            for request in self._log:
                counts = {"asked": 1, "delivered": int(request.delivered), "credits": request.credits}
                pages.setdefault(request.page, Counter()).update(counts)
            names = ("path", "query", "cursor")
            return {
                "works": len(self.works),
                "day": today.isoformat(),
                "requests": len(self._log),
                "credits_used": sum(account.used for account in self._accounts.values()),
                "accounts": {account.name: account.described() for account in self._accounts.values()},
                "statuses": counted(str(request.status) for request in self._log),
                "failures": counted(request.failure for request in self._log if request.failure),
                "budget_refusals": self._refusals,
                "pages": [dict(zip(names, page, strict=True)) | pages[page] for page in sorted(pages)],
            }

    # time

    def now(self) -> float:
        """Return seconds since 1970 by the clock of the server."""
        return self._clock() + self._shift

    def today(self) -> date:
        """Return the UTC day by the clock of the server."""
        return datetime.fromtimestamp(self.now(), UTC).date()

    def until_midnight(self) -> int:
        """Return the seconds until the UTC day ends, at least 1."""
        return int(86_400 - self.now() % 86_400) or 1

    def next_day(self) -> None:
        """End the UTC day."""
        self._shift += 86_400 - self.now() % 86_400

    # answering

    def received(self, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Note a request."""
        parts = urlsplit(target if target.startswith("/") else "/" + target)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        words = headers.get("Authorization", "").split(" ")
        parameters = dict(pairs)
        bearer = words[1] if len(words) == 2 and words[0].lower() == "bearer" else None
        others = (source.get(name) for source in (parameters, headers) for name in ("api_key", "api-key"))
        key = bearer or next(filter(None, others), None)
        path = "/" + unquote(parts.path).strip("/")
        request = Request(0, method, path, target, pairs, key)
        if not request.path.startswith("/_stand_in/"):
            with self._lock:
                request.number = len(self._log)
                self._log.append(request)
        return request

    def answer(self, request: Request) -> Reply | None:
        """Return the answer; None to close the connection without one."""
        if request.path == "/_stand_in/report":
            return Reply(200, orjson.dumps(self.report(), option=orjson.OPT_INDENT_2))
        if request.path == "/_stand_in/requests":
            return Reply(200, orjson.dumps(self.requests))
        if request.path == "/_stand_in/next_day":
            self.next_day()
            return Reply(200, orjson.dumps({"day": self.today().isoformat()}))
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"Method Not Allowed", content_type="text/plain;charset=UTF-8")
        account = self._accounts.get(request.key)
        if account is None:
            return error(401, "Invalid or missing API key", "API key not found")
        if reply := self._protected(request):
            return reply
        with self._lock:
            attempt = self._attempts[request.page]
            self._attempts[request.page] += 1
        request.failure = self.failures.fate(self.seed, "\n".join(request.page), attempt)
        if request.path != "/works" and request.failure == "short_page":
            request.failure = None
        if request.failure == "dropped_before":
            return None
        if request.failure == "html":
            return edge_down(chance(self.seed, request.page, attempt))
        if request.path == "/rate-limit":
            return self._rate_limit(request, account)
        return self._origin(request, account, attempt)

    def _protected(self, request: Request) -> Reply | None:
        """Refuse parameters that need a paid plan."""
        for name, value in request.pairs:
            pattern = {
                "filter": r"(?:from_|to_)?(?:updated|created)_date:[><]?\d{4}",
                "sort": r"(?:updated|created)_date",
            }
            if name in pattern and (match := re.search(pattern[name], value)):
                return error(
                    429,
                    "Plan upgrade required",
                    f'"{match[0]}" requires a Premium, Institutional, or Partner plan. See '
                    "https://openalex.org/pricing for details.",
                )
        return None

    def _origin(self, request: Request, account: Account, attempt: int) -> Reply | None:
        cost = COSTS[kind_of_call(request.path, request.parameters)]
        with self._lock:
            account.begin(self.today())
            wait = account.paced() or (1 / account.per_second if request.failure == "too_fast" else 0)
            if wait:
                return self._too_fast(account, cost, wait)
            if cost > account.remaining:
                return self._spent(account, cost)
            account.charge(cost)
            request.credits = cost
        if reply := edge_refusal(request):
            return reply
        try:
            reply = self._computed(request, cost)
        except ApiError as failure:
            reply = error(failure.status, failure.error, failure.message)
        except KeyError:
            reply = Reply(404, NOT_FOUND.encode(), content_type="text/html; charset=utf-8")
        if request.failure == "internal":
            status = 500 if chance(self.seed, "internal", request.page, attempt) < 0.5 else 502
            reply = error(status, HTTPStatus(status).phrase, "Something went wrong.")
        elif request.failure == "gateway_timeout":
            reply = error(
                504, "Gateway timeout", "Your query took too long and was stopped before completing."
            )
            reply.body = orjson.dumps(orjson.loads(reply.body) | {"reason": "query_timeout"})
        with self._lock:
            if reply.status >= 400:  # errors are free, so the charge is returned
                account.charge(-cost)
                request.credits = 0
            if request.failure != "gateway_timeout":
                reply.headers |= self._limits(account) | {
                    "X-RateLimit-Credits-Used": str(request.credits),
                    "X-RateLimit-Cost-USD": usd(request.credits),
                    "Cache-Control": "public, max-age=604800",
                }
        if request.failure in ("hang", "dropped_after"):
            return self._silence(request.failure)
        if request.failure == "truncated":
            reply.cut, reply.good = True, False
            reply.states_length = chance(self.seed, "states_length", request.page, attempt) < 0.5
        return reply

    def _silence(self, failure: str) -> None:
        """Give no answer, at once or after a while."""
        if failure == "hang":
            self._ending.wait(self.failures.hang_seconds)

    def _computed(self, request: Request, cost: int) -> Reply:
        """Compute the answer of an undisturbed service, or a short page."""
        path = request.path.removeprefix("/")
        if sum(name == "filter" for name, _ in request.pairs) > 1:
            raise refused("Only one filter parameter is allowed. Combine filters with a comma.")
        if path.startswith("works/"):
            select = parse_select(request.parameters.get("select"))
            row = self._row(path.removeprefix("works/"))
            return Reply(200, self.works.rendered(row, select, single=True), good=True)
        if path == "":
            return Reply(
                200, orjson.dumps({"documentation_url": "/docs", "msg": "Don't panic", "version": "0.0.1"})
            )
        if path != "works":
            raise KeyError(path)
        repeated = chance(self.seed, "repeat", request.page) < self.failures.repeated_rows
        page = list_page(self.query, request.parameters, one_earlier=repeated)
        page.meta["cost_usd"] = round(cost * CREDIT_USD, 4)
        if page.groups is not None:
            request.failure = None if request.failure == "short_page" else request.failure
            return Reply(200, orjson.dumps({"meta": page.meta, "group_by": page.groups}), good=True)
        drifted = self._drift(request, page)
        if request.failure == "short_page":
            self._shorten(request, page)
        good = request.failure != "short_page"
        request.failure = request.failure or ("repeated_rows" if page.repeats else drifted)
        rows = b",".join(self.works.rendered(int(row), page.select, single=False) for row in page.rows)
        body = b'{"meta":' + orjson.dumps(page.meta) + b',"results":[' + rows + b'],"group_by":[]}'
        return Reply(200, body, good=good)

    def _row(self, identifier: str) -> int:
        """Return the row of a single work by its id or DOI; raise KeyError if there is none."""
        if re.match(r"(https?://(dx\.)?doi\.org/|doi:)", identifier.lower()):
            row = self.works.row_of_doi[bare_doi(identifier)]
        elif match := re.fullmatch(r"(?:https://openalex\.org/(?:works/)?)?[Ww]?(\d+)", identifier):
            row = self.works.row_of[int(match[1])]
        else:
            raise KeyError(identifier)
        if self.works.ids[row] in self.failures.merged:
            raise KeyError(identifier)
        return row

    def _drift(self, request: Request, page: Page) -> str | None:
        """Make the count of a filter's first answer wrong, if drawn; return the name of the failure."""
        query = "|".join((request.parameters.get("filter", ""), request.parameters.get("search", "")))
        with self._lock:
            self._answered[query] += 1
            first = self._answered[query] == 1
        if not first or chance(self.seed, "drift", query) >= self.failures.drifting_count:
            return None
        step = (-2, -1, 1, 2)[int(chance(self.seed, "step", query) * 4)]
        page.meta["count"] = max(0, page.meta["count"] + step)
        return "drifting_count"

    def _shorten(self, request: Request, page: Page) -> None:
        """Simulate a search that ran out of time: a part of the rows, without a notice."""
        draw = chance(self.seed, "short", request.page)
        page.rows = page.rows[: int(len(page.rows) * draw)]
        page.meta["db_response_time_ms"] = 5_001 + int(draw * 400)
        if "next_cursor" in page.meta:
            page.meta["next_cursor"] = None
        if chance(self.seed, "short count", request.page) < 0.5:
            page.meta["count"] = page.start + len(page.rows)

    def _limits(self, account: Account) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(account.limit),
            "X-RateLimit-Limit-USD": usd(account.limit),
            "X-RateLimit-Remaining": str(account.remaining),
            "X-RateLimit-Remaining-USD": usd(account.remaining),
            "X-RateLimit-Onetime-Remaining": "0",
            "X-RateLimit-Prepaid-Remaining-USD": "0",
            "X-RateLimit-Reset": str(self.until_midnight()),
        }

    def _too_fast(self, account: Account, cost: int, wait: float) -> Reply:
        message = f"Rate limit exceeded: {account.per_second:g} requests per second. Please slow down."
        return self._exceeded(account, cost, wait, message)

    def _spent(self, account: Account, cost: int) -> Reply:
        """Refuse for lack of budget; the day may end with this refusal."""
        message = (
            f"Insufficient budget. This request costs ${usd(cost)} but you only have "
            f"${usd(account.remaining)} remaining. Resets at midnight UTC. Need more? Add funds at https://openalex.org/pricing"
        )
        reply = self._exceeded(account, cost, self.until_midnight(), message)
        self._refusals += 1
        if self._refusals == self.failures.day_turns_after:
            self.next_day()
        return reply

    def _exceeded(self, account: Account, cost: int, wait: float, message: str) -> Reply:
        reply = error(429, "Rate limit exceeded", message)
        more = {
            "retryAfter": wait,
            "costUsd": round(cost * CREDIT_USD, 4),
            "dailyRemainingUsd": round(account.remaining * CREDIT_USD, 4),
            "prepaidRemainingUsd": 0,
            "creditsRequired": cost,
            "creditsRemaining": account.remaining,
            "onetimeCreditsRemaining": 0,
        }
        reply.body = orjson.dumps(orjson.loads(reply.body) | more)
        reply.headers |= self._limits(account) | {
            "Retry-After": str(int(np.ceil(wait))),
            "X-RateLimit-Credits-Required": str(cost),
            "X-RateLimit-Cost-Required-USD": usd(cost),
        }
        return reply

    def _rate_limit(self, request: Request, account: Account) -> Reply | None:
        """Describe the account; free, but needs a key."""
        if request.key is None:
            message = "You must provide a valid API key to check rate limit status"
            return error(401, "Authentication required", message)
        if request.failure in ("hang", "dropped_after"):
            return self._silence(request.failure)
        request.failure = None
        with self._lock:
            account.begin(self.today())
            used, left = account.used_today, account.remaining
        midnight = datetime.fromtimestamp(self.now() - self.now() % 86_400 + 86_400, UTC)
        body = {
            "api_key": request.key[:3] + "..." + request.key[-3:] if len(request.key) > 6 else "***",
            "is_grandfathered": False,
            "rate_limit": {
                "daily_budget_usd": round(account.limit * CREDIT_USD, 4),
                "daily_used_usd": round(used * CREDIT_USD, 4),
                "daily_remaining_usd": round(left * CREDIT_USD, 4),
                "prepaid_balance_usd": 0,
                "prepaid_remaining_usd": 0,
                "prepaid_expires_at": None,
                "resets_at": midnight.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "resets_in_seconds": self.until_midnight(),
                "endpoint_costs_usd": {kind: round(cost * CREDIT_USD, 4) for kind, cost in COSTS.items()},
                "credits_limit": account.limit,
                "credits_used": used,
                "credits_remaining": left,
                "onetime_credits_balance": 0,
                "onetime_credits_remaining": 0,
                "onetime_credits_expires_at": None,
                "credit_costs": COSTS,
            },
        }
        return Reply(200, orjson.dumps(body), {"Cache-Control": "no-store"}, good=True)


def counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def usd(credits: int) -> str:
    return f"{credits * CREDIT_USD:.4f}".rstrip("0").rstrip(".")


def error(status: int, name: str, message: str) -> Reply:
    """Make an error answer with the usual body."""
    body = orjson.dumps({"error": name, "message": message})
    return Reply(status, body, {"Cache-Control": "no-store"} if status in (401, 429) else {})


def edge_down(draw: float) -> Reply:
    """Make the answer of a proxy that does not reach the service: HTML without its headers."""
    status = 502 if draw < 0.5 else 503
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    return Reply(
        status,
        (page + "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n").encode(),
        content_type="text/html",
    )


def edge_refusal(request: Request) -> Reply | None:
    """Refuse before the service is reached; such a refusal keeps the charge."""
    parts = FILTER_PART.findall(request.parameters.get("filter", ""))
    reason = "limit_param" if "limit" in request.parameters else None
    if reason or not all(":" in part for part in parts):
        body = {
            "error": "Invalid request rejected at the API edge",
            "error_source": "openalex-api-proxy",
            "message": "The 'limit' parameter is not valid, nor is an unescaped comma in a filter value.",
        }
        return Reply(
            400, orjson.dumps(body), {"x-openalex-edge-reject": f"f1:{reason or 'raw_comma_filter'}"}
        )
    length = len(f"{request.method} {request.target} HTTP/1.1".encode())
    if length > MOST_REQUEST_LINE:
        return error(400, "Request URL too long", f"Your request URL is {length} bytes, over the limit.")
    return None


# --- HTTP ---------------------------------------------------------------------------------------------------


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    service: OpenAlexServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Report errors of this server, but not clients that close the connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_GET(self) -> None:
        service = self.server.service
        request = service.received(self.command, self.path, self.headers)
        reply = None if service.ended else service.answer(request)
        if reply is None:
            self._hang_up()
            return
        request.status = reply.status
        self._send(request, reply)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def _send(self, request: Request, reply: Reply) -> None:
        body, headers = (
            reply.body,
            {"Content-Type": reply.content_type, "Server": "cloudflare", **CORS, **reply.headers},
        )
        if len(body) > 860 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = igzip.compress(body, 1)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        if request.method != "HEAD" and reply.states_length:
            headers["Content-Length"] = str(len(body))
        if reply.cut:
            body = body[: len(body) // 2]
            headers["Connection"] = "close"
        head = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        head.append(f"Date: {formatdate(self.server.service.now(), usegmt=True)}")
        head += [f"{name}: {value}" for name, value in headers.items()]
        sent = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
        # Noted before the last byte is sent, so that a client that has read an answer finds it in the report.
        request.delivered = reply.good
        try:
            self.wfile.write(sent if request.method == "HEAD" else sent + body)
        except OSError:
            request.delivered = False
            self.close_connection = True
        if reply.cut or request.method == "POST":
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    """Serve files until the program is ended."""
    parser = argparse.ArgumentParser(description="Serve works as api.openalex.org does, on this machine.")
    parser.add_argument(
        "files", nargs="+", type=Path, help="works: JSON lines, arrays or pages, gzipped or not"
    )
    parser.add_argument("--port", type=int, default=0, help="by default 0, any free port")
    parser.add_argument("--key", help="the only valid key; without it all clients are anonymous")
    parser.add_argument("--daily-credits", type=int, help="10,000 with a key and 1,000 without by default")
    parser.add_argument("--per-second", type=float, help="30 with a key and 10 without by default")
    parser.add_argument("--failures", action="store_true", help="simulate all failures")
    parser.add_argument("--probability", type=float, default=0.03, help="probability of each failure")
    parser.add_argument("--hang-seconds", type=float, default=1.0, help="how long a hanging request lasts")
    parser.add_argument("--seed", type=int, default=0, help="seed of the failures")
    options = parser.parse_args(arguments)
    failures = (
        Failures.all(options.probability, hang_seconds=options.hang_seconds) if options.failures else None
    )
    ended = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: ended.set())
    server = OpenAlexServer(
        options.files,
        key=options.key,
        daily_credits=options.daily_credits,
        per_second=options.per_second,
        failures=failures,
        seed=options.seed,
        port=options.port,
    )
    with server:
        print(server.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
