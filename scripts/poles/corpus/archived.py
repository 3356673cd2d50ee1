"""The records of an archived harvest, in place of those that are read from a source."""

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from poles.errors import StudyError
from poles.study import branches, embedding, extraction, harvest_layout, places

REMEDY = "name an archive that `make archive` wrote"


def read_index(path: str, field: Mapping[str, Any]) -> dict[str, Any]:
    """Read what an archived harvest is.

    Parameters
    ----------
    path : str
        The archive.
    field : Mapping
        Field of the works that the study needs.

    Returns
    -------
    dict
        As `poles.study.harvest_layout.INDEX` holds it.

    Raises
    ------
    StudyError
        If the file is no archive of a harvest, holds no records, or holds those of another field.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            content = archive.extractfile(harvest_layout.INDEX)
            index = json.loads(content.read() if content else b"")
            shards, is_held = int(index["shards"]), branches.holds(index["field"], field)
            kind = index["source"]["kind"]
    except FileNotFoundError:
        raise StudyError(f"source.path: {path}: no such file; {REMEDY}") from None
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudyError(f"source.path: {path}: not an archived harvest ({error}); {REMEDY}") from None
    if not shards:
        raise StudyError(f"source.path: {path} holds no records of works; unpack it for source.kind: {kind}")
    if not is_held:
        raise StudyError(
            f"field: {dict(field)}; the harvest in {path} holds works of {index['field']}, and those that "
            "cite them; allowed: a field within it"
        )
    return index


def _check_members(path: str, archive: tarfile.TarFile) -> set[str]:
    """Names of the files in an archive. Refuse names that lead out of its folder, links and devices."""
    for member in archive:
        if places.leads_out(member.name):
            raise StudyError(f"{path}: {member.name!r:.200} leads out of the archive; {REMEDY}")
        if not (member.isreg() or member.isdir()):
            raise StudyError(f"{path}: {member.name!r:.200} is no file but a link or a device; {REMEDY}")
    return {member.name for member in archive if member.isreg()}


def unpack(
    path: str, sha256: str, records: Sequence[str], counts: Sequence[str], record: Mapping[str, Any]
) -> None:
    """Take the records of an archived harvest, and the counts of what was read.

    Parameters
    ----------
    path : str
        The archive.
    sha256 : str
        What its SHA-256 must be.
    records, counts : sequence of str
        Files to write, one for each shard.
    record : Mapping
        Provenance of the job. Each file also gets the record that it had in the archive, as ``harvest``.

    Raises
    ------
    StudyError
        If the archive is another one, has a member that could lead out of it, lacks a table, or has one that
        is not what was written to it.
    """
    from poles.corpus.tables import COUNTS, KEPT
    from poles.study import runs

    digest = embedding.file_digest(path)
    if digest != sha256:
        raise StudyError(f"{path}: SHA-256 {digest}, but source.sha256 says {sha256}; get the archive again")
    with tarfile.open(path, "r:") as archive, TemporaryDirectory() as folder:
        names = _check_members(path, archive)
        for kind, table, files in (("records", KEPT, records), ("counts", COUNTS, counts)):
            for file in files:
                name = harvest_layout.member(kind, file)
                if name not in names:
                    raise StudyError(f"{path}: holds no {name}; {REMEDY}")
                archive.extract(name, folder, filter="data")
                origin = extraction.read(f"{folder}/{name}")
                if not extraction.is_intact(f"{folder}/{name}"):
                    raise StudyError(f"{path}: {name} does not hold what was written to it")
                try:
                    frames = runs.read(f"{folder}/{name}", table)
                    runs.write(frames, table, file, {**record, "harvest": origin})
                except StudyError as error:
                    text = str(error).removeprefix(f"{folder}/")
                    raise StudyError(
                        f"{path}: made by another version of the study, whose archive has the code ({text})"
                    ) from None
                Path(folder, name).unlink()
