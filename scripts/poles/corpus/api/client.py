"""A client of the OpenAlex API that keeps to its pace and budget, and repeats requests that may succeed."""

import json
import logging
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, urlsplit

import requests
import urllib3

from poles.corpus.api import query
from poles.corpus.api.account import Account, Answer, Outcome, account_of
from poles.corpus.api.ledger import BudgetSpent, Ledger
from poles.corpus.api.pacing import Pace
from poles.errors import StudyError

log = logging.getLogger(__name__)

KEY = "OPENALEX_API_KEY"
"""Environment variable with the key, which is looked for nowhere else."""

RATE = {"anonymous": 10.0, "free": 30.0, "paid": 50.0}
"""Requests in a second that OpenAlex allows to each kind of account."""

FREE_BUDGET = 10_000
"""Credits a day of a free key; a key with more credits is a paid one."""

ATTEMPTS = 9
"""Failures of one request in a row after which the harvest stops; this takes about two minutes."""

FIRST_ATTEMPTS = 4
"""The same before the first answer ever, when the address is probably wrong or there is no network."""

SLOWDOWNS = 60
"""Times in a row that the service may answer one request by asking for a slower pace."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds to wait after the first failure, and at most; the wait doubles with each further failure."""

LONG_KEY = 12
"""Letters from which on a key does not occur in works by chance."""

_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

KNOWN_WORK = "W2741809807"
"""A work that exists for sure. A request for one work is free, and describes the account without a key."""


class Refused(StudyError):  # noqa: N818 - the word of the service
    """OpenAlex refuses the request because it is wrong."""


def key_from_environment() -> str | None:
    """Return the key of the user; None if there is none, which OpenAlex allows with a small budget.

    Raises
    ------
    StudyError
        If the text cannot be a key; the message does not show it.
    """
    key = os.environ.get(KEY, "").strip()
    if key and not re.fullmatch(r"[\x21-\x7e]+", key):
        raise StudyError(f"{KEY}: has blanks or other characters that no key has; copy the key again")
    return key or None


class Client:
    """Sends requests to OpenAlex for one store.

    Parameters
    ----------
    url : str
        Address of the service.
    store : Path
        Folder with the ledger and the pace, which all processes share.
    key : str, optional
        Key, which is sent as a header and written nowhere.
    budget : int, optional
        Credits that may be used in a UTC day; by default as many as the service gives.
    rate : float, optional
        Requests in a second; by default as many as the service allows.
    timeout : float
        Seconds to wait until an answer begins or continues.
    sleep : callable
        Pauses for some seconds.

    Attributes
    ----------
    ledger : Ledger
        Ledger of the store.
    left : int or None
        Credits left today, according to the last answer.
    """

    def __init__(
        self,
        url: str,
        store: Path,
        key: str | None = None,
        budget: int | None = None,
        rate: float | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.url = url.rstrip("/")
        self.ledger = Ledger(store, budget)
        self.left: int | None = None
        self._key, self._timeout, self._sleep = key, timeout, sleep
        self._rate = rate
        self._pace = Pace(store / ".pace", rate or RATE["free" if key else "anonymous"], sleep=sleep)
        self._reached = False
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "poles"
        self._session.auth = self._authorise  # without this, a .netrc file could set another one
        address = urlsplit(self.url)
        if address.hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # a server on this machine is not behind a proxy
        elif key and address.scheme != "https":
            raise StudyError(f"source.api.url: {url} would send the key unencrypted; use an https address")

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def __enter__(self) -> "Client":
        """Record the account, and settle the requests that earlier processes left open."""
        account = self.settle()
        if account is not None:
            self.left = account.available
            if self._rate is None and account.limit > FREE_BUDGET:
                self._pace.interval = 1 / RATE["paid"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle the requests that this process left open, if possible."""
        try:
            if (kind is None or issubclass(kind, StudyError)) and self.ledger.has_open:
                self.settle()
        except StudyError as failure:
            if kind is None:
                raise
            log.warning("requests without an answer could not be settled: %s", failure)
        finally:
            self._session.close()

    def account(self) -> Account | None:
        """Return the account as the service last stated it at a settlement; None if it never did."""
        return self.ledger.account

    def settle(self) -> Account | None:
        """Record the account, and settle the requests that have no answer; see `Ledger.settle`."""
        return self.ledger.settle(self._ask_account)

    def _ask_account(self) -> Account | None:
        if self._key:
            account = account_of(self.get("/rate-limit").document)
            if account is not None:
                return account
        return self.get(query.singleton(KNOWN_WORK), may_be_gone=True).account

    def get(self, path: str, price: int = 0, what: str = "", may_be_gone: bool = False) -> Answer:
        """Send a request until it succeeds.

        Parameters
        ----------
        path : str
            Path and parameters, as `poles.corpus.api.query` builds them.
        price : int
            Credits that the request uses if it succeeds.
        what : str
            Description of the request for the ledger; by default the path.
        may_be_gone : bool
            Whether status 404 is a success too.

        Returns
        -------
        Answer
            Its document is a JSON object, unless `may_be_gone` and the status is 404.

        Raises
        ------
        BudgetSpent
            If no credits are left today.
        Refused
            If the request is wrong.
        StudyError
            If the service cannot be reached or does not know the key, or if the plan of the account does not
            allow the request.
        """
        answer = self.ask(path, price, what)
        if answer.outcome is Outcome.FINE or (answer.outcome is Outcome.GONE and may_be_gone):
            return answer
        raise self._refusal(path, answer)

    def ask(self, path: str, price: int = 0, what: str = "") -> Answer:
        """Send a request until there is an answer other than a temporary failure.

        Parameters
        ----------
        path, price, what
            As for `get`.

        Raises
        ------
        StudyError
            If the service cannot be reached, or keeps asking for a slower pace.
        """
        failures = slowdowns = 0
        while True:
            answer, reason = self._once(path, price, what or path)
            if answer is not None and answer.outcome is Outcome.SLOWER:
                slowdowns += 1
                if slowdowns > SLOWDOWNS:
                    raise StudyError(
                        f"{self.url}: requests are still too fast after {SLOWDOWNS} pauses ({answer.error}); "
                        "lower source.api.rate"
                    )
                self._pace.slow_down(min(answer.wait or 1.0, LONGEST_WAIT) * random.uniform(1.0, 1.25))
            elif answer is None or answer.outcome is Outcome.AGAIN:
                failures += 1
                if failures >= (ATTEMPTS if self._reached else FIRST_ATTEMPTS):
                    raise StudyError(self._unanswered(answer, reason))
                least = answer.wait if answer is not None and answer.status == 503 else 0.0
                wait = max(FIRST_WAIT * 2 ** (failures - 1) * random.uniform(0.5, 1.0), least)
                self._sleep(min(wait, LONGEST_WAIT))
            else:
                self._reached = self._reached or answer.outcome is Outcome.FINE
                return answer

    def _once(self, path: str, price: int, what: str) -> tuple[Answer | None, str]:
        """Send one request; return its answer, or None and the reason why there is none."""
        self._pace.wait()
        if not price:
            answer, reason = self._send(path)
            if answer is not None and answer.cost:
                self.ledger.note(what, answer.cost)
        else:
            with self.ledger.request(what, price) as state:
                answer, reason = self._send(path)
                cost = None if answer is None else answer.cost
                state(cost)
            if cost is None:  # at once, while the budget is still that of the same day
                self.settle()
        account = answer.account if answer else None
        self.left = account.available if account else self.left
        return answer, reason

    def _send(self, path: str) -> tuple[Answer | None, str]:
        """Send one request without regard to pace and ledger; see `_once`."""
        deadline = time.monotonic() + 5 * self._timeout
        body = bytearray()
        try:
            with self._session.get(
                self.url + path, timeout=self._timeout, stream=True, allow_redirects=False
            ) as response:
                while block := response.raw.read1(1 << 16, decode_content=True):
                    body += block
                    if time.monotonic() > deadline:
                        return None, f"the answer was not complete after {5 * self._timeout:g} s"
                return self._answer(response.status_code, response.headers, bytes(body)), ""
        except _NO_ADDRESS:
            raise StudyError(
                f"source.api.url: {self.url} is not an address such as https://api.openalex.org"
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return None, self._why(error)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make an answer without the key, should the service repeat it."""
        if self._key and (not 200 <= status < 300 or len(self._key) >= LONG_KEY):
            for key in {self._key, quote(self._key, safe=""), json.dumps(self._key)[1:-1]}:
                body = body.replace(key.encode(), b"***")
                headers = {name: value.replace(key, "***") for name, value in headers.items()}
        return Answer.of(status, headers, body)

    def _why(self, error: BaseException) -> str:
        """Return the reason of a failed request in a few words, without address and headers."""
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return f"no answer within {self._timeout:g} s"
        inner: BaseException | None = error
        for _ in range(10):  # each library wraps the error of the one below
            if inner is None:
                break
            text = getattr(inner, "strerror", None)
            if type(inner) is not requests.ConnectionError and text:
                return text.lower()
            below = getattr(inner, "reason", None) or next(iter(inner.args), None)
            below = below if isinstance(below, BaseException) else None
            inner = inner.__cause__ or inner.__context__ or below
        return "the connection broke"

    def _refusal(self, path: str, answer: Answer) -> StudyError:
        """Make the error for an answer that is not a success."""
        message = f"{answer.status} {answer.error}".strip()
        url = self.url + path
        url = url if len(url) <= 300 else f"{url[:300]}..."
        if answer.outcome is Outcome.SPENT:
            return BudgetSpent(self._spent(answer))
        if answer.outcome is Outcome.KEY and self._key:
            return StudyError(
                f"{KEY}: OpenAlex does not know this key ({message}); copy it again, or unset it"
            )
        if answer.outcome is Outcome.KEY:
            return StudyError(f"{KEY}: not set, but OpenAlex asks for a key ({message})")
        if answer.outcome is Outcome.PLAN:
            return StudyError(f"{url}: the plan of this account does not allow it ({message})")
        if answer.outcome is Outcome.GONE:
            place = path.partition("?")[0]
            return StudyError(
                f"source.api.url: {self.url} is not OpenAlex, because it has no {place} ({message})"
            )
        return Refused(f"{url}: refused ({message})")

    def _unanswered(self, answer: Answer | None, reason: str) -> str:
        """Error message after the last attempt of a request."""
        if answer is not None:
            reason = f"{answer.status} {answer.error}".strip()
            if answer.document is None:
                reason = f"{answer.status} with {answer.headers.get('content-type') or 'a body'} and no JSON"
        if self._reached:
            return f"{self.url}: {ATTEMPTS} attempts failed, the last: {reason}; run the same command again"
        return f"source.api.url: {self.url} does not answer as OpenAlex does ({reason})"

    def _spent(self, answer: Answer) -> str:
        """Error message for a spent budget."""
        account = answer.account
        left = f", {account.available} of {account.limit} credits are left" if account else ""
        when = f"{account.resets_at:%Y-%m-%d %H:%M} UTC" if account else "midnight UTC"
        hours = f" (in {answer.wait / 3600:.1f} hours)" if answer.wait else ""
        return (
            f"the OpenAlex budget of today is spent{left}; it is renewed at {when}{hours}: run the same "
            "command again then"
        )
