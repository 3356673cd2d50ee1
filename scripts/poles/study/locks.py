"""Locks between processes; a lock ends with the process that holds it, even if that is killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, shared: bool = False) -> Iterator[int]:
    """Hold a lock on a file, which is made if it does not exist; wait until the lock is free.

    Parameters
    ----------
    path : Path
        The file.
    shared : bool
        Whether other processes may hold the lock at the same time, if they share it too.

    Yields
    ------
    int
        Descriptor of the open file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def taken(path: Path) -> int | None:
    """Take a lock on a file until this process ends, if no other process holds it.

    Parameters
    ----------
    path : Path
        The file, which is made if it does not exist.

    Returns
    -------
    int or None
        Descriptor of the open file; None if another process holds the lock.

    Raises
    ------
    OSError
        If the file cannot be made, or its file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor
