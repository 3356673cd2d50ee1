"""Write all exported tables, or networks, with their description."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poles.exports import collection, data_package
from poles.exports.csv_files import write_csv
from poles.exports.tables import exported
from poles.networks.tables import COUNTRIES
from poles.nulls.tables import SCORES
from poles.study import embedding, tables

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


def write_networks(
    scores: Mapping[str, str],
    countries: str,
    layer: str,
    paths: Mapping[str, Any],
    record: Mapping[str, Any],
) -> None:
    """Write the networks of a layer for other programs, and ``datapackage.json``.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by null model.
    countries : str
        `COUNTRIES`.
    layer : str
    paths : Mapping
        Files of each year by format, ``graphml``, ``net`` and ``json``, with the year as their name;
        ``dynamic``, and ``package``.
    record : Mapping
        Provenance of the job.

    Raises
    ------
    StudyError
        If a result is not of the expected kind.
    """
    from poles.exports import graph_files, graphs  # networkx takes a moment, and tables do not need it

    frames = {null: tables.read(path, SCORES) for null, path in scores.items()}
    active = tables.read(countries, COUNTRIES)
    directed = layer == "citation"
    links = graphs.linked_pairs(frames, directed)
    joined = graphs.linked_pairs(frames, directed=False) if directed else links
    for graphml, net, json in zip(paths["graphml"], paths["net"], paths["json"], strict=True):
        year = int(Path(graphml).stem)
        present = active.filter(year=year)
        graph = graphs.yearly_graph(layer, year, present, links.filter(year=year), directed)
        graph_files.write_graphml(graph, graphml)
        graph_files.write_pajek(graph, net)
        if directed:
            graph = graphs.yearly_graph(layer, year, present, joined.filter(year=year), directed=False)
        graph_files.write_vosviewer(graph, json)
        log.info("%s: %d countries, %d links", year, len(graph), graph.number_of_edges())
    graph_files.write_gexf(graphs.dynamic_graph(layer, active, links), paths["dynamic"])
    files = sorted([*paths["graphml"], *paths["net"], *paths["json"], paths["dynamic"]])
    data_package.write_files(files, paths["package"], f"Networks of {layer} between countries", record)
