"""Countries against the poles: who integrates with which pole, who bridges, who does neither."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy import stats

from poles.jobs import log

INTEGRATING = ("Scientific Convergence", "Knowledge Integration")
"""Archetypes of a pair that draws closer: in both layers, or in what its members learn from each other."""
BOTH, NEITHER, UNKNOWN = "both", "neither", "not in panel"


def group_of(archetypes: Sequence[str | None], poles: Sequence[str]) -> str:
    """Group of a country by its archetype with each pole.

    Parameters
    ----------
    archetypes : sequence of str or None
        Archetype with each pole; None where that pair is not in the panel.
    poles : sequence of str
        Country codes of the poles, in the same order.

    Returns
    -------
    str
        ``only US``, ``both`` (a bridge: all poles), ``neither``, ``not in panel`` (some pair is missing); of
        three poles or more also ``US+CN``.
    """
    if any(archetype is None for archetype in archetypes):
        return UNKNOWN
    drawn = [pole for pole, archetype in zip(poles, archetypes, strict=True) if archetype in INTEGRATING]
    if not drawn:
        return NEITHER
    if len(drawn) == len(poles):
        return BOTH if len(poles) > 1 else f"only {drawn[0]}"
    return f"only {drawn[0]}" if len(drawn) == 1 else "+".join(drawn)


def trend(years: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Trend of a series per decade with its 95 % interval (Theil-Sen; Sen 1968).

    Parameters
    ----------
    years, values : ndarray, shape (n,)

    Returns
    -------
    slope, low, high : float
        Change per ten years: the median of all pairwise slopes, and its interval.
    """
    slope, _, low, high = stats.theilslopes(values, years)
    return 10 * slope, 10 * low, 10 * high


def with_pole(frame: pl.DataFrame, pole: str) -> pl.DataFrame:
    """Rows of pairs that one pole is in, with the other one as column ``country``."""
    return frame.filter((pl.col("source") == pole) | (pl.col("target") == pole)).with_columns(
        pl.when(pl.col("source") == pole).then("target").otherwise("source").alias("country")
    )


def align(
    trajectories: pl.DataFrame,
    members: pl.DataFrame,
    poles: Sequence[str],
    channels: Sequence[str],
    recent: tuple[int, int],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Place every country of the panel against the poles.

    Parameters
    ----------
    trajectories : pl.DataFrame
        Panel with z_<channel>.
    members : pl.DataFrame
        source, target, archetype.
    poles : sequence of str
        Country codes.
    channels : sequence of str
        Names of the channels.
    recent : (int, int)
        Years over which the present level of z is averaged.

    Returns
    -------
    alignment : pl.DataFrame
        country, group, archetype_<pole> ...; the poles themselves are there too, with the group ``pole``.
    trends : pl.DataFrame
        country, pole, channel, slope (change of z per decade), slope_low, slope_high (95 %), mean_z.
    """
    countries = sorted(set(members["source"]) | set(members["target"]))
    alignment = pl.DataFrame({"country": pl.Series(countries, dtype=pl.String)})
    rows = []
    for pole in poles:
        held = with_pole(members, pole).select("country", pl.col("archetype").alias(f"archetype_{pole}"))
        alignment = alignment.join(held, on="country", how="left")
        for (country,), course in with_pole(trajectories, pole).group_by("country", maintain_order=True):
            years = course["year"].to_numpy()
            now = (years >= recent[0]) & (years <= recent[1])
            for name in channels:
                z = course[f"z_{name}"].to_numpy()
                slope, low, high = trend(years, z)
                rows.append(
                    (country, pole, name, slope, low, high, float(z[now].mean()) if now.any() else None)
                )
    columns = [f"archetype_{pole}" for pole in poles]
    groups = [
        "pole" if row[0] in poles else group_of(row[1:], poles)
        for row in alignment.select("country", *columns).iter_rows()
    ]
    alignment = alignment.select("country", pl.Series("group", groups, dtype=pl.String), *columns)
    for group, count in alignment.group_by("group").len().sort("group").iter_rows():
        log.info("%s: %d countries", group, count)
    schema = dict.fromkeys(("slope", "slope_low", "slope_high", "mean_z"), pl.Float64)
    schema = {"country": pl.String, "pole": pl.String, "channel": pl.String} | schema
    trends = pl.DataFrame(rows, schema=schema, orient="row")
    return alignment.sort("country"), trends.sort("country", "pole", "channel")
