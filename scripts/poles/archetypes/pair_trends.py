"""The trend of every pair by itself, without clusters, beside the archetype of its cluster."""

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl

from poles.archetypes.names import archetype_of
from poles.archetypes.tables import SIGNAL
from poles.stats.trends import directions, estimate
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import noise_of

log = logging.getLogger(__name__)


def signal(panel: PairPanel) -> pl.DataFrame:
    """How far the trends of pairs stand out of their noise, and how many pairs have none.

    Both decide how a panel should be read: clusters of courses that are mostly noise are drawn at random.

    Parameters
    ----------
    panel : PairPanel

    Returns
    -------
    pl.DataFrame
        `SIGNAL`. ``signal`` is the change that the slope of Theil and Sen makes over all years,
        whatever its sign, in units of the noise of this channel (`trajectories.noise_of`); white noise
        without any trend gives 0.5 over 22 years. A series without noise is left out of it.
    """
    schema = dict(SIGNAL.columns)
    if panel.is_empty:
        rows = [(name, 0, None, None, None, 0, 0) for name in panel.channels]
        return pl.DataFrame(rows, schema, orient="row")
    z = panel.z
    moves, rows = [], []
    for place, name in enumerate(panel.channels):
        found = estimate(z[:, :, place])
        moves.append(directions(found))
        change, noise = np.abs(found.slope) * (z.shape[1] - 1), noise_of(z[:, :, [place]])
        ratio = change[noise > 0] / noise[noise > 0]
        quartiles = np.quantile(ratio, [0.5, 0.25, 0.75]) if len(ratio) else [None] * 3
        rows.append((name, len(z), *quartiles, int((moves[-1] == 0).sum())))
    still = int((np.stack(moves) == 0).all(axis=0).sum())
    table = pl.DataFrame([(*row, still) for row in rows], schema, orient="row")
    for row in table.drop_nulls("signal").iter_rows(named=True):
        log.info(
            "%(channel)s: change over noise %(signal).1f (quartiles %(signal_low).1f to %(signal_high).1f); "
            "%(trendless)d of %(pairs)d pairs without a trend, %(trendless_in_all)d in all channels", row,
        )  # fmt: skip
    return table


def classify(panel: PairPanel) -> pl.DataFrame:
    """Trend of every pair in every channel, and the archetype that follows from the pair's own directions.

    Parameters
    ----------
    panel : PairPanel

    Returns
    -------
    pl.DataFrame
        `PAIR_TRENDS`.
    """
    pairs, found = panel.pairs, [estimate(panel.z[:, :, n]) for n in range(len(panel.channels))]
    moves = np.stack([directions(trends) for trends in found], axis=1)
    names = pl.Series("archetype", [archetype_of(row, panel.channels) for row in moves], dtype=pl.String)
    return pl.concat(
        pairs.with_columns(
            pl.lit(name).alias("channel"),
            *(pl.Series(part, 10 * getattr(trends, part)).alias(part) for part in ("slope", "low", "high")),
            pl.Series("p", trends.p),
            pl.Series("correlation", trends.correlation),
            pl.Series("direction", moves[:, place]),
            names,
        )
        for place, (name, trends) in enumerate(zip(panel.channels, found, strict=True))
    )


def compare(members: pl.DataFrame, classified: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Confusion of the archetypes of the clusters with the directions of the pairs' own trends.

    Parameters
    ----------
    members : pl.DataFrame
        source, target, archetype of the cluster.
    classified : pl.DataFrame
        See `classify`.
    channels : sequence of str
        In the order in which directions are written.

    Returns
    -------
    pl.DataFrame
        `AGREEMENT`.
    """
    signs = {1: "+", -1: "-", 0: "0"}
    wide = classified.with_columns(pl.col("direction").replace_strict(signs, return_dtype=pl.String)).pivot(
        "channel", index=["source", "target", "archetype"], values="direction"
    )
    both = members.select("source", "target", pl.col("archetype").alias("clustered")).join(
        wide.rename({"archetype": "by_trends"}), on=["source", "target"], how="inner"
    )
    table = (
        both.with_columns(pl.concat_str(channels).alias("directions"))
        .group_by("clustered", "directions", "by_trends")
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("clustered", "directions")
    )
    same = table.filter(pl.col("clustered") == pl.col("by_trends"))["pairs"].sum()
    log.info(
        "%d of %d pairs have the archetype of their cluster by their own trends; %d have no trend at all",
        same, len(both), table.filter(pl.col("directions") == "0" * len(channels))["pairs"].sum(),
    )  # fmt: skip
    return table
