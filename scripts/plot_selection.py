"""Draw how many clusters the trajectories of one branch have, beside surrogates."""

from poles.archetypes.tables import SELECTION
from poles.figures import selection, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    table = tables.read(snakemake.input[0], SELECTION)
    style.save(selection.selection(table, snakemake.params.k), snakemake.output, record)
