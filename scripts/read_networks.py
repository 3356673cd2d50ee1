"""Read the links between countries of every year from the user's edge lists."""

import polars as pl

from poles.networks.links import read, write_links
from poles.networks.tables import COUNTRIES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = dict(zip(snakemake.params.layers, snakemake.input, strict=True))
    panels = []
    for year, links, panel in read(files, **snakemake.params.years):
        panels.append(panel)
        write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(panels), COUNTRIES, snakemake.output.countries, record)
