"""The stand-in of OpenAlex beside recorded answers of the service, pyalex, and filters in plain Python."""

import base64
import gzip
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyalex
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from openalex_server import (
    FIELDS,
    KINDS,
    ApiError,
    Failures,
    OpenAlexServer,
    Query,
    Works,
    decode_cursor,
    encode_cursor,
    list_page,
    parse_sort,
)

KEY = {"Authorization": "Bearer test-key"}
SUBFIELDS = {1702: "Artificial Intelligence", 1707: "Computer Vision", 2718: "Health Informatics"}
TYPES = ["article", "conference-paper", "preprint", "review"]
COUNTRIES = ["CN", "DE", "FR", "NA", "US"]


def topic(subfield: int) -> dict:
    return {
        "id": f"https://openalex.org/T{subfield}0",
        "display_name": f"Topic of {subfield}",
        "subfield": {"id": f"https://openalex.org/subfields/{subfield}", "display_name": SUBFIELDS[subfield]},
        "field": {"id": f"https://openalex.org/fields/{subfield // 100}", "display_name": "Computer Science"},
        "domain": {"id": "https://openalex.org/domains/3", "display_name": "Physical Sciences"},
    }


def authorship(*countries: str) -> dict:
    return {
        "author": {"id": "https://openalex.org/A1"},
        "countries": list(countries),
        "institutions": [{"id": "https://openalex.org/I1", "country_code": country} for country in countries],
    }


def record(number: int, day: str | None = "2020-05-17", **changes: object) -> dict:
    """Make a work as in the snapshot."""
    return {
        "id": f"https://openalex.org/W{number}",
        "doi": f"https://doi.org/10.5555/{number}",
        "title": f"Work {number}",
        "publication_date": day,
        "publication_year": int(day[:4]) if day else None,
        "language": "en",
        "type": "article",
        "authorships": [authorship("US"), authorship("CN")],
        "authors_count": 2,
        "primary_topic": topic(1702),
        "topics": [topic(1702)],
        "countries_distinct_count": 2,
        "is_paratext": False,
        "is_retracted": False,
        "is_xpac": False,
        "referenced_works": [],
        "cited_by_count": 0,
        "cited_by_percentile_year": {"min": 0, "max": 50},
        "created_date": "2021-01-01T00:00:00.000Z",
        "has_content": {"pdf": False},
        **changes,
    }


@st.composite
def corpora(draw: st.DrawFn, least: int = 0, most: int = 12) -> list[dict]:
    """Draw works, also without topic, date, country or references, in xpac, or citing missing works."""
    numbers = draw(st.lists(st.integers(1, 2_000), min_size=least, max_size=most, unique=True))
    works = []
    for number in numbers:
        topics = [topic(item) for item in draw(st.lists(st.sampled_from([*SUBFIELDS]), max_size=3))]
        countries = st.lists(st.sampled_from(COUNTRIES), max_size=2, unique=True)
        days = st.dates(date(2018, 12, 1), date(2021, 2, 1)).map(date.isoformat)
        works.append(
            record(
                number,
                draw(st.none() | days),
                type=draw(st.sampled_from(TYPES)),
                topics=topics,
                primary_topic=topics[0] if topics else None,
                authorships=[authorship(*draw(countries)) for _ in range(draw(st.integers(0, 3)))],
                referenced_works=[
                    f"https://openalex.org/W{item}"
                    for item in draw(st.lists(st.sampled_from([*numbers, 3_000])))
                ],
                is_retracted=draw(st.booleans()),
                is_xpac=draw(st.sampled_from([False, False, True])),
                cited_by_count=draw(st.integers(0, 3)),
                cited_by_percentile_year=draw(st.none() | st.just({"min": 0, "max": 50})),
            )
        )
    return works


def number_of(work: dict) -> int:
    return int(work["id"].removeprefix("https://openalex.org/W"))


def subfields_of(topics: list[dict]) -> set[int]:
    return {int(item["subfield"]["id"].rsplit("/", 1)[1]) for item in topics}


def countries_of(work: dict) -> set[str]:
    return {country for item in work["authorships"] for country in item["countries"]}


def cited_by(work: dict, numbers: set[int]) -> bool:
    return bool({f"https://openalex.org/W{item}" for item in numbers} & set(work["referenced_works"]))


CONDITIONS = {
    "primary_topic.subfield.id:1702": lambda w: bool(w["topics"]) and 1702 in subfields_of(w["topics"][:1]),
    "primary_topic.subfield.id:subfields/1702|https://openalex.org/subfields/1707": lambda w: bool(
        subfields_of(w["topics"][:1]) & {1702, 1707}
    ),
    "primary_topic.subfield.id:!1702": lambda w: 1702 not in subfields_of(w["topics"][:1]),
    "topics.subfield.id:1702": lambda w: 1702 in subfields_of(w["topics"]),
    "topics.subfield.id:!1702|1707": lambda w: not subfields_of(w["topics"]) & {1702, 1707},
    "topics.subfield.id:1702+2718": lambda w: subfields_of(w["topics"]) >= {1702, 2718},
    "publication_year:2019-2020": lambda w: w["publication_year"] in (2019, 2020),
    "publication_year:2020": lambda w: w["publication_year"] == 2020,
    "publication_year:2019|2021": lambda w: w["publication_year"] in (2019, 2021),
    "publication_year:!2020": lambda w: w["publication_year"] != 2020,
    "publication_year:>2019": lambda w: w["publication_year"] is not None and w["publication_year"] > 2019,
    "publication_year:<2020": lambda w: w["publication_year"] is not None and w["publication_year"] < 2020,
    "publication_year:2020-": lambda w: w["publication_year"] is not None and w["publication_year"] >= 2020,
    "from_publication_date:2019-06-01": lambda w: (w["publication_date"] or "") >= "2019-06-01",
    "to_publication_date:2020-01-01": lambda w: "" < (w["publication_date"] or "") <= "2020-01-01",
    "type:article|review": lambda w: w["type"] in ("article", "review"),
    "type:https://openalex.org/types/Preprint": lambda w: w["type"] == "preprint",
    "is_retracted:false": lambda w: not w["is_retracted"],
    "has_references:true": lambda w: bool(w["referenced_works"]),
    "cited_by_count:>0": lambda w: w["cited_by_count"] > 0,
    "authorships.countries:us|CN": lambda w: bool(countries_of(w) & {"US", "CN"}),
    "authorships.institutions.country_code:NA": lambda w: "NA" in countries_of(w),
    "primary_topic.id:null": lambda w: not w["topics"],
    "title.search:work": lambda w: True,
}


def asked(query: Query, filters: str, **parameters: str) -> list[int]:
    """Return the numbers of the works that the server finds, in order."""
    names = {"filter": filters.replace("+", " "), "per_page": "200", **parameters}
    return [int(query.works.ids[row]) for row in list_page(query, names).rows]


@given(corpora(), st.lists(st.sampled_from([*CONDITIONS]), min_size=1, max_size=3, unique=True))
def test_filters_find_what_plain_python_finds(records: list[dict], conditions: list[str]) -> None:
    expected = {
        number_of(work)
        for work in records
        if not work["is_xpac"] and all(CONDITIONS[condition](work) for condition in conditions)
    }
    result = asked(Query(Works(records)), ",".join(conditions))
    assert len(result) == len(expected)
    assert set(result) == expected


@settings(max_examples=30)
@given(corpora(least=3), st.data())
def test_citing_cited_and_listed_works(records: list[dict], data: st.DataObject) -> None:
    query = Query(Works(records))
    numbers = set(
        data.draw(st.lists(st.integers(1, 3_000) | st.sampled_from([number_of(item) for item in records])))
    )
    numbers |= {number_of(records[0])}
    item = number_of(records[0])
    listed = "|".join(f"W{number}" for number in sorted(numbers))
    core = [work for work in records if not work["is_xpac"]]
    assert set(asked(query, f"cites:{listed}")) == {number_of(w) for w in core if cited_by(w, numbers)}
    assert set(asked(query, f"cites:!W{item}")) == {number_of(w) for w in core if not cited_by(w, {item})}
    assert set(asked(query, f"openalex:{listed}")) == {number_of(w) for w in core} & numbers
    cited = {int(reference.rsplit("W")[1]) for reference in records[0]["referenced_works"]}
    assert set(asked(query, f"cited_by:https://openalex.org/W{item}")) == {number_of(w) for w in core} & cited


@settings(max_examples=30)
@given(corpora())
def test_corpus_decides_about_xpac(records: list[dict]) -> None:
    query = Query(Works(records))
    beyond = {number_of(work) for work in records if work["is_xpac"]}
    every = {number_of(work) for work in records}
    assert set(asked(query, "")) == every - beyond
    assert set(asked(query, "", include_xpac="true")) == set(asked(query, "", corpus="all")) == every
    assert set(asked(query, "is_xpac:true")) == set(asked(query, "", corpus="expansion")) == beyond


@settings(max_examples=30)
@given(corpora(most=20), st.integers(1, 7), st.booleans())
def test_cursors_give_every_work_once_and_in_order(records: list[dict], size: int, by_date: bool) -> None:
    def place(work: dict) -> tuple:
        percentile = work["cited_by_percentile_year"]
        quality = (percentile is None, -work["cited_by_count"], work["id"])
        return ((work["publication_date"] or "9999",) if by_date else ()) + quality

    query, result, cursor, pages = Query(Works(records)), [], "*", 0
    sort = {"sort": "publication_date:asc"} if by_date else {}
    while cursor:
        page = list_page(query, {"per_page": str(size), "cursor": cursor, **sort})
        result += [int(query.works.ids[row]) for row in page.rows]
        cursor, pages = page.meta["next_cursor"], pages + 1
    core = sorted((work for work in records if not work["is_xpac"]), key=place)
    assert result == [number_of(work) for work in core]
    assert pages == len(core) // size + 1  # a full last page is followed by an empty one


@settings(max_examples=30)
@given(corpora(least=4, most=20), st.data())
def test_a_cursor_outlives_the_server_and_its_work(records: list[dict], data: st.DataObject) -> None:
    parameters = {"per_page": "1", "sort": "publication_date:asc", "include_xpac": "true"}
    query = Query(Works(records))
    every = asked(query, "", **parameters | {"per_page": "200", "cursor": "*"})
    after = data.draw(st.integers(1, len(every) - 1))
    cursor = "*"
    for _ in range(after):
        cursor = list_page(query, parameters | {"cursor": cursor}).meta["next_cursor"]
    left = [work for work in records if number_of(work) != every[after - 1]]
    assert (
        asked(Query(Works(left)), "", **parameters | {"per_page": "200", "cursor": cursor}) == every[after:]
    )


@settings(max_examples=30)
@given(corpora(most=20), st.booleans())
def test_groups_count_what_plain_python_counts(records: list[dict], unknown: bool) -> None:
    works = [work for work in records if not work["is_xpac"]]
    alone = Counter(country for work in works for country in countries_of(work))
    pairs = Counter((a, b) for work in works for a in countries_of(work) for b in countries_of(work))
    bare = sum(not countries_of(work) for work in works) if unknown else 0
    name = "authorships.countries" + (":include_unknown" if unknown else "")
    page = list_page(Query(Works(records)), {"group_by": name})
    counted = {group["key"].rsplit("/", 1)[-1]: group["count"] for group in page.groups}
    assert counted == dict(alone) | ({"unknown": bare} if bare else {})
    assert [group["count"] for group in page.groups] == sorted(counted.values(), reverse=True)
    page = list_page(Query(Works(records)), {"group_by": "authorships.countries,authorships.countries"})
    nested = {
        (outer["key"].rsplit("/", 1)[-1], inner["key"].rsplit("/", 1)[-1]): inner["count"]
        for outer in page.groups
        for inner in outer["groups"]
    }
    assert nested == dict(pairs)
    assert page.meta["groups_count"] == len(alone)


@settings(max_examples=30)
@given(corpora(most=20), st.integers(1, 3))
def test_groups_come_in_pages_by_key(records: list[dict], size: int) -> None:
    query, keys, cursor = Query(Works(records)), [], "*"
    while cursor:
        page = list_page(query, {"group_by": "type", "per_page": str(size), "cursor": cursor})
        keys += [group["key_display_name"] for group in page.groups]
        cursor = page.meta["next_cursor"]
    assert keys == sorted({work["type"] for work in records if not work["is_xpac"]})


# over HTTP


def get(server: OpenAlexServer, path: str = "/works", **parameters: object) -> requests.Response:
    return requests.get(server.url + path, params=parameters, headers=KEY, timeout=20)


@pytest.fixture(scope="module")
def server():
    works = [
        record(n, f"{2015 + n % 6}-0{1 + n % 9}-11", type=TYPES[n % 4], cited_by_count=n % 7)
        for n in range(1, 251)
    ]
    crowd = [authorship("US")] * 100 + [authorship("FR")] * 30
    works.append(record(900, authorships=crowd, authors_count=130))
    with OpenAlexServer(works, per_second=10_000) as running:
        yield running


@pytest.fixture
def pyalex_at(monkeypatch: pytest.MonkeyPatch):
    """Direct the requests of pyalex, which always go to api.openalex.org, to a server on this machine."""

    class Elsewhere(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:
            request.url = request.url.replace("https://api.openalex.org", Elsewhere.url)
            return super().send(request, **options)

    def point(url: str, key: str | None = "test-key") -> None:
        Elsewhere.url = url
        session = requests.Session()
        session.mount("https://api.openalex.org", Elsewhere())
        monkeypatch.setattr(pyalex.api, "_get_requests_session", lambda: session)
        monkeypatch.setitem(pyalex.config, "api_key", key)

    return point


def test_pyalex_pages_through_all(server: OpenAlexServer, pyalex_at) -> None:
    pyalex_at(server.url)
    query = pyalex.Works().filter(primary_topic={"subfield": {"id": 1702}}, publication_year="2015-2020")
    query = query.select(["id", "publication_year", "authorships"]).sort(publication_date="asc")
    works = [work for page in query.paginate(per_page=40, n_max=None) for work in page]
    assert sorted(map(number_of, works)) == [*range(1, 251), 900]
    assert all(set(work) == {"id", "publication_year", "authorships"} for work in works)
    assert (
        pyalex.Works().filter(type="article|review").count()
        == sum(n % 4 in (0, 3) for n in range(1, 251)) + 1
    )
    assert len(pyalex.Works()[["W7", "W8", "W5000"]]) == 2
    groups = pyalex.Works().group_by("publication_year").get()
    assert {g["key"]: g["count"] for g in groups} == {
        str(year): count + (year == 2020)
        for year, count in Counter(2015 + n % 6 for n in range(1, 251)).items()
    }
    assert len(pyalex.Works()["W900"]["authorships"]) == 130


def test_pyalex_meets_the_errors_that_it_knows(server: OpenAlexServer, pyalex_at) -> None:
    pyalex_at(server.url)
    with pytest.raises(pyalex.api.QueryError, match="not a valid field"):
        pyalex.Works().filter(nonsense=1).get()
    with pytest.raises(requests.HTTPError, match="404"):
        pyalex.Works()["W4000"]
    pyalex_at(server.url, "another-key")
    with pytest.raises(pyalex.api.QueryError, match="API key"):
        pyalex.Works().get()


def test_lists_cut_authorships_and_single_works_do_not(server: OpenAlexServer) -> None:
    result = get(server, filter="authors_count:>100").json()["results"]
    assert [(number_of(work), len(work["authorships"])) for work in result] == [(900, 100)]
    for path in (
        "W900",
        "w900",
        "https://openalex.org/W900",
        "doi:10.5555/900",
        "https://doi.org/10.5555/900",
    ):
        assert len(get(server, f"/works/{path}").json()["authorships"]) == 130
    # Countries are counted in the truncated list of authorships, institutions in the full list.
    assert get(server, filter="authorships.countries:FR").json()["meta"]["count"] == 0
    assert get(server, filter="authorships.institutions.country_code:FR").json()["meta"]["count"] == 1
    assert get(server, "/works/W900", select="id,authorships").json().keys() == {"id", "authorships"}


def test_api_records_differ_from_snapshot_records(server: OpenAlexServer) -> None:
    work = get(server, "/works/W7").json()
    assert "authors_count" not in work
    assert work["content_urls"] is None
    assert work["created_date"] == "2021-01-01T00:00:00"
    assert list(work) == [name for name in FIELDS if name in work]


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/works?filter=nonsense:1", 400, "Invalid query parameters error."),
        (
            "/works?filter=cites:" + "|".join(f"W{n}" for n in range(101)),
            400,
            "Invalid query parameters error.",
        ),
        ("/works?filter=type:article|!review", 400, "Invalid query parameters error."),
        ("/works?filter=type:article&filter=publication_year:2020", 400, "Invalid query parameters error."),
        ("/works?filter=openalex:A5", 400, "Invalid query parameters error."),
        ("/works?filter=is_retracted:perhaps", 400, "Invalid query parameters error."),
        ("/works?filter=from_publication_date:2020", 400, "Invalid query parameters error."),
        ("/works?filter=publication_year:soon", 400, "Invalid query parameters error."),
        ("/works?select=authorships.countries", 400, "Invalid query parameters error."),
        ("/works?select=id&group_by=type", 400, "Invalid query parameters error."),
        ("/works?group_by=referenced_works", 400, "Invalid query parameters error."),
        ("/works?group_by=type,primary_topic.subfield.id", 400, "Invalid query parameters error."),
        ("/works?group_by=type,type,type,type", 400, "Invalid query parameters error."),
        ("/works?corpus=core&include_xpac=true", 400, "Invalid query parameters error."),
        ("/works?data-version=1", 400, "Invalid query parameters error."),
        ("/works?colour=red", 400, "Invalid query parameters error."),
        ("/works?per_page=201", 400, "Pagination error."),
        ("/works?per_page=0", 400, "Pagination error."),
        ("/works?per_page=200&page=51", 400, "Pagination error."),
        ("/works?cursor=null", 400, "Pagination error."),
        ("/works?cursor=bm9uc2Vuc2U=", 400, "Pagination error."),
        ("/works?cursor=*&page=2", 400, "Pagination error."),
        ("/works?limit=5", 400, "Invalid request rejected at the API edge"),
        ("/works?filter=type:article,review", 400, "Invalid request rejected at the API edge"),
        ("/works?filter=doi:" + "x" * 8_200, 400, "Request URL too long"),
        ("/works?filter=from_updated_date:2020-01-01", 429, "Plan upgrade required"),
        ("/works?sort=created_date:desc", 429, "Plan upgrade required"),
    ],
)
def test_refusals(server: OpenAlexServer, path: str, status: int, name: str) -> None:
    answer = requests.get(server.url + path, headers=KEY, timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (status, name)
    assert answer.json()["message"]
    assert "Retry-After" not in answer.headers


def test_what_is_not_there_is_an_html_page(server: OpenAlexServer) -> None:
    for path in ("/works/W5000", "/works/nonsense", "/nonsense"):
        answer = get(server, path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")
    merged = Failures(merged=frozenset([7]))
    with OpenAlexServer([record(7)], failures=merged) as other:
        assert get(other, filter="openalex:W7").json()["meta"]["count"] == 1
        assert get(other, "/works/W7").status_code == 404


def test_keys() -> None:
    with OpenAlexServer([record(1)], daily_credits=50) as running:
        limits = {
            name: requests.get(f"{running.url}/works", timeout=20, **sent).headers.get("X-RateLimit-Limit")
            for name, sent in {
                "header": {"headers": KEY},
                "parameter": {"params": {"api_key": "test-key"}},
                "nobody": {},
                "stranger": {"headers": {"Authorization": "Bearer other"}},
            }.items()
        }
        assert limits == {"header": "50", "parameter": "50", "nobody": "1000", "stranger": None}
        assert get(running, "/rate-limit").json()["rate_limit"]["credits_used"] == 2
        assert requests.get(f"{running.url}/rate-limit", timeout=20).status_code == 401
        told = requests.get(f"{running.url}/_stand_in/report", timeout=20).text
        assert "test-key" not in told + json.dumps(running.requests)
        assert running.credits_used == json.loads(told)["credits_used"] == 3


def test_each_kind_of_call_has_its_price(server: OpenAlexServer) -> None:
    prices = {}
    for name, path in {
        "single": "/works/W7",
        "list": "/works?per_page=200",
        "select": "/works?select=id&filter=type:article",
        "groups": "/works?group_by=type&filter=title.search:work",
        "search": "/works?search=work",
        "search filter": "/works?filter=title.search:work",
        "error": "/works?filter=nonsense:1",
        "missing": "/works/W5000",
        "account": "/rate-limit",
    }.items():
        before = server.credits_used
        answer = requests.get(server.url + path, headers=KEY, timeout=20)
        prices[name] = server.credits_used - before
        assert int(answer.headers.get("X-RateLimit-Credits-Used", 0)) == prices[name]
        assert float(answer.headers.get("X-RateLimit-Cost-USD", 0)) == pytest.approx(prices[name] / 10_000)
    assert prices == {
        "single": 0,
        "list": 1,
        "select": 1,
        "groups": 1,
        "search": 10,
        "search filter": 10,
        "error": 0,
        "missing": 0,
        "account": 0,
    }


def test_a_spent_budget_comes_back_at_midnight() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
    with OpenAlexServer([record(1)], daily_credits=3, clock=lambda: noon) as running:
        left = [int(get(running).headers["X-RateLimit-Remaining"]) for _ in range(3)]
        assert left == [2, 1, 0]
        refusal = get(running)
        assert refusal.status_code == 429
        assert refusal.headers["Retry-After"] == refusal.headers["X-RateLimit-Reset"] == "43200"
        assert int(refusal.headers["X-RateLimit-Remaining"]) < int(
            refusal.headers["X-RateLimit-Credits-Required"]
        )
        body = refusal.json()
        assert body["error"] == "Rate limit exceeded"
        assert body["message"].startswith("Insufficient budget")
        assert get(running, "/works/W1").status_code == 200  # free requests are still allowed
        assert requests.get(f"{running.url}/_stand_in/next_day", timeout=20).json() == {"day": "2026-11-23"}
        assert get(running).headers["X-RateLimit-Remaining"] == "2"
        assert get(running, "/rate-limit").json()["rate_limit"]["credits_used"] == 1
        assert running.credits_used == 4
    with OpenAlexServer([record(1)], daily_credits=1, failures=Failures(day_turns_after=2)) as running:
        assert [get(running).status_code for _ in range(4)] == [200, 429, 429, 200]


def test_too_many_requests_a_second() -> None:
    with OpenAlexServer([record(1)], per_second=0.001) as running:
        assert [get(running).status_code for _ in range(3)] == [200, 429, 429]
        refusal = get(running)
        assert refusal.json()["error"] == "Rate limit exceeded"
        assert int(refusal.headers["X-RateLimit-Remaining"]) > int(
            refusal.headers["X-RateLimit-Credits-Required"]
        )
        assert running.credits_used == 1


# failures


def outcome(server: OpenAlexServer, **parameters: object) -> tuple[str, requests.Response | None]:
    """Name the outcome of a request as a client sees it."""
    try:
        answer = get(server, **parameters)
    except requests.RequestException as error:
        return type(error).__name__, None
    if "json" not in answer.headers["Content-Type"]:
        return f"{answer.status_code} html", answer
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return "not JSON", answer
    if answer.status_code != 200:
        return f"{answer.status_code} {body['error']}", answer
    meta = body["meta"]
    short = len(body["results"]) < meta["per_page"] and meta["db_response_time_ms"] > 4_500
    return "short" if short else "whole", answer


SEEN = {
    "too_fast": {"429 Rate limit exceeded"},
    "internal": {"500 Internal Server Error", "502 Bad Gateway"},
    "html": {"502 html", "503 html"},
    "gateway_timeout": {"504 Gateway timeout"},
    "hang": {"ConnectionError"},
    "dropped_before": {"ConnectionError"},
    "dropped_after": {"ConnectionError"},
    "truncated": {"ChunkedEncodingError", "ConnectionError", "ContentDecodingError", "not JSON"},
    "short_page": {"short"},
}
CHARGED = {"hang", "dropped_after", "truncated", "short_page"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_passes(kind: str) -> None:
    works = [record(number) for number in range(1, 13)]
    failures = Failures(**{kind: 1.0}, hang_seconds=0.02, most=2)
    with OpenAlexServer(works) as calm, OpenAlexServer(works, failures=failures) as server:
        for size in (5, 6, 7, 8):
            parameters = {"cursor": "*", "per_page": size, "sort": "publication_date:asc"}
            seen = [outcome(server, **parameters) for _ in range(3)]
            assert {name for name, _ in seen[:2]} <= SEEN[kind]
            assert seen[2][0] == "whole"
            assert seen[2][1].json() == get(calm, **parameters).json()
            if kind == "too_fast":
                refusal = seen[0][1]
                assert refusal.headers["Retry-After"] == "1"
                assert 0 < refusal.json()["retryAfter"] < 1
            if kind in ("html", "gateway_timeout"):
                assert "X-RateLimit-Remaining" not in seen[0][1].headers
        assert server.credits_used == 4 * (3 if kind in CHARGED else 1)
        assert [page["delivered"] for page in server.report()["pages"]] == [1] * 4
        assert [page["asked"] for page in server.report()["pages"]] == [3] * 4


def harvested(server: OpenAlexServer, size: int, **parameters: object) -> tuple[list[int], int]:
    """Fetch all works with a simple, correct client; also return the credits that the answers stated."""
    result: dict[int, None] = {}
    credits, cursor, count = 0, "*", None
    while cursor:
        for _ in range(5):
            asked = {"cursor": cursor, "per_page": size, "sort": "publication_date:asc", **parameters}
            name, answer = outcome(server, **asked)
            credits += int(answer.headers.get("X-RateLimit-Credits-Used", 0)) if answer is not None else 0
            if name == "whole":
                break
        else:
            raise AssertionError("never got through")
        body = answer.json()
        result |= dict.fromkeys(map(number_of, body["results"]))
        cursor, count = body["meta"]["next_cursor"], body["meta"]["count"]
    assert abs(len(result) - count) <= 2
    return list(result), credits


def test_everything_at_once_and_a_correct_client_gets_all() -> None:
    works = [record(number, (date(2020, 1, 1) + timedelta(number)).isoformat()) for number in range(1, 301)]
    failures = Failures.all(0.1, hang_seconds=0.02)
    with OpenAlexServer(works, failures=failures, per_second=10_000, seed=3) as server:
        result, told = harvested(server, 7)
        log = server.requests
        report = server.report()
    assert result == list(range(1, 301))
    assert {*KINDS, "repeated_rows"} <= set(report["failures"])
    # Credits that no answer stated were charged for answers that were lost or cut short.
    lost = sum(request["credits"] for request in log if request["failure"] in ("hang", "dropped_after"))
    assert told <= server.credits_used <= told + lost + report["failures"]["truncated"]
    assert lost > 0
    assert all(page["delivered"] == 1 for page in report["pages"])
    assert sum(page["credits"] for page in report["pages"]) == server.credits_used


def test_parallel_clients_meet_the_same_failures_in_any_order() -> None:
    works = [record(number, f"{2017 + number % 4}-01-{1 + number % 28:02}") for number in range(1, 201)]
    failures = Failures.all(0.08, hang_seconds=0.02)
    seen = []
    for workers in (1, 4):
        with OpenAlexServer(works, failures=failures, per_second=10_000, seed=1) as server:
            with ThreadPoolExecutor(workers) as pool:
                years = range(2017, 2021)
                result = pool.map(
                    lambda year: harvested(server, 6, filter=f"publication_year:{year}")[0], years
                )
                assert sorted(number for numbers in result for number in numbers) == list(range(1, 201))
            log = server.requests
            names = ("path", "query", "cursor", "status", "credits", "failure")
            seen.append(sorted(str([request[name] for name in names]) for request in log))
    assert seen[0] == seen[1]
    assert len(seen[0]) > 40


def test_a_count_drifts_once() -> None:
    with OpenAlexServer([record(n) for n in range(1, 9)], failures=Failures(drifting_count=1.0)) as server:
        counts = [get(server, cursor="*", per_page=size).json()["meta"]["count"] for size in (5, 5, 1)]
        assert counts[0] in (6, 7, 9, 10)
        assert counts[1:] == [8, 8]


@given(st.integers(0, 99), st.text(max_size=5), st.floats(0, 0.1), st.integers(1, 4), st.integers(1, 4))
def test_failures_in_a_row_are_bounded(
    seed: int, request: str, probability: float, burst: int, most: int
) -> None:
    failures = Failures.all(probability, burst=burst, most=most)
    fates = [failures.fate(seed, request, attempt) for attempt in range(most + 3)]
    assert fates[most:] == [None] * 3
    assert fates == [failures.fate(seed, request, attempt) for attempt in range(most + 3)]


def test_failures_are_as_frequent_as_asked() -> None:
    failures = Failures(internal=0.05, hang=0.02)
    fates = Counter(failures.fate(0, str(number), 0) for number in range(20_000))
    assert fates["internal"] / 20_000 == pytest.approx(0.05, abs=0.006)  # four standard deviations
    assert fates["hang"] / 20_000 == pytest.approx(0.02, abs=0.004)


# files and the program


def test_files_of_every_shape_hold_the_same_works(tmp_path: Path) -> None:
    works = [record(number) for number in range(1, 6)]
    lines = "".join(json.dumps(work) + "\n" for work in works)
    shapes = {
        "lines.jsonl": lines.encode(),
        "part_0000.gz": gzip.compress(lines.encode()),
        "array.json": json.dumps(works, indent=1).encode(),
        "page.json": json.dumps({"meta": {}, "results": works}, indent=1).encode(),
        "page.json.gz": gzip.compress(json.dumps({"results": works}).encode()),
    }
    for name, content in shapes.items():
        tmp_path.joinpath(name).write_bytes(content)
        read = Works([tmp_path / name])
        assert [read.record(row) for row in range(len(read))] == works
    with pytest.raises(ValueError, match="W1 occurs twice"):
        Works([tmp_path / "lines.jsonl", tmp_path / "array.json"])


def test_as_a_program(tmp_path: Path) -> None:
    tmp_path.joinpath("works.jsonl").write_text("".join(json.dumps(record(n)) + "\n" for n in range(1, 6)))
    command = [sys.executable, Path(__file__).with_name("openalex_server.py"), tmp_path / "works.jsonl"]
    with subprocess.Popen(
        [*command, "--key", "test-key", "--daily-credits", "2"], stdout=subprocess.PIPE
    ) as process:
        try:
            url = process.stdout.readline().decode().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
            session = requests.Session()
            session.headers.update(KEY)
            sizes = [
                len(session.get(f"{url}/works?cursor=*&per_page=3", timeout=20).json()["results"])
                for _ in "ab"
            ]
            assert sizes == [3, 3]
            assert session.get(f"{url}/works", timeout=20).status_code == 429
            report = session.get(f"{url}/_stand_in/report", timeout=20).json()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert report["works"] == 5
    assert report["credits_used"] == 2
    assert report["statuses"] == {"200": 2, "429": 1}
    page = {"path": "/works", "query": "per_page=3", "cursor": "*", "asked": 2, "delivered": 2, "credits": 2}
    assert page in report["pages"]


# against recorded answers


@pytest.fixture(scope="module")
def recorded(shared_data) -> list[dict]:
    """Return recorded requests that the service of today still answers in the same way."""
    interactions = [
        json.loads(path.read_text()) for path in shared_data("openalex-api-responses/small").iterdir()
    ]
    since = {True: "2026-05", False: "2025-11"}
    return [
        item
        for item in interactions
        if item["status"] != 403 and item["recorded_at"] >= since["/rate-limit" in item["uri"]]
    ]


def test_recorded_requests_get_the_same_kind_of_answer(recorded: list[dict]) -> None:
    compared = Counter()
    for item in recorded:
        theirs = json.loads(item["body"])
        works = [theirs] if "authorships" in theirs else [record(1)]
        parts = urlsplit(item["uri"])
        is_valid = item["status"] != 401
        parameters = {
            name: value for name, value in parse_qsl(parts.query) if name != "api_key" or not is_valid
        }
        with OpenAlexServer(works) as server:
            answer = requests.get(
                server.url + parts.path, parameters, headers=KEY if is_valid else {}, timeout=20
            )
        ours = answer.json() if answer.status_code != 404 else {}
        assert answer.status_code == item["status"], item["uri"]
        if item["recorded_at"] < "2026-05":  # stated since then
            for told in (ours, theirs, ours.get("meta", {}), theirs.get("meta", {})):
                told.pop("is_grandfathered", None)
                told.pop("cost_usd", None)
        assert set(ours) == set(theirs) - {"type_crossref", "grants", "cited_by_api_url"}, item["uri"]
        for name in ("meta", "rate_limit"):
            assert set(ours.get(name, ())) == set(theirs.get(name, ())), item["uri"]
        for name in ("endpoint_costs_usd", "credit_costs"):
            assert set(ours.get("rate_limit", {}).get(name, ())) == set(
                theirs.get("rate_limit", {}).get(name, ())
            )
        if ours.get("group_by") and theirs.get("group_by"):
            assert set(ours["group_by"][0]) == set(theirs["group_by"][0])
            assert ours["group_by"][0] in [
                group | {"count": ours["group_by"][0]["count"]} for group in theirs["group_by"]
            ]
        compared[item["status"], parts.path.split("/")[1]] += 1
    assert compared[200, "works"] > 10
    assert compared[400, "works"] >= 3
    assert compared[401, "rate-limit"] >= 1


def test_recorded_headers_are_all_sent(recorded: list[dict], server: OpenAlexServer) -> None:
    newest = [item for item in recorded if item["recorded_at"] >= "2026-05" and item["status"] == 200]
    ours = {name.lower() for name in get(server).headers}
    checked = 0
    for item in newest:
        limits = {name.lower() for name in item["headers"] if name.lower().startswith("x-ratelimit")}
        assert limits <= ours
        checked += len(limits)
    assert checked


def test_recorded_cursors_are_ours(recorded: list[dict], shared_data) -> None:
    interactions = [
        json.loads(path.read_text()) for path in shared_data("openalex-api-responses/small").iterdir()
    ]
    cursors = {dict(parse_qsl(urlsplit(item["uri"]).query)).get("cursor", "*") for item in interactions} - {
        "*"
    }
    assert len(cursors) > 3
    for cursor in cursors:
        text = json.loads(base64.b64decode(cursor))
        if text.startswith("["):  # sort values of a work in the default order
            assert len(json.loads(decode_cursor(cursor))) == len(parse_sort("", True))
            assert encode_cursor(json.loads(text.replace("'", '"'))) == cursor
        else:
            assert encode_cursor(text) == cursor


def test_recorded_works_can_be_served(shared_data) -> None:
    for name in ("json_files_page_1.json.gz", "json_files_page_2_a.json.gz"):
        path = shared_data("openalex-api-responses") / name
        theirs = json.loads(gzip.decompress(path.read_bytes()))
        with OpenAlexServer([path]) as server:
            paging = {"cursor": "*"} if "next_cursor" in theirs["meta"] else {"page": 1}
            ours = get(server, per_page=200, **paging).json()
            assert set(ours["meta"]) - {"cost_usd"} == set(theirs["meta"])
            by_id = {work["id"]: work for work in ours["results"]}
            for work in theirs["results"]:
                kept = {field: value for field, value in work.items() if field in FIELDS}
                assert by_id[work["id"]] == kept


def test_bad_queries_name_what_is_wrong() -> None:
    with pytest.raises(ApiError, match="nonsense is not a valid field"):
        list_page(Query(Works([])), {"filter": "nonsense:1"})
    assert list_page(Query(Works([])), {"filter": "type:article"}).meta["count"] == 0
