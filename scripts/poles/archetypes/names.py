"""Names of archetypes, the rule that gives them, and what each one means."""

from collections.abc import Sequence

import numpy as np

LEAVING = ("Scientific Divergence", "Knowledge Divergence")
JOINING = ("Scientific Convergence", "Knowledge Integration")
"""Archetypes of a pair that grows apart, and of one that draws closer."""
ARCHETYPES = {
    (1, 1): "Scientific Convergence",
    (-1, -1): "Scientific Divergence",
    (-1, 1): "Knowledge Integration",
    (0, -1): "Knowledge Divergence",
    (0, 0): "Stable",
}
"""Name by direction of (collaboration, citation): 1 rises, -1 falls, 0 neither."""
UNNAMED = "Unnamed"
UNCLEAR = 2
"""Direction of a channel that neither moves nor is known to stand still."""
WORDS = {1: "rises", -1: "falls", 0: "still", UNCLEAR: "unclear"}
"""What a direction is called in a table."""


def archetype(direction: np.ndarray, channels: Sequence[str]) -> str:
    """Name of a cluster from the directions of its channels, by `ARCHETYPES`.

    Where citation has two channels they must agree, else the cluster is unnamed; so it is where a channel
    is `UNCLEAR`. A study of one layer can
    tell convergence, divergence and stability in that layer, but neither of the two knowledge archetypes.

    Parameters
    ----------
    direction : ndarray of int, shape (channels,)
        One row of `Directions.sign`.
    channels : sequence of str
        Names of the channels.
    """
    by_layer = {name.split("_")[0]: set() for name in channels}
    for name, value in zip(channels, direction, strict=True):
        by_layer[name.split("_")[0]].add(int(value))
    if any(len(values) > 1 for values in by_layer.values()):
        return UNNAMED
    values = [values.pop() for values in by_layer.values()]
    return ARCHETYPES.get((values[0], values[-1]), UNNAMED)


INTEGRATING = ("Scientific Convergence", "Knowledge Integration")
"""Archetypes of a pair that draws closer: in both layers, or in what its members learn from each other."""
