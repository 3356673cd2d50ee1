"""Read real networks from the folders of their data sets."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from enumeration import network_from
from poles.nulls.network import Network, network_of


def collaboration(path: Path) -> dict[int, Network]:
    """Read undirected networks by year from a file with columns year, two countries and weight."""
    links = pl.read_csv(path, null_values=[], infer_schema=False)
    links = links.rename(dict(zip(links.columns, ["year", "source", "target", "weight"], strict=True)))
    links = links.cast({"year": pl.Int16, "weight": pl.Float64}).sort("year", maintain_order=True)
    years = links.partition_by("year", maintain_order=True)
    return {year["year"][0]: network_of(year, year["year"][0], "collaboration") for year in years}


def citation_counts(path: Path) -> Network:
    """Read a directed network from a JSON file of citation counts."""
    counts = json.loads(path.read_text())
    names = sorted({name.split("#")[0] for name in counts})
    weights = np.zeros((len(names), len(names)))
    for name, count in counts.items():
        source, target = name.split("#")
        weights[names.index(source), names.index(target)] = count["citation_count"]
    return network_from(weights, directed=True)


def matrix(path: Path) -> Network:
    """Read a directed network from a text file with a matrix."""
    delimiter = ";" if ";" in path.read_text()[:100] else ","
    return network_from(np.genfromtxt(path, delimiter=delimiter), directed=True)


def z(network: Network, moments, source: str, target: str) -> float:
    """Compute the z-score of a pair."""
    pair = network.countries.index(source), network.countries.index(target)
    return float((network.weights[pair] - moments.expected[pair]) / moments.std[pair])
