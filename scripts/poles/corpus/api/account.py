"""What OpenAlex says of itself in an answer: kind of failure, credits, and the budget of the day."""

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
"""Seconds to wait from which a refusal is no matter of pace."""


class Outcome(Enum):
    """What an answer means for the one who asked."""

    FINE = "fine"
    AGAIN = "ask again"  # the server or the way to it failed
    SLOWER = "ask more slowly"  # too many requests in a second
    SPENT = "budget spent"  # nothing more today
    PLAN = "plan"  # not for this kind of account, ever
    KEY = "key"
    GONE = "gone"
    REFUSED = "refused"  # the question is wrong


@dataclass(frozen=True)
class Account:
    """Credits at a moment.

    Attributes
    ----------
    available : int
        Credits that may still be used: rest of the day's budget, and prepaid ones.
    limit : int
        The day's budget.
    resets_at : datetime
        When the day's budget begins anew, UTC.
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
        By names in lower case.
    body : bytes
        As it came, but for compression on the way.
    document : object
        The body, where it is JSON; else None.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Any

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> "Answer":
        """Read an answer; a body that is not JSON, or pretends to be, is no error here."""
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
        """What the service says went wrong, in one line."""
        if not isinstance(self.document, dict):
            return ""
        said = (str(self.document.get(key) or "").strip().rstrip(".") for key in ("error", "message"))
        return re.sub(r"\s+", " ", ": ".join(part for part in said if part))[:300]

    @property
    def cost(self) -> int | None:
        """Credits that this request took; None where it is not said, or may be refunded."""
        credits = self._number("x-ratelimit-credits-used")
        if self.status == 429:
            return 0  # refused before anything was counted
        return None if credits is None or self.status >= 500 else int(credits)

    @property
    def wait(self) -> float:
        """Seconds after which the service wants to be asked again; 0 where it does not say."""
        asked = self.document.get("retryAfter") if isinstance(self.document, dict) else None
        if isinstance(asked, int | float) and asked > 0:
            return float(asked)
        return self._number("retry-after") or 0.0

    @property
    def account(self) -> Account | None:
        """Credits as the headers have them after this request; None where they say nothing."""
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
        # Midnight as seconds from now is rounded either way.
        resets_at = (now + timedelta(seconds=seconds + 30)).replace(second=0, microsecond=0)
        return Account(int(remaining) + int(extra or 0), int(limit), resets_at)

    @property
    def outcome(self) -> Outcome:
        """What the answer means; the three kinds of 429 are told apart by what their bodies say."""
        said = self.error.lower()
        if self.status == 429:
            return self._too_many(said)
        if 200 <= self.status < 300:
            return Outcome.FINE if isinstance(self.document, dict) else Outcome.AGAIN
        if self.status in (301, 302, 307, 308, 404, 410):
            return Outcome.GONE
        if self.status == 401:
            return Outcome.KEY
        if self.status == 403:
            return Outcome.PLAN if "plan" in said else Outcome.REFUSED
        # 408 is a time-out; anything else of the 400s stays wrong, however often it is asked.
        return Outcome.AGAIN if self.status >= 500 or self.status == 408 else Outcome.REFUSED

    def _too_many(self, said: str) -> Outcome:
        if "plan upgrade" in said:
            return Outcome.PLAN
        required, account = self._number("x-ratelimit-credits-required"), self.account
        short = account is not None and required is not None and account.available < required
        until_midnight = isinstance(self.document, dict) and self.wait >= LONG
        return Outcome.SPENT if "insufficient" in said or short or until_midnight else Outcome.SLOWER


def account_of(document: Any) -> Account | None:
    """Account as ``/rate-limit`` describes it; None where the document is of another shape."""
    try:
        said = document["rate_limit"]
        prepaid = float(said.get("prepaid_remaining_usd") or 0)
        resets_at = datetime.fromisoformat(said["resets_at"])
        resets_at = resets_at.replace(tzinfo=resets_at.tzinfo or UTC).astimezone(UTC)
        available = int(said["credits_remaining"]) + round(prepaid / CREDIT)
        return Account(available, int(said["credits_limit"]), resets_at)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
