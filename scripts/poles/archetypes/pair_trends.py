"""Trends of single pairs, beside the archetypes of their clusters: a second reading without a clustering."""

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl

from poles.archetypes.names import archetype_of
from poles.archetypes.tables import AGREEMENT, PAIR_TRENDS, SIGNAL
from poles.stats.trends import directions, estimate
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import noise_of_series

log = logging.getLogger(__name__)

SIGNS = {1: "+", -1: "-", 0: "0"}
"""Sign for each direction in `AGREEMENT`."""


def measure_signal(panel: PairPanel) -> pl.DataFrame:
    """Measure how far the trends of pairs stand out of their noise, and count the pairs without a trend.

    Both decide how a panel should be read: where trajectories are mostly noise, so are their clusters.

    Parameters
    ----------
    panel : PairPanel

    Returns
    -------
    pl.DataFrame
        `SIGNAL`. The signal of a pair is the absolute Theil-Sen slope times the number of yearly steps,
        divided by the noise of the series (`preprocessing.noise_of_series`). White noise without a trend
        gives `trends.change_of_white_noise`, 0.5 over 22 years. Series without noise are left out.
    """
    schema = dict(SIGNAL.columns)
    if panel.is_empty:
        rows = [(name, 0, None, None, None, 0, 0) for name in panel.channels]
        return pl.DataFrame(rows, schema, orient="row")
    noise = noise_of_series(panel.z)
    signs, rows = [], []
    for place, name in enumerate(panel.channels):
        trends = estimate(panel.z[:, :, place])
        signs.append(directions(trends))
        change, has_noise = np.abs(trends.slope) * (len(panel.years) - 1), noise[:, place] > 0
        ratio = change[has_noise] / noise[has_noise, place]
        quartiles = np.quantile(ratio, [0.5, 0.25, 0.75]) if len(ratio) else [None] * 3
        rows.append((name, len(signs[-1]), *quartiles, int((signs[-1] == 0).sum())))
    trendless_in_all = int((np.stack(signs) == 0).all(axis=0).sum())
    table = pl.DataFrame([(*row, trendless_in_all) for row in rows], schema, orient="row")
    for row in table.drop_nulls("signal").iter_rows(named=True):
        log.info(
            "%(channel)s: change over noise %(signal).1f (quartiles %(signal_low).1f to %(signal_high).1f); "
            "%(trendless)d of %(pairs)d pairs without a trend, %(trendless_in_all)d in all channels", row,
        )  # fmt: skip
    return table


def classify(panel: PairPanel) -> pl.DataFrame:
    """Estimate the trend of every pair in every channel, and name the archetype that the directions give.

    Parameters
    ----------
    panel : PairPanel

    Returns
    -------
    pl.DataFrame
        `PAIR_TRENDS`.
    """
    if panel.is_empty:
        return pl.DataFrame(schema=dict(PAIR_TRENDS.columns))
    pairs = panel.pairs
    by_channel = [estimate(panel.z[:, :, place]) for place in range(len(panel.channels))]
    signs = np.stack([directions(trends) for trends in by_channel], axis=1)
    names = [archetype_of(of_pair, panel.channels) for of_pair in signs]
    return pl.concat(
        pairs.with_columns(
            pl.lit(name).alias("channel"),
            *(pl.Series(part, 10 * getattr(trends, part)) for part in ("slope", "low", "high")),
            pl.Series("p", trends.p),
            pl.Series("correlation", trends.correlation),
            pl.Series("direction", signs[:, place]),
            pl.Series("archetype", names, dtype=pl.String),
        )
        for place, (name, trends) in enumerate(zip(panel.channels, by_channel, strict=True))
    )


def compare(members: pl.DataFrame, classified: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Compare the archetypes of the clusters with the directions of the pairs' own trends.

    Parameters
    ----------
    members : pl.DataFrame
        `CLUSTERS`.
    classified : pl.DataFrame
        `PAIR_TRENDS`, see `classify`.
    channels : sequence of str
        In the order in which directions are written.

    Returns
    -------
    pl.DataFrame
        `AGREEMENT`; empty where there are no clusters.
    """
    if members.is_empty():
        return pl.DataFrame(schema=dict(AGREEMENT.columns))
    sign = pl.col("direction").replace_strict(SIGNS, return_dtype=pl.String)
    by_pair = classified.with_columns(sign).pivot(
        "channel", index=["source", "target", "archetype"], values="direction"
    )
    both = members.select("source", "target", pl.col("archetype").alias("clustered")).join(
        by_pair.rename({"archetype": "by_trends"}), on=["source", "target"], how="inner"
    )
    table = (
        both.with_columns(pl.concat_str(channels).alias("directions"))
        .group_by("clustered", "directions", "by_trends")
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("clustered", "directions")
    )
    agreeing = table.filter(pl.col("clustered") == pl.col("by_trends"))["pairs"].sum()
    trendless = table.filter(pl.col("directions") == "0" * len(channels))["pairs"].sum()
    log.info(
        "%d of %d pairs have the archetype of their cluster by their own trends; %d have no trend at all",
        agreeing, len(both), trendless,
    )  # fmt: skip
    return table
