"""The error that a user of the study is meant to read, and those of libraries that become one."""

import errno
import lzma
import os
import re
import shlex
import zipfile
import zlib
from pathlib import Path

LONGEST = 1200
"""Most characters in a line of a message; a longer one repeats what is in a file."""


DAMAGED = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""Errors of reading a damaged gzip or zip file. RuntimeError: encrypted, or compressed in an unknown way."""


class StudyError(Exception):
    """Bad input; the message names the file, year or key that is wrong, and what would be right.

    Entry points print the message as one line, without a traceback. Of a long line the middle is left out, as
    places stand at the beginning and advice at the end.

    Parameters
    ----------
    message : str
    """

    def __init__(self, message: str):
        super().__init__("\n".join(map(_shortened, message.split("\n"))))


_NUMBER = re.compile(r"\(os error (\d+)\)")  # as polars tells it
_ROOM = "free some space (`df -h {folder}` shows how much there is)"
_RIGHTS = "make it writable (`chmod -R u+rwX {folder}`)"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "allow larger files (`ulimit -f unlimited`)",
    errno.EROFS: "mount its disk for writing (`mount -o remount,rw` and its mount point)",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
}


def remedy(error: BaseException, place: str | Path) -> str | None:
    """Say what is wrong with a disk or with rights to it, and what mends that.

    Parameters
    ----------
    error : BaseException
        What the system said, or a library that tells its number of the error.
    place : str or Path
        File or folder to be written, if the error does not name one.

    Returns
    -------
    str or None
        None for an error of another kind.
    """
    told = _NUMBER.search(str(error))
    number = getattr(error, "errno", None) or (int(told[1]) if told else 0)
    if number not in _REMEDIES:
        return None
    path = Path(getattr(error, "filename", None) or place).absolute()
    folder = next(folder for folder in (path, *path.parents) if folder.is_dir())
    return f"{path}: {os.strerror(number)}; {_REMEDIES[number].format(folder=shlex.quote(str(folder)))}"


def _shortened(line: str) -> str:
    """Line of at most `LONGEST` characters."""
    half = LONGEST // 2 - 10
    return line if len(line) <= LONGEST else f"{line[:half]} [...] {line[-half:]}"
