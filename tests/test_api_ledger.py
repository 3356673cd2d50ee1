"""The ledger and the pace that processes share, beside an account kept by a simulated service."""

import fcntl
import itertools
import json
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poles.corpus.api.account import Account
from poles.corpus.api.ledger import BudgetSpent, Ledger
from poles.corpus.api.pacing import SLOWEST, Pace
from poles.study.locks import held

MIDNIGHT = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


class Service:
    """A simulated service that counts the credits used on a day."""

    def __init__(self, limit: int = 1000):
        self.limit, self.used, self.days = limit, 0, 0

    def account(self) -> Account:
        """Return the account as the service states it."""
        return Account(self.limit - self.used, self.limit, MIDNIGHT + timedelta(days=self.days))


def ask(ledger: Ledger, service: Service, fate: str, price: int = 1) -> None:
    """Make a request that is answered, answered without a cost, or lost before or after it was charged."""
    with ledger.request("page", price) as state:
        if fate in ("fine", "lost after"):
            service.used += price
        if fate == "fine":
            state(price)
        elif fate == "free":
            state(0)


FATES = st.sampled_from(["fine", "free", "lost before", "lost after"])


@given(st.lists(st.lists(st.tuples(FATES, st.integers(1, 10)), max_size=6), max_size=4))
def test_the_book_agrees_with_the_service_whatever_was_lost(tmp_path_factory, stretches):
    folder, service = tmp_path_factory.mktemp("ledger"), Service(10**6)
    Ledger(folder).settle(service.account)
    for stretch in stretches:
        ledger = Ledger(folder)  # as another process does
        for fate, price in stretch:
            ask(ledger, service, fate, price)
        lost = any(fate.startswith("lost") for fate, _ in stretch)
        assert ledger.has_open == lost
        Ledger(folder).settle(service.account)
        summary = ledger.summary()
        assert (summary["credits"], summary["open"]) == (service.used, 0)


def test_credits_of_somebody_else_are_not_ours(tmp_path: Path):
    ledger, service = Ledger(tmp_path), Service()
    ledger.settle(service.account)
    ask(ledger, service, "fine")
    ask(ledger, service, "lost before")
    service.used += 40
    ledger.settle(service.account)
    assert ledger.summary()["credits"] == 2  # at most the price of the lost request
    assert json.loads((tmp_path / "ledger.jsonl").read_text().splitlines()[-1])["others"] == 39


def test_a_lost_request_of_a_day_that_is_over_counts_as_paid(tmp_path: Path):
    ledger, service = Ledger(tmp_path), Service()
    ledger.settle(service.account)
    ask(ledger, service, "lost before", 3)
    service.used, service.days = 0, 1
    ledger.settle(service.account)
    assert ledger.summary()["settled"] == 3


def test_the_own_budget_is_of_a_day_and_of_all_processes(tmp_path: Path):
    service = Service()
    first, second = Ledger(tmp_path, budget=3), Ledger(tmp_path, budget=3)
    first.settle(service.account)
    ask(first, service, "fine", 2)
    ask(second, service, "fine", 1)
    with pytest.raises(BudgetSpent, match=r"source\.api\.budget: 3 of the 3 credits of \d{4}-"):
        ask(first, service, "fine", 1)
    ask(first, service, "free", 0)  # free requests are still allowed
    service.days, service.used = 1, 0
    second.settle(service.account)
    ask(first, service, "fine", 3)
    assert first.summary()["credits"] == 6


def test_a_request_that_was_thought_free_is_noted(tmp_path: Path):
    ledger = Ledger(tmp_path, budget=1)
    ledger.note("work", 1)
    assert ledger.summary()["credits"] == 1


def test_lines_cut_short_by_a_kill_hide_nothing(tmp_path: Path):
    ledger, service = Ledger(tmp_path), Service()
    ledger.settle(service.account)
    ask(ledger, service, "fine")
    with (tmp_path / "ledger.jsonl").open("ab") as book:
        book.write(b'{"id": "abc", "ask": "pa')
    ask(Ledger(tmp_path), service, "fine")
    assert Ledger(tmp_path).summary()["credits"] == ledger.summary()["credits"] == 2


def _hold(folder: Path, ready) -> None:
    with Ledger(folder).request("page", 1):
        ready.set()
        time.sleep(60)


def test_nothing_is_settled_while_a_request_is_under_way_but_for_those_of_the_dead(tmp_path: Path):
    service = Service()
    Ledger(tmp_path).settle(service.account)
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    waiting = context.Process(target=lambda: Ledger(tmp_path).settle(service.account))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive(), "settled although a request was under way"
    os.kill(process.pid, signal.SIGKILL)
    waiting.join(30)
    process.join(30)
    assert waiting.exitcode == 0
    assert Ledger(tmp_path).summary()["open"] == 0


def test_a_lock_may_be_shared_or_not(tmp_path: Path):
    with held(tmp_path / "lock", shared=True), held(tmp_path / "lock", shared=True) as file:
        with pytest.raises(BlockingIOError), (tmp_path / "lock").open() as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert file >= 0


class Clock:
    """A clock that advances only during sleep."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.slept.append(seconds)
        self.now += seconds


@given(st.integers(2, 30), st.sampled_from([1.0, 10.0, 30.0]))
def test_two_processes_together_keep_the_pace(tmp_path_factory, requests: int, rate: float):
    clock, path = Clock(), tmp_path_factory.mktemp("pace") / "pace"
    paces = [Pace(path, rate, lambda: clock.now, clock.sleep) for _ in range(2)]
    starts = []
    for number in range(requests):
        paces[number % 2].wait()
        starts.append(clock.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == pytest.approx([1 / rate] * (requests - 1))


def test_who_is_told_to_slow_down_does_so_for_all_and_recovers(tmp_path: Path):
    clock = Clock()
    one, other = (Pace(tmp_path / "pace", 10, lambda: clock.now, clock.sleep) for _ in range(2))
    one.wait()
    start = clock.now
    other.slow_down(3.0)
    one.wait()
    assert clock.now - start == pytest.approx(3.0)
    for _ in range(50):
        other.slow_down(0.0)
    one.wait()
    before = clock.now
    one.wait()
    assert 1.0 < clock.now - before <= SLOWEST
    for _ in range(100):
        one.wait()
    before = clock.now
    other.wait()
    assert clock.now - before == pytest.approx(0.1)
