"""Draw what each step of the selection leaves."""

from poles.corpus.tables import LOSSES
from poles.figures import losses, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    style.save(losses.losses(tables.read(snakemake.input[0], LOSSES)), snakemake.output, record)
