"""How far a long stage is, and how long it will still take: a line of the log every some seconds.

The lines go to the log of the job. `poles.study.jobs` shows them on the terminal too, where there is one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

log = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds between two lines. A stage that takes less has none."""
Item = TypeVar("Item")


def duration(seconds: float) -> str:
    """Length of time in words: 45 s, 3 min, or 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Count the finished parts of a stage, and log how far it is. Threads may share one.

    Parameters
    ----------
    total : int
        Number of parts. They should take about as long as each other: the time left is what the remaining
        ones take if they are like those before.
    what : str
        What the parts are: ``networks``.
    every : float
        Seconds between two lines.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(
        self, total: int, what: str, every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ):
        self.total, self.what, self.every = total, what, every
        self.done = 0
        self._clock, self._lock = clock, threading.Lock()
        self._start = clock()
        self._next = self._start + every

    def step(self) -> None:
        """Count one part as finished."""
        with self._lock:
            self.done += 1
            now = self._clock()
            if now < self._next or self.done >= self.total:
                return
            self._next = now + self.every
            gone = now - self._start
            left = gone / self.done * (self.total - self.done)
            log.info(
                "%d of %d %s after %s, about %s left",
                self.done, self.total, self.what, duration(gone), duration(left),
            )  # fmt: skip

    def follow(self, parts: Iterable[Item]) -> Iterator[Item]:
        """Yield each part, and count it when the next one is asked for."""
        for part in parts:
            yield part
            self.step()
