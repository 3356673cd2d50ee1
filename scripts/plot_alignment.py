"""Plot the trends of countries with the poles."""

from poles.blocs.tables import TRENDS, alignment_table
from poles.figures import alignment, style
from poles.networks.country_table import country_sizes
from poles.networks.tables import COUNTRIES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    poles = snakemake.params.poles
    aligned = tables.read(snakemake.input.alignment, alignment_table(poles))
    trends = tables.read(snakemake.input.trends, TRENDS)
    sizes = country_sizes(tables.read(snakemake.input.countries, COUNTRIES))
    style.save(alignment.plot_alignment(aligned, trends, poles, sizes), snakemake.output, record)
