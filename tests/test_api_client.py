"""The client, with recorded answers of OpenAlex and with every failure of the stand-in."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from openalex_server import Failures, OpenAlexServer
from poles.corpus.api import query
from poles.corpus.api.account import Answer, Outcome, account_of
from poles.corpus.api.client import ATTEMPTS, FIRST_ATTEMPTS, KEY, Client, Refused, key_from_environment
from poles.corpus.api.harvest import Page
from poles.corpus.api.ledger import BudgetSpent, Ledger
from poles.errors import StudyError

SECRET = "secret-key-0123456789"
FIELD = {"subfields": [1702], "match": "primary"}


def work(number: int, **changes: object) -> dict:
    """Make a work of the field."""
    subfield = {"id": "https://openalex.org/subfields/1702", "display_name": "Artificial Intelligence"}
    return {
        "id": f"https://openalex.org/W{number}",
        "publication_year": 2020,
        "publication_date": f"2020-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "type": "article",
        "primary_topic": {"id": "https://openalex.org/T1", "subfield": subfield},
        "topics": [],
        "authorships": [{"countries": ["US"], "institutions": []}],
        "referenced_works": [],
        "cited_by_count": number % 3,
        **changes,
    }


WORKS = [work(number) for number in range(1, 251)]
PAGE = query.page(query.in_field(FIELD), "*")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Make clients that do not wait between attempts."""

    def make(server: OpenAlexServer | str, key: str | None = SECRET, **options: object) -> Client:
        url = server if isinstance(server, str) else server.url
        options = {"rate": 1000, "timeout": 0.5, "sleep": lambda seconds: None, **options}
        return Client(url, tmp_path / "store", key, **options)

    return make


def serve(failures: Failures | None = None, **options: object) -> OpenAlexServer:
    """Make a stand-in that has a key and no limit of pace."""
    return OpenAlexServer(WORKS, **{"key": SECRET, "per_second": 1000, "failures": failures, **options})


def recorded(folder: Path) -> list[dict]:
    """Return recorded exchanges with the service."""
    return [json.loads(path.read_bytes()) for path in sorted((folder / "small").glob("*.json"))]


def test_recorded_answers_mean_what_they_meant(shared_data):
    expected = {200: Outcome.FINE, 400: Outcome.REFUSED, 401: Outcome.KEY, 403: Outcome.REFUSED}
    exchanges = recorded(shared_data("openalex-api-responses"))
    assert len(exchanges) >= 81
    grouped = 0
    for exchange in exchanges:
        answer = Answer.of(exchange["status"], exchange["headers"], exchange["body"].encode())
        assert answer.outcome is expected[exchange["status"]], exchange["uri"]
        assert isinstance(answer.document, dict)
        if answer.outcome is not Outcome.FINE:
            assert answer.error and "\n" not in answer.error
        elif "group_by=" in exchange["uri"] or "group-by=" in exchange["uri"]:
            grouped += sum(int(group["count"]) for group in answer.document["group_by"])
        elif "results" in answer.document and "select=ids" not in exchange["uri"]:
            page = Page.of(answer.document)
            assert page.total >= len(page.works)
    assert grouped > 0


def test_recorded_headers_state_the_account(shared_data):
    stated = 0
    for exchange in recorded(shared_data("openalex-api-responses")):
        headers = {name.lower(): value for name, value in exchange["headers"].items()}
        if "x-ratelimit-prepaid-remaining-usd" not in headers:
            continue
        stated += 1
        answer = Answer.of(exchange["status"], exchange["headers"], exchange["body"].encode())
        assert answer.account.available == int(headers["x-ratelimit-remaining"])
        assert answer.account.limit == int(headers["x-ratelimit-limit"])
        assert (answer.account.resets_at.hour, answer.account.resets_at.minute) == (0, 0)
        assert answer.cost == int(headers["x-ratelimit-credits-used"])
    assert stated >= 3


def test_recorded_pages_are_pages(shared_data):
    for name in ("json_files_page_1.json.gz", "json_files_page_2_a.json.gz"):
        path = shared_data("openalex-api-responses") / name
        page = Page.of(orjson.loads(gzip.decompress(path.read_bytes())))
        assert len(page.works) == 200
        assert all(work["authorships"] is not None for work in page.works)


def body_of(status: int, headers: dict, document: object) -> Answer:
    return Answer.of(status, {"Content-Type": "application/json", **headers}, orjson.dumps(document))


@pytest.mark.parametrize(
    ("status", "headers", "document", "outcome"),
    [
        (429, {"Retry-After": "1"}, {"error": "Rate limit exceeded", "retryAfter": 0.04}, Outcome.SLOWER),
        (
            429,
            {"Retry-After": "40000", "X-RateLimit-Remaining": "0", "X-RateLimit-Credits-Required": "1"},
            {"error": "Rate limit exceeded", "message": "Insufficient budget. This request costs $0.0001"},
            Outcome.SPENT,
        ),
        (
            429,
            {"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9",
             "X-RateLimit-Credits-Required": "1"},
            {"error": "Rate limit exceeded"},
            Outcome.SPENT,
        ),
        (429, {"Retry-After": "40000"}, {"error": "Too many"}, Outcome.SPENT),
        (429, {"Retry-After": "3600", "Content-Type": "text/html"}, {}, Outcome.SLOWER),
        (429, {}, {"error": "Plan upgrade required", "message": "requires a plan"}, Outcome.PLAN),
        (403, {}, {"error": "Plan upgrade required"}, Outcome.PLAN),
        (403, {}, {"error": "Forbidden"}, Outcome.REFUSED),
        (401, {}, {"error": "Invalid or missing API key"}, Outcome.KEY),
        (404, {}, {"error": "Not found"}, Outcome.GONE),
        (301, {"Location": "/works/W2"}, {}, Outcome.GONE),
        (408, {}, {}, Outcome.AGAIN),
        (414, {}, {"error": "Request URL too long"}, Outcome.REFUSED),
        (503, {"Retry-After": "7"}, {"error": "Search temporarily unavailable"}, Outcome.AGAIN),
        (504, {}, {"error": "Gateway timeout", "reason": "query_timeout"}, Outcome.AGAIN),
        (200, {"Content-Type": "text/html"}, {}, Outcome.AGAIN),
        (200, {}, [1], Outcome.AGAIN),
        (200, {}, {"meta": {}}, Outcome.FINE),
    ],
)  # fmt: skip
def test_what_an_answer_means(status, headers, document, outcome):
    assert body_of(status, headers, document).outcome is outcome


def test_bodies_that_are_no_json_are_no_documents():
    for body in (b"<html>502</html>", b'{"meta": {"count": 1', b"", b"\xff\xfe"):
        answer = Answer.of(200, {"content-type": "application/json"}, body)
        assert answer.document is None
        assert answer.outcome is Outcome.AGAIN


def test_prepaid_credits_count_and_odd_accounts_are_none():
    limits = {"credits_limit": 10_000, "credits_remaining": 12, "prepaid_remaining_usd": 1.5}
    account = account_of({"rate_limit": {**limits, "resets_at": "2026-11-23T00:00:00.000Z"}})
    assert (account.available, account.limit) == (15_012, 10_000)
    for odd in (None, [], {}, {"rate_limit": None}, {"rate_limit": {"credits_limit": "x"}}):
        assert account_of(odd) is None


def test_a_key_goes_into_the_header_and_nowhere_else(client, tmp_path: Path):
    with serve() as server:
        with client(server) as asking:
            asking.get(PAGE, 1)
        assert all(SECRET not in str(request) for request in server.requests)
        assert server.report()["accounts"]["key"]["used"] == 1
    for path in (tmp_path / "store").rglob("*"):
        assert SECRET.encode() not in (path.read_bytes() if path.is_file() else b""), path


@pytest.mark.parametrize("key", ["two words", "new\nline", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(monkeypatch, key: str):
    monkeypatch.setenv(KEY, key)
    with pytest.raises(StudyError) as error:
        key_from_environment()
    assert key not in str(error.value)
    monkeypatch.setenv(KEY, f" {SECRET}\n")
    assert key_from_environment() == SECRET
    monkeypatch.setenv(KEY, "")
    assert key_from_environment() is None


def test_without_a_key_the_account_is_read_from_a_free_request(client):
    with serve(key=None) as server, client(server, key=None) as asking:
        assert asking.account().limit == 1_000
        assert server.credits_used == 0


PASSING = [
    "too_fast",
    "internal",
    "html",
    "gateway_timeout",
    "hang",
    "dropped_before",
    "dropped_after",
    "truncated",
]


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_asked_again_and_every_credit_is_accounted_for(client, kind: str, tmp_path: Path):
    with serve(Failures(**{kind: 1.0}, hang_seconds=1.0, most=2)) as server:
        with client(server) as asking:
            answer = asking.get(PAGE, 1)
        assert len(Page.of(answer.document).works) == 100
        summary = Ledger(tmp_path / "store").summary()
        assert (summary["credits"], summary["open"]) == (server.credits_used, 0)
        failed = [
            request for request in server.requests if request["path"] == "/works" and request["failure"]
        ]
        assert len(failed) == 2


def test_what_does_not_pass_is_given_up_with_one_line(client):
    with serve(Failures(internal=1.0, most=99)) as server:
        with client(server) as asking:  # this failure does not affect /rate-limit
            with pytest.raises(
                StudyError, match=rf"^{server.url}: {ATTEMPTS} attempts failed, the last: 50\d .*again$"
            ):
                asking.get(PAGE, 1)
            assert len([r for r in server.requests if r["path"] == "/works"]) == ATTEMPTS
        assert server.credits_used == 0


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (
            query.page({"no_such": "1"}, "*"),
            r"/works\?filter=no_such.*: refused \(400 Invalid query parameters error: no_",
        ),
        (
            query.page(query.in_field(FIELD), "wrong"),
            r"refused \(400 Pagination error: Invalid cursor value\)",
        ),
        (
            query.page({"cites": "|".join(f"W{n}" for n in range(1, 102))}, "*"),
            r"refused \(400 .*Maximum number",
        ),
        (
            query.page({"from_updated_date": "2026-01-01"}, "*"),
            r": the plan of this account does not allow it \(429 Plan upgr",
        ),
        (
            "/no-such",
            r"^source\.api\.url: http://127.0.0.1:\d+ is not OpenAlex, because it has no /no-such \(404\)$",
        ),
    ],
)
def test_what_is_wrong_is_never_asked_again(client, path: str, line: str):
    with serve() as server, client(server) as asking:
        before = len(server.requests)
        with pytest.raises(StudyError, match=line) as error:
            asking.get(path, 1)
        assert "\n" not in str(error.value)
        assert SECRET not in str(error.value)
        assert len(server.requests) == before + 1
        assert server.credits_used == 0
        assert isinstance(error.value, Refused) == ("refused" in line)


def test_a_wrong_key_is_one_line_without_the_key(client):
    with serve() as server:
        with pytest.raises(StudyError) as error, client(server, key="another-key"):
            pass
        assert str(error.value) == (
            f"{KEY}: OpenAlex does not know this key (401 Invalid or missing API key: API key not found); "
            "copy it again, or unset it"
        )
        assert len(server.requests) == 1


def test_a_spent_budget_is_not_waited_for(client):
    slept = []
    with serve(daily_credits=2) as server:
        with client(server, sleep=slept.append) as asking:
            asking.get(PAGE, 1)
            asking.get(PAGE, 1)
            with pytest.raises(
                BudgetSpent, match=r"0 of 2 credits are left; it is renewed at .* UTC \(in .* hours\)"
            ):
                asking.get(PAGE, 1)
        assert max(slept) < 1
        assert server.report()["budget_refusals"] == 1
        server.next_day()
        with client(server) as asking:
            asking.get(PAGE, 1)
        assert server.credits_used == 3


def test_other_addresses_are_named_in_one_line(client):
    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))
    place = f"http://127.0.0.1:{unused.getsockname()[1]}"
    unused.close()
    for url, line in {
        place: r"does not answer as OpenAlex does \(connection refused\)",
        "nonsense": r"is not an address|use an https address",
        "http://openalex.org": r"would send the key unencrypted; use an https address",
        "https://no-such-host.invalid": r"does not answer as OpenAlex does \(",
    }.items():
        with pytest.raises(StudyError, match=rf"^source\.api\.url: .*{line}") as error, client(url):
            pass
        assert "\n" not in str(error.value)
        assert "object at 0x" not in str(error.value)


def silent(answer: bytes) -> tuple[str, threading.Thread]:
    """A server that gives every client the same answer."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for _ in range(FIRST_ATTEMPTS):
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()
        listener.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


def test_a_page_of_somebody_else_is_not_openalex(client):
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
    url, thread = silent(page)
    with pytest.raises(StudyError, match=r"as OpenAlex does \(200 with text/html and no JSON\)"), client(url):
        pass
    thread.join(10)


def test_an_answer_that_trickles_is_given_up(client, monkeypatch):
    monkeypatch.setattr("poles.corpus.api.client.FIRST_ATTEMPTS", 1)
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n"
        )
        try:
            while True:
                connection.sendall(b" ")
                time.sleep(0.02)
        except OSError:
            listener.close()

    threading.Thread(target=run, daemon=True).start()
    with (
        pytest.raises(StudyError, match=r"the answer was not complete after 2 s"),
        client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.4),
    ):
        pass


def test_the_pace_is_that_of_the_account(client, tmp_path: Path):
    for key, limit, interval in ((None, 1000, 0.1), (SECRET, 10_000, 1 / 30), (SECRET, 200_000, 0.02)):
        with serve(key=key, daily_credits=limit) as server, client(server, key=key, rate=None) as asking:
            assert asking._pace.interval == pytest.approx(interval)
