"""The panel of pairs of countries: which pairs, and their values in every year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.study import tables
from poles.trajectories.tables import trajectories_table

KINDS = ("z", "z_growth", "x")
"""Prefixes of the columns of a table of trajectories that hold `PairPanel.z`, `growth` and `prepared`."""


@dataclass(frozen=True, eq=False)
class PairPanel:
    """Trajectories of pairs of countries, each with a value in every year and channel.

    `read` and `from_table` build and check a panel. Pairs are sorted by their codes, and no year is left out.
    In the arrays of values, each channel is contiguous in memory; the rounding of sums depends on that.

    Attributes
    ----------
    countries : tuple of str
        Codes of the countries that are in some pair, sorted.
    ends : ndarray of int, shape (pairs, 2)
        Places of the two countries of each pair in `countries`, the lower one first.
    years : ndarray of int, shape (years,)
    channels : tuple of str
        Names of the channels, see `poles.layers.channels_of`.
    z : ndarray, shape (pairs, years, channels)
        z-scores.
    growth : ndarray, shape (pairs, years, channels)
        What growth alone makes of z: the z-scores if no affinity had changed (`poles.nulls.gravity`).
    prepared : ndarray, shape (pairs, years, channels)
        Trajectories as they are clustered (`poles.trajectories.preprocessing.prepare`).
    interpolated : ndarray of bool, shape (pairs, years)
        Whether z is interpolated in some channel.
    """

    countries: tuple[str, ...]
    ends: np.ndarray
    years: np.ndarray
    channels: tuple[str, ...]
    z: np.ndarray
    growth: np.ndarray
    prepared: np.ndarray
    interpolated: np.ndarray

    @classmethod
    def read(cls, path: str | Path, channels: Sequence[str]) -> PairPanel:
        """Read a panel from a file.

        Parameters
        ----------
        path : str or Path
            A file that `tables.write` wrote, of the kind `trajectories_table`.
        channels : sequence of str
            Names of the channels.

        Returns
        -------
        PairPanel

        Raises
        ------
        StudyError
            See `from_table` and `tables.read`.
        """
        table = tables.read(path, trajectories_table(channels))
        try:
            return cls.from_table(table, channels)
        except StudyError as error:
            raise StudyError(f"{path}: {error}") from None

    @classmethod
    def from_table(cls, table: pl.DataFrame, channels: Sequence[str]) -> PairPanel:
        """Build a panel from a table.

        Parameters
        ----------
        table : pl.DataFrame
            Columns as in `trajectories_table`; it may have no rows.
        channels : sequence of str
            Names of the channels.

        Returns
        -------
        PairPanel

        Raises
        ------
        StudyError
            If a column is missing, the countries of a pair are not in alphabetical order, a pair lacks a
            year or occurs twice in a year, all pairs lack a year, or a value is missing or infinite.
        """
        table = tables.conform(table, trajectories_table(channels))
        reversed_pairs = table.filter(pl.col("source") >= pl.col("target"))
        if len(reversed_pairs):
            source, target = reversed_pairs.select("source", "target").row(0)
            raise StudyError(f"pair {source}-{target}: the country whose code comes first must be the source")
        pairs = table.select("source", "target").unique(maintain_order=True)
        years = table["year"].unique().sort().to_numpy().astype(np.int64)
        if len(years) and len(years) <= years[-1] - years[0]:
            missing = min({*range(years[0], years[-1])} - {*years.tolist()})
            raise StudyError(f"year {missing}: no pair has a value")
        if len(table) != len(pairs) * len(years):
            counts = table.group_by("source", "target", maintain_order=True).len()
            *pair, count = counts.filter(pl.col("len") < len(years)).row(0)
            raise StudyError(f"pair {'-'.join(pair)}: values in {count} of {len(years)} years")
        shape = len(pairs), len(years)
        values = {kind: values_of(table, [f"{kind}_{name}" for name in channels], shape) for kind in KINDS}
        for kind, array in values.items():
            for pair, year, place in np.argwhere(~np.isfinite(array))[:1]:
                raise StudyError(
                    f"pair {'-'.join(pairs.row(pair))}, {years[year]}: {kind}_{channels[place]} is not finite"
                )
        codes = pairs.to_numpy().astype(str)
        countries = np.unique(codes)
        return cls(
            countries=tuple(countries.tolist()),
            ends=np.searchsorted(countries, codes),
            years=years,
            channels=tuple(channels),
            z=values["z"],
            growth=values["z_growth"],
            prepared=values["x"],
            interpolated=table["interpolated"].to_numpy().reshape(shape),
        )

    def to_table(self) -> pl.DataFrame:
        """Build the table of the panel, as `trajectories_table`."""
        table = self.keys.with_columns(interpolated=pl.Series(self.interpolated.ravel(), dtype=pl.Boolean))
        for kind, array in zip(KINDS, (self.z, self.growth, self.prepared), strict=True):
            for place, name in enumerate(self.channels):
                table = table.with_columns(pl.Series(f"{kind}_{name}", array[:, :, place].ravel()))
        return tables.conform(table, trajectories_table(self.channels))

    @property
    def is_empty(self) -> bool:
        """Whether the panel has no pair."""
        return not len(self.ends)

    @property
    def pairs(self) -> pl.DataFrame:
        """Codes of the two countries of each pair: source, target."""
        codes = pl.Series(self.countries, dtype=pl.String)
        return pl.DataFrame(
            {"source": codes.gather(self.ends[:, 0]), "target": codes.gather(self.ends[:, 1])}
        )

    @property
    def keys(self) -> pl.DataFrame:
        """The key of the table of the panel: source, target, year of every pair in every year."""
        years = pl.DataFrame({"year": pl.Series(self.years, dtype=pl.Int16)})
        return self.pairs.join(years, how="cross", maintain_order="left_right")

    def with_pole(self, pole: str) -> tuple[list[str], np.ndarray]:
        """Find the pairs of one country.

        Parameters
        ----------
        pole : str
            Code of the country, which may have no pair.

        Returns
        -------
        partners : list of str
            Code of the other country in each of these pairs.
        places : ndarray of int
            Places of these pairs in the panel, in order.
        """
        if pole not in self.countries:
            return [], np.zeros(0, dtype=np.int64)
        number = self.countries.index(pole)
        places = np.flatnonzero((self.ends == number).any(axis=1))
        return [self.countries[other] for other in self.ends[places].sum(axis=1) - number], places

    def undirected(self) -> PairPanel:
        """Average the two directions of citation, if both are channels.

        The alphabet decides which direction of a pair is ``citation_out``. So a comparison of pairs of
        different countries must not depend on directions.

        Returns
        -------
        PairPanel
            Its last channel is ``citation``: the mean of both directions in `z`, `growth` and `prepared`. The
            panel itself if citation has at most one channel.
        """
        directions = ("citation_out", "citation_in")
        if not set(directions) <= set(self.channels):
            return self
        first, second = (self.channels.index(name) for name in directions)
        others = [place for place, name in enumerate(self.channels) if name not in directions]

        def merged(values: np.ndarray) -> np.ndarray:
            mean = (values[:, :, first] + values[:, :, second]) / 2
            return np.moveaxis(np.stack([*(values[:, :, place] for place in others), mean]), 0, -1)

        return replace(
            self,
            channels=(*(self.channels[place] for place in others), "citation"),
            z=merged(self.z),
            growth=merged(self.growth),
            prepared=merged(self.prepared),
        )


def values_of(table: pl.DataFrame, columns: Sequence[str], shape: tuple[int, int]) -> np.ndarray:
    """Arrange columns of a table that is sorted by pair and year.

    Parameters
    ----------
    table : pl.DataFrame
    columns : sequence of str
        One per channel.
    shape : (int, int)
        Numbers of pairs and of years.

    Returns
    -------
    ndarray, shape (pairs, years, channels)
        NaN for null. Each channel is contiguous in memory.
    """
    return table.select(columns).to_numpy().reshape(*shape, len(columns)).astype(np.float64)
