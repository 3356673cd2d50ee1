"""Classify every pair of one branch by its own trends, beside the archetype of its cluster."""

from poles.archetypes import pair_trends
from poles.archetypes.tables import AGREEMENT, CLUSTERS, PAIR_TRENDS
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    members = tables.read(snakemake.input.clusters, CLUSTERS)
    classified = pair_trends.classify(panel)
    tables.write(classified, PAIR_TRENDS, snakemake.output.trends, record)
    agreement = pair_trends.compare(members, classified, panel.channels)
    tables.write(agreement, AGREEMENT, snakemake.output.agreement, record)
