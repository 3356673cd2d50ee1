"""The meaning of an answer of OpenAlex: kind of failure, credits used, and the budget of the day."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import orjson

CREDIT = 0.0001
"""Price of a credit in US dollars."""

LONG = 600
"""Seconds to wait from which a refusal is due to the budget and not to the pace of requests."""


class Outcome(Enum):
    """What an answer means for the client."""

    FINE = "fine"
    AGAIN = "ask again"  # the server or the network failed
    SLOWER = "ask more slowly"  # too many requests in a second
    SPENT = "budget spent"  # no more answers today
    PLAN = "plan"  # this kind of account never gets an answer
    KEY = "key"  # the key is missing or unknown
    GONE = "gone"
    REFUSED = "refused"  # the request is wrong


@dataclass(frozen=True)
class Account:
    """The credits of an account at one moment.

    Attributes
    ----------
    available : int
        Credits that may still be used: the rest of the day's budget and prepaid credits.
    limit : int
        Budget of a day.
    resets_at : datetime
        When the budget is renewed, UTC.
    """

    available: int
    limit: int
    resets_at: datetime


@dataclass(frozen=True)
class Answer:
    """An answer of the API.

    Attributes
    ----------
    status : int
        HTTP status.
    headers : Mapping
        Values by name in lower case.
    body : bytes
        The body, without the compression of the transfer.
    document : object
        The parsed body if it is JSON; else None.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Any

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> "Answer":
        """Make an answer; its document is None if the body is not JSON, also where the headers say so."""
        headers = {name.lower(): value for name, value in headers.items()}
        document = None
        if "json" in headers.get("content-type", ""):
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError:
                document = None
        return cls(status, headers, body, document)

    def _number(self, name: str) -> float | None:
        try:
            return float(self.headers[name])
        except (KeyError, ValueError):
            return None

    @property
    def error(self) -> str:
        """The error message of the service, in one line."""
        if not isinstance(self.document, dict):
            return ""
        texts = (str(self.document.get(key) or "").strip().rstrip(".") for key in ("error", "message"))
        return re.sub(r"\s+", " ", ": ".join(text for text in texts if text))[:300]

    @property
    def cost(self) -> int | None:
        """Credits that this request used; None if the service does not say, or may refund them."""
        credits = self._number("x-ratelimit-credits-used")
        if self.status == 429:
            return 0  # refused before it was counted
        return None if credits is None or self.status >= 500 else int(credits)

    @property
    def wait(self) -> float:
        """Seconds that the service asks the client to wait; 0 if it does not say."""
        seconds = self.document.get("retryAfter") if isinstance(self.document, dict) else None
        if isinstance(seconds, int | float) and seconds > 0:
            return float(seconds)
        return self._number("retry-after") or 0.0

    @property
    def account(self) -> Account | None:
        """The account after this request, from the headers; None if they do not describe it."""
        remaining, limit = self._number("x-ratelimit-remaining"), self._number("x-ratelimit-limit")
        seconds = self._number("x-ratelimit-reset")
        if remaining is None or limit is None or seconds is None:
            return None
        prepaid = self._number("x-ratelimit-prepaid-remaining-usd")
        extra = self._number("x-ratelimit-onetime-remaining") if prepaid is None else round(prepaid / CREDIT)
        try:
            now = parsedate_to_datetime(self.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            now = datetime.now(UTC)
        # The seconds until midnight may have been rounded up or down.
        resets_at = (now + timedelta(seconds=seconds + 30)).replace(second=0, microsecond=0)
        return Account(int(remaining) + int(extra or 0), int(limit), resets_at)

    @property
    def outcome(self) -> Outcome:
        """The meaning of the answer; the text of the body tells apart the three kinds of status 429."""
        message = self.error.lower()
        if self.status == 429:
            return self._too_many_requests(message)
        if 200 <= self.status < 300:
            return Outcome.FINE if isinstance(self.document, dict) else Outcome.AGAIN
        if self.status in (301, 302, 307, 308, 404, 410):
            return Outcome.GONE
        if self.status == 401:
            return Outcome.KEY
        if self.status == 403:
            return Outcome.PLAN if "plan" in message else Outcome.REFUSED
        # 408 is a time-out; a repeated request cannot mend any other status of the 400s.
        return Outcome.AGAIN if self.status >= 500 or self.status == 408 else Outcome.REFUSED

    def _too_many_requests(self, message: str) -> Outcome:
        if "plan upgrade" in message:
            return Outcome.PLAN
        required, account = self._number("x-ratelimit-credits-required"), self.account
        short = account is not None and required is not None and account.available < required
        until_midnight = isinstance(self.document, dict) and self.wait >= LONG
        return Outcome.SPENT if "insufficient" in message or short or until_midnight else Outcome.SLOWER


def account_of(document: Any) -> Account | None:
    """Read the account from the document of ``/rate-limit``; None if the document has another shape."""
    try:
        limits = document["rate_limit"]
        prepaid = float(limits.get("prepaid_remaining_usd") or 0)
        resets_at = datetime.fromisoformat(limits["resets_at"])
        resets_at = resets_at.replace(tzinfo=resets_at.tzinfo or UTC).astimezone(UTC)
        available = int(limits["credits_remaining"]) + round(prepaid / CREDIT)
        return Account(available, int(limits["credits_limit"]), resets_at)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
