"""The two layers of the study, and the channels in which a pair of countries is followed."""

from collections.abc import Sequence

LAYERS = ("collaboration", "citation")
"""Collaboration is undirected, citation directed: source cites target."""


def channels_of(layers: Sequence[str], citation: str) -> list[str]:
    """Names of the channels of a trajectory: one per layer, two for citation where both directions count.

    Parameters
    ----------
    layers : sequence of str
        Layers of the study.
    citation : str
        ``mean`` of both directions, ``out`` (the first country of a pair cites the second), ``in`` (the
        first is cited by the second), or ``both`` as two channels.

    Returns
    -------
    list of str
        ``collaboration``, and ``citation`` or ``citation_out``, ``citation_in``.
    """
    names = {"mean": ["citation"], "out": ["citation_out"], "in": ["citation_in"]}
    names["both"] = ["citation_out", "citation_in"]
    channels = ["collaboration"] if "collaboration" in layers else []
    return channels + (names[citation] if "citation" in layers else [])
