"""Schemas of the tables of archetypes: clusters, their stability, trends of single pairs, recovery."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import PAIR, YEAR, Table

CLUSTERS = Table(
    ("source", "target"),
    {
        **PAIR,
        "cluster": pl.Int16,  # number of the cluster, from 1; it has no meaning
        "archetype": pl.String,  # name of the cluster, from the changes of its members
        "distance": pl.Float64,  # from the centroid of the cluster, under dynamic time warping
        "silhouette": pl.Float64,  # simplified silhouette, from distances to centroids
    },
)
NAMES = Table(
    ("cluster", "channel"),
    {
        "cluster": pl.Int16,
        "archetype": pl.String,
        "channel": pl.String,
        "pairs": pl.Int64,
        "change": pl.Float64,  # mean of the members in noise units: last years minus first years
        "low": pl.Float64,  # its 95 % interval
        "high": pl.Float64,
        "direction": pl.String,  # rises, falls, still, unclear
    },
)
VERIFICATION = Table(
    ("variant", "null"),
    {
        "variant": pl.String,
        "null": pl.String,
        "k": pl.Int16,
        "pairs": pl.Int64,
        "made_by": pl.String,  # the engine of the clusters
        "verified_by": pl.String,  # the library that made them again
        "agreeing": pl.Int64,  # pairs that both put into the same cluster
        "inertia": pl.Float64,  # mean squared distance of the pairs to the centroids of their clusters
        "inertia_verified": pl.Float64,  # the same by the library
    },
)
OBSERVED = "observed"
"""Name of the trajectories that are no surrogate."""
STABLE = 0.75
"""Lowest mean Jaccard index of a stable cluster (Hennig 2007)."""
SELECTION = Table(
    ("data", "over", "measure", "k"),
    {
        "data": pl.String,  # observed, or the name of a surrogate
        # What is varied: "pairs", "countries" (both resampled), "seeds", "radius 1" ...; or "fit": nothing.
        "over": pl.String,
        # Agreement with the unperturbed clustering: adjusted_rand, lowest_jaccard. Of that clustering itself:
        # inertia, silhouette, explained (share by which the inertia is below that of a single cluster).
        "measure": pl.String,
        "k": pl.Int16,  # number of clusters
        "value": pl.Float64,  # mean over runs
        # Observed: quantiles 0.05 and 0.95 of the runs. Surrogate: the band of one more panel at 99 %.
        "low": pl.Float64,
        "high": pl.Float64,  # upper end of the same
        "runs": pl.Int32,  # observed: perturbed clusterings; surrogate: panels
        "passes": pl.Boolean,  # whether the observed panel is stable and exceeds all surrogates at this k
        "preferred": pl.Boolean,  # whether this is the greatest such k
    },
)
CHOICES = Table(
    ("over",),
    {
        # As in SELECTION, at the k of the headline; also "year 2003" (left out), "k 5", "k 8 merged".
        "over": pl.String,
        "runs": pl.Int32,  # perturbed clusterings
        "adjusted_rand": pl.Float64,  # with the headline, mean over the runs
        "adjusted_rand_low": pl.Float64,  # its quantile 0.05
        "lowest_jaccard": pl.Float64,  # of a cluster of the headline, mean over the runs
        "same_archetype": pl.Float64,  # share of the pairs in a cluster matched to one of their archetype
        "same_name": pl.Float64,  # share of the pairs that get the same name from the rule of names
        "archetypes": pl.Float64,  # mean number of the headline's names that a run gives
    },
)
STABILITY = Table(
    ("source", "target"),
    {
        **PAIR,
        "archetype": pl.String,  # name of the cluster
        "stability": pl.Float64,  # share of runs that leave the pair in a cluster matched to its archetype
        "same_name": pl.Float64,  # share of runs that give the pair the same name
        "core": pl.Boolean,  # whether the stability is at least stability.core of the configuration
        "with_stable": pl.String,  # archetype with one cluster more
        "merged": pl.String,  # archetype with twice as many clusters, merged
    },
)
PAIR_TRENDS = Table(
    ("source", "target", "channel"),
    {
        **PAIR,
        "channel": pl.String,  # layer, or direction of citation
        "slope": pl.Float64,  # change of z per decade
        "low": pl.Float64,  # lower end of the 95 % interval of the slope
        "high": pl.Float64,  # upper end of that interval
        "p": pl.Float64,  # two-sided p-value of the slope
        "correlation": pl.Float64,  # of neighbouring years, without the trend
        "direction": pl.Int8,  # at level 0.05: 1 rises, -1 falls, 0 neither
        "archetype": pl.String,  # from the directions of all channels of the pair
    },
)
SIGNAL = Table(
    ("channel",),
    {
        "channel": pl.String,
        "pairs": pl.Int64,  # of the panel
        "signal": pl.Float64,  # change over all years divided by yearly noise: median of the pairs
        "signal_low": pl.Float64,  # quartiles
        "signal_high": pl.Float64,
        "trendless": pl.Int64,  # pairs without a significant trend in this channel
        "trendless_in_all": pl.Int64,  # pairs without a significant trend in any channel
    },
)
AGREEMENT = Table(
    ("clustered", "directions"),
    {
        "clustered": pl.String,  # archetype of the cluster
        "directions": pl.String,  # of the trends of the pair, one sign per channel: "+", "-", "0"
        "by_trends": pl.String,  # archetype that these directions give
        "pairs": pl.Int64,
    },
)
RECOVERY = Table(
    ("planted", "recovered"),
    {
        "planted": pl.String,  # archetype that was planted in the demo world
        "recovered": pl.String,  # archetype that the study found
        "pairs": pl.Int64,  # pairs that have both
        "adjusted_rand_index": pl.Float64,  # agreement of both groupings over all pairs
    },
)


def null_panels_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds panels of networks sampled from a null model, in the given channels."""
    values = {f"z_{name}": pl.Float64 for name in channels}
    return Table(("panel", "source", "target", "year"), {"panel": pl.Int16, **PAIR, "year": YEAR, **values})


def centroids_table(channels: Sequence[str]) -> Table:
    """Kind of table that holds the barycentre of each cluster, by year, in the given channels."""
    names = {"cluster": pl.Int16, "archetype": pl.String, "year": YEAR}
    return Table(("cluster", "year"), {**names, **{f"x_{name}": pl.Float64 for name in channels}})
