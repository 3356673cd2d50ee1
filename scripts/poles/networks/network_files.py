"""Rows of an edge list from other forms of networks: country matrices, Pajek, GraphML, zip archives of these.

Every form becomes rows of year, source, target and weight, so that all of them pass through the same checks.
"""

import gzip
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from poles import countries
from poles.errors import DAMAGED, StudyError
from poles.networks import pajek
from poles.networks.edge_files import REST, Format

ROWS = {"year": pl.Int64, "source": pl.String, "target": pl.String, "weight": pl.Float64}
"""Columns of the rows, after their number ``row``."""
LABELS = ("name", "label", "code")
"""Attributes of a GraphML node that may hold its country, if its id does not."""
WEIGHTS = ("weight", "papers", "observed")
"""Attributes of a GraphML link that may hold its weight, the first that it has."""


def is_country(text: str) -> bool:
    """Whether a text is a code or a name of a country, or the rest of the world."""
    code = text.strip().upper()
    return code == REST or code in countries.names() or countries.named(text) is not None


def matrix_of(names: Sequence[str]) -> tuple[str | None, str, list[str]] | None:
    """Find out whether columns are those of a country matrix.

    Parameters
    ----------
    names : sequence of str
        Columns of a table.

    Returns
    -------
    year, label, countries
        Column of the year, or None; column that names the country of a row; a column for each other country.
        None if the table is no matrix: it names a target or a weight, or less than two columns are countries.
    """
    plain = {name: name.strip().lower() for name in names}
    if {"target", "j", "weight", "papers"} & set(plain.values()):
        return None
    year = next((name for name in names if plain[name] == "year"), None)
    label, *others = [name for name in names if name != year] or [""]
    return (year, label, others) if sum(map(is_country, others)) > 1 else None


def matrix_rows(frame: pl.DataFrame, path: str | Path, year: int | None = None) -> pl.DataFrame:
    """Rows of a country matrix: rows are sources, columns are targets. Empty fields are no links.

    Parameters
    ----------
    frame : pl.DataFrame
        Table with the columns that `matrix_of` recognises.
    path : str or Path
        For messages; its name may hold the year.
    year : int, optional
        Year of the matrix, if it has no such column.

    Returns
    -------
    pl.DataFrame
        row (of the matrix), year, source, target, weight, as in the file.

    Raises
    ------
    StudyError
        If neither the table nor the name of the file tells the year.
    """
    matrix = matrix_of(frame.columns)
    assert matrix is not None
    year_column, label, targets = matrix
    given = pl.col(year_column) if year_column else pl.lit(year or year_in(path))
    # A row or column may be called row or year, but no name has a zero byte.
    numbered = frame.with_row_index("\0row", 1).with_columns(given.alias("\0year"))
    rows = numbered.unpivot(
        on=targets, index=["\0row", "\0year", label], variable_name="target", value_name="weight"
    ).rename({"\0row": "row", "\0year": "year", label: "source"})
    return rows.drop_nulls("weight").select("row", *ROWS).sort("row", "target")


def year_in(path: str | Path) -> int:
    """Year in the name of a file that has no other place for it."""
    years = pajek.YEAR.findall(PurePosixPath(path).name.partition(".")[0])
    if len(years) != 1:
        raise StudyError(
            f"{path}: no year in this format; allowed: one year in the name of the file, such as "
            "collaboration_2021.net, or a zip archive of such files"
        )
    return int(years[0])


def refuse_loose_quotes(name: str | Path, content: bytes, separator: str = ",") -> None:
    """Refuse a text with a quote elsewhere than around a value, or a carriage return within a line.

    Readers of CSV disagree about both. Some take all from such a quote to the next one, line ends included,
    for one value, so that rows would be lost; some end a line at a carriage return.

    Parameters
    ----------
    name : str or Path
        For the message.
    content : bytes
    separator : str
        What separates the values.

    Raises
    ------
    StudyError
        If there is one; the message names its line.
    """
    around = rb"[^\r\n" + re.escape(separator.encode()) + rb"]"
    quoted = rb"(?<!" + around + rb')"[^"]*(?:""[^"]*)*"(?!' + around + rb")"
    bare = re.sub(quoted, lambda value: b"\n" * value[0].count(b"\n"), content.removeprefix(b"\xef\xbb\xbf"))
    if b'"' in bare:
        line = bare.count(b"\n", 0, bare.index(b'"')) + 1
        raise StudyError(
            f"{name}: line {line} has a quote within a value, or one that is never closed; allowed: quotes "
            "around whole values, and a quote within them written twice"
        )
    if loose := re.search(rb"\r(?!\r*(?:\n|\Z))", bare):
        line = bare.count(b"\n", 0, loose.start()) + 1
        raise StudyError(
            f"{name}: line {line} has a carriage return within it; allowed: line ends of Windows or Unix"
        )


def rows_of(path: Path, layout: Format) -> pl.DataFrame:
    """Read the rows of a file that is neither a table in columns nor Parquet.

    Parameters
    ----------
    path : Path
    layout : Format
        With the kind ``pajek``, ``graphml`` or ``zip``.

    Returns
    -------
    pl.DataFrame
        row (number of the link), year, source, target, weight.

    Raises
    ------
    StudyError
        If the file is not readable, or has no year, or links without the direction that the layer needs.
    """
    try:
        if layout.kind == "zip":
            return _numbered(_in_archive(path, layout.directed))
        content = path.read_bytes()
        content = gzip.decompress(content) if layout.gzipped else content
    except DAMAGED as error:
        raise StudyError(f"{path}: not readable as a {layout.kind} file ({error})") from None
    return _numbered([_READERS[layout.kind](content, str(path), year_in(path), layout.directed)])


def _numbered(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Rows of all parts with their number."""
    return pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in ROWS.items()) for part in parts]
    ).with_row_index("row", 1)


def _in_archive(path: Path, directed: bool) -> list[pl.DataFrame]:
    """Rows of every network in a zip archive, in the order of years."""
    with zipfile.ZipFile(path) as members:
        names = [name for name in members.namelist() if PurePosixPath(name).suffix.lower() in _SUFFIXES]
        by_year = pajek.by_year(names, path)
        return [
            _READERS[_SUFFIXES[PurePosixPath(name).suffix.lower()]](
                members.read(name), f"{path}, {pajek.shown(name)}", year, directed
            )
            for year, name in sorted(by_year.items())
        ]


def _frame(year: int, links: Iterable[tuple[str, str, float]]) -> pl.DataFrame:
    """Rows of the links of one year."""
    rows = [(year, source, target, weight) for source, target, weight in links]
    return pl.DataFrame(rows, ROWS, orient="row")


def _pajek(content: bytes, name: str, year: int, directed: bool) -> pl.DataFrame:
    """Rows of a Pajek network."""
    links = pajek.arcs_of(content.decode(errors="replace"), name, directed)
    return _frame(year, ((source, target, weight) for (source, target), weight in links.items()))


def _matrix(content: bytes, name: str, year: int, directed: bool) -> pl.DataFrame:
    """Rows of a matrix in CSV."""
    refuse_loose_quotes(name, content)
    try:
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False, null_values=[""])
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0][:200]
        raise StudyError(f"{name}: not readable as a matrix ({reason})") from None
    if matrix_of(frame.columns) is None:
        raise StudyError(f"{name}: not a matrix; allowed: countries as columns and in the first column")
    rows = matrix_rows(frame, name, year)
    weights = rows["weight"].str.strip_chars().cast(pl.Float64, strict=False)
    if weights.is_null().any():
        row = rows.filter(weights.is_null()).row(0, named=True)
        raise StudyError(
            f"{name}, row {row['row']}: {row['weight'][:40]!r} in column {row['target']}; allowed: a number"
        )
    return rows.with_columns(weight=weights)


def _graphml(content: bytes, name: str, year: int, directed: bool) -> pl.DataFrame:
    """Rows of a GraphML network."""
    import networkx as nx  # it takes a moment, and other formats do not need it

    try:
        graph = nx.parse_graphml(content.decode())
    except Exception as error:
        raise StudyError(f"{name}: not readable as GraphML ({str(error)[:200]})") from None
    if directed and not graph.is_directed():
        raise StudyError(f'{name}: links without direction; allowed in citations: edgedefault="directed"')
    label = _labels(graph)
    links = []
    for source, target, data in graph.edges(data=True):
        weight = next((data[key] for key in WEIGHTS if key in data), None)
        if not isinstance(weight, int | float):
            raise StudyError(
                f"{name}: link {label[source]}-{label[target]} has no {' or '.join(WEIGHTS)}; allowed: a "
                "number for each link"
            )
        links.append((label[source], label[target], float(weight)))
    return _frame(year, links)


def _labels(graph: Any) -> dict[Any, str]:
    """Country of each node: its id, or the attribute of all nodes that names more countries."""
    candidates = [{node: str(node) for node in graph}]
    for key in LABELS:
        found = {node: str(data[key]) for node, data in graph.nodes(data=True) if key in data}
        candidates += [found] if len(found) == len(graph) else []
    return max(candidates, key=lambda labels: sum(map(is_country, labels.values())))


_READERS: dict[str, Callable[[bytes, str, int, bool], pl.DataFrame]] = {
    "pajek": _pajek,
    "graphml": _graphml,
    "matrix": _matrix,
}
_SUFFIXES = {".net": "pajek", ".graphml": "graphml", ".csv": "matrix"}
