"""What the harvest takes for granted about OpenAlex, asked of the service itself: about a dozen cheap calls.

The study was written without access to the service. Each check is one assumption; what it rests on stands in
its name. Whoever has a key runs them once, for some ten credits, and sees which hold.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from poles.corpus.api import query
from poles.corpus.api.account import Answer, Outcome, account_of
from poles.corpus.api.client import Client, key_from_environment
from poles.corpus.api.groups import pairs
from poles.corpus.api.harvest import Page, number_of
from poles.errors import StudyError

FIELD = {"subfields": [1702], "match": "primary"}
YEAR = 2020
NO_WORK = "W99999999999"
"""An id that no work has."""


class Finding(NamedTuple):
    """An assumption, whether it holds (None: not decided), and what was seen."""

    assumption: str
    holds: bool | None
    seen: str


class _Service:
    """The service with what the checks have in common."""

    def __init__(self, client: Client, with_key: bool):
        self.client, self.with_key = client, with_key
        self.year = {**query.in_field(FIELD), "publication_year": str(YEAR)}
        self.credits = 0

    def ask(self, path: str, price: int = 0) -> Answer:
        answer = self.client.ask(path, price, "verify-live")
        self.credits += answer.cost or 0
        return answer

    def document(self, path: str, price: int = 0) -> Mapping[str, Any]:
        """Document of an answer that must be one."""
        answer = self.ask(path, price)
        if answer.outcome is not Outcome.FINE:
            raise StudyError(f"{answer.status} {answer.error}")
        self.credits_of_last = answer.cost
        return answer.document


def _account(service: _Service) -> tuple[bool | None, str]:
    if not service.with_key:
        return None, "no key is set"
    account = account_of(service.document("/rate-limit"))
    if account is None:
        return False, "another shape"
    return (
        True,
        f"{account.available} credits left of {account.limit}, until {account.resets_at:%Y-%m-%d %H:%M}",
    )


def _page(service: _Service) -> tuple[bool, str]:
    answer = service.ask(query.page(service.year, "*"), 1)
    page = Page.of(answer.document)
    lacking = [name for name in query.SELECT if name not in page.works[0]]
    second = Page.of(service.document(query.page(service.year, page.cursor or "*"), 1))
    repeated = {number_of(work) for work in page.works} & {number_of(work) for work in second.works}
    holds = len(page.works) == query.PER_PAGE and not lacking and not repeated and answer.cost == 1
    return holds, (
        f"{len(page.works)} works a page, {page.count} in all, {len(repeated)} repeated on the second page, "
        f"{answer.cost} credit; lacking: {', '.join(lacking) or 'nothing'}"
    )


def _headers(service: _Service) -> tuple[bool, str]:
    answer = service.ask(query.singleton(_some_work(service)))
    account = answer.account
    seen = [name for name in sorted(answer.headers) if name.startswith("x-ratelimit")]
    return (
        account is not None and answer.cost == 0,
        f"{answer.cost} credits; {', '.join(seen) or 'no headers'}",
    )


def _some_work(service: _Service) -> str:
    """Id of some work of the field."""
    path = query.count(service.year)
    return f"W{number_of(service.document(path, 1)['results'][0])}"


def _years(service: _Service) -> tuple[bool, str]:
    found = {}
    for match in ("primary", "any"):
        wanted = query.in_field({**FIELD, "match": match}) | {"publication_year": "1990-2023"}
        groups = service.document(query.groups(wanted, "publication_year"), 1)["group_by"]
        found[match] = sum(int(group["count"]) for group in groups)
        years = {int(group["key"]) for group in groups}
    return years == set(range(1990, 2024)), (
        f"works of subfield 1702, 1990-2023: {found['primary']} by primary topic, {found['any']} by any topic"
    )


def _nested(service: _Service) -> tuple[bool, str]:
    key = "authorships.countries"
    groups = service.document(query.groups(service.year, key, key), 1)["group_by"]
    found = list(pairs(groups))
    with_inner = sum(bool(group.get("groups")) for group in groups)
    return with_inner == len(groups) > 0, f"{len(groups)} countries, {len(found)} pairs, both ends alike"


def _cut(service: _Service) -> tuple[bool | None, str]:
    wanted = {**query.in_field(FIELD), "authors_count": ">100"}
    path = query.page(wanted, "*").replace(f"per_page={query.PER_PAGE}", "per_page=1")
    works = service.document(path, 1)["results"]
    if not works:
        return None, "no work of the field has more than a hundred authors"
    work = works[0]
    flag = work.get("is_authors_truncated", "absent")
    whole = service.document(query.singleton(f"W{number_of(work)}"))["authorships"]
    holds = len(work["authorships"]) == query.CUT and len(whole) > query.CUT and service.credits_of_last == 0
    return holds, (
        f"W{number_of(work)}: {len(work['authorships'])} authorships in a list, {len(whole)} by itself for "
        f"{service.credits_of_last} credits; is_authors_truncated {flag}"
    )


def _citing(service: _Service) -> tuple[bool, str]:
    works = Page.of(service.document(query.page(service.year, "*"), 1)).works
    wanted = query.citing(map(number_of, works)) | query.in_field(FIELD, outside=True)
    wanted["publication_year"] = f"{YEAR}-{YEAR + 3}"
    page = Page.of(service.document(query.page(wanted, "*"), 1))
    cited = {work["id"] for work in works}
    right = sum(not cited.isdisjoint(work["referenced_works"]) for work in page.works)
    return right == len(
        page.works
    ), f"{page.count} works cite these {len(works)}, {right} of {len(page.works)} shown"


def _refused(service: _Service, path: str, price: int, outcome: Outcome) -> tuple[bool, str]:
    answer = service.ask(path, price)
    said = f"{answer.status} {answer.error[:100]}".strip()
    return answer.outcome is outcome, f"{said} ({answer.cost} credits)"


def _accepted(service: _Service, addition: str) -> tuple[bool, str]:
    answer = service.ask(query.count(service.year).replace("&per_page=1", "") + addition, 1)
    count = "" if answer.outcome is not Outcome.FINE else f", {answer.document['meta']['count']} works"
    return answer.outcome is Outcome.FINE, f"{answer.status} {answer.error[:100]}".strip() + count


def _ledger(service: _Service) -> tuple[bool | None, str]:
    before = service.client.account()
    after = service.client.settle()
    if before is None or after is None:
        return None, "the service does not state the account"
    gone = before.available - after.available
    return (
        gone == service.credits,
        f"{service.credits} credits stated by the answers, {gone} gone from the account",
    )


def _checks() -> list[tuple[str, Callable[[_Service], tuple[bool | None, str]]]]:
    """Assumptions in the order in which they are asked."""
    wrong = query.page({"no_such_field": "1"}, "*")
    plan = query.page({"from_updated_date": "2026-01-01"}, "*")
    key = "OPENALEX_API_KEY is known, and /rate-limit states the account"
    return [
        (key, _account),
        ("a work by itself is free, and its headers state the account", _headers),
        ("a page: 100 works by date with cursor, all fields selected, one credit", _page),
        ("works are counted by year, for one credit", _years),
        ("groups nest, a key within itself too, and agree from both ends", _nested),
        ("lists cut authorships at 100, a work by itself has all and is free", _cut),
        ("works that cite any of a hundred works, outside the field", _citing),
        ("a work that is gone answers 404", lambda s: _refused(s, query.singleton(NO_WORK), 0, Outcome.GONE)),
        ("a wrong filter answers 400", lambda s: _refused(s, wrong, 1, Outcome.REFUSED)),
        (
            "dates of update want a paid plan: 429 of its own kind",
            lambda s: _refused(s, plan, 1, Outcome.PLAN),
        ),
        ("per_page=200 is accepted (not used)", lambda s: _accepted(s, "&per_page=200")),
        ("corpus=core is accepted (not used)", lambda s: _accepted(s, "&per_page=1&corpus=core")),
        ("the account agrees with what the answers state", _ledger),
    ]


def verify(url: str, key: str | None, store: Path) -> Iterator[Finding]:
    """Ask the service for everything that the harvest takes for granted.

    Parameters
    ----------
    url : str
        Address of the service.
    key : str or None
        Key; without one, what needs it stays undecided.
    store : Path
        Folder for the ledger.

    Yields
    ------
    Finding
        As soon as it is known.

    Raises
    ------
    StudyError
        If the service cannot be reached, does not know the key, or has no credits left.
    """
    with Client(url, store, key) as client:
        service = _Service(client, key is not None)
        for assumption, check in _checks():
            try:
                holds, seen = check(service)
            except StudyError as error:
                holds, seen = False, str(error)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                holds, seen = False, f"an answer of another shape ({type(error).__name__}: {error})"
            yield Finding(assumption, holds, seen)


def main() -> str | None:
    """Command line: print which assumptions hold.

    Returns
    -------
    str or None
        An error, or how many do not hold; None if all do or are undecided.
    """
    parser = argparse.ArgumentParser(
        description="Ask OpenAlex whether what the harvest takes for granted holds."
    )
    parser.add_argument("--url", default="https://api.openalex.org", help="address of the service")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    arguments = parser.parse_args()
    failed = 0
    try:
        with tempfile.TemporaryDirectory() as store:
            for finding in verify(arguments.url, key_from_environment(), Path(store)):
                failed += finding.holds is False
                mark = {True: "holds", False: "DOES NOT HOLD", None: "not decided"}[finding.holds]
                line = f"{mark}: {finding.assumption}\n    {finding.seen}"
                print(json.dumps(finding._asdict()) if arguments.json else line, flush=True)
    except StudyError as error:
        return str(error)
    return f"{failed} assumptions do not hold" if failed else None
