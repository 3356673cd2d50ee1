"""Read the links between countries of every year from the edge lists of the user."""

import polars as pl

from poles.networks.construction import read, write_links
from poles.networks.tables import COUNTRIES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = dict(zip(snakemake.params.layers, snakemake.input, strict=True))
    country_tables = []
    for year, links, countries in read(files, **snakemake.params.options):
        country_tables.append(countries)
        write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(country_tables), COUNTRIES, snakemake.output.countries, record)
