"""Schemas of the tables of trajectories."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

EXCLUDED = Table(("source", "target"), {**PAIR, "reason": pl.String})


def trajectories_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds the panel of pairs (`PairPanel`) in the given channels."""
    values = {
        f"{kind}_{name}": pl.Float64
        for kind in (
            "z",
            "z_growth",  # what growth alone makes of z
            "x",  # z as it is clustered
        )
        for name in channels
    }
    return Table(("source", "target", "year"), {**PAIR, "year": YEAR, **values, "interpolated": pl.Boolean})
