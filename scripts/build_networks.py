"""Build the links between countries of every year from the works."""

import polars as pl

from poles.networks.links import build, write_links
from poles.networks.tables import COUNTRIES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    panels = []
    for year, links, panel in build(snakemake.input, **snakemake.params.choices):
        panels.append(panel)
        write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(panels), COUNTRIES, snakemake.output.countries, record)
