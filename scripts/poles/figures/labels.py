"""Labels beside points, placed with as little overlap as possible."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from matplotlib.axes import Axes

from poles.figures import style

SIZE = 7.5
"""Font size in points."""
DISTANCES = (5.0, 10.0, 16.0, 23.0, 31.0, 40.0)
"""Distances in points between a mark and its label, the nearest first."""
ANGLES = np.deg2rad([0, 180, 25, 155, -25, -155, 50, 130, -50, -130, 75, 105, -75, -105, 90, -90])
"""Directions tried at each distance."""


def place_labels(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write labels beside points, one after another, each where it overlaps least.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes with their final scales and size. Labels avoid the marks of scatter plots in them.
    points : Mapping
        {label: (x, y)} in data units, the most important first.

    Notes
    -----
    The algorithm is greedy. A label takes the candidate position with the least overlap with marks, with the
    outside of the axes and with earlier labels; among equal positions the nearest. A label further away gets
    a thin line to its mark.
    """
    scale = axes.figure.dpi / 72
    marks = np.concatenate([c.get_offset_transform().transform(c.get_offsets()) for c in axes.collections])
    occupied = [
        np.hstack([marks - 2 * scale, marks + 2 * scale]),
        np.array([text.get_window_extent().extents for text in axes.texts]).reshape(-1, 4),
    ]
    frame = np.array(axes.get_window_extent().extents).reshape(1, 4)
    distances, angles = np.array(list(product(DISTANCES, ANGLES))).T
    for label, point in points.items():
        place = axes.transData.transform(point)
        size = np.array([0.58 * SIZE * scale * len(label), 1.15 * SIZE * scale])
        # The distance is that of the nearest point of the label's box, not of its centre.
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        centres = place + directions * (distances[:, None] * scale + size / 2)
        boxes = np.hstack([centres - size / 2, centres + size / 2])
        outside = size.prod() - _overlap(boxes, frame)
        cost = _overlap(boxes, np.concatenate(occupied)) + 10 * outside
        best = int(np.argmax(cost < cost.min() + 1e-6))  # the nearest of equal positions comes first
        occupied.append(boxes[[best]])
        axes.annotate(
            label, point, xytext=(centres[best] - place) / scale, textcoords="offset points",
            ha="center", va="center", fontsize=SIZE,
            arrowprops={"arrowstyle": "-", "color": style.GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 2}
            if distances[best] > DISTANCES[0] else None,
        ).set_in_layout(False)  # fmt: skip


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Area that each box shares with other boxes, each row (left, bottom, right, top)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (high - low).clip(0).prod(axis=2).sum(axis=1)
