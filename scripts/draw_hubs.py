"""Draw the trends between large and small countries of each region."""

from poles import jobs, tables
from poles.figures import hubs, style

with jobs.run(snakemake) as record:
    style.save(hubs.hubs(tables.read(snakemake.input[0], tables.HUBS)), snakemake.output, record)
