"""Construction of the panel of pairs of countries from scores: which pairs are followed, and how z moves."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from poles.layers import channels_of
from poles.nulls import gravity
from poles.nulls.scores import pair_means
from poles.study import windows
from poles.trajectories.pair_panel import PairPanel, values_of
from poles.trajectories.preprocessing import prepare
from poles.trajectories.tables import trajectories_table

log = logging.getLogger(__name__)

KEY = ["source", "target", "year"]
FEW = 10
"""With fewer pairs than this in a panel, the log says which lesser limits would keep more."""
SUGGESTIONS = 3
"""Number of lesser limits that the log names at most."""


def channel_scores(scores: Mapping[str, pl.DataFrame], channel: str) -> pl.DataFrame:
    """Select the z-scores of one channel.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    channel : str
        See `poles.layers.channels_of`.

    Returns
    -------
    pl.DataFrame
        source < target, year, z.
    """
    if channel in ("collaboration", "citation"):
        return pair_means(scores[channel]).select(*KEY, "z")
    frame = scores["citation"].select(*KEY, "z")
    if channel == "citation_in":
        frame = frame.select(source="target", target="source", year="year", z="z")
    return frame.filter(pl.col("source") < pl.col("target")).sort(KEY)


def active_countries(scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Compute the mean yearly activity of each country in each layer.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        Years of the mean, both included.

    Returns
    -------
    pl.DataFrame
        country and one column per layer: the weight of all its links to others, in a directed layer of both
        directions together. A year in which a country is absent counts as 0.
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


def read_links(paths: Iterable[str | Path]) -> pl.DataFrame:
    """Read the links between different countries, with the column names of scores.

    Parameters
    ----------
    paths : iterable of path
        Tables of links, one for each year and named by it, such as ``2021.parquet``.

    Returns
    -------
    pl.DataFrame
        source, target, observed (weight), year.
    """
    frames = [pl.read_parquet(path).with_columns(year=int(Path(path).stem)) for path in paths]
    return pl.concat(frames).rename({"weight": "observed"}).filter(pl.col("source") != pl.col("target"))


def core_countries(
    links: Mapping[str, pl.DataFrame],
    first: int,
    last: int,
    min_strength: float | None,
    min_expected: float,
) -> list[str]:
    """List the countries that may be in the panel of `build_panel`, sorted, before any null model is fitted.

    Parameters
    ----------
    links : Mapping
        year, source, target and observed (weight) by layer.
    first, last, min_strength, min_expected
        See `build_panel`.

    Returns
    -------
    list of str
        Countries with ``min_strength``. If it is None, countries of which the product of strengths over the
        weight of all links gives ``min_expected`` at least with the strongest country of every layer.
    """
    activity = active_countries(links, first, last)
    if min_strength is None:
        enough = [
            pl.col(layer) * pl.col(layer).max() >= min_expected * pl.col(layer).sum() for layer in links
        ]
    else:
        enough = [pl.col(layer) >= min_strength for layer in links]
    return activity.filter(pl.all_horizontal(enough))["country"].to_list()


def expected_weights(scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Compute the mean yearly weight that the null model expects of each pair.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        Years of the mean, both included.

    Returns
    -------
    pl.DataFrame
        source < target, size: the least mean of all layers, and of both directions of a directed layer. A
        year without the pair counts as 0, and so does a layer without it.
    """
    ends = [pl.min_horizontal("source", "target").alias("source"), pl.max_horizontal("source", "target")]
    means = [
        frame.filter(pl.col("year").is_between(first, last))
        .group_by("source", "target", maintain_order=True)
        .agg(pl.col("expected").sum() / (last - first + 1))
        .group_by(ends[0], ends[1].alias("target"), maintain_order=True)
        .agg(pl.col("expected").min().alias("size"))
        for frame in scores.values()
    ]
    return (
        pl.concat(means)
        .group_by("source", "target")
        .agg(pl.when(pl.len() == len(means)).then(pl.col("size").min()).otherwise(0.0))
        .sort("source", "target")
    )


class Rule(NamedTuple):
    """Which pairs are large enough to be followed.

    Attributes
    ----------
    key : str
        Key of ``trajectories.panel`` that holds the limit: ``min_strength`` (of both countries) or
        ``min_expected`` (of the pair).
    least : float
        The limit.
    """

    key: str
    least: float

    @classmethod
    def of(cls, min_strength: float | None, min_expected: float) -> Rule:
        """Rule of a panel: ``min_expected`` counts if ``min_strength`` is None."""
        if min_strength is None:
            return cls("min_expected", min_expected)
        return cls("min_strength", min_strength)

    def __str__(self) -> str:
        if self.key == "min_expected":
            return f"pairs with a mean yearly expected weight of at least {self.least:g} in every layer"
        return f"pairs of countries with a mean yearly strength of at least {self.least:g} in every layer"

    @property
    def reason(self) -> str:
        """Why a pair is left out."""
        if self.key == "min_expected":
            return f"a mean yearly expected weight below {self.least:g}"
        return f"a country with a mean yearly strength below {self.least:g}"

    def size_pairs(self, scores: Mapping[str, pl.DataFrame], first: int, last: int) -> pl.DataFrame:
        """Size of each pair, which is compared with the limit: source < target, size."""
        expected = expected_weights(scores, first, last)
        if self.key == "min_expected":
            return expected
        activity = active_countries(scores, first, last)
        strength = dict(activity.select("country", pl.min_horizontal(pl.exclude("country"))).iter_rows())
        ends = (pl.col(end).replace_strict(strength, default=0.0) for end in ("source", "target"))
        return expected.select("source", "target", pl.min_horizontal(*ends).alias("size"))


def build_panel(
    scores: Mapping[str, pl.DataFrame],
    first: int,
    last: int,
    citation: str,
    preprocessing: str,
    min_strength: float | None,
    min_share: float,
    growth: str = "kept",
    min_expected: float = 0.0,
    min_years: int = windows.MIN_YEARS,
) -> tuple[PairPanel, pl.DataFrame]:
    """Build the panel of the pairs that are active and observed enough, and list the others.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    first, last : int
        First and last year of a trajectory.
    citation : str
        See `poles.layers.channels_of`.
    preprocessing : str
        See `preprocessing.preprocess`.
    min_strength : float or None
        Lowest mean yearly weight of a country's links to others, in every layer. None leaves the choice to
        `min_expected`.
    min_share : float
        Lowest share of the years in which a pair has a z-score, in every channel.
    growth : {"kept", "removed"}
        Whether the panel keeps what growth alone makes of z, or has it removed (`remove_growth`).
    min_expected : float
        Lowest mean yearly weight that the null model expects of a pair, in every layer and direction. It
        counts if `min_strength` is None.
    min_years : int
        Fewest years of a trajectory. If there are fewer, the panel has no pair.

    Returns
    -------
    panel : PairPanel
    excluded : pl.DataFrame
        `EXCLUDED`: every other pair that has a z-score in some year, and the reason.

    Notes
    -----
    Gaps between two years are interpolated. The first and the last year must be observed: to extrapolate
    would invent the ends of a trajectory, which decide its trend.
    """
    channels = channels_of(list(scores), citation)
    if reason := windows.too_short(first, last, min_years):
        return _without_pairs(scores, channels, first, last, reason)
    values = _values_by_year(scores, channels, first, last)
    rule = Rule.of(min_strength, min_expected)
    pairs = _judge_pairs(values, channels, first, last, min_share).join(
        rule.size_pairs(scores, first, last), on=["source", "target"], how="left", maintain_order="left"
    )
    observed = pairs.filter(pl.col("reason").is_null())
    pairs = pairs.with_columns(
        pl.when(pl.col("size") >= rule.least).then("reason").otherwise(pl.lit(rule.reason)).alias("reason")
    )
    followed = pairs.filter(pl.col("reason").is_null()).select("source", "target")
    table = _fill_gaps(followed, values, channels, first, last)
    log.info(
        "%d of %d pairs kept, of %d countries: %s; %d values interpolated",
        len(followed), len(pairs), _countries_of(followed), rule, table["interpolated"].sum(),
    )  # fmt: skip
    if len(followed) < FEW:
        log.warning("%s", _advise(observed, rule, min_share, first, last))
    if growth == "removed":
        table = remove_growth(table, channels)
    z = values_of(table, [f"z_{name}" for name in channels], (len(followed), last - first + 1))
    x = prepare(z, channels, preprocessing)
    columns = [pl.Series(f"x_{name}", x[:, :, place].ravel()) for place, name in enumerate(channels)]
    excluded = pairs.filter(pl.col("reason").is_not_null()).select("source", "target", "reason")
    return PairPanel.from_table(table.with_columns(columns), channels), excluded


def _without_pairs(
    scores: Mapping[str, pl.DataFrame], channels: Sequence[str], first: int, last: int, reason: str
) -> tuple[PairPanel, pl.DataFrame]:
    """The panel without any pair, and all pairs with the reason."""
    log.warning("%s: no pair is followed; scores of every year are complete", reason)
    in_period = pl.col("z").is_finite() & pl.col("year").is_between(first, last)
    scored = pl.concat(
        channel_scores(scores, name).filter(in_period).select("source", "target") for name in channels
    )
    excluded = scored.unique().sort("source", "target").with_columns(pl.lit(reason).alias("reason"))
    nothing = pl.DataFrame(schema=dict(trajectories_table(channels).columns))
    return PairPanel.from_table(nothing, channels), excluded


def _values_by_year(
    scores: Mapping[str, pl.DataFrame], channels: Sequence[str], first: int, last: int
) -> pl.DataFrame:
    """All finite values of pairs: the key, and z_<channel>, z_growth_<channel> of every channel."""
    growth = {layer: gravity.constant_affinity(frame, first, last) for layer, frame in scores.items()}
    parts = [
        channel_scores(by_layer, name)
        .filter(pl.col("z").is_finite() & pl.col("year").is_between(first, last))
        .rename({"z": f"{kind}_{name}"})
        for name in channels
        for kind, by_layer in (("z", scores), ("z_growth", growth))
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part, on=KEY, how="full", coalesce=True)
    return joined


def _judge_pairs(
    values: pl.DataFrame, channels: Sequence[str], first: int, last: int, min_share: float
) -> pl.DataFrame:
    """Every pair, sorted, and the reason why its z-scores do not suffice; null where they do."""
    z, years = [f"z_{name}" for name in channels], last - first + 1
    ends = [pl.col(c).filter(pl.col("year") == year).is_not_null().any() for c in z for year in (first, last)]
    coverage = values.group_by("source", "target").agg(
        pl.min_horizontal(pl.col(c).is_not_null().sum() for c in z).alias("observed"),
        pl.all_horizontal(ends).alias("ends"),
    )
    reason = (
        pl.when(pl.col("observed") < min_share * years)
        .then(pl.format("observed in {} of {} years", "observed", pl.lit(years)))
        .when(~pl.col("ends"))
        .then(pl.lit(f"no z-score in {first} or {last}"))
    )
    return coverage.select("source", "target", reason.alias("reason")).sort("source", "target")


def _advise(observed: pl.DataFrame, rule: Rule, min_share: float, first: int, last: int) -> str:
    """Say what a panel of few pairs lacks, and which lesser limits would keep more."""
    steps = [digit * 10.0**power for power in range(6, -3, -1) for digit in (5, 2, 1)]
    texts = []
    most = -1
    for least in (rule.least, *(step for step in steps if step < rule.least)):
        kept = observed.filter(pl.col("size") >= least)
        if len(kept) > most:
            most = len(kept)
            texts.append(
                f"{least:g} keeps {_count(most, 'pair')} of {_count(_countries_of(kept), 'country')}"
            )
    text = f"the panel has few pairs: {rule.key} {texts[0]}"
    if len(texts) == 1:
        return (
            f"{text}; a lesser one keeps no more, as {_count(len(observed), 'pair')} have z-scores in "
            f"{min_share:.0%} of the years, {first} and {last} among them (min_share)"
        )
    return "; ".join([text, *texts[1 : SUGGESTIONS + 1]])


def _countries_of(pairs: pl.DataFrame) -> int:
    """Number of countries in some pairs."""
    return pl.concat([pairs["source"], pairs["target"]]).n_unique()


def _count(number: int, noun: str) -> str:
    """Number of countries or pairs as text."""
    plural = {"country": "countries", "pair": "pairs"}
    return f"{number} {noun if number == 1 else plural[noun]}"


def _fill_gaps(
    pairs: pl.DataFrame, values: pl.DataFrame, channels: Sequence[str], first: int, last: int
) -> pl.DataFrame:
    """Values of some pairs in all years, gaps interpolated within a pair, sorted by key."""
    years = pl.DataFrame({"year": pl.arange(first, last + 1, dtype=pl.Int16, eager=True)})
    z = [f"z_{name}" for name in channels]
    return (
        pairs.join(years, how="cross")
        .join(values, on=KEY, how="left")
        .sort(KEY)
        .with_columns(pl.any_horizontal(pl.col(c).is_null() for c in z).alias("interpolated"))
        .with_columns(
            pl.col(c).interpolate().over("source", "target", mapping_strategy="group_to_rows")
            for c in (*z, *(f"z_growth_{name}" for name in channels))
        )
    )


def remove_growth(table: pl.DataFrame, channels: Sequence[str]) -> pl.DataFrame:
    """Remove from z what growth alone makes of it; the mean of z over the years stays as it is.

    Parameters
    ----------
    table : pl.DataFrame
        With z_<channel> and z_growth_<channel>.
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    pl.DataFrame
        z_<channel> is z - z_growth + the mean of z_growth over the years of the pair, z_growth_<channel> that
        mean.
    """
    for name in channels:
        z, growth = pl.col(f"z_{name}"), pl.col(f"z_growth_{name}")
        mean = growth.mean().over("source", "target", mapping_strategy="group_to_rows")
        table = table.with_columns(mean.alias("mean"))
        table = table.with_columns(z - growth + pl.col("mean"), pl.col("mean").alias(f"z_growth_{name}"))
    return table.drop("mean")
