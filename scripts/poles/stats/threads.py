"""Control of threads, so that results do not depend on how many there are.

Numerical libraries add up partial sums in the order in which their threads finish, so that the rounding of a
sum depends on the number of threads. The study keeps each sum within one thread, and runs whole tasks side by
side instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager:
    """Limit the libraries that are loaded, OpenMP among them, to one thread within a ``with`` block."""
    return threadpool_limits(1)


def parallel_map(task: Callable[[Any], Any], arguments: Iterable[Any], threads: int) -> list[Any]:
    """Run a task for each of several arguments, some of them at the same time.

    Parameters
    ----------
    task : callable
        Gains from threads only where it releases Python's lock.
    arguments : iterable
    threads : int
        Tasks that run at the same time at most.

    Returns
    -------
    list
        Results in the order of the arguments.
    """
    arguments = list(arguments)
    if threads <= 1 or len(arguments) <= 1:
        return [task(argument) for argument in arguments]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, arguments))
