"""Draw the countries against the poles."""

from poles import jobs, networks, tables
from poles.figures import alignment, style

with jobs.run(snakemake) as record:
    poles = snakemake.params.poles
    aligned = tables.read(snakemake.input.alignment, tables.alignment(poles))
    trends = tables.read(snakemake.input.trends, tables.TRENDS)
    sizes = networks.sizes(tables.read(snakemake.input.countries, tables.COUNTRIES))
    style.save(alignment.alignment(aligned, trends, poles, sizes), snakemake.output, record)
