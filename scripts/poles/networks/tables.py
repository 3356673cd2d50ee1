"""Schemas of the tables of links, of countries, and of the comparison with OpenAlex."""

import polars as pl

from poles.study.tables import COUNTRY, PAIR, YEAR, Table

LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Int64})
FRACTIONAL_LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Float64})
COUNTRIES = Table(
    ("year", "country"),
    {
        "year": YEAR,  # year of publication
        "country": COUNTRY,  # ISO 3166-1 alpha-2; XK is Kosovo
        "papers": pl.Float64,  # works of the field, in the counting of the variant
        "international_papers": pl.Float64,  # those of them with another country
        "collaboration_links": pl.Int32,  # number of partner countries
        "collaboration_strength": pl.Float64,  # weight of links to other countries
        "citation_links_out": pl.Int32,  # number of countries cited
        "citation_links_in": pl.Int32,  # number of countries citing
        "citation_strength_out": pl.Float64,  # times that it cites other countries
        "citation_strength_in": pl.Float64,  # times that other countries cite it
    },
)
NAMED = Table(
    ("key", "country"),
    {
        "key": pl.String,  # key of the configuration, or `claims`
        "country": COUNTRY,
        "years": pl.Int64,  # years in which the country has a link to another one
    },
)
INDICES = Table(
    ("year", "source", "target"),
    {
        "year": YEAR,  # year of publication
        **PAIR,
        "weight": pl.Float64,  # shared works
        "salton": pl.Float64,  # shared works over the geometric mean of the works of both
        "jaccard": pl.Float64,  # shared works over the works of either
        "collaboration_index": pl.Float64,  # index of collaboration; null for edge lists
        "affinity": pl.Float64,  # probabilistic affinity index of collaboration
        "citation_affinity_out": pl.Float64,  # affinity index where the source cites the target
        "citation_affinity_in": pl.Float64,  # affinity index where the target cites the source
    },
)
"""Plain indices (`poles.networks.indices`). Papers are counted in full, so an index of papers is null under
fractional counting."""
INDEX_NAMES = tuple(name for name in INDICES.columns if name not in (*INDICES.key, "weight"))
"""Names of the indices."""
CHECK = Table(
    ("source", "target"),
    {
        **PAIR,
        "ours": pl.Int64,  # works of both countries; on the diagonal, works of one country
        "openalex": pl.Int64,  # the same as OpenAlex counts it; null if it gives no group
        "difference": pl.Int64,
    },
)


def links_table(links: pl.DataFrame) -> Table:
    """Schema of a table of links: `LINKS` if the weights are integers, else `FRACTIONAL_LINKS`."""
    return LINKS if links["weight"].dtype.is_integer() else FRACTIONAL_LINKS


CITATION_AFFINITY = "citation_affinity"
"""Name of the mean of the affinities of citation in both directions, which has an interval of its own."""


def index_intervals() -> Table:
    """Schema of the intervals of plain indices: <index>_low and <index>_high, and the number of draws."""
    names = (*INDEX_NAMES, CITATION_AFFINITY)
    ends = {f"{name}_{end}": pl.Float64 for name in names for end in ("low", "high")}
    return Table(INDICES.key, {"year": YEAR, **PAIR, **ends, "draws": pl.Int32})
