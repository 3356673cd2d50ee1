"""Check that the countries which the configuration and the claims name have links in the data."""

import logging
from collections.abc import Mapping, Sequence

import polars as pl

from poles.errors import StudyError
from poles.networks.country_table import country_sizes
from poles.networks.tables import NAMED
from poles.study import tables

log = logging.getLogger(__name__)


def check_named(countries: pl.DataFrame, named: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Count the years in which each named country has a link.

    A pole without links leaves nothing to study. Other countries without links are warned of.

    Parameters
    ----------
    countries : pl.DataFrame
        `COUNTRIES` of all years.
    named : Mapping
        Countries by the key that names them; ``poles`` is one of the keys.

    Returns
    -------
    pl.DataFrame
        `NAMED`.

    Raises
    ------
    StudyError
        If a pole has no link to another country in any year.
    """
    partners = pl.sum_horizontal("collaboration_links", "citation_links_out", "citation_links_in")
    linked = countries.filter(partners > 0).group_by("country").agg(years=pl.col("year").n_unique())
    rows = [(key, country) for key, codes in named.items() for country in dict.fromkeys(codes)]
    table = pl.DataFrame(rows, {"key": pl.String, "country": pl.String}, orient="row")
    table = table.join(linked, on="country", how="left").with_columns(pl.col("years").fill_null(0))
    for key in named:
        missing = table.filter((pl.col("key") == key) & (pl.col("years") == 0))["country"].sort()
        if not len(missing):
            continue
        message = f"{key}: no link in the data to or from {', '.join(missing[:12])}"
        message += f" and {len(missing) - 12} more" if len(missing) > 12 else ""
        if key == "poles":
            sizes = country_sizes(countries)
            largest = sorted(linked["country"], key=lambda country: (-(sizes[country] or 0), country))[:8]
            raise StudyError(
                f"{message}; allowed: countries with links, the largest are {', '.join(largest)}"
            )
        log.warning("%s", message)
    return tables.conform(table, NAMED)
