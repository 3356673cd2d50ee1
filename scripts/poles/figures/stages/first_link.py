"""Figures of the link between the first two poles: under every null model, and by plain indices."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from poles.figures.indices import plot_indices
from poles.figures.nulls import plot_nulls
from poles.networks.tables import INDICES
from poles.nulls.tables import SCORES
from poles.study import tables


def plot(
    files: Mapping[str, Any],
    fits: Sequence[tuple[str, str]],
    poles: tuple[str, str],
    years: tuple[int, int],
) -> dict[str, Figure]:
    """Plot the figures of the link between the first two poles.

    Parameters
    ----------
    files : Mapping
        Files with the ``scores`` of each fit, and the file with the plain ``indices``.
    fits : sequence of (str, str)
        Layer and null model of each of the scores. Plain indices are shown beside the first model.
    poles : tuple of str
        Country codes.
    years : tuple of int
        First and last year of the trajectories.

    Returns
    -------
    dict
        Figures by name.
    """
    by_layer: dict[str, dict[str, pl.DataFrame]] = {}
    for path, (layer, null) in zip(files["scores"], fits, strict=True):
        by_layer.setdefault(layer, {})[null] = tables.read(path, SCORES)
    first = fits[0][1]
    of_first = {layer: by_null[first] for layer, by_null in by_layer.items()}
    return {
        "nulls": plot_nulls(by_layer, poles, years),
        "indices": plot_indices(of_first, tables.read(files["indices"], INDICES), poles, years, first),
    }
