"""Locks between processes, which end with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, shared: bool = False) -> Iterator[int]:
    """Hold a lock on a file, which is made if need be; wait for it as long as it takes.

    Parameters
    ----------
    path : Path
        The file.
    shared : bool
        Whether others may hold the lock at the same time, if they share it too.

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
