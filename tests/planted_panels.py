"""Small tables of trajectories and of scores, in which the truth is known."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from poles.nulls.tables import SCORES
from poles.study import tables

YEARS = range(2000, 2022)
T = np.arange(len(YEARS))


def codes(count: int) -> list[str]:
    """The first codes of countries: AA, AB, ..."""
    return [f"{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(count)]


def panel(
    countries: Sequence[str],
    course: Callable[[str, str], np.ndarray],
    channels: Sequence[str] = ("collaboration",),
) -> pl.DataFrame:
    """Make the trajectories of all pairs of some countries, in a world in which no country grows.

    Parameters
    ----------
    countries : sequence of str
    course : callable
        Returns the z-scores of a pair, shape (years,) or (years, channels). Its arguments are the two codes
        in alphabetical order.
    channels : sequence of str

    Returns
    -------
    pl.DataFrame
        `trajectories_table`.
    """
    rows = []
    for pair in combinations(sorted(countries), 2):
        values = np.broadcast_to(
            np.asarray(course(*pair), dtype=float).reshape(len(T), -1), (len(T), len(channels))
        )
        rows += [(*pair, year, *map(float, row)) for year, row in zip(YEARS, values, strict=True)]
    schema = {"source": pl.String, "target": pl.String, "year": pl.Int16}
    schema |= {f"z_{name}": pl.Float64 for name in channels}
    return completed(pl.DataFrame(rows, schema=schema, orient="row"), channels)


def completed(frame: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Complete a table of trajectories that has its key and z: no growth, no preprocessing, no gaps."""
    return frame.with_columns(
        *(pl.lit(0.0).alias(f"z_growth_{name}") for name in channels),
        *(pl.col(f"z_{name}").alias(f"x_{name}") for name in channels),
        interpolated=False,
    )


def scored(
    trajectories: pl.DataFrame,
    strength: Callable[[str], float] = lambda code: 1.0,
    channel: str = "collaboration",
) -> pl.DataFrame:
    """Make scores with the z of one channel; weights and deviations are products of strengths."""
    ends = {name: trajectories[name].to_list() for name in ("source", "target")}
    weight = [strength(a) * strength(b) for a, b in zip(*ends.values(), strict=True)]
    frame = trajectories.select("source", "target", "year", z=f"z_{channel}").with_columns(
        observed=pl.Series(weight), expected=pl.Series(weight), std=pl.Series(weight), p=0.5, q=0.5
    )
    return tables.conform(frame, SCORES)


def both_ways(scores: pl.DataFrame, second: pl.DataFrame | None = None) -> pl.DataFrame:
    """Make a directed layer from the scores of one direction and of the other, by default the same."""
    back = (scores if second is None else second).rename({"source": "target", "target": "source"})
    return tables.conform(pl.concat([scores, back.select(scores.columns)]), SCORES)
