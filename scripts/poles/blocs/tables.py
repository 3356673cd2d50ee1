"""Schemas of the tables of countries against the poles."""

from collections.abc import Sequence

import polars as pl

from poles.study.tables import COUNTRY, YEAR, Table

BOTH, NEITHER, UNKNOWN = "both", "neither", "not in panel"
"""Groups of countries, in addition to ``only <pole>``."""
UNCLUSTERED = "not clustered"
"""Group of all countries where there are no clusters."""


def group_name(chosen: Sequence[str], poles: Sequence[str]) -> str:
    """Name of the group of countries that integrate with, or are near to, some of the poles and no others.

    Parameters
    ----------
    chosen : sequence of str
        These poles, in the order of `poles`.
    poles : sequence of str
        Country codes of all poles.

    Returns
    -------
    str
        `NEITHER`, ``only US``, `BOTH`, or ``US+CN`` for several of three poles or more.
    """
    if not chosen:
        return NEITHER
    if len(chosen) == 1:
        return f"only {chosen[0]}"
    return BOTH if len(chosen) == len(poles) else "+".join(chosen)


TRENDS = Table(
    ("country", "pole", "channel"),
    {
        "country": COUNTRY,  # ISO 3166-1 alpha-2
        "pole": COUNTRY,  # the pole that the country is compared with
        "channel": pl.String,  # layer, or direction of citation
        "slope": pl.Float64,  # change of z with the pole per decade
        "slope_low": pl.Float64,  # lower end of its 95 % interval
        "slope_high": pl.Float64,  # upper end of that interval
        "mean_z": pl.Float64,  # mean z with the pole over the recent years of the configuration
        "growth_slope": pl.Float64,  # slope of z had no affinity changed; null where slopes are not in z
    },
)
COURSES = Table(
    ("country", "pole", "channel"),
    {
        "country": COUNTRY,  # ISO 3166-1 alpha-2
        "pole": COUNTRY,  # the pole that the country is compared with
        "channel": pl.String,  # layer, or direction of citation
        "slope": pl.Float64,  # change of the logarithm of observed over expected weight, per decade
        "low": pl.Float64,  # lower end of its 95 % interval
        "high": pl.Float64,  # upper end of that interval
        "growth_slope": pl.Float64,  # the slope had no affinity changed; near 0 where growth is removed
        "years": pl.Int64,  # years with a z-score in every channel; the others are interpolated
    },
)
POLES = Table(
    ("country",),
    {
        "country": COUNTRY,  # country that is taken as a pole
        "strength": pl.Float64,  # share of the panel's strength, mean over layers
        "partners": pl.Int64,  # number of its partners in the panel
        "attracted": pl.Int64,  # partners with which every channel rises significantly
        "repelled": pl.Int64,  # partners with which every channel falls significantly
        "attracts": pl.List(COUNTRY),  # codes of the partners that are attracted
        "repels": pl.List(COUNTRY),  # codes of the partners that are repelled
        "excess": pl.Float64,  # share of the partners that are attracted, less its expectation by chance
        "excess_repelled": pl.Float64,  # the same for the partners that are repelled
        "rank": pl.Int64,  # place of the country by excess
        "p_attracts": pl.Float64,  # greater of two: as many partners by chance, as one-sided by chance
        "q_attracts": pl.Float64,  # Benjamini-Hochberg adjusted over countries
        "p_repels": pl.Float64,  # the same for the partners that are repelled
        "q_repels": pl.Float64,  # Benjamini-Hochberg adjusted over countries
        "attracted_strength": pl.Float64,  # share of the partners' strength
        "repelled_strength": pl.Float64,  # the same for the partners that are repelled
        "p_attracts_strength": pl.Float64,  # as p_attracts, with partners weighted by strength
        "q_attracts_strength": pl.Float64,  # as q_attracts, with partners weighted by strength
        "p_repels_strength": pl.Float64,  # as p_repels, with partners weighted by strength
        "q_repels_strength": pl.Float64,  # as q_repels, with partners weighted by strength
    },
)
POLARIZATION = Table(
    ("channel", "measure", "poles", "year"),
    {
        "channel": pl.String,  # layer, or direction of citation
        "measure": pl.String,  # correlation, rank_correlation, modularity, pole_modularity
        "poles": pl.String,  # US-CN; "none" for modularity, whose split ignores the poles
        "year": YEAR,  # year of publication
        "value": pl.Float64,  # value of the measure
        "low": pl.Float64,  # lower end of its 95 % interval over countries
        "high": pl.Float64,  # upper end of that interval
        "chance": pl.Float64,  # mean of permutations of z that preserve strengths
        "chance_low": pl.Float64,  # lower end of the central 95 % of the permutations
        "chance_high": pl.Float64,  # upper end of that interval
        "p": pl.Float64,  # probability of as much polarization by chance
        "constant_affinity": pl.Float64,  # mean of the measure over panels drawn with constant affinities
        "countries": pl.Int64,  # number of countries that are compared
        "apart": pl.Boolean,  # modularity: whether its split parts the two poles; null for other measures
    },
)
POLARIZATION_TRENDS = Table(
    ("channel", "measure", "poles"),
    {
        "channel": pl.String,  # layer, or direction of citation
        "measure": pl.String,  # correlation, rank_correlation, modularity, pole_modularity
        "poles": pl.String,  # US-CN; "none" for modularity, whose split ignores the poles
        "slope": pl.Float64,  # change per decade, with its 95 % interval over countries
        "low": pl.Float64,  # lower end of that interval
        "high": pl.Float64,  # upper end of that interval
        "excess_slope": pl.Float64,  # slope of value less constant_affinity
        "excess_low": pl.Float64,  # the wider at each end: over countries, or over panels drawn
        "excess_high": pl.Float64,  # upper end of that interval
        "years_low": pl.Float64,  # 95 % interval and test of the slope as of a single series
        "years_high": pl.Float64,  # upper end of that interval
        "years_p": pl.Float64,  # p-value of that test
        "countries": pl.Int64,  # number that is compared, without poles if the measure names any
        "towards": pl.Int8,  # by the interval of the excess: 1 polarization, -1 integration, 0 neither
    },
)
HUBS = Table(
    ("region", "channel", "unit"),
    {
        "region": pl.String,  # EU, subregion of UN M49, or region of the configuration
        "channel": pl.String,  # layer, or direction of citation
        "unit": pl.String,  # of slopes per decade: "z", or "noise" of each pair
        "countries": pl.Int64,  # number of countries of the region in the panel
        "large": pl.List(COUNTRY),  # codes of its large countries, largest first
        "hub_pairs": pl.Int64,  # number of pairs of two large countries
        "spoke_pairs": pl.Int64,  # number of pairs of a large and a small country
        "small_pairs": pl.Int64,  # number of pairs of two small countries
        "hubs": pl.Float64,  # mean slope of pairs of large countries, with its 95 % interval
        "hubs_low": pl.Float64,  # lower end of that interval
        "hubs_high": pl.Float64,  # upper end of that interval
        "spokes": pl.Float64,  # the same for pairs of a large and a small country
        "spokes_low": pl.Float64,  # lower end of its interval
        "spokes_high": pl.Float64,  # upper end of its interval
        "small": pl.Float64,  # the same for pairs of small countries
        "small_low": pl.Float64,  # lower end of its interval
        "small_high": pl.Float64,  # upper end of its interval
        "statistic": pl.Float64,  # spokes less hubs
        "p": pl.Float64,  # two-sided permutation test
        "q": pl.Float64,  # Benjamini-Hochberg adjusted over regions
        "over_small": pl.Float64,  # spokes less small, with the same test
        "p_over_small": pl.Float64,  # two-sided permutation test of that difference
        "labellings": pl.Int64,  # number behind p
        "exact": pl.Boolean,  # whether these are all labellings
    },
)


def alignment_table(poles: Sequence[str]) -> Table:
    """Kind of table with the group of each country, its archetype with each pole, and its index."""
    columns = {
        "country": COUNTRY,  # ISO 3166-1 alpha-2
        "group": pl.String,  # only one pole, both, neither, ...: by the archetypes with the poles
        **{f"archetype_{pole}": pl.String for pole in poles},  # archetype of its pair with the pole
        "trend_group": pl.String,  # the same by the pairs' own trends
        "index": pl.Float64,  # with two poles only: positive towards the first, negative towards the second
        "index_low": pl.Float64,  # lower end of its 95 % interval
        "index_high": pl.Float64,  # upper end of that interval
    }
    return Table(("country",), columns)
