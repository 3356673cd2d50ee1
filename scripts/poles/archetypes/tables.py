"""Schemas of the tables of clusters and of how sure they are."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

CLUSTERS = Table(
    ("source", "target"),
    {
        **PAIR,
        "cluster": pl.Int16,  # from 1
        "archetype": pl.String,
        "distance": pl.Float64,  # to the own centroid, under dynamic time warping
        "silhouette": pl.Float64,  # simplified: from distances to centroids
    },
)
NAMES = Table(
    ("cluster", "channel"),
    {
        "cluster": pl.Int16,
        "archetype": pl.String,
        "channel": pl.String,
        "pairs": pl.Int64,
        "change": pl.Float64,  # mean of the members in noise units, last years less first
        "low": pl.Float64,  # its 95 % interval
        "high": pl.Float64,
        "direction": pl.String,  # rises, falls, still, unclear
    },
)
SELECTION = Table(
    ("data", "over", "measure", "k"),
    {
        "data": pl.String,  # "observed" or the name of a surrogate
        "over": pl.String,  # what is varied: "pairs", "countries" (resampled), "seeds", "radius 1"; or "fit"
        # Against the fit: adjusted_rand, lowest_jaccard. Of the fit: inertia, silhouette, explained (by what
        # share the inertia is below that of a single cluster).
        "measure": pl.String,
        "k": pl.Int16,
        "value": pl.Float64,  # mean over runs; over surrogate panels
        "low": pl.Float64,  # quantiles 0.05 and 0.95 of the runs; where one more surrogate panel lies at 99 %
        "high": pl.Float64,
        "runs": pl.Int32,  # of the observed panel, or surrogate panels
        "passes": pl.Boolean,  # whether the observed panel is stable and beyond all surrogates at this k
        "preferred": pl.Boolean,  # whether it is the greatest such k
    },
)
CHOICES = Table(
    ("over",),
    {
        "over": pl.String,  # as in SELECTION, at the headline's k; "year 2003" left out; "k 5", "k 8 merged"
        "runs": pl.Int32,
        "adjusted_rand": pl.Float64,  # mean over the runs
        "adjusted_rand_low": pl.Float64,  # quantile 0.05
        "lowest_jaccard": pl.Float64,
        "same_archetype": pl.Float64,  # share of the pairs, of matched clusters
        "same_name": pl.Float64,  # the same by the names that each run gives
        "archetypes": pl.Float64,  # how many of the headline's names a run finds, on average
    },
)
STABILITY = Table(
    ("source", "target"),
    {
        **PAIR,
        "archetype": pl.String,
        "stability": pl.Float64,  # share of runs in which the pair keeps its archetype, clusters matched
        "same_name": pl.Float64,  # share of runs that give it the same name
        "core": pl.Boolean,  # stability as the config asks of a core pair
        "with_stable": pl.String,  # archetype by one cluster more
        "merged": pl.String,  # archetype by twice as many clusters, merged (`refits.Panel.named`)
    },
)
PAIR_TRENDS = Table(
    ("source", "target", "channel"),
    {
        **PAIR,
        "channel": pl.String,
        "slope": pl.Float64,  # change of z per decade, with its 95 % interval
        "low": pl.Float64,
        "high": pl.Float64,
        "p": pl.Float64,
        "correlation": pl.Float64,  # of neighbouring years, less the trend
        "direction": pl.Int8,  # 1 rises, -1 falls, 0 neither at level 0.05
        "archetype": pl.String,  # of the pair, from the directions of all its channels
    },
)
SIGNAL = Table(
    ("channel",),
    {
        "channel": pl.String,
        "pairs": pl.Int64,  # of the panel
        "signal": pl.Float64,  # median and quartiles of the pairs: change over all years by the yearly noise
        "signal_low": pl.Float64,
        "signal_high": pl.Float64,
        "trendless": pl.Int64,  # pairs without a significant trend in this channel
        "trendless_in_all": pl.Int64,  # in none of the channels
    },
)
AGREEMENT = Table(
    ("clustered", "directions"),
    {
        "clustered": pl.String,  # archetype of the cluster
        "directions": pl.String,  # of the pair's own trends, by channel: "+", "-", "0"
        "by_trends": pl.String,  # archetype of these directions
        "pairs": pl.Int64,
    },
)
RECOVERY = Table(
    ("planted", "recovered"),
    {"planted": pl.String, "recovered": pl.String, "pairs": pl.Int64, "adjusted_rand_index": pl.Float64},
)


def null_panels_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds panels of networks drawn from a null model, in the given channels."""
    values = {f"z_{name}": pl.Float64 for name in channels}
    return Table(("panel", "source", "target", "year"), {"panel": pl.Int16, **PAIR, "year": YEAR, **values})


def centroids_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds the barycentre of each cluster, by year, in the given channels."""
    names = {"cluster": pl.Int16, "archetype": pl.String, "year": YEAR}
    return Table(("cluster", "year"), {**names, **{f"x_{name}": pl.Float64 for name in channels}})
