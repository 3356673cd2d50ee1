"""Figures of the links of a branch: above expectation, on the map, of chosen pairs and countries; fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from poles.figures import bands, style
from poles.figures.diagnostics import plot_diagnostics
from poles.figures.map_links import plot_map_links
from poles.figures.partners import plot_partners
from poles.figures.strong_links import plot_strong_links
from poles.figures.trajectories import largest_pairs, plot_trajectories
from poles.networks.country_table import country_sizes
from poles.networks.tables import COUNTRIES
from poles.nulls.tables import DIAGNOSTICS, MOMENTS, RECENT_INTERVALS, SCORES, Z_INTERVALS
from poles.study import tables


def plot(
    files: Mapping[str, Any],
    null: str,
    layers: Sequence[str],
    chosen: Mapping[str, Any],
    poles: Sequence[str],
    periods: Mapping[str, tuple[int, int]],
    threshold: float,
) -> dict[str, Figure]:
    """Plot the figures of the links.

    Parameters
    ----------
    files : Mapping
        Files with one table for each layer: ``scores``, ``moments``, ``diagnostics``; those of the
        ``intervals`` of z and of the mean z of the recent years, if there are any; and the one of
        ``countries``.
    null : str
        The null model of the branch.
    layers : sequence of str
    chosen : Mapping
        ``pairs`` whose z is plotted by year, or None for the largest of each pole in the first layer; and the
        number of ``countries`` whose z with the poles is plotted, the largest.
    poles : sequence of str
        Country codes.
    periods : Mapping
        First and last year of the trajectories (``years``), and of the recent years (``recent``).
    threshold : float
        Mean z of the recent years above which a link is above expectation.

    Returns
    -------
    dict
        Figures by name.
    """
    scores = tables.read_each(layers, files["scores"], SCORES)
    moments = tables.read_each(layers, files["moments"], MOMENTS)
    diagnostics = tables.read_each(layers, files["diagnostics"], DIAGNOSTICS)
    pairs = chosen["pairs"]
    if pairs is None:
        pairs = largest_pairs(scores[layers[0]], poles, periods["years"])
    z = tables.read_all(files["intervals"][:1], Z_INTERVALS)
    of_means = tables.read_all(files["intervals"][1:], RECENT_INTERVALS).filter(pl.col("null") == null)
    around = bands.of_layers(z, null), z["draws"].max()
    sizes = country_sizes(tables.read(files["countries"], COUNTRIES))
    largest = int(chosen["countries"])
    figures = {
        "strong_links": plot_strong_links(scores, poles, periods["recent"], threshold, of_means),
        "map_links": plot_map_links(scores, poles, periods["recent"], threshold, of_means),
        "trajectories": plot_trajectories(scores, pairs, periods["years"], *around),
        "partners": plot_partners(scores, poles, sizes, periods["years"], largest, *around),
        "diagnostics": plot_diagnostics(moments, diagnostics),
    }
    basis = "; ".join(f"{layer}: {style.size_of(frame)}" for layer, frame in scores.items())
    return {name: style.based_on(figure, basis) for name, figure in figures.items()}
