"""Draw planted against recovered archetypes."""

from poles import jobs, tables
from poles.figures import recovery, style

with jobs.run(snakemake) as record:
    confusion = tables.read(snakemake.input[0], tables.RECOVERY)
    style.save(recovery.recovery(confusion, confusion["adjusted_rand_index"][0]), snakemake.output, record)
