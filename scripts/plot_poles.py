"""Plot the partners that each country attracts and repels."""

from poles.blocs.tables import POLES
from poles.figures import poles, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    countries = tables.read(snakemake.input[0], POLES)
    style.save(poles.plot_poles(countries, snakemake.params.poles), snakemake.output, record)
