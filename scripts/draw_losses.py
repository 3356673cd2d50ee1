"""Draw what each step of the selection leaves."""

from poles import jobs, tables
from poles.figures import losses, style

with jobs.run(snakemake) as record:
    style.save(losses.losses(tables.read(snakemake.input[0], tables.LOSSES)), snakemake.output, record)
