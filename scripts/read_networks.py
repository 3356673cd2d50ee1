"""Read the links between countries of every year from the user's edge lists."""

import polars as pl

from poles import jobs, networks, tables

with jobs.run(snakemake) as record:
    files = dict(zip(snakemake.params.layers, snakemake.input, strict=True))
    panels = []
    for year, links, panel in networks.read(files, **snakemake.params.years):
        panels.append(panel)
        networks.write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(panels), tables.COUNTRIES, snakemake.output.countries, record)
