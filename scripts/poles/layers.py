"""The two layers of the study, and the channels of a trajectory."""

from collections.abc import Sequence

LAYERS = ("collaboration", "citation")
"""Collaboration is undirected. Citation is directed: source cites target."""


def channels_of(layers: Sequence[str], citation: str) -> list[str]:
    """Names of the channels of a trajectory: one for each layer; citation may have two.

    Parameters
    ----------
    layers : sequence of str
        Layers of the study.
    citation : str
        Direction of citation: ``out`` (the first country of a pair cites the second), ``in`` (the second
        cites the first), the ``mean`` of the two, or ``both`` as two channels.

    Returns
    -------
    list of str
        ``collaboration``, and ``citation`` or ``citation_out``, ``citation_in``.
    """
    directions = {
        "mean": ["citation"],
        "out": ["citation_out"],
        "in": ["citation_in"],
        "both": ["citation_out", "citation_in"],
    }
    channels = ["collaboration"] if "collaboration" in layers else []
    return channels + (directions[citation] if "citation" in layers else [])
