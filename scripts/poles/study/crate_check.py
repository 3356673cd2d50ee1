"""A crate compared with the files below its root, which validators of crates do not do."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from poles.errors import StudyError
from poles.study import crate, embedding, extraction, places

_ADDRESS = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
"""How the name of a file begins that is on the web. A single letter is a drive."""


OF_JOBS = ("instrument", "object", "result")
"""What a crate says of every job."""


def check_crate(folder: Path = crate.RESULTS) -> Iterator[str]:
    """Compare a crate with the files below its root.

    A validator looks at the form of a crate. This looks at what it says: every file is described and there,
    with the size and digest that the crate has, and the record inside it names the same job and inputs.

    Parameters
    ----------
    folder : Path
        Root of the crate.

    Yields
    ------
    str
        One sentence for each difference.
    """
    path = folder / crate.NAME
    try:
        entities = {entity["@id"]: entity for entity in json.loads(path.read_bytes())["@graph"]}
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: not readable as a crate ({error})") from None
    for name, entity in entities.items():
        if not isinstance(name, str) or (name.startswith("#job/") and not {*OF_JOBS} <= {*entity}):
            shown = str(name)[:80]
            raise StudyError(f"{path}: no crate of the study ({shown}); write_crate.py writes it anew")
    described = {
        unquote(name): entity
        for name, entity in entities.items()
        if "File" in listed(entity.get("@type")) and not _ADDRESS.match(name)
    }
    outside = {name for name in described if name.startswith("file:") or places.leads_out(name)}
    yield from (f"{name!r:.200} leads out of {folder}, but {path} describes it" for name in sorted(outside))
    makers = {
        result["@id"]: entity
        for entity in entities.values()
        if entity["@id"].startswith("#job/")
        for result in listed(entity["result"])
    }
    present = set(crate.paths(folder))
    yield from (f"{place} is not described in {path}" for place in sorted(present - set(described)))
    for place, entity in sorted(described.items()):
        if place in outside:
            continue
        if place in present and places.is_link_out(folder / place, folder):
            yield f"{place} is a link to a file outside {folder}, but {path} describes it"
        elif place not in present:
            yield f"{place} is missing, but {path} describes it"
        else:
            yield from _differences(folder / place, place, entity, entities, makers.get(entity["@id"]))


def listed(value: Any) -> list[Any]:
    """Values of a property, of which a crate writes a single one without a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _differences(
    path: Path,
    place: str,
    entity: crate.Entity,
    entities: Mapping[str, crate.Entity],
    maker: crate.Entity | None,
) -> Iterator[str]:
    """What a crate says of a file against its bytes, and against the record that it carries."""
    digest = embedding.file_digest(path)
    if entity.get("sha256") != digest:
        yield f"{place} has SHA-256 {digest[:16]}, the crate says {str(entity.get('sha256'))[:16]}"
    elif entity.get("contentSize") != str(path.stat().st_size):
        yield f"{place} has {path.stat().st_size} bytes, the crate says {entity.get('contentSize')}"
    record = extraction.read(path) if crate.carries_record(place) else None
    if record is None or "log" not in record:
        return
    if record.get("file") != f"{crate.RESULTS}/{place}":
        yield f"{place} was written as {record.get('file')}, and stands in its place"
    inputs = {crate.input_id(name, value): value for name, value in record["inputs"].items()}
    if (
        maker is None
        or maker["@id"] != crate.job_id(record)
        or maker["instrument"]["@id"] != crate.tool_id(record)
    ):
        yield f"{place} was made by rule {record['rule']} ({record['log']}), the crate says otherwise"
        return
    stated = {
        read["@id"]: entities.get(read["@id"], {}).get("sha256")
        for read in listed(maker["object"])
        if not read["@id"].startswith("#params/")
    }
    for name in sorted({*inputs, *stated}):
        if inputs.get(name) != stated.get(name):
            digests = inputs.get(name), stated.get(name)
            yield "{} was made from {} with SHA-256 {}, the crate says {}".format(place, name, *digests)
