"""One pace for all processes that ask the same service."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from poles.corpus.api.locks import held

SLOWEST = 2.0
"""Longest interval between two requests, in seconds; OpenAlex slows some accounts to one a second."""


class Pace:
    """Gives out moments at which a request may start, at most so many in a second over all processes.

    The interval grows by half when the service says that it was asked too fast, and shrinks back by and by.

    Parameters
    ----------
    path : Path
        File that the processes share.
    rate : float
        Requests in a second.
    clock, sleep : callable
        Seconds since some moment common to the processes; a pause.
    """

    def __init__(
        self,
        path: Path,
        rate: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._path, self._clock, self._sleep = path, clock, sleep
        self.interval = 1 / rate

    def _change(self, change: Callable[[float, float, float], tuple[float, float]]) -> None:
        """Replace (next free moment, interval) by what `change` makes of them and of the present moment."""
        with held(self._path) as file:
            try:
                state = json.loads(os.pread(file, 100, 0))
                free, interval = float(state["free"]), float(state["interval"])
            except (ValueError, KeyError, TypeError):
                free, interval = 0.0, self.interval
            now = self._clock()
            if free > now + 3600:  # the clock was set back
                free = now
            free, interval = change(free, interval, now)
            text = json.dumps({"free": free, "interval": interval}).encode()
            os.ftruncate(file, 0)
            os.pwrite(file, text, 0)

    def wait(self) -> None:
        """Take the next free moment, and wait for it."""
        mine = 0.0

        def take(free: float, interval: float, now: float) -> tuple[float, float]:
            nonlocal mine
            mine = max(free, now)
            interval = min(max(self.interval, interval * 0.9), SLOWEST)
            return mine + interval, interval

        self._change(take)
        self._sleep(max(0.0, mine - self._clock()))

    def slow_down(self, seconds: float) -> None:
        """Nobody asks for some seconds, and then less often."""
        self._change(
            lambda free, interval, now: (
                max(free, now + seconds),
                min(1.5 * max(interval, self.interval), SLOWEST),
            )
        )
