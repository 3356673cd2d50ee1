"""Limits on threads, so that sums do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager:
    """Keep the libraries behind scikit-learn to one thread.

    Theirs add up their parts as they finish, so sums would depend on their number; and on panels of this
    size they mostly wait for each other.
    """
    import sklearn.cluster  # noqa: F401  what is loaded later is not limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def together(task: Callable[[Any], Any], arguments: Iterable[Any], threads: int) -> list[Any]:
    """Results of a task for each argument, in their order, several at a time."""
    arguments = list(arguments)
    if threads <= 1 or len(arguments) <= 1:
        return [task(argument) for argument in arguments]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, arguments))


ONE_THREAD = ThreadpoolController().wrap(limits=1, user_api="blas")
"""Linear algebra runs on one thread: matrices are small, and sums must not depend on how many there are."""
