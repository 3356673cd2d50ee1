"""The tables that are exported: the results that each one holds, its columns, and what these mean."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from poles.archetypes.tables import CLUSTERS, PAIR_TRENDS, RECOVERY, SELECTION, STABILITY
from poles.blocs.tables import (
    COURSES,
    HUBS,
    POLARIZATION,
    POLARIZATION_TRENDS,
    POLES,
    TRENDS,
    alignment_table,
)
from poles.claims.tables import CLAIMS, ROBUSTNESS
from poles.corpus.tables import LOSSES
from poles.networks.tables import COUNTRIES, INDICES
from poles.nulls.tables import DIAGNOSTICS, SCORES
from poles.study import dictionary
from poles.study.tables import Table
from poles.trajectories.tables import trajectories_table

VARIANT = {
    "variant": pl.String,  # choices about the data; the table branches says which branches use the row
}
BRANCH = {
    **VARIANT,
    "null_model": pl.String,  # null model of the branch
}
FIT = {
    **VARIANT,
    "layer": pl.String,  # collaboration, whose pairs have no direction, or citation
    "null_model": pl.String,  # null model of the branch
}
BRANCHES = Table(
    ("variant", "null"),
    {
        "variant": pl.String,  # name of a set of choices about the data
        "null": pl.String,  # null model
        "links_of": pl.String,  # variant whose rows count in countries, links, diagnostics and indices
        # variant whose rows count in trends, courses, polarization, polarization_trends, candidates and hubs
        "panel_of": pl.String,
        "trajectories_of": pl.String,  # variant whose rows count in trajectories
        # variant whose rows count in archetypes, pair_trends, alignment, selection and recovery
        "clusters_of": pl.String,
        "choices": pl.String,  # all choices of the branch
    },
)
COUNTRY_NAMES = Table(
    ("country",),
    {
        "country": pl.String,  # ISO 3166-1 alpha-2; XK is Kosovo; OTH, the rest of the world, is not listed
        "name": pl.String,  # short English name
        "region": pl.String,  # continent, by UN M49
        "subregion": pl.String,  # part of the continent, by UN M49
    },
)
RENAMED = {"null": "null_model"}
"""Columns of results that are exported under another name, because ``null`` is a word of SQL."""
COUNTRY_COLUMNS = ("source", "target", "country", "pole")
"""Columns of two-letter codes. A column of three-letter codes follows each of them."""


def three_letters(name: str) -> dict[str, Any]:
    """Column of three-letter codes that follows a column of two-letter codes, and the type of both."""
    return {
        name: pl.String,
        f"{name}_alpha3": pl.String,  # the same country as ISO 3166-1 alpha-3; empty for OTH
    }


class Exported(NamedTuple):
    """A table that is exported.

    Attributes
    ----------
    title : str
        What a row is.
    results : tuple of (str, Table)
        Tables of results that are joined on the key of the first: where each is declared, and its kind.
    place : dict
        Columns in front, which the path of a result gives.
    large : bool
        Whether the file is compressed, as it has a row for every pair and year.
    needed : tuple of str
        Columns without which a row is left out.
    """

    title: str
    results: tuple[tuple[str, Table], ...]
    place: dict[str, Any]
    large: bool = False
    needed: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        """Kind of table that is exported, with all its columns."""
        columns = dict(self.place)
        for _, result in self.results:
            for name, kind in result.columns.items():
                columns |= (
                    three_letters(name)
                    if name in COUNTRY_COLUMNS
                    else {RENAMED.get(name, name): pl.String if isinstance(kind, pl.List) else kind}
                )
        key = (RENAMED.get(name, name) for name in self.results[0][1].key)
        return Table((*self.place, *key), columns)

    def describe(self, column: str) -> str:
        """What a column means, see `dictionary.describe`."""
        if column in self.place:
            return dictionary.describe("exports.FIT", column)
        if column.endswith("_alpha3"):
            return dictionary.describe("exports.three_letters", column)
        declared = next((name for name, new in RENAMED.items() if new == column), column)
        origin = next(name for name, result in self.results if declared in result.columns)
        return dictionary.describe(origin, declared)


def exported(channels: Sequence[str], poles: Sequence[str]) -> dict[str, Exported]:
    """List the tables that are exported, by name.

    Parameters
    ----------
    channels : sequence of str
        Channels of the trajectories.
    poles : sequence of str
        Poles of the study.
    """
    trajectories = ("trajectories.trajectories_table", trajectories_table(channels))
    clusters = ("archetypes.CLUSTERS", CLUSTERS), ("archetypes.STABILITY", STABILITY)
    alignment = ("blocs.alignment_table", alignment_table(poles))
    return {
        "branches": Exported("A branch of the study", (("exports.BRANCHES", BRANCHES),), {}),
        "country_names": Exported("A country or territory", (("exports.COUNTRY_NAMES", COUNTRY_NAMES),), {}),
        "countries": Exported("A country in a year", (("networks.COUNTRIES", COUNTRIES),), VARIANT),
        "links": Exported(
            "A pair of countries in a year, linked or not, in a layer and under a null model",
            (("nulls.SCORES", SCORES),), FIT, large=True,
        ),
        "indices": Exported(
            "A pair of countries in a year, with plain indices of the strength of its link",
            (("networks.INDICES", INDICES),), VARIANT, large=True,
        ),
        "trajectories": Exported("A pair of the panel in a year", (trajectories,), BRANCH, large=True),
        "archetypes": Exported("A pair of the panel: its archetype, and how sure it is", clusters, BRANCH),
        "pair_trends": Exported(
            "A pair of the panel in a channel, with its own trend",
            (("archetypes.PAIR_TRENDS", PAIR_TRENDS),), BRANCH,
        ),
        "alignment": Exported("A country against all poles", (alignment,), BRANCH),
        "trends": Exported(
            "A country against a pole in a channel: the trend of z", (("blocs.TRENDS", TRENDS),), BRANCH
        ),
        "courses": Exported(
            "A country against a pole in a channel: the trend of observed over expected weight",
            (("blocs.COURSES", COURSES),), BRANCH,
        ),
        "polarization": Exported(
            "A measure of polarization in a year", (("blocs.POLARIZATION", POLARIZATION),), BRANCH
        ),
        "polarization_trends": Exported(
            "A measure of polarization, with its trend",
            (("blocs.POLARIZATION_TRENDS", POLARIZATION_TRENDS),), BRANCH,
        ),
        "candidates": Exported(
            "A country taken as a pole, with the partners that it attracts and repels",
            (("blocs.POLES", POLES),), BRANCH,
        ),
        "hubs": Exported(
            "A region in a channel: trends between its large and small countries",
            (("blocs.HUBS", HUBS),), BRANCH,
        ),
        "selection": Exported(
            "A measure of a number of clusters, on the data or on a surrogate",
            (("archetypes.SELECTION", SELECTION),), BRANCH,
        ),
        "recovery": Exported(
            "A planted and a found archetype, with the number of pairs that have both",
            (("archetypes.RECOVERY", RECOVERY),), BRANCH,
        ),
        "diagnostics": Exported(
            "A year of a layer: how well the null model was fitted",
            (("nulls.DIAGNOSTICS", DIAGNOSTICS),), FIT,
        ),
        "losses": Exported(
            "A step of the selection in a year, with what is left after it",
            (("corpus.LOSSES", LOSSES),), {}, needed=("year",),
        ),
        "claims": Exported("A claim in a branch, with the verdict", (("claims.CLAIMS", CLAIMS),), {}),
        "robustness": Exported(
            "A claim and a choice, with how often the choice changes the verdict",
            (("claims.ROBUSTNESS", ROBUSTNESS),), {},
        ),
    }  # fmt: skip
