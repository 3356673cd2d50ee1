"""Compare the archetypes found in a demo world with those planted in it."""

from poles.archetypes.recovery import judge_recovery
from poles.archetypes.tables import CLUSTERS, RECOVERY
from poles.corpus.tables import TRUTH
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    truth = tables.read(snakemake.input.truth, TRUTH)
    members = tables.read(snakemake.input.clusters, CLUSTERS)
    tables.write(judge_recovery(members, truth), RECOVERY, snakemake.output[0], record)
