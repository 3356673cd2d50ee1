"""Plot the works and references left after each step of the selection."""

from poles.corpus.tables import LOSSES
from poles.figures import losses, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    style.save(losses.plot_losses(tables.read(snakemake.input[0], LOSSES)), snakemake.output, record)
