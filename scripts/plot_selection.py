"""Plot stability and fit by number of clusters, beside surrogates."""

from poles.archetypes.tables import SELECTION
from poles.figures import selection, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    table = tables.read(snakemake.input[0], SELECTION)
    style.save(selection.plot_selection(table, snakemake.params.k), snakemake.output, record)
