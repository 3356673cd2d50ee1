"""Figures of the clusters: archetypes, their number, countries against the poles, and planted archetypes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from poles.archetypes.tables import CLUSTERS, RECOVERY, SELECTION, STABILITY
from poles.blocs.tables import TRENDS, alignment_table
from poles.figures import style
from poles.figures.alignment import plot_alignment
from poles.figures.archetypes import plot_archetypes
from poles.figures.map_alignment import plot_map_alignment
from poles.figures.matrix import plot_matrix
from poles.figures.recovery import plot_recovery
from poles.figures.selection import plot_selection
from poles.networks.country_table import country_sizes
from poles.networks.tables import COUNTRIES
from poles.study import tables
from poles.trajectories.tables import trajectories_table


def plot(
    files: Mapping[str, str], channels: Sequence[str], clustering: Mapping[str, Any], poles: Sequence[str]
) -> dict[str, Figure]:
    """Plot the figures of the clusters.

    Parameters
    ----------
    files : Mapping
        Files with one table each: ``trajectories``, ``clusters``, ``selection``, ``stability``,
        ``alignment``, ``trends``, ``countries``, and ``recovery``, which is empty where no archetypes were
        planted.
    channels : sequence of str
        Channels of the trajectories.
    clustering : Mapping
        ``k``, the number of clusters of the branch, and ``core``, the share of resampled clusterings in which
        a core pair keeps its archetype.
    poles : sequence of str
        Country codes.

    Returns
    -------
    dict
        Figures by name.
    """
    trajectories = tables.read(files["trajectories"], trajectories_table(channels))
    clusters = tables.read(files["clusters"], CLUSTERS)
    alignment = tables.read(files["alignment"], alignment_table(poles))
    trends = tables.read(files["trends"], TRENDS)
    sizes = country_sizes(tables.read(files["countries"], COUNTRIES))
    stability = tables.read(files["stability"], STABILITY)
    k, core = int(clustering["k"]), float(clustering["core"])
    figures = {
        "archetypes": plot_archetypes(trajectories, clusters),
        "selection": plot_selection(tables.read(files["selection"], SELECTION), k),
        "alignment": plot_alignment(alignment, trends, poles, sizes),
        "map_alignment": plot_map_alignment(alignment, poles, stability),
        "matrix": plot_matrix(clusters, stability, sizes, poles, core),
    }
    if files["recovery"]:
        figures["recovery"] = plot_recovery(tables.read(files["recovery"], RECOVERY))
    return {name: style.based_on(figure, style.panel_of(trajectories)) for name, figure in figures.items()}
