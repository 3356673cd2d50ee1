"""Construction of the panel of pairs of countries from scores.

Preprocessing decides what a cluster of trajectories can mean, more than the distance does: raw z-scores
cluster by level, not by course. Four readings are offered, and `preprocess` says what each is blind to.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from poles.layers import channels_of
from poles.nulls import gravity
from poles.nulls.scores import pair_means
from poles.trajectories.pair_panel import PairPanel
from poles.trajectories.preprocessing import prepare

log = logging.getLogger(__name__)


def channel(scores: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """Values of one channel: source < target, year, z."""
    if name in ("collaboration", "citation"):
        return pair_means(scores[name]).select("source", "target", "year", "z")
    frame = scores["citation"].select("source", "target", "year", "z")
    if name == "citation_in":
        frame = frame.select(source="target", target="source", year="year", z="z")
    return frame.filter(pl.col("source") < pl.col("target")).sort("source", "target", "year")


def active_countries(scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Mean yearly activity of each country in each layer: country, one column per layer.

    The activity of a country is the weight of all its links to others, in a directed layer of both
    directions together; a year in which it is absent counts as zero.
    """
    frames = []
    for layer, frame in scores.items():
        window = frame.filter(pl.col("year").is_between(first, last) & (pl.col("observed") > 0))
        ends = pl.concat([window.select(country=end, weight="observed") for end in ("source", "target")])
        frames.append(
            ends.group_by("country")
            .agg((pl.col("weight").sort().sum() / (last - first + 1)).alias(layer))
            .sort("country")
        )
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.join(frame, on="country", how="full", coalesce=True)
    return joined.fill_null(0.0).sort("country")


def build_panel(
    scores: Mapping[str, pl.DataFrame],
    first: int,
    last: int,
    citation: str,
    min_strength: float,
    min_share: float,
    growth: str = "kept",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Trajectories of the pairs that are active and observed enough; interior gaps are interpolated.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        Years of a trajectory, both included.
    citation : str
        See `poles.layers.channels_of`.
    min_strength : float
        Least mean yearly weight of a country's links to others, in every layer.
    min_share : float
        Least share of the years in which a pair has a z-score, in every channel.
    growth : str
        ``kept``: z as it is. ``removed``: without what unchanged affinities would make of it (`detrend`).

    Returns
    -------
    panel : pl.DataFrame
        source, target, year, z_<channel> ..., z_growth_<channel> ... (what z would be had no affinity
        changed, see `gravity`), interpolated (whether any channel was filled in that year).
    excluded : pl.DataFrame
        source, target, reason, of every other pair that has a z-score in some year.

    Notes
    -----
    The first and the last year must be observed: a flat extrapolation would invent the ends, which decide
    a trend.
    """
    channels = channels_of(list(scores), citation)
    years = pl.DataFrame({"year": pl.arange(first, last + 1, dtype=pl.Int16, eager=True)})
    activity = active_countries(scores, first, last)
    enough = activity.filter(pl.all_horizontal(pl.col(layer) >= min_strength for layer in scores))["country"]
    still = {layer: gravity.constant_affinity(frame, first, last) for layer, frame in scores.items()}
    wide = None
    for name in channels:
        for kind, of_kind in (("z", scores), ("z_growth", still)):
            values = channel(of_kind, name).filter(
                pl.col("z").is_finite() & pl.col("year").is_between(first, last)
            )
            values = values.rename({"z": f"{kind}_{name}"})
            wide = values if wide is None else wide.join(
                values, on=["source", "target", "year"], how="full", coalesce=True
            )  # fmt: skip
    z = [f"z_{name}" for name in channels]
    ends = [pl.col(c).filter(pl.col("year") == year).is_not_null().any() for c in z for year in (first, last)]
    coverage = wide.group_by("source", "target").agg(
        pl.min_horizontal(pl.col(c).is_not_null().sum() for c in z).alias("observed"),
        pl.all_horizontal(ends).alias("ends"),
    )
    needed = min_share * len(years)
    coverage = coverage.with_columns(
        pl.when(~(pl.col("source").is_in(enough.implode()) & pl.col("target").is_in(enough.implode())))
        .then(pl.lit(f"a country with a mean yearly strength below {min_strength:g}"))
        .when(pl.col("observed") < needed)
        .then(pl.format("observed in {} of {} years", "observed", pl.lit(len(years))))
        .when(~pl.col("ends"))
        .then(pl.lit(f"no z-score in {first} or {last}"))
        .alias("reason")
    ).sort("source", "target")
    excluded = coverage.filter(pl.col("reason").is_not_null()).select("source", "target", "reason")
    kept = coverage.filter(pl.col("reason").is_null()).select("source", "target")
    panel = (
        kept.join(years, how="cross")
        .join(wide, on=["source", "target", "year"], how="left")
        .sort("source", "target", "year")
        .with_columns(pl.any_horizontal(pl.col(c).is_null() for c in z).alias("interpolated"))
        .with_columns(
            pl.col(c).interpolate().over("source", "target", mapping_strategy="group_to_rows")
            for c in (*z, *(f"z_growth_{name}" for name in channels))
        )
    )
    if growth == "removed":
        panel = detrend(panel, channels)
    log.info(
        "%d of %d pairs kept, of %d countries with a yearly strength of at least %g; %d values interpolated",
        len(kept), len(coverage), len(enough), min_strength, panel["interpolated"].sum(),
    )  # fmt: skip
    return panel, excluded


def detrend(panel: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Take out of z what moves it although no affinity changes; its level stays.

    Parameters
    ----------
    panel : pl.DataFrame
        With z_<channel> and z_growth_<channel>.
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    pl.DataFrame
        z less unchanged, plus the mean of unchanged over the years of the pair; that mean as unchanged.
    """
    for name in channels:
        z, still = pl.col(f"z_{name}"), pl.col(f"z_growth_{name}")
        mean = still.mean().over("source", "target", mapping_strategy="group_to_rows")
        panel = panel.with_columns(mean.alias("mean"))
        panel = panel.with_columns(z - still + pl.col("mean"), pl.col("mean").alias(f"z_growth_{name}"))
    return panel.drop("mean")


def cube(panel: pl.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Values of a panel sorted by its key, shape (pairs, years, channels)."""
    pairs = panel.select("source", "target").n_unique()
    years = len(panel) // max(pairs, 1)
    return panel.select(columns).to_numpy().reshape(pairs, years, len(columns)).astype(np.float64)


def build(
    scores: Mapping[str, pl.DataFrame],
    first: int,
    last: int,
    citation: str,
    preprocessing: str,
    min_strength: float,
    min_share: float,
    growth: str = "kept",
) -> tuple[PairPanel, pl.DataFrame]:
    """Build the panel of pairs with its preprocessed values, and list the pairs left out.

    Parameters
    ----------
    scores, first, last, citation, min_strength, min_share, growth
        See `build_panel`.
    preprocessing : str
        See `preprocessing.preprocess`.

    Returns
    -------
    panel : PairPanel
    excluded : pl.DataFrame
        See `build_panel`.
    """
    table, excluded = build_panel(scores, first, last, citation, min_strength, min_share, growth)
    channels = channels_of(list(scores), citation)
    x = prepare(cube(table, [f"z_{name}" for name in channels]), channels, preprocessing)
    columns = [pl.Series(f"x_{name}", x[:, :, place].ravel()) for place, name in enumerate(channels)]
    return PairPanel.from_table(table.with_columns(columns), channels), excluded


def number_countries(pairs: pl.DataFrame) -> np.ndarray:
    """Numbers of the two countries of each pair, in the order of their codes; shape (pairs, 2)."""
    codes = np.unique(pairs.select("source", "target").to_numpy().astype(str))
    return np.searchsorted(codes, pairs.select("source", "target").to_numpy().astype(str))
