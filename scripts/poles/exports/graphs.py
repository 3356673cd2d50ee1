"""Networks of countries as graphs of networkx, with what the null models expect of each link."""

import functools
from collections.abc import Mapping
from typing import Any

import networkx as nx
import polars as pl

from poles import countries

DIGITS = 6
"""Significant digits of expected weights and z. Tables have all digits."""
STRENGTHS = {
    "collaboration": {"strength": "collaboration_strength"},
    "citation": {"strength_out": "citation_strength_out", "strength_in": "citation_strength_in"},
}
"""Strengths of a country in each layer, by their names as attributes of nodes."""
LASTS = 0.99
"""Length of a year in a network of several years, so that two years have no moment in common."""


def linked_pairs(scores: Mapping[str, pl.DataFrame], directed: bool) -> pl.DataFrame:
    """Collect the links of a layer with the values of all null models.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by null model.
    directed : bool
        Whether the directions of a pair stay apart. Otherwise observed and expected weights of both add up,
        and z is their mean, as in the trajectories.

    Returns
    -------
    pl.DataFrame
        year, source, target, observed, and ``expected_NULL`` and ``z_NULL`` of each model; without pairs that
        have no link. Sorted.
    """
    if not directed:
        scores = {null: _without_direction(frame) for null, frame in scores.items()}
    key = ["year", "source", "target"]
    first = next(iter(scores.values()))
    links = first.filter(pl.col("observed") > 0).select(*key, "observed")
    for null, frame in scores.items():
        values = [pl.col(name).round_sig_figs(DIGITS).alias(f"{name}_{null}") for name in ("expected", "z")]
        links = links.join(frame.select(*key, *values), on=key, how="left", validate="1:1")
    return links.sort(key)


def _without_direction(scores: pl.DataFrame) -> pl.DataFrame:
    """Scores of pairs with source < target; those of a layer without directions stay as they are."""
    pairs = scores.select(
        "year", "observed", "expected", "z",
        source=pl.min_horizontal("source", "target"), target=pl.max_horizontal("source", "target"),
    )  # fmt: skip
    # Sums and means of two numbers do not depend on their order.
    return pairs.group_by("year", "source", "target").agg(
        pl.col("observed", "expected").sum(), pl.col("z").mean()
    )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are not missing. A graph has no missing values, but may lack an attribute."""
    return {name: value for name, value in values.items() if value is not None}


@functools.cache
def _about(code: str) -> dict[str, str]:
    """What does not change of a country: its name, its three-letter code, its continent."""
    rows = countries.load().filter(code=code)
    known = (
        rows.select(label="name", alpha3="code3", continent="region").row(0, named=True) if len(rows) else {}
    )
    return _present({"label": code, **known})


def yearly_graph(
    layer: str, year: int, active: pl.DataFrame, links: pl.DataFrame, directed: bool
) -> nx.Graph:
    """Build the network of a layer in a year.

    Parameters
    ----------
    layer : str
        ``collaboration`` or ``citation`` (source cites target).
    year : int
    active : pl.DataFrame
        `COUNTRIES` of the year. Each is a node, with links or without.
    links : pl.DataFrame
        Rows of `linked_pairs` of the year.
    directed : bool
        Whether the links have a direction.

    Returns
    -------
    nx.Graph or nx.DiGraph
        Nodes are country codes. Links have ``weight``, the same as ``observed``, and the values of the null
        models. All numbers are floats, because an attribute has one type in the files.
    """
    graph = nx.DiGraph() if directed else nx.Graph()
    graph.graph.update(layer=layer, year=str(year))
    numbers = {"papers": "papers", **STRENGTHS[layer]}
    for row in active.iter_rows(named=True):
        graph.add_node(
            row["country"],
            **_about(row["country"]),
            **_present({new: row[old] for new, old in numbers.items()}),
        )
    for row in links.drop("year").iter_rows(named=True):
        graph.add_edge(row.pop("source"), row.pop("target"), weight=row["observed"], **_present(row))
    return graph


def dynamic_graph(layer: str, active: pl.DataFrame, links: pl.DataFrame) -> nx.Graph:
    """Build the network of a layer over all years, whose nodes and links come and go.

    Parameters
    ----------
    layer : str
        As in `yearly_graph`.
    active : pl.DataFrame
        `COUNTRIES`.
    links : pl.DataFrame
        `linked_pairs`.

    Returns
    -------
    nx.Graph or nx.DiGraph
        In the form in which networkx writes dynamic GEXF files: ``spells``, and values with their first and
        last moment. ``weight`` is the sum over all years, because networkx writes no weight that changes.
    """
    graph = nx.DiGraph() if layer == "citation" else nx.Graph()
    graph.graph.update(mode="dynamic", name=layer)
    numbers = {"papers": "papers", **STRENGTHS[layer]}
    for (code, *_), rows in active.sort("country", "year").group_by("country", maintain_order=True):
        values = {new: _course(rows, old) for new, old in numbers.items()}
        graph.add_node(str(code), spells=_spells(rows), **_about(str(code)), **_present(values))
    named = [name for name in links.columns if name not in ("year", "source", "target")]
    pairs = links.sort("source", "target", "year").group_by("source", "target", maintain_order=True)
    for (source, target), rows in pairs:
        values = {name: _course(rows, name) for name in named}
        total = float(rows["observed"].sum())
        graph.add_edge(source, target, spells=_spells(rows), weight=total, **_present(values))
    return graph


def _spells(rows: pl.DataFrame) -> list[tuple[float, float]]:
    """First and last moment of each year. Both are given, as networkx reads no open spells."""
    return [(float(year), year + LASTS) for year in rows["year"].to_list()]


def _course(rows: pl.DataFrame, name: str) -> list[tuple[float, float, float]] | None:
    """Values of a column with the first and last moment of their years; None if there is no value."""
    values = zip(rows[name].to_list(), _spells(rows), strict=True)
    return [(float(value), *spell) for value, spell in values if value is not None] or None
