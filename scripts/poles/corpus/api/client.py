"""A client of the OpenAlex API: keeps its pace and its budget, and gives up only on what cannot succeed."""

import logging
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import requests
import urllib3

from poles.corpus.api import query
from poles.corpus.api.account import Account, Answer, Outcome, account_of
from poles.corpus.api.ledger import BudgetSpent, Ledger
from poles.corpus.api.pacing import Pace
from poles.errors import StudyError

log = logging.getLogger(__name__)

KEY = "OPENALEX_API_KEY"
"""Environment variable that holds the key; the only place where it is looked for."""

RATE = {"anonymous": 10.0, "free": 30.0, "paid": 50.0}
"""Requests in a second that OpenAlex allows each kind of account."""

FREE_BUDGET = 10_000
"""Credits a day of a free key; a key with more is a paid one."""

ATTEMPTS = 9
"""Failures in a row, of one request, after which the harvest stops; some two minutes."""

FIRST_ATTEMPTS = 4
"""The same as long as nothing was ever answered: then the address is wrong, or there is no network."""

SLOWDOWNS = 60
"""Times in a row that one request may be told to come more slowly."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds to wait after the first failure, doubled after each further one, and at most."""

_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

KNOWN_WORK = "W2741809807"
"""A work that has long been there; asking for one work is free, and tells the account without a key."""


class Refused(StudyError):  # noqa: N818 - as the service says it
    """The question is one that OpenAlex does not answer."""


def key_from_environment() -> str | None:
    """Key of the user, or None for the small budget that OpenAlex gives without one.

    Raises
    ------
    StudyError
        If it cannot be a key; its text is not shown.
    """
    key = os.environ.get(KEY, "").strip()
    if key and not re.fullmatch(r"[\x21-\x7e]+", key):
        raise StudyError(f"{KEY}: holds blanks or characters that no key has; copy the key again")
    return key or None


class Client:
    """Asks OpenAlex, on behalf of one store.

    Parameters
    ----------
    url : str
        Address of the service.
    store : Path
        Folder that holds the ledger and the pace that all processes share.
    key : str, optional
        Sent as header and written nowhere.
    budget : int, optional
        Credits that may be used in a UTC day; what the service gives by default.
    rate : float, optional
        Requests in a second; what the service allows by default.
    timeout : float
        Seconds to wait for an answer to begin, or to go on.
    sleep : callable
        A pause.

    Attributes
    ----------
    ledger : Ledger
        The account book.
    left : int or None
        Credits left today, by the last answer.
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
        self._session.auth = self._authorise  # set, so that no .netrc puts another one in its place
        address = urlsplit(self.url)
        if address.hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # what is on this machine is behind no proxy
        elif key and address.scheme != "https":
            raise StudyError(f"source.api.url: {url} would show the key to the network; https is wanted")

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def __enter__(self) -> "Client":
        """State the account, and settle what earlier processes left open."""
        account = self.settle()
        if account is not None:
            self.left = account.available
            if self._rate is None and account.limit > FREE_BUDGET:
                self._pace.interval = 1 / RATE["paid"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle what this process left open, where that is possible."""
        try:
            if (kind is None or issubclass(kind, StudyError)) and self.ledger.has_open:
                self.settle()
        except StudyError as failure:
            if kind is None:
                raise
            log.warning("requests without an answer are not settled: %s", failure)
        finally:
            self._session.close()

    def account(self) -> Account | None:
        """Account as the service stated it when this client began; None where it does not tell."""
        return self.ledger.account

    def settle(self) -> Account | None:
        """State the account anew, and settle requests whose answer never came; see `Ledger.settle`."""
        return self.ledger.settle(self._ask_account)

    def _ask_account(self) -> Account | None:
        if self._key:
            account = account_of(self.get("/rate-limit").document)
            if account is not None:
                return account
        return self.get(query.singleton(KNOWN_WORK), may_be_gone=True).account

    def get(self, path: str, price: int = 0, what: str = "", may_be_gone: bool = False) -> Answer:
        """Ask until there is the answer.

        Parameters
        ----------
        path : str
            Path and parameters, as `poles.corpus.api.query` builds them.
        price : int
            Credits that the request takes if it succeeds.
        what : str
            What is asked, for the ledger; the path by default.
        may_be_gone : bool
            Whether a 404 is an answer too.

        Returns
        -------
        Answer
            With a JSON object as document, or, if it `may_be_gone`, a 404.

        Raises
        ------
        BudgetSpent
            If no credits are left today.
        Refused
            If the question is wrong.
        StudyError
            If the service cannot be reached, does not know the key, or the account's plan does not allow it.
        """
        answer = self.ask(path, price, what)
        if answer.outcome is Outcome.FINE or (answer.outcome is Outcome.GONE and may_be_gone):
            return answer
        raise self._refusal(path, answer)

    def ask(self, path: str, price: int = 0, what: str = "") -> Answer:
        """Ask until there is an answer of any kind but a passing failure.

        Parameters
        ----------
        path, price, what
            As for `get`.

        Raises
        ------
        StudyError
            If the service cannot be reached, or says without end that it is asked too fast.
        """
        failures = slowdowns = 0
        while True:
            answer, reason = self._once(path, price, what or path)
            outcome = Outcome.AGAIN if answer is None else answer.outcome
            if outcome is Outcome.SLOWER:
                slowdowns += 1
                if slowdowns > SLOWDOWNS:
                    raise StudyError(
                        f"{self.url}: still too fast after {SLOWDOWNS} pauses ({answer.error}); lower "
                        "source.api.rate"
                    )
                self._pace.slow_down(min(answer.wait or 1.0, LONGEST_WAIT) * random.uniform(1.0, 1.25))
            elif outcome is Outcome.AGAIN:
                failures += 1
                if failures >= (ATTEMPTS if self._reached else FIRST_ATTEMPTS):
                    raise StudyError(self._unanswered(answer, reason))
                asked = answer.wait if answer is not None and answer.status == 503 else 0.0
                wait = max(FIRST_WAIT * 2 ** (failures - 1) * random.uniform(0.5, 1.0), asked)
                self._sleep(min(wait, LONGEST_WAIT))
            else:
                self._reached = self._reached or outcome is Outcome.FINE
                return answer

    def _once(self, path: str, price: int, what: str) -> tuple[Answer | None, str]:
        """One request: its answer, or None and why there is none."""
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
            if cost is None:  # while the account is still that of the same day
                self.settle()
        account = answer and answer.account
        self.left = account.available if account else self.left
        return answer, reason

    def _send(self, path: str) -> tuple[Answer | None, str]:
        deadline = time.monotonic() + 5 * self._timeout
        body = bytearray()
        try:
            with self._session.get(
                self.url + path, timeout=self._timeout, stream=True, allow_redirects=False
            ) as response:
                while block := response.raw.read1(1 << 16, decode_content=True):
                    body += block
                    if time.monotonic() > deadline:
                        return None, f"the answer was not whole after {5 * self._timeout:g} s"
                return Answer.of(response.status_code, response.headers, bytes(body)), ""
        except _NO_ADDRESS:
            raise StudyError(
                f"source.api.url: {self.url} is no address; https://api.openalex.org is"
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return None, self._why(error)

    def _why(self, error: BaseException) -> str:
        """Reason of a failed request in a few words, without the address and the headers."""
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return f"no answer within {self._timeout:g} s"
        inner: BaseException | None = error
        for _ in range(10):  # each library wraps the error of the one below
            if inner is None:
                break
            if type(inner) is not requests.ConnectionError and getattr(inner, "strerror", None):
                return inner.strerror.lower()
            below = getattr(inner, "reason", None) or next(iter(inner.args), None)
            below = below if isinstance(below, BaseException) else None
            inner = inner.__cause__ or inner.__context__ or below
        return "the connection broke"

    def _refusal(self, path: str, answer: Answer) -> StudyError:
        """The one line that a user reads; without the key, whatever the service said."""
        said = f"{answer.status} {answer.error}".strip()
        said = said.replace(self._key, "***") if self._key else said
        asked = self.url + path
        asked = asked if len(asked) <= 300 else f"{asked[:300]}..."
        if answer.outcome is Outcome.SPENT:
            return BudgetSpent(self._spent(answer))
        if answer.outcome is Outcome.KEY and self._key:
            return StudyError(f"{KEY}: OpenAlex does not know this key ({said}); copy it again, or unset it")
        if answer.outcome is Outcome.KEY:
            return StudyError(f"{KEY}: not set, but a key is wanted ({said})")
        if answer.outcome is Outcome.PLAN:
            return StudyError(f"{asked}: not with the plan of this account ({said})")
        if answer.outcome is Outcome.GONE:
            place = path.partition("?")[0]
            return StudyError(f"source.api.url: {self.url} has no {place}, which OpenAlex has ({said})")
        return Refused(f"{asked}: refused ({said})")

    def _unanswered(self, answer: Answer | None, reason: str) -> str:
        if answer is not None:
            reason = f"{answer.status} {answer.error}".strip()
            if answer.document is None:
                reason = f"{answer.status} with {answer.headers.get('content-type') or 'a body'} and no JSON"
        if self._reached:
            return f"{self.url}: {ATTEMPTS} attempts failed, the last: {reason}; run the same command again"
        return f"source.api.url: {self.url} does not answer as OpenAlex does ({reason})"

    def _spent(self, answer: Answer) -> str:
        account = answer.account
        left = f", {account.available} of {account.limit} credits are left" if account else ""
        when = f"{account.resets_at:%Y-%m-%d %H:%M} UTC" if account else "midnight UTC"
        hours = f" (in {answer.wait / 3600:.1f} hours)" if answer.wait else ""
        return (
            f"the OpenAlex budget of today is spent{left}; it begins anew at {when}{hours}: run the same "
            "command again then"
        )
