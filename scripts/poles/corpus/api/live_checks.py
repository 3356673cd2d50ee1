"""Checks of what the harvest assumes about OpenAlex, with about a dozen cheap requests to the service itself.

The study was written without access to the service. Each check tests one assumption, which is its name. Run
the checks once if you have a key; they cost about ten credits.
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
    """The result of a check: the assumption, whether it holds (None: undecided), and the observation."""

    assumption: str
    holds: bool | None
    observation: str


class _Service:
    """The service, with the requests that the checks have in common."""

    def __init__(self, client: Client, with_key: bool):
        self.client, self.with_key = client, with_key
        self.year = {**query.in_field(FIELD), "publication_year": str(YEAR)}
        self.credits = 0

    def ask(self, path: str, price: int = 0) -> Answer:
        """Send a request, and count its credits."""
        answer = self.client.ask(path, price, "verify-live")
        self.credits += answer.cost or 0
        return answer

    def document(self, path: str, price: int = 0) -> Mapping[str, Any]:
        """Send a request that has to succeed, and return the document of its answer."""
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
        return False, "the answer has another shape"
    return (
        True,
        f"{account.available} credits left of {account.limit}, until {account.resets_at:%Y-%m-%d %H:%M}",
    )


def _page(service: _Service) -> tuple[bool, str]:
    answer = service.ask(query.page(service.year, "*"), 1)
    page = Page.of(answer.document)
    missing = [name for name in query.SELECT if name not in page.works[0]]
    second = Page.of(service.document(query.page(service.year, page.cursor or "*"), 1))
    repeated = {number_of(work) for work in page.works} & {number_of(work) for work in second.works}
    holds = len(page.works) == query.PER_PAGE and not missing and not repeated and answer.cost == 1
    return holds, (
        f"{len(page.works)} works a page, {page.total} in all, {len(repeated)} repeated on the second page, "
        f"{answer.cost} credit; missing fields: {', '.join(missing) or 'none'}"
    )


def _headers(service: _Service) -> tuple[bool, str]:
    answer = service.ask(query.singleton(_some_work(service)))
    account = answer.account
    names = [name for name in sorted(answer.headers) if name.startswith("x-ratelimit")]
    return (
        account is not None and answer.cost == 0,
        f"{answer.cost} credits; {', '.join(names) or 'no headers'}",
    )


def _some_work(service: _Service) -> str:
    """Return the id of any work of the field."""
    path = query.count(service.year)
    return f"W{number_of(service.document(path, 1)['results'][0])}"


def _years(service: _Service) -> tuple[bool, str]:
    totals = {}
    for match in ("primary", "any"):
        conditions = query.in_field({**FIELD, "match": match}) | {"publication_year": "1990-2023"}
        groups = service.document(query.groups(conditions, "publication_year"), 1)["group_by"]
        totals[match] = sum(int(group["count"]) for group in groups)
        years = {int(group["key"]) for group in groups}
    return years == set(range(1990, 2024)), (
        f"works of subfield 1702, 1990-2023: {totals['primary']} by primary topic, "
        f"{totals['any']} by any topic"
    )


def _nested(service: _Service) -> tuple[bool, str]:
    key = "authorships.countries"
    groups = service.document(query.groups(service.year, key, key), 1)["group_by"]
    pairs_counted = list(pairs(groups))
    with_inner = sum(bool(group.get("groups")) for group in groups)
    return with_inner == len(
        groups
    ) > 0, f"{len(groups)} countries, {len(pairs_counted)} pairs, equal in both groups"


def _cut(service: _Service) -> tuple[bool | None, str]:
    conditions = {**query.in_field(FIELD), "authors_count": ">100"}
    path = query.page(conditions, "*").replace(f"per_page={query.PER_PAGE}", "per_page=1")
    works = service.document(path, 1)["results"]
    if not works:
        return None, "no work of the field has more than a hundred authors"
    work = works[0]
    flag = work.get("is_authors_truncated", "absent")
    all_authorships = service.document(query.singleton(f"W{number_of(work)}"))["authorships"]
    holds = len(work["authorships"]) == query.CUT < len(all_authorships) and service.credits_of_last == 0
    return holds, (
        f"W{number_of(work)}: {len(work['authorships'])} authorships in a list, {len(all_authorships)} "
        f"by itself for {service.credits_of_last} credits; is_authors_truncated {flag}"
    )


def _citing(service: _Service) -> tuple[bool, str]:
    works = Page.of(service.document(query.page(service.year, "*"), 1)).works
    conditions = query.citing(map(number_of, works)) | query.in_field(FIELD, outside=True)
    conditions["publication_year"] = f"{YEAR}-{YEAR + 3}"
    page = Page.of(service.document(query.page(conditions, "*"), 1))
    cited = {work["id"] for work in works}
    citing = sum(not cited.isdisjoint(work["referenced_works"]) for work in page.works)
    return citing == len(page.works), (
        f"{page.total} works cite these {len(works)}; of the {len(page.works)} on the first page, {citing} do"
    )


def _refused(service: _Service, path: str, price: int, outcome: Outcome) -> tuple[bool, str]:
    answer = service.ask(path, price)
    message = f"{answer.status} {answer.error[:100]}".strip()
    return answer.outcome is outcome, f"{message} ({answer.cost} credits)"


def _accepted(service: _Service, addition: str) -> tuple[bool, str]:
    answer = service.ask(query.count(service.year).replace("&per_page=1", "") + addition, 1)
    count = "" if answer.outcome is not Outcome.FINE else f", {answer.document['meta']['count']} works"
    return answer.outcome is Outcome.FINE, f"{answer.status} {answer.error[:100]}".strip() + count


def _ledger(service: _Service) -> tuple[bool | None, str]:
    before = service.client.account()
    after = service.client.settle()
    if before is None or after is None:
        return None, "the service does not state the account"
    used = before.available - after.available
    return (
        used == service.credits,
        f"{service.credits} credits stated by the answers, {used} taken from the account",
    )


def _checks() -> list[tuple[str, Callable[[_Service], tuple[bool | None, str]]]]:
    """Return the assumptions and their checks, in order."""
    wrong = query.page({"no_such_field": "1"}, "*")
    plan = query.page({"from_updated_date": "2026-01-01"}, "*")
    key = "OPENALEX_API_KEY is known, and /rate-limit states the account"
    return [
        (key, _account),
        ("a work requested by itself is free, and the headers state the account", _headers),
        ("a page has 100 works by date, a cursor and all selected fields, and costs one credit", _page),
        ("a count of works by year costs one credit", _years),
        ("groups can be nested, even by the same key, and both groups of a pair agree", _nested),
        ("lists cut off authorships at 100; a work requested by itself has all of them and is free", _cut),
        ("one filter finds the works outside the field that cite any of a hundred works", _citing),
        (
            "a work that does not exist gives status 404",
            lambda s: _refused(s, query.singleton(NO_WORK), 0, Outcome.GONE),
        ),
        ("a wrong filter gives status 400", lambda s: _refused(s, wrong, 1, Outcome.REFUSED)),
        (
            "filters by date of update need a paid plan: status 429 of a kind of its own",
            lambda s: _refused(s, plan, 1, Outcome.PLAN),
        ),
        ("per_page=200 is accepted (not used)", lambda s: _accepted(s, "&per_page=200")),
        ("corpus=core is accepted (not used)", lambda s: _accepted(s, "&per_page=1&corpus=core")),
        ("the account loses the credits that the answers state", _ledger),
    ]


def verify(url: str, key: str | None, store: Path) -> Iterator[Finding]:
    """Check everything that the harvest assumes about the service.

    Parameters
    ----------
    url : str
        Address of the service.
    key : str or None
        Key; without one, the checks that need it stay undecided.
    store : Path
        Folder for the ledger.

    Yields
    ------
    Finding
        Each one as soon as its check is done.

    Raises
    ------
    StudyError
        If the service cannot be reached, does not know the key, or has no credits left.
    """
    with Client(url, store, key) as client:
        service = _Service(client, key is not None)
        for assumption, check in _checks():
            try:
                holds, observation = check(service)
            except StudyError as error:
                holds, observation = False, str(error)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                holds, observation = False, f"the answer has another shape ({type(error).__name__}: {error})"
            yield Finding(assumption, holds, observation)


def main() -> str | None:
    """Run the checks from the command line, and print which assumptions hold.

    Returns
    -------
    str or None
        An error message, or the number of assumptions that do not hold; None if there are none.
    """
    parser = argparse.ArgumentParser(description="Check what the harvest assumes about OpenAlex.")
    parser.add_argument("--url", default="https://api.openalex.org", help="address of the service")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    arguments = parser.parse_args()
    failed = 0
    try:
        with tempfile.TemporaryDirectory() as store:
            for finding in verify(arguments.url, key_from_environment(), Path(store)):
                failed += finding.holds is False
                mark = {True: "holds", False: "DOES NOT HOLD", None: "undecided"}[finding.holds]
                line = f"{mark}: {finding.assumption}\n    {finding.observation}"
                print(json.dumps(finding._asdict()) if arguments.json else line, flush=True)
    except StudyError as error:
        return str(error)
    return f"{failed} assumptions do not hold" if failed else None
