"""Schemas of the tables of links and countries."""

import polars as pl

from poles.study.tables import COUNTRY, PAIR, YEAR, Table

LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Int64})
FRACTIONAL_LINKS = Table(("source", "target"), {**PAIR, "weight": pl.Float64})
COUNTRIES = Table(
    ("year", "country"),
    {
        "year": YEAR,
        "country": COUNTRY,
        "papers": pl.Float64,  # of the field; by the variant's counting
        "international_papers": pl.Float64,
        "collaboration_links": pl.Int32,  # partner countries
        "collaboration_strength": pl.Float64,  # weight of the links to other countries
        "citation_links_out": pl.Int32,  # countries cited
        "citation_links_in": pl.Int32,  # countries citing
        "citation_strength_out": pl.Float64,
        "citation_strength_in": pl.Float64,
    },
)
