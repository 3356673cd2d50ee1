"""Plot the measures of polarization by year."""

from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.figures import polarization, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    by_year = tables.read(snakemake.input.by_year, POLARIZATION)
    trends = tables.read(snakemake.input.trends, POLARIZATION_TRENDS)
    style.save(polarization.plot_polarization(by_year, trends), snakemake.output, record)
