"""Build the links between countries of every year from the works."""

import polars as pl

from poles.networks.construction import build, write_links
from poles.networks.tables import COUNTRIES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    country_tables = []
    for year, links, countries in build(snakemake.input, **snakemake.params.choices):
        country_tables.append(countries)
        write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(country_tables), COUNTRIES, snakemake.output.countries, record)
