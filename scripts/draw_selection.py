"""Draw how many clusters the trajectories of one branch have, beside surrogates."""

from poles import jobs, tables
from poles.figures import selection, style

with jobs.run(snakemake) as record:
    table = tables.read(snakemake.input[0], tables.SELECTION)
    style.save(selection.selection(table, snakemake.params.k), snakemake.output, record)
