"""Files of networks for Gephi, Pajek, VOSviewer and igraph. Equal networks give equal bytes."""

import io
import json
import re
from pathlib import Path

import networkx as nx

from poles.study import embedding


def write_graphml(graph: nx.Graph, path: str | Path) -> None:
    """Write a network as GraphML, by networkx."""
    stream = io.BytesIO()
    # The plain function takes lxml where that is installed, which gives other bytes.
    nx.write_graphml_xml(graph, stream, named_key_ids=True)
    embedding.replace_file(path, stream.getvalue())


def write_gexf(graph: nx.Graph, path: str | Path) -> None:
    """Write a network of several years as dynamic GEXF, by networkx, without the date of today."""
    stream = io.BytesIO()
    nx.write_gexf(graph, stream)
    content = re.sub(rb' lastmodifieddate="[^"]*"', b"", stream.getvalue(), count=1)
    embedding.replace_file(path, content)


def write_pajek(graph: nx.Graph, path: str | Path) -> None:
    """Write a network for Pajek: country codes as labels, and observed weights.

    networkx would put all vertices at one point, and quotes no label. Pajek knows one value of a link.
    """
    number = {node: place for place, node in enumerate(graph, 1)}
    lines = [f"*Vertices {len(number)}", *(f'{place} "{node}"' for node, place in number.items())]
    lines.append("*Arcs" if graph.is_directed() else "*Edges")
    lines += [
        f"{number[source]} {number[target]} {weight:.17g}"
        for source, target, weight in graph.edges(data="weight")
    ]
    embedding.replace_file(path, ("\n".join(lines) + "\n").encode())


def write_vosviewer(graph: nx.Graph, path: str | Path) -> None:
    """Write an undirected network for VOSviewer, which knows no direction of links.

    VOSviewer places the items itself. It shows ``strength``, and keeps the other values of a link.
    """
    number = {node: place for place, node in enumerate(graph, 1)}
    items = []
    for node, data in graph.nodes(data=True):
        weights = {name: value for name, value in data.items() if isinstance(value, float)}
        texts = {name: value for name, value in data.items() if isinstance(value, str)}
        items.append({"id": number[node], "code": node, **texts, "weights": weights})
    links = [
        {
            "source_id": number[source],
            "target_id": number[target],
            "strength": data["weight"],
            **{name: value for name, value in data.items() if name != "weight"},
        }
        for source, target, data in graph.edges(data=True)
    ]
    content = json.dumps({"network": {"items": items, "links": links}}, indent=0, ensure_ascii=False)
    embedding.replace_file(path, f"{content}\n".encode())
