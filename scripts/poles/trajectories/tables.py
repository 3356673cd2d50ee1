"""Schemas of the tables of trajectories."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

EXCLUDED = Table(("source", "target"), {**PAIR, "reason": pl.String})


def trajectories_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds the panel of pairs (`PairPanel`) in the given channels."""
    columns = {
        **PAIR,
        "year": YEAR,  # year of publication
        **{f"z_{name}": pl.Float64 for name in channels},  # z of the pair in the channel
        **{f"z_growth_{name}": pl.Float64 for name in channels},  # what growth alone makes of that z
        **{f"x_{name}": pl.Float64 for name in channels},  # z as it is clustered, after preprocessing
        "interpolated": pl.Boolean,  # whether a channel has no z in that year, so that neighbours give it
    }
    return Table(("source", "target", "year"), columns)
