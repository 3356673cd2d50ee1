"""Read the links between countries of every year from the user's edge lists."""

import polars as pl

from poles import jobs, networks, tables
from poles.corpus import networks_file

with jobs.run(snakemake) as record:
    years = range(snakemake.params.years["first"], snakemake.params.years["last"] + 1)
    panels = []
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    layers = {layer: networks_file.read_links(path, layer, years) for layer, path in files}
    for year in years:
        links = {layer: by_year[year] for layer, by_year in layers.items()}
        panels.append(networks.country_panel(year, links))
        networks.write_links(year, links, snakemake.output.links, record)
    tables.write(pl.concat(panels), tables.COUNTRIES, snakemake.output.countries, record)
