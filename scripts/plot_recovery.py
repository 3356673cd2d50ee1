"""Plot planted against recovered archetypes."""

from poles.archetypes.tables import RECOVERY
from poles.figures import recovery, style
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    confusion = tables.read(snakemake.input[0], RECOVERY)
    style.save(
        recovery.plot_recovery(confusion, confusion["adjusted_rand_index"].max()), snakemake.output, record
    )
