"""Figures of the study as a whole: growth of the world and its networks, and the claims in all branches."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from poles.claims.tables import CLAIMS
from poles.figures.specification import plot_specification
from poles.figures.world import count_works, plot_world
from poles.networks.tables import COUNTRIES
from poles.study import tables


def plot(
    files: Mapping[str, Any], claims: Sequence[str], branches: Sequence[tuple[str, str]]
) -> dict[str, Figure]:
    """Plot the figures of the study.

    Parameters
    ----------
    files : Mapping
        Files with one table each: ``claims`` and ``countries``; and the ``works`` of every year, if there are
        any.
    claims : sequence of str
        Identifiers of the claims, in their order.
    branches : sequence of (str, str)
        Variant and null model of every branch.

    Returns
    -------
    dict
        Figures by name.
    """
    judged = tables.read(files["claims"], CLAIMS)
    countries = tables.read(files["countries"], COUNTRIES)
    return {
        "world": plot_world(count_works(files["works"]), countries),
        "specification": plot_specification(judged, claims, branches),
    }
