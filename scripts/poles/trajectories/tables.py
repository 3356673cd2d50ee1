"""Schemas of the tables of trajectories."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

EXCLUDED = Table(("source", "target"), {**PAIR, "reason": pl.String})


def trajectories_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds trajectories in the given channels: z-scores, as unchanged, preprocessed."""
    values = {f"{kind}_{name}": pl.Float64 for kind in ("z", "z_growth", "x") for name in channels}
    return Table(("source", "target", "year"), {**PAIR, "year": YEAR, **values, "interpolated": pl.Boolean})
