"""The error that a user of the study is meant to read, and those of libraries that become one."""

import lzma
import zipfile
import zlib

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


def _shortened(line: str) -> str:
    """Line of at most `LONGEST` characters."""
    half = LONGEST // 2 - 10
    return line if len(line) <= LONGEST else f"{line[:half]} [...] {line[-half:]}"
