"""Draw how far the panel is polarized, by year."""

from poles import jobs, tables
from poles.figures import polarization, style

with jobs.run(snakemake) as record:
    by_year = tables.read(snakemake.input.by_year, tables.POLARIZATION)
    trends = tables.read(snakemake.input.trends, tables.POLARIZATION_TRENDS)
    style.save(polarization.polarization(by_year, trends), snakemake.output, record)
