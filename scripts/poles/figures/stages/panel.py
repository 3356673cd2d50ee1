"""Figures of the panel: countries near the poles, every country as a pole, polarization, hubs in regions."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from poles.blocs.tables import HUBS, POLARIZATION, POLARIZATION_TRENDS, POLES
from poles.figures import style
from poles.figures.hubs import plot_hubs
from poles.figures.polarization import plot_polarization
from poles.figures.poles import plot_poles
from poles.figures.sides import plot_sides
from poles.networks.country_table import country_sizes
from poles.networks.tables import COUNTRIES
from poles.study import tables
from poles.trajectories.tables import trajectories_table


def plot(
    files: Mapping[str, str],
    channels: Sequence[str],
    poles: Sequence[str],
    periods: Mapping[str, tuple[int, int]],
) -> dict[str, Figure]:
    """Plot the figures of the panel.

    Parameters
    ----------
    files : Mapping
        Files with one table each: ``trajectories``, ``countries``, ``candidates``, ``polarization``,
        ``polarization_trends``, ``hubs``.
    channels : sequence of str
        Channels of the trajectories.
    poles : sequence of str
        Country codes.
    periods : Mapping
        First and last year of the years that are compared: the first ones, ``before``, and the ``recent``.

    Returns
    -------
    dict
        Figures by name.
    """
    by_year = tables.read(files["polarization"], POLARIZATION)
    trends = tables.read(files["polarization_trends"], POLARIZATION_TRENDS)
    trajectories = tables.read(files["trajectories"], trajectories_table(channels))
    sizes = country_sizes(tables.read(files["countries"], COUNTRIES))
    compared = periods["before"], periods["recent"]
    figures = {
        "sides": plot_sides(trajectories, channels, poles, sizes, *compared),
        "poles": plot_poles(tables.read(files["candidates"], POLES), poles),
        "polarization": plot_polarization(by_year, trends),
        "hubs": plot_hubs(tables.read(files["hubs"], HUBS)),
    }
    return {name: style.based_on(figure, style.panel_of(trajectories)) for name, figure in figures.items()}
