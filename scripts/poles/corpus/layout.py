"""Where the files of the demo snapshot stand; standard library alone, so a workflow can ask it cheaply."""

import itertools

from poles.errors import StudyError

RELEASE = "2026-09-01"
"""Date of the demo's release, as its manifests give it."""

PART = 30_000
"""Most records in one part file; keeps a part's text below about 100 MB."""

_EARLIER = "2026-06-14"
_SUFFIX = {"jsonl": "gz", "parquet": "parquet"}


def _folder(layout: str) -> str:
    if layout not in _SUFFIX:
        raise StudyError(f"demo snapshot: no layout {layout!r}; it is one of {', '.join(_SUFFIX)}")
    return f"data/{layout}"


def shares(works: int) -> list[tuple[str, int]]:
    """Partition and number of records of every part, in the order of the parts.

    Partitions are unequal, as in a real snapshot: 30 % of the records stand under an earlier date.

    Parameters
    ----------
    works : int
        Records in all.

    Returns
    -------
    list of (str, int)
        Date of the partition, and records of the part (at most `PART`).
    """
    earlier = works * 3 // 10
    found = []
    for date, records in ((_EARLIER, earlier), (RELEASE, works - earlier)):
        pieces = max(1, -(-records // PART))
        cuts = [records * piece // pieces for piece in range(pieces + 1)]
        found += [(date, stop - start) for start, stop in itertools.pairwise(cuts)]
    return found


def parts(works: int, layout: str) -> list[str]:
    """Part files of a demo snapshot, known before anything is generated.

    Parameters
    ----------
    works : int
        Records in all.
    layout : str
        ``jsonl`` or ``parquet``.

    Returns
    -------
    list of str
        Paths relative to the snapshot's folder, such as
        ``data/jsonl/works/updated_date=2026-09-01/part_0000.gz``; two at least.

    Raises
    ------
    StudyError
        If the layout is unknown.
    """
    found: list[str] = []
    seen: dict[str, int] = {}
    for date, _ in shares(works):
        number = seen[date] = seen.get(date, -1) + 1
        found.append(f"{_folder(layout)}/works/updated_date={date}/part_{number:04d}.{_SUFFIX[layout]}")
    return found


def manifests(layout: str) -> list[str]:
    """Manifests of a demo snapshot: of the whole format, and of its works."""
    return [f"{_folder(layout)}/manifest.json", f"{_folder(layout)}/works/manifest.json"]
