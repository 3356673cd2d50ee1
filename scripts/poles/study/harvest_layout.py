"""Where things stand in the archive of a harvest, which `poles.study.archive` writes."""

from pathlib import PurePath

FOLDER = "archived-harvest"
INDEX = f"{FOLDER}/harvest.json"
"""A JSON object: ``source``, as in results/run.json; ``field``, to which the records belong or which they
cite; ``shards``, their number; ``files``, the SHA-256 of the raw files."""


def member(kind: str, shard: PurePath | str) -> str:
    """Name of the records or counts of a shard in the archive.

    Parameters
    ----------
    kind : str
        ``records`` or ``counts``.
    shard : PurePath or str
        Path of the same file among the results.
    """
    return f"{FOLDER}/{kind}/{PurePath(shard).name}"
