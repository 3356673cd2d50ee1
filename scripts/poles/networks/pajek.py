"""Convert an archive of Pajek networks, one for each year, to an edge list.

A Pajek network has ``*Vertices`` with labels, then links as ``*Arcs``, ``*Edges`` or ``*Matrix``. Readers
disagree about files with several kinds of links or several relations, so such files are refused.
"""

import argparse
import gzip
import hashlib
import math
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from poles.errors import DAMAGED, StudyError
from poles.study.embedding import replace_file

SECTIONS = ("*vertices", "*arcs", "*edges", "*matrix")
"""Sections that are read."""
YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_VERTEX = re.compile(r'(\d+)\s+(?:"([^"]*)"|(\S+))')


def links_of(text: str, name: str) -> dict[tuple[str, str], float]:
    """Read the links of a Pajek network.

    Parameters
    ----------
    text : str
        Content of a ``.net`` file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    dict
        Weights of pairs by the labels of both ends in sorted order, without zeros. If the file has both
        directions of a pair, the larger weight counts.

    Raises
    ------
    StudyError
        If the file has vertices without labels, two kinds of links, two relations, or a line that cannot be
        read. The message names the line.
    """
    pairs: dict[tuple[str, str], float] = {}
    for (source, target), weight in arcs_of(text, name).items():
        pair = (min(source, target), max(source, target))
        pairs[pair] = max(weight, pairs.get(pair, 0.0))
    return {pair: weight for pair, weight in pairs.items() if weight}


def arcs_of(text: str, name: str, directed: bool = False) -> dict[tuple[str, str], float]:
    """Read the lines of a Pajek network that are links.

    Parameters
    ----------
    text, name : str
        As in `links_of`.
    directed : bool
        Whether links need a direction, so that ``*Edges`` are refused.

    Returns
    -------
    dict
        Weights by the labels of both ends as in the file, zeros included.

    Raises
    ------
    StudyError
        As `links_of`.
    """
    labels: dict[str, str] = {}
    weights: dict[tuple[str, str], float] = {}
    section, linked = "", ""
    rows: Iterator[str] = iter(())
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = line.strip()
        place = f"{name}, line {number}"
        if not line or line.startswith("%"):
            continue
        if line.startswith("*"):
            section = _section(line, linked, place)
            if directed and section == "*edges":
                raise StudyError(f"{place}: links without direction; allowed in citations: *Arcs or *Matrix")
            if section != "*vertices":
                linked = section
                rows = iter(labels)
            continue
        if not section:
            raise StudyError(f"{place}: text before the first section; allowed: a Pajek network")
        if section == "*vertices":
            _add_label(line, labels, place)
            continue
        for source, target, weight in _links_in(line, section, labels, rows, place):
            if section != "*matrix" and (source, target) in weights:
                raise StudyError(f"{place}: {source}-{target} has a second line; allowed: one")
            weights[source, target] = weight
    if section == "*matrix" and next(rows, None) is not None:
        raise StudyError(f"{name}: the matrix has fewer rows than vertices; allowed: a row for each vertex")
    return weights


def _section(line: str, linked: str, place: str) -> str:
    """Section that a header begins; refuse sections that are not read, and a second section of links."""
    words = line.lower().split()
    section = words[0].partition(":")[0]
    if section not in SECTIONS:
        raise StudyError(f"{place}: section {words[0][:20]!r}; allowed: {', '.join(SECTIONS)}")
    if section == "*vertices" and len(words) > 2:
        raise StudyError(f"{place}: a network of two modes; allowed: one kind of vertices")
    if linked:
        raise StudyError(f"{place}: a second section of links; allowed: one kind of links and one relation")
    return section


def _add_label(line: str, labels: dict[str, str], place: str) -> None:
    """Add the label of a vertex to those by number."""
    match = _VERTEX.match(line)
    label = (match[2] if match[2] is not None else match[3]).strip() if match else ""
    if match is None or not label:
        raise StudyError(f"{place}: no vertex with a label; allowed: a number and a label")
    if label in labels.values():
        raise StudyError(f"{place}: a second vertex {label!r}; allowed: different labels")
    labels[match[1]] = label


def _links_in(
    line: str, section: str, labels: dict[str, str], rows: Iterator[str], place: str
) -> Iterator[tuple[str, str, float]]:
    """Links of one line of a section: one, or a row of a matrix."""
    words = line.split()
    if section == "*matrix":
        source = next(rows, None)
        if source is None or len(words) != len(labels):
            raise StudyError(f"{place}: not a row of a square matrix; allowed: a number for each vertex")
        ends = [(labels[source], label) for label in labels.values()]
    else:
        if len(words) < 2 or words[0] not in labels or words[1] not in labels:
            raise StudyError(
                f"{place}: no link of two vertices; allowed: two numbers of vertices and a weight"
            )
        ends, words = [(labels[words[0]], labels[words[1]])], words[2:3] or ["1"]
    for (source, target), word in zip(ends, words, strict=True):
        try:
            weight = float(word)
        except ValueError:
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise StudyError(f"{place}: weight {word[:20]!r}; allowed: a number, not below 0")
        yield source, target, weight


def edge_list(archive: str | Path) -> str:
    """Make an edge list of all networks in a zip archive.

    Parameters
    ----------
    archive : str or Path
        A zip of Pajek networks ``*.net``, one for each year, which is part of the name: ``WrldCo2000.net``.
        Other files in it are not read.

    Returns
    -------
    str
        CSV with columns year, source, target and papers, sorted, with source <= target.

    Raises
    ------
    StudyError
        If there is no such archive, it has no networks, a name has no year or the year of another one, or
        `links_of` refuses a network.
    """
    lines = []
    try:
        with zipfile.ZipFile(archive) as members:
            names = [name for name in members.namelist() if PurePosixPath(name).suffix.lower() == ".net"]
            for year, name in sorted(by_year(names, archive).items()):
                text = members.read(name).decode(errors="replace")
                for (source, target), weight in sorted(links_of(text, f"{archive}, {shown(name)}").items()):
                    papers = int(weight) if weight.is_integer() else weight
                    lines.append(f"{year},{source},{target},{papers}\n")
    except DAMAGED as error:
        raise StudyError(f"{archive}: not readable as a zip archive ({error})") from None
    return "year,source,target,papers\n" + "".join(lines)


def shown(name: str) -> str:
    """Name of a file in an archive, in one line."""
    return " ".join(name.split())


def by_year(names: Iterable[str], archive: str | Path) -> dict[int, str]:
    """Names of the networks in an archive by the year that each name holds.

    Raises
    ------
    StudyError
        If there is no network, or a name has no year or the year of another one.
    """
    found: dict[int, str] = {}
    for name in names:
        path = PurePosixPath(name)
        years = YEAR.findall(path.stem)
        if len(years) != 1:
            raise StudyError(f"{archive}: {shown(name)}: no year, or several; allowed: one year in the name")
        if int(years[0]) in found:
            other = found[int(years[0])]
            raise StudyError(f"{archive}: {shown(name)} and {shown(other)}; allowed: one network for a year")
        found[int(years[0])] = name
    if not found:
        raise StudyError(f"{archive}: no network; allowed: a zip archive of .net files, one for each year")
    return found


def main() -> str | None:
    """Convert an archive from the command line, and print the SHA-256 of archive and edge list.

    Returns
    -------
    str or None
        An error message, or None.
    """
    parser = argparse.ArgumentParser(description="Convert a zip of yearly Pajek networks to an edge list.")
    parser.add_argument("archive", help="zip of .net files with the year in their names")
    parser.add_argument("edges", help="CSV or CSV.gz that is written")
    parser.add_argument("--sha256", help="digest that the archive must have")
    arguments = parser.parse_args()
    try:
        digest = hashlib.sha256(Path(arguments.archive).read_bytes()).hexdigest()
        if arguments.sha256 not in (None, digest):
            return f"{arguments.archive}: SHA-256 {digest}; allowed: {arguments.sha256}"
        content = edge_list(arguments.archive).encode()
        # No time stamp, so that equal archives give equal bytes.
        packed = gzip.compress(content, mtime=0) if arguments.edges.endswith(".gz") else content
        replace_file(arguments.edges, packed)
    except (StudyError, OSError) as error:
        return str(error)
    links = content.count(b"\n") - 1
    print(f"{arguments.archive}: SHA-256 {digest}")
    print(f"{arguments.edges}: {links} links, SHA-256 {hashlib.sha256(packed).hexdigest()}")
    return None
