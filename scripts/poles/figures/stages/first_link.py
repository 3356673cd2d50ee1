"""Figures of the link between the first two poles: under every null model, and by plain indices."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.figures.indices import INDICES as INDICES_SHOWN
from poles.figures.indices import plot_indices
from poles.figures.nulls import plot_nulls
from poles.networks.tables import CITATION_AFFINITY, INDICES, index_intervals
from poles.nulls.tables import SCORES, Z_INTERVALS
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
        Files with the ``scores`` of each fit, the file with the plain ``indices``, and those
        with the ``intervals`` of z and of the indices, if there are any.
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
    z = tables.read_all(files["intervals"][:1], Z_INTERVALS)
    plain = tables.read_all(files["intervals"][1:], index_intervals())
    of_z = {null: bands.of_layers(z, null) for _, null in fits}
    of_indices = {name: {"collaboration": bands.of_index(plain, name)} for name in INDICES_SHOWN}
    of_indices["affinity"]["citation"] = bands.of_index(plain, CITATION_AFFINITY)
    indices = tables.read(files["indices"], INDICES)
    around = {"z": of_z[first], **of_indices} if len(plain) else {}
    figures = {
        "nulls": plot_nulls(by_layer, poles, years, of_z, z["draws"].max()),
        "indices": plot_indices(of_first, indices, poles, years, first, around, plain["draws"].max()),
    }
    basis = f"{style.year_range(*years)}, one pair: {style.country_list(poles)}"
    return {name: style.based_on(figure, basis) for name, figure in figures.items()}
