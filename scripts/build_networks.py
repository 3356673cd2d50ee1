"""Build the links between countries of every year from the works."""

import polars as pl

from poles import jobs, networks, tables

with jobs.run(snakemake) as record:
    panels = []
    for year, links, panel in networks.build(snakemake.input, **snakemake.params.choices):
        panels.append(panel)
        networks.write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(panels), tables.COUNTRIES, snakemake.output.countries, record)
