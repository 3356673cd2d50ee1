"""Labels beside points, placed so that they overlap as little as may be."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from matplotlib.axes import Axes

from poles.figures import style

SIZE = 7.5
"""Font size in points."""
DISTANCES = (5.0, 10.0, 16.0, 23.0, 31.0, 40.0)
"""Points between a mark and its label, nearest first."""
ANGLES = np.deg2rad([0, 180, 25, 155, -25, -155, 50, 130, -50, -130, 75, 105, -75, -105, 90, -90])
"""Directions tried at each distance."""


def place(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write labels into a panel, one after another, each where it covers least.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Panel with its final scales and size; its scatter marks are avoided.
    points : Mapping
        {label: (x, y)} in data units, most important first.

    Notes
    -----
    Greedy: a label takes the candidate with the least overlap with marks, the panel's edge and the labels
    before it; of equal ones the nearest. Labels away from their mark get a thin line to it.
    """
    scale = axes.figure.dpi / 72
    marks = np.concatenate([c.get_offset_transform().transform(c.get_offsets()) for c in axes.collections])
    taken = [(x - 2 * scale, y - 2 * scale, x + 2 * scale, y + 2 * scale) for x, y in marks]
    taken += [tuple(text.get_window_extent().extents) for text in axes.texts]
    frame = axes.get_window_extent().extents
    for label, point in points.items():
        x, y = axes.transData.transform(point)
        width, height = 0.58 * SIZE * scale * len(label), 1.15 * SIZE * scale
        best = None
        for distance, angle in product(DISTANCES, ANGLES):
            # The nearest point of the label's box, not its centre, lies at that distance.
            cx = x + np.cos(angle) * (distance * scale + width / 2)
            cy = y + np.sin(angle) * (distance * scale + height / 2)
            box = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            cost = _overlap(box, taken) + 10 * _outside(box, frame)
            if best is None or cost < best[0] - 1e-6:
                best = (cost, box, distance)
        _, box, distance = best
        taken.append(box)
        offset = ((box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y)
        axes.annotate(
            label, point, xytext=(offset[0] / scale, offset[1] / scale), textcoords="offset points",
            ha="center", va="center", fontsize=SIZE,
            arrowprops={"arrowstyle": "-", "color": style.GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 2}
            if distance > DISTANCES[0] else None,
        ).set_in_layout(False)  # fmt: skip


def _overlap(box: tuple[float, ...], others: list[tuple[float, ...]]) -> float:
    """Area that a box shares with others; boxes are (left, bottom, right, top)."""
    other = np.array(others).reshape(-1, 4)
    width = np.minimum(box[2], other[:, 2]) - np.maximum(box[0], other[:, 0])
    height = np.minimum(box[3], other[:, 3]) - np.maximum(box[1], other[:, 1])
    return float((width.clip(0) * height.clip(0)).sum())


def _outside(box: tuple[float, ...], frame: np.ndarray) -> float:
    """Area of a box that lies outside a frame."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, [tuple(frame)])
