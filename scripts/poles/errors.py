"""The error that a user of the study is meant to read."""


class StudyError(Exception):
    """Bad input; the message names the file, year or key that is wrong, and what would be right.

    Entry points print the message as one line, without a traceback.
    """
