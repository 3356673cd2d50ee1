"""Data Packages: a description of files that lie in one folder, in the file ``datapackage.json``.

The description follows version 1 of the Frictionless standards (Data Package, Tabular Data Resource, Table
Schema). It also holds the provenance of its files, as a CSV file has no place for that.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from poles.exports.tables import Exported
from poles.study import embedding

ABOUT = (
    "Results of the study as tables. Countries are codes of ISO 3166-1: alpha-2, and alpha-3 in the columns "
    "that end with _alpha3. NA is Namibia. An empty field is a missing value."
)
DICTIONARY = f"""# The tables, column by column

{ABOUT}

Readers that take the text NA for a missing value need an option:

| reader | option |
|---|---|
| pandas | `pd.read_csv(path, keep_default_na=False, na_values=[""])` |
| R | `read.csv(path, na.strings = "")` |
| polars, DuckDB, Excel | none |

Or use the columns that end with `_alpha3`, in which Namibia is NAM. Files that end with `.gz` are compressed;
all readers but Excel open them as they are. `datapackage.json` says the same to programs.

The columns in bold identify a row."""


def _type(name: str, kind: Any) -> str:
    """Type of a column in the Table Schema."""
    if name == "year":
        return "year"
    if kind == pl.Boolean:
        return "boolean"
    if kind == pl.String:
        return "string"
    return "integer" if kind.is_integer() else "number"


def _field(name: str, kind: Any, export: Exported) -> dict[str, Any]:
    """Description of a column."""
    field = {"name": name, "type": _type(name, kind), "description": export.describe(name)}
    return field | ({"constraints": {"required": True}} if name in export.table.key else {})


def _file(path: Path) -> dict[str, Any]:
    """What tells a file from any other one."""
    digest = embedding.file_digest(path)
    return {"path": path.name, "bytes": path.stat().st_size, "hash": f"sha256:{digest}"}


def resource(name: str, export: Exported, path: str | Path) -> dict[str, Any]:
    """Describe a table that has been written.

    Parameters
    ----------
    name : str
        Name of the table.
    export : Exported
        Its kind.
    path : str or Path
        Its file, in the folder of the package.

    Returns
    -------
    dict
        A Tabular Data Resource.
    """
    path = Path(path)
    compression = {"compression": "gz"} if path.suffix == ".gz" else {}
    return {
        "name": name,
        "title": export.title,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **compression,
        **_file(path),
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "doubleQuote": True},
        "schema": {
            "fields": [_field(*column, export) for column in export.table.columns.items()],
            "primaryKey": list(export.table.key),
            "missingValues": [""],
        },
    }


def write(
    resources: Iterable[Mapping[str, Any]], path: str | Path, title: str, record: Mapping[str, Any]
) -> None:
    """Write the description of a package.

    Parameters
    ----------
    resources : iterable of Mapping
        Descriptions of the files.
    path : str or Path
        ``datapackage.json`` in the folder of the files.
    title : str
        What the package holds.
    record : Mapping
        Provenance of the job that wrote the files.
    """
    package = {
        "profile": "tabular-data-package",
        "name": "poles-tables",
        "title": title,
        "description": ABOUT,
        "resources": list(resources),
    }
    embedding.write_json(package, path, record)


FORMATS = {
    ".graphml": ("application/graphml+xml", "Network of a year as GraphML, for Gephi, igraph and networkx"),
    ".net": ("text/plain", "Network of a year for Pajek: observed weights only"),
    ".json": ("application/json", "Network of a year for VOSviewer, without directions"),
    ".gexf": ("application/gexf+xml", "Network of all years as dynamic GEXF, for Gephi"),
    ".html": ("text/html", "Page of the report"),
}
"""Media type and title of files that are no tables, by suffix."""


def write_files(
    files: Iterable[str],
    path: str | Path,
    title: str,
    record: Mapping[str, Any],
    name: str = "poles-networks",
) -> None:
    """Write the description of a package of files that are no tables, by default of networks.

    Parameters
    ----------
    files : iterable of str
        Files in the folder of the package, with a suffix of `FORMATS`.
    path, title, record
        As in `write`.
    name : str
        Name of the package.
    """
    resources = [
        {
            "name": file.name.replace("_", "-"),
            "title": FORMATS[file.suffix][1],
            "profile": "data-resource",
            "format": file.suffix[1:],
            "mediatype": FORMATS[file.suffix][0],
            "encoding": "utf-8",
            **_file(file),
        }
        for file in map(Path, files)
    ]
    package = {"profile": "data-package", "name": name, "title": title, "resources": resources}
    embedding.write_json(package, path, record)


def dictionary(resources: Iterable[Mapping[str, Any]]) -> str:
    """Dictionary of all columns, in Markdown."""
    parts = [DICTIONARY]
    for table in resources:
        lines = [f"## {table['name']}", "", f"`{table['path']}`. A row: {_small(table['title'])}.", ""]
        lines += ["| column | type | what it is |", "|---|---|---|"]
        for field in table["schema"]["fields"]:
            name = f"**{field['name']}**" if field["name"] in table["schema"]["primaryKey"] else field["name"]
            lines.append(f"| {name} | {field['type']} | {field['description']} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _small(title: str) -> str:
    """Title within a sentence."""
    return f"{title[0].lower()}{title[1:]}"
