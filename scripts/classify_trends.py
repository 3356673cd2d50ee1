"""Classify every pair of one branch by its own trends, beside the archetype of its cluster."""

from poles.archetypes import pair_trends
from poles.archetypes.tables import AGREEMENT, CLUSTERS, PAIR_TRENDS
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, trajectories_table(channels))
    members = tables.read(snakemake.input.clusters, CLUSTERS)
    classified = pair_trends.classify(trajectories, channels)
    tables.write(classified, PAIR_TRENDS, snakemake.output.trends, record)
    agreement = pair_trends.compare(members, classified, channels)
    tables.write(agreement, AGREEMENT, snakemake.output.agreement, record)
