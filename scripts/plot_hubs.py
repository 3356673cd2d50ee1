"""Draw the trends between large and small countries of each region."""

from poles.blocs.tables import HUBS
from poles.figures import hubs, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    style.save(hubs.hubs(tables.read(snakemake.input[0], HUBS)), snakemake.output, record)
