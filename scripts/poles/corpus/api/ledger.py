"""The account book of a harvest: every credit, also of requests whose answer never came.

Before a request that costs credits its intention is written down, after it what it cost. A request that was
killed, or whose answer got lost, leaves an intention alone: it is settled against the account that the
service keeps, at a moment when nothing is under way.
"""

import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poles.corpus.api.account import Account
from poles.corpus.api.locks import held
from poles.errors import StudyError


class BudgetSpent(StudyError):  # noqa: N818 - no mistake of anybody
    """No credits are left today: what is stored stays, and the same command goes on another day."""


def _day(account: Account) -> str:
    """UTC day that the budget of an account belongs to."""
    return (account.resets_at - timedelta(hours=1)).date().isoformat()


class Ledger:
    """Account book of one store, shared by all processes that fill it.

    Parameters
    ----------
    store : Path
        Folder of the store; the book is its ``ledger.jsonl``.
    budget : int, optional
        Credits that may be used in a UTC day; as many as the service gives by default.

    Attributes
    ----------
    account : Account or None
        As the service last stated it when nothing was under way.
    """

    def __init__(self, store: Path, budget: int | None = None):
        store.mkdir(parents=True, exist_ok=True)
        self._file = store / "ledger.jsonl"
        self._lock, self._turnstile, self._gate = (
            store / f".{name}.lock" for name in ("ledger", "turnstile", "gate")
        )
        self._budget = budget
        self._read_to = 0
        self._open: dict[str, tuple[int, str]] = {}  # requests without a result: price and day
        self._known = 0  # credits since the last statement of the account
        self._by_day: Counter[str] = Counter()
        self._asked = self._settled = 0
        self._times: list[str] = []
        self.account: Account | None = None

    def _refresh(self) -> None:
        """Take in what was written since; also by other processes."""
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._read_to)
            text = stream.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read_to += len(text)
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut short by a kill; nothing was asked before it was whole
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        if "ask" in entry:
            self._open[entry["id"]] = entry["price"], entry["day"]
            self._asked += 1
            self._times = [*self._times[:1], entry["at"]]
        elif "cost" in entry:
            _, day = self._open.pop(entry["id"], (0, ""))
            self._known += entry["cost"]
            self._by_day[day] += entry["cost"]
        elif "available" in entry:
            self._by_day[next(iter(self._open.values()), (0, entry["day"]))[1]] += entry["settled"]
            self._settled += entry["settled"]
            self._open.clear()
            self._known = 0
            resets_at = datetime.fromisoformat(entry["resets_at"])
            self.account = Account(entry["available"], entry["limit"], resets_at)

    def _append(self, entry: dict[str, Any]) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A line cut short by a kill must not swallow this one: an empty line more does no harm.
            os.write(descriptor, b"\n" * self._torn() + json.dumps(entry).encode() + b"\n")
        finally:
            os.close(descriptor)

    def _torn(self) -> bool:
        size = self._file.stat().st_size
        if not size:
            return False
        with self._file.open("rb") as stream:
            stream.seek(size - 1)
            return stream.read(1) != b"\n"

    def _today(self) -> str:
        """Day of the budget now: the service's, or the clock's where that is ahead."""
        clock = datetime.now(UTC).date().isoformat()
        return max(clock, _day(self.account)) if self.account else clock

    @contextmanager
    def request(self, what: str, price: int) -> Iterator[Callable[[int | None], None]]:
        """Write down a request around its making.

        Parameters
        ----------
        what : str
            What is asked, for a reader of the book.
        price : int
            Credits that it takes if it succeeds.

        Yields
        ------
        callable
            To be called with the credits that the answer states; None leaves them open.

        Raises
        ------
        BudgetSpent
            If the request would go beyond the study's own budget of the day.
        """
        with ExitStack() as stack:
            with held(self._turnstile):  # whoever waits to settle holds it, so that nothing new begins
                stack.enter_context(held(self._gate, shared=True))
            number = self._intend(what, price)
            yield lambda cost: self._state(number, cost)

    def note(self, what: str, cost: int) -> None:
        """Write down a request that was thought to be free."""
        self._state(self._intend(what, 0), cost)

    def _state(self, number: str, cost: int | None) -> None:
        if cost is not None:
            with held(self._lock):
                self._append({"id": number, "cost": cost})

    def _intend(self, what: str, price: int) -> str:
        number = uuid.uuid4().hex[:12]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with held(self._lock):
            self._refresh()
            day = self._today()
            used = self._by_day[day] + sum(cost for cost, of in self._open.values() if of == day)
            if price and self._budget is not None and used + price > self._budget:
                raise BudgetSpent(
                    f"source.api.budget: {used} of the {self._budget} credits of {day} (UTC) are used; run "
                    "the same command again tomorrow, or raise the budget"
                )
            self._append({"id": number, "ask": what, "price": price, "day": day, "at": at})
        return number

    def settle(self, ask: Callable[[], Account | None]) -> Account | None:
        """State the account when no request is under way, and settle the requests that have no result.

        Of the credits gone since the last statement, those that no answer stated belong to such requests,
        at most at their price; what is beyond that somebody else used with the same key. Requests of a day
        that is over count as paid.

        Parameters
        ----------
        ask : callable
            Asks the service for the account, at no cost; None where it does not tell.

        Returns
        -------
        Account or None
            As stated.
        """
        with held(self._turnstile), held(self._gate):
            account = ask()
            if account is None:
                return None
            with held(self._lock):
                self._refresh()
                prices = sum(price for price, _ in self._open.values())
                settled, others = prices, 0
                if self.account is not None and _day(self.account) == _day(account):
                    beyond = self.account.available - account.available - self._known
                    settled = min(max(beyond, 0), prices)
                    others = beyond - settled
                entry = {
                    "available": account.available,
                    "limit": account.limit,
                    "resets_at": account.resets_at.isoformat(),
                    "day": _day(account),
                    "requests": len(self._open),
                    "settled": settled,
                    "others": others,
                }
                self._append(entry)
                self._refresh()
        return account

    @property
    def has_open(self) -> bool:
        """Whether a request is without a result: under way, killed, or its answer lost."""
        with held(self._lock):
            self._refresh()
        return bool(self._open)

    def summary(self) -> dict[str, Any]:
        """Totals of the book.

        Returns
        -------
        dict
            ``credits`` used, ``requests`` made at a price, ``settled`` (credits of requests whose answer
            never came), ``open`` (requests not settled yet), ``first`` and ``last`` (UTC times of requests).
        """
        with held(self._lock):
            self._refresh()
        return {
            "credits": self._by_day.total(),
            "requests": self._asked,
            "settled": self._settled,
            "open": len(self._open),
            "first": self._times[0] if self._times else None,
            "last": self._times[-1] if self._times else None,
        }
