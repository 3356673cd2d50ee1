"""Write all exported tables with their description."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poles.exports import collection, data_package
from poles.exports.csv_files import write_csv
from poles.exports.tables import exported
from poles.study import embedding

log = logging.getLogger(__name__)

TITLE = "Research collaboration and citation between countries, beside null models"


def write_tables(
    source: Mapping[str, Sequence[str]],
    paths: Mapping[str, str],
    branches: Mapping[str, Mapping[str, Any]],
    channels: Sequence[str],
    poles: Sequence[str],
    record: Mapping[str, Any],
) -> None:
    """Write the exported tables, ``datapackage.json`` and the dictionary of all columns.

    Parameters
    ----------
    source : Mapping
        Results by name of the exported table; ``stability`` belongs to ``archetypes``.
    paths : Mapping
        Files by name of the table, ``package`` and ``dictionary``, all in one folder. Tables without a path
        are not written.
    branches : Mapping
        ``homes`` and ``choices``, see `collection.branch_rows`.
    channels, poles : sequence of str
        See `exported`.
    record : Mapping
        Provenance of the job.

    Raises
    ------
    StudyError
        If a result is not of the expected kind.
    """
    resources = []
    for name, export in exported(channels, poles).items():
        if name not in paths:
            continue
        if name == "branches":
            frames = iter([collection.complete(collection.branch_rows(**branches), export, {})])
        elif name == "country_names":
            frames = iter([collection.complete(collection.country_names(), export, {})])
        else:
            parts = [source[name], *([source["stability"]] if name == "archetypes" else [])]
            frames = collection.rows(export, parts)
        rows = write_csv(frames, paths[name])
        resources.append(data_package.resource(name, export, paths[name]))
        log.info("%s: %d rows, %d bytes", paths[name], rows, Path(paths[name]).stat().st_size)
    data_package.write(resources, paths["package"], TITLE, record)
    embedding.write_text(data_package.dictionary(resources), paths["dictionary"], record)
