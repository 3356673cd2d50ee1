"""Whether the software is still that of the pins and of the last run.

No result holds versions of packages, as two runs with equal pins must give equal results. Snakemake does not
compare them either.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from poles.study.digest import SCRIPTS

PINS = SCRIPTS.parent / "envs/requirements.txt"


def _name(name: str) -> str:
    """Name of a package in the one spelling that all others mean."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(path: Path = PINS) -> dict[str, str]:
    """Versions of the packages that a file pins for this version of Python on this machine, by name."""
    from packaging.requirements import Requirement

    versions = {}
    for line in re.split(r"(?<!\\)\n", path.read_text(encoding="utf-8")):
        stated = re.split(r"\s--hash|\s*(?:^|\s)#", line.replace("\\\n", " "))[0].strip()
        if stated and not stated.startswith("-"):
            required = Requirement(stated)
            if required.marker is None or required.marker.evaluate():
                versions[_name(required.name)] = str(required.specifier).removeprefix("==")
    return versions


def installed() -> dict[str, str]:
    """Versions of the packages that this Python finds, by name."""
    versions: dict[str, str] = {}
    for item in metadata.distributions():
        versions.setdefault(_name(item.name), item.version)  # the first one on the path is imported
    return versions


def faults(run: Mapping[str, Any]) -> Iterator[str]:
    """In what the packages are not those of the pins, or of the last run.

    Parameters
    ----------
    run : Mapping
        results/run.json; empty if there is none.

    Yields
    ------
    str
        A sentence for each package.
    """
    if not PINS.is_file():
        return
    try:
        pins, present = pinned(), installed()
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        yield f"envs/requirements.txt: not readable as a list of pinned packages ({reason})"
        return
    before = {_name(name): version for name, version in run.get("packages", {}).items()}
    for name, version in pins.items():
        found, used = present.get(name), before.get(name)
        if found and found != version:
            yield f"{name} {found} is installed; envs/requirements.txt pins {version}"
        elif used and found != used:  # what the last run did not have made no result
            state = f"{name} {found} is installed" if found else f"{name} is not installed"
            yield f"{state}; the last run used {used}"
