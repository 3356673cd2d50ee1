"""Whether a verdict would be another with other works of the same kind.

A bootstrap over works (`poles.nulls.uncertainty`) gives intervals of z. A claim that rests on them is judged
again as if all were at their lower ends, and at their upper ends. This changes no verdict; it says how far a
verdict hangs on which works there happen to be.

- A claim on links above expectation (ties, continents, neighbours) is judged with the mean z of every link of
  the recent years at one end of its interval. All links at the same end at once are further out than chance
  would have them, so a verdict that is equal at both ends is safe, and one that is not may be.
- A claim on the trend of the link of two poles is judged with the whole 95 % interval of its slope moved by
  what resampling changes in the slope: the null model is fitted to every draw of every year. Where growth is
  removed, the weights under constant affinities are taken to change as the expected ones do.

Other kinds of claim rest on clusters, or have intervals over countries.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from poles.blocs.courses import KEY, log_ratios
from poles.claims.verdicts import Branch, Claim, Verdict, of_layer
from poles.nulls.tables import POLE_DRAWS, RECENT_INTERVALS
from poles.stats.bootstrap import quantiles
from poles.stats.trends import theil_sen
from poles.study import tables

TREND = "trend"
"""Kind of the claims on the trend of a pair."""
PER_DECADE = 10


class Uncertain(NamedTuple):
    """Intervals of one null model.

    Attributes
    ----------
    recent, poles : pl.DataFrame
        `RECENT_INTERVALS` and `POLE_DRAWS`.
    """

    recent: pl.DataFrame
    poles: pl.DataFrame


def read(files: Sequence[str], null: str) -> Uncertain:
    """Read the intervals of a null model.

    Parameters
    ----------
    files : sequence of str
        Files of both tables; none if the study does not draw its works anew.
    null : str
    """
    recent, poles = (
        tables.read_all(files[place : place + 1], kind).filter(pl.col("null") == null)
        for place, kind in enumerate((RECENT_INTERVALS, POLE_DRAWS))
    )
    return Uncertain(recent, poles)


def at_ends(claim: Claim, stage: str, branch: Branch, uncertain: Uncertain) -> list[Branch]:
    """Results of a branch with what a claim rests on at the lower and at the upper ends of the intervals.

    Parameters
    ----------
    claim : Claim
    stage : str
        Stage on which the claim rests.
    branch : Branch
        Results as they are.
    uncertain : Uncertain

    Returns
    -------
    list of Branch
        Two, or none if the claim does not rest on z of links, or these have no intervals.
    """
    if stage == "links":
        key = ["layer", "source", "target"]
        joined = branch.recent.join(uncertain.recent, on=key, how="left", maintain_order="left")
        if joined["z_low"].is_null().all():
            return []
        return [
            branch._replace(
                recent=joined.with_columns(pl.coalesce(end, "z").alias("z")).select(branch.recent.columns)
            )
            for end in ("z_low", "z_high")
        ]
    if claim["kind"] != TREND:
        return []
    moves = changes_of_slope(uncertain.poles, claim["pair"], claim["layer"], branch.period)
    of_pair = pl.col("pole").is_in(claim["pair"]) & pl.col("country").is_in(claim["pair"])
    moved = of_pair & of_layer(claim["layer"])
    return [
        branch._replace(
            courses=branch.courses.with_columns(
                pl.when(moved).then(pl.col(name) + move).otherwise(name).alias(name)
                for name in ("slope", "low", "high")
            )
        )
        for move in moves
    ]


def changes_of_slope(
    draws: pl.DataFrame, pair: Sequence[str], layer: str, period: tuple[int, int]
) -> list[float]:
    """Changes of the slope of a pair's course by resampling, at both ends of the 95 % interval.

    Parameters
    ----------
    draws : pl.DataFrame
        `POLE_DRAWS` of one null model.
    pair : (str, str)
        Country codes.
    layer : str
        ``collaboration`` or ``citation``, of which both directions are averaged.
    period : (int, int)
        First and last year.

    Returns
    -------
    list of float
        Two, in units of `poles.blocs.tables.COURSES`; none if the pair has no draws.
    """
    rows = draws.filter(
        pl.col("layer") == layer,
        pl.col("source").is_in(list(pair)),
        pl.col("target").is_in(list(pair)),
        pl.col("year").is_between(*period),
        pl.col("expected").is_not_null(),
    )
    if rows.is_empty():
        return []
    # Every draw is a link of its own, with its own ratio of all years.
    named = rows.with_columns(pl.concat_str("source", "target", separator="-").alias("target"))
    links = named.with_columns(pl.col("draw").cast(pl.String).alias("source"))
    ratios = log_ratios(links.select(*KEY, "observed", "expected"), "observed", "expected")
    means = ratios.group_by(pl.col("source").cast(pl.Int32).alias("draw"), "year").agg(pl.col("z").mean())
    years = np.arange(period[0], period[1] + 1)
    slopes = np.array([
        theil_sen(np.interp(years, of_draw["year"].to_numpy(), of_draw["z"].to_numpy()))
        for _, of_draw in means.sort("draw", "year").group_by("draw", maintain_order=True)
    ])  # fmt: skip
    low, high, _ = quantiles(slopes[1:, None] - slopes[0])
    return [] if np.isnan(low[0]) else [PER_DECADE * float(low[0]), PER_DECADE * float(high[0])]


def columns_of(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Columns of the table of claims for the verdicts at both ends; nulls if there are none."""
    statistics: Sequence[float | None] = [verdict.statistic for verdict in verdicts] or [None, None]
    names: Sequence[str | None] = [verdict.verdict for verdict in verdicts] or [None, None]
    return {
        "low": statistics[0],
        "high": statistics[1],
        "verdict_low": names[0],
        "verdict_high": names[1],
    }


def describe(row: Mapping[str, Any], kind: str) -> str:
    """Cell of the page for the verdicts at both ends; empty if there are none.

    Parameters
    ----------
    row : Mapping
        Row of the table of claims.
    kind : str
        Kind of the claim.
    """
    if row["verdict_low"] is None:
        return ""
    ends = [row["low"], row["high"]]
    if any(value is None for value in ends):
        span = ""
    elif kind == TREND:
        span = "factor {:.2f} to {:.2f}; ".format(*np.exp(ends))
    else:
        span = "{:.3g} to {:.3g}; ".format(*ends)
    found = {"lower": row["verdict_low"], "upper": row["verdict_high"]}
    others = [f"{verdict} at the {end} end" for end, verdict in found.items() if verdict != row["verdict"]]
    return span + (", ".join(others) or "same verdict")


def differs(row: Mapping[str, Any]) -> bool:
    """Whether the verdict at an end of the intervals is another one."""
    return row["verdict_low"] is not None and {row["verdict_low"], row["verdict_high"]} != {row["verdict"]}
