"""Figures of the panel of pairs: every country as a pole, polarization by year, and hubs within regions."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from poles.blocs.tables import HUBS, POLARIZATION, POLARIZATION_TRENDS, POLES
from poles.figures.hubs import plot_hubs
from poles.figures.polarization import plot_polarization
from poles.figures.poles import plot_poles
from poles.study import tables


def plot(files: Mapping[str, str], poles: Sequence[str]) -> dict[str, Figure]:
    """Plot the figures of the panel.

    Parameters
    ----------
    files : Mapping
        Files with one table each: ``candidates``, ``polarization``, ``polarization_trends``, ``hubs``.
    poles : sequence of str
        Country codes.

    Returns
    -------
    dict
        Figures by name.
    """
    by_year = tables.read(files["polarization"], POLARIZATION)
    trends = tables.read(files["polarization_trends"], POLARIZATION_TRENDS)
    return {
        "poles": plot_poles(tables.read(files["candidates"], POLES), poles),
        "polarization": plot_polarization(by_year, trends),
        "hubs": plot_hubs(tables.read(files["hubs"], HUBS)),
    }
