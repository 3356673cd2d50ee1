"""The ledger of a harvest: every credit used, also by requests whose answer never arrived.

The ledger notes a request that costs credits before it is sent, and its cost after the answer. A request that
was killed, or whose answer was lost, has no second note. It is settled by the account that the service keeps,
at a moment when no request is under way.
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
from poles.errors import StudyError
from poles.study.locks import held


class BudgetSpent(StudyError):  # noqa: N818 - not a mistake
    """No credits are left today. Stored answers stay, and the same command resumes on another day."""


def _day(account: Account) -> str:
    """Return the UTC day of the budget of an account."""
    return (account.resets_at - timedelta(hours=1)).date().isoformat()


class Ledger:
    """Ledger of one store, shared by all processes that fill the store.

    Parameters
    ----------
    store : Path
        Folder of the store; the ledger is its file ``ledger.jsonl``.
    budget : int, optional
        Credits that may be used in a UTC day; by default as many as the service gives.

    Attributes
    ----------
    account : Account or None
        Account at the last settlement.
    """

    def __init__(self, store: Path, budget: int | None = None):
        store.mkdir(parents=True, exist_ok=True)
        self._file = store / "ledger.jsonl"
        self._lock, self._turnstile, self._gate = (
            store / f".{name}.lock" for name in ("ledger", "turnstile", "gate")
        )
        self._budget = budget
        self._read_to = 0
        self._open: dict[str, tuple[int, str]] = {}  # price and day of requests without a known cost
        self._stated = 0  # credits that answers stated since the last settlement
        self._by_day: Counter[str] = Counter()
        self._asked = self._settled = 0
        self._times: list[str] = []
        self.account: Account | None = None

    def _refresh(self) -> None:
        """Read the entries that this and other processes have written since the last time."""
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
                continue  # cut short by a kill, before the request was sent
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        """Add an entry to the totals: a request, a cost, or a settlement."""
        if "ask" in entry:
            self._open[entry["id"]] = entry["price"], entry["day"]
            self._asked += 1
            self._times = [*self._times[:1], entry["at"]]
        elif "cost" in entry:
            _, day = self._open.pop(entry["id"], (0, ""))
            self._stated += entry["cost"]
            self._by_day[day] += entry["cost"]
        elif "available" in entry:
            self._by_day[next(iter(self._open.values()), (0, entry["day"]))[1]] += entry["settled"]
            self._settled += entry["settled"]
            self._open.clear()
            self._stated = 0
            resets_at = datetime.fromisoformat(entry["resets_at"])
            self.account = Account(entry["available"], entry["limit"], resets_at)

    def _append(self, entry: dict[str, Any]) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A line that was cut short by a kill must be ended first; an empty line does no harm.
            os.write(descriptor, b"\n" * self._is_cut_short() + json.dumps(entry).encode() + b"\n")
        finally:
            os.close(descriptor)

    def _is_cut_short(self) -> bool:
        """Whether the last line of the file is not ended."""
        size = self._file.stat().st_size
        if not size:
            return False
        with self._file.open("rb") as stream:
            stream.seek(size - 1)
            return stream.read(1) != b"\n"

    def _today(self) -> str:
        """Return the current day of the budget: by the service, or by the clock if that is ahead."""
        clock = datetime.now(UTC).date().isoformat()
        return max(clock, _day(self.account)) if self.account else clock

    @contextmanager
    def request(self, what: str, price: int) -> Iterator[Callable[[int | None], None]]:
        """Note a request before it is sent, and its cost afterwards.

        Parameters
        ----------
        what : str
            Description of the request, for people who read the ledger.
        price : int
            Credits that the request uses if it succeeds.

        Yields
        ------
        callable
            To be called with the credits that the answer states, or with None if they are unknown.

        Raises
        ------
        BudgetSpent
            If the request would exceed the study's own budget of the day.
        """
        with ExitStack() as stack:
            with held(self._turnstile):  # a waiting settlement holds this lock, so that no request begins
                stack.enter_context(held(self._gate, shared=True))
            number = self._note_request(what, price)
            yield lambda cost: self._note_cost(number, cost)

    def note(self, what: str, cost: int) -> None:
        """Note a request that used credits although it should have been free."""
        self._note_cost(self._note_request(what, 0), cost)

    def _note_cost(self, number: str, cost: int | None) -> None:
        if cost is not None:
            with held(self._lock):
                self._append({"id": number, "cost": cost})

    def _note_request(self, what: str, price: int) -> str:
        """Note a request that is about to be sent; return its number."""
        number = uuid.uuid4().hex[:12]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with held(self._lock):
            self._refresh()
            day = self._today()
            open_prices = sum(price for price, day_of_request in self._open.values() if day_of_request == day)
            used = self._by_day[day] + open_prices
            if price and self._budget is not None and used + price > self._budget:
                raise BudgetSpent(
                    f"source.api.budget: {used} of the {self._budget} credits of {day} (UTC) are used; run "
                    "the same command again tomorrow, or raise the budget"
                )
            self._append({"id": number, "ask": what, "price": price, "day": day, "at": at})
        return number

    def settle(self, ask: Callable[[], Account | None]) -> Account | None:
        """Record the account when no request is under way, and settle the requests that have no known cost.

        The account has lost some credits since the last settlement. Those that no answer stated were used by
        the open requests, up to their prices; the rest was used by somebody else with the same key. Open
        requests of a past day count as paid.

        Parameters
        ----------
        ask : callable
            Asks the service for the account, for free; gives None if the service does not tell.

        Returns
        -------
        Account or None
            The account.
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
                    unstated = self.account.available - account.available - self._stated
                    settled = min(max(unstated, 0), prices)
                    others = unstated - settled
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
        """Whether a request has no known cost because it is under way, was killed, or lost its answer."""
        with held(self._lock):
            self._refresh()
        return bool(self._open)

    def summary(self) -> dict[str, Any]:
        """Return the totals of the ledger.

        Returns
        -------
        dict
            ``credits`` used, ``requests`` noted, ``settled`` (credits of requests whose answer never
            arrived), ``open`` (requests not settled yet), ``first`` and ``last`` (UTC times of requests).
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
