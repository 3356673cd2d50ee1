"""Names of archetypes, the rule that gives them, and which of them mean integration or divergence."""

from collections.abc import Sequence

import numpy as np

ARCHETYPES = {
    (1, 1): "Scientific Convergence",
    (-1, -1): "Scientific Divergence",
    (-1, 1): "Knowledge Integration",
    (0, -1): "Knowledge Divergence",
    (0, 0): "Stable",
}
"""Archetype by the directions of (collaboration, citation): 1 rises, -1 falls, 0 does neither."""
UNNAMED = "Unnamed"
"""Name where no archetype fits."""
INTEGRATING = tuple(name for (_, citation), name in ARCHETYPES.items() if citation == 1)
"""Archetypes in which citation rises: the two countries draw closer."""
DIVERGING = tuple(name for (_, citation), name in ARCHETYPES.items() if citation == -1)
"""Archetypes in which citation falls: the two countries grow apart."""
UNCLEAR = 2
"""Direction of a channel of which it is not known whether it moves."""
WORDS = {1: "rises", -1: "falls", 0: "still", UNCLEAR: "unclear"}
"""Word for each direction in a table."""


def archetype_of(directions: np.ndarray, channels: Sequence[str]) -> str:
    """Name the archetype that follows from the directions of all channels.

    Two channels of citation must agree and no channel may be `UNCLEAR`, else the archetype is `UNNAMED`.
    A study of one layer knows convergence, divergence and stability in that layer, but neither of the two
    knowledge archetypes.

    Parameters
    ----------
    directions : ndarray of int, shape (channels,)
        1, -1, 0 or `UNCLEAR`.
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    str
        One of `ARCHETYPES`, or `UNNAMED`.
    """
    by_layer: dict[str, set[int]] = {}
    for name, direction in zip(channels, directions, strict=True):
        by_layer.setdefault(name.split("_")[0], set()).add(int(direction))
    if any(len(distinct) > 1 for distinct in by_layer.values()):
        return UNNAMED
    agreed = [distinct.pop() for distinct in by_layer.values()]
    return ARCHETYPES.get((agreed[0], agreed[-1]), UNNAMED)
