"""A common pace for all processes that send requests to the same service."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from poles.study.locks import held

SLOWEST = 2.0
"""Longest interval between two requests, in seconds; OpenAlex slows some accounts to one a second."""


class Pace:
    """Spaces out the requests of all processes so that together they keep to a rate.

    The interval between requests grows by half when the service answers that requests come too fast. It
    shrinks back by a tenth with every request.

    Parameters
    ----------
    path : Path
        File that the processes share.
    rate : float
        Requests in a second.
    clock : callable
        Gives seconds since a moment that is the same for all processes.
    sleep : callable
        Pauses for some seconds.
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
        """Update the shared state: `change` maps (next free moment, interval, now) to the first two anew."""
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
        """Reserve the next free moment, and wait for it."""
        reserved = 0.0

        def take(free: float, interval: float, now: float) -> tuple[float, float]:
            nonlocal reserved
            reserved = max(free, now)
            interval = min(max(self.interval, interval * 0.9), SLOWEST)
            return reserved + interval, interval

        self._change(take)
        self._sleep(max(0.0, reserved - self._clock()))

    def slow_down(self, seconds: float) -> None:
        """Let no process send a request for some seconds, and lengthen the interval afterwards."""
        self._change(
            lambda free, interval, now: (
                max(free, now + seconds),
                min(1.5 * max(interval, self.interval), SLOWEST),
            )
        )
