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
    occupied: list[tuple[float, ...]] = [
        (x - 2 * scale, y - 2 * scale, x + 2 * scale, y + 2 * scale) for x, y in marks
    ]
    occupied += [tuple(text.get_window_extent().extents) for text in axes.texts]
    frame = tuple(axes.get_window_extent().extents)
    for label, point in points.items():
        x, y = axes.transData.transform(point)
        width, height = 0.58 * SIZE * scale * len(label), 1.15 * SIZE * scale
        best: tuple[float, tuple[float, ...], float] = (np.inf, (), 0.0)
        for distance, angle in product(DISTANCES, ANGLES):
            # The distance is that of the nearest point of the label's box, not of its centre.
            cx = x + np.cos(angle) * (distance * scale + width / 2)
            cy = y + np.sin(angle) * (distance * scale + height / 2)
            box = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            cost = _overlap(box, occupied) + 10 * _outside(box, frame)
            if cost < best[0] - 1e-6:
                best = (cost, box, distance)
        _, place, distance = best
        occupied.append(place)
        offset = ((place[0] + place[2]) / 2 - x, (place[1] + place[3]) / 2 - y)
        axes.annotate(
            label, point, xytext=(offset[0] / scale, offset[1] / scale), textcoords="offset points",
            ha="center", va="center", fontsize=SIZE,
            arrowprops={"arrowstyle": "-", "color": style.GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 2}
            if distance > DISTANCES[0] else None,
        ).set_in_layout(False)  # fmt: skip


def _overlap(box: tuple[float, ...], others: list[tuple[float, ...]]) -> float:
    """Area that a box shares with other boxes, each (left, bottom, right, top)."""
    other = np.array(others).reshape(-1, 4)
    width = np.minimum(box[2], other[:, 2]) - np.maximum(box[0], other[:, 0])
    height = np.minimum(box[3], other[:, 3]) - np.maximum(box[1], other[:, 1])
    return float((width.clip(0) * height.clip(0)).sum())


def _outside(box: tuple[float, ...], frame: tuple[float, ...]) -> float:
    """Area of a box that lies outside a frame."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, [frame])
