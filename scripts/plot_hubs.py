"""Plot the trends among large countries of a region, and between large and small ones."""

from poles.blocs.tables import HUBS
from poles.figures import hubs, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    style.save(hubs.plot_hubs(tables.read(snakemake.input[0], HUBS)), snakemake.output, record)
