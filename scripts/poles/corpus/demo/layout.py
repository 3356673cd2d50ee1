"""The paths of the files of the demo snapshot.

Imports the standard library alone, because the workflow uses it before any job runs.
"""

import itertools

from poles.errors import StudyError

RELEASE = "2026-09-01"
"""Date of the demo's release, which its manifests state."""

PART = 30_000
"""Most records in one part file; so its text stays below about 100 MB."""

_EARLIER = "2026-06-14"
DATES = (_EARLIER, RELEASE)
"""Dates of the partitions."""
_SUFFIX = {"jsonl": "gz", "parquet": "parquet"}


def _folder(layout: str) -> str:
    if layout not in _SUFFIX:
        raise StudyError(f"demo.layout: {layout!r} is unknown; use one of {', '.join(_SUFFIX)}")
    return f"data/{layout}"


def shares(works: int) -> list[tuple[str, int]]:
    """Return the partition and the number of records of every part, in the order of the parts.

    Partitions are unequal, as in a real snapshot: 30 % of the records have an earlier date.

    Parameters
    ----------
    works : int
        Records in all.

    Returns
    -------
    list of (str, int)
        Date of the partition, and number of records in the part (at most `PART`).
    """
    earlier = works * 3 // 10
    sizes = []
    for date, records in ((_EARLIER, earlier), (RELEASE, works - earlier)):
        pieces = max(1, -(-records // PART))
        bounds = [records * piece // pieces for piece in range(pieces + 1)]
        sizes += [(date, stop - start) for start, stop in itertools.pairwise(bounds)]
    return sizes


def parts(works: int, layout: str) -> list[str]:
    """List the part files of a demo snapshot before it is generated.

    Parameters
    ----------
    works : int
        Records in all.
    layout : str
        ``jsonl`` or ``parquet``.

    Returns
    -------
    list of str
        Paths relative to the folder of the snapshot, such as
        ``data/jsonl/works/updated_date=2026-09-01/part_0000.gz``; at least two.

    Raises
    ------
    StudyError
        If the layout is unknown.
    """
    paths: list[str] = []
    last_number: dict[str, int] = {}
    for date, _ in shares(works):
        number = last_number[date] = last_number.get(date, -1) + 1
        paths.append(f"{_folder(layout)}/works/updated_date={date}/part_{number:04d}.{_SUFFIX[layout]}")
    return paths


def manifests(layout: str) -> list[str]:
    """List the manifests of a demo snapshot: of the whole layout, and of its works."""
    return [f"{_folder(layout)}/manifest.json", f"{_folder(layout)}/works/manifest.json"]
