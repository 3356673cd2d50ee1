"""Cluster the trajectories of one branch into archetypes."""

from poles.archetypes.clusters import cluster
from poles.archetypes.tables import CLUSTERS, NAMES, centroids_table
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input[0], snakemake.params.channels)
    members, centroids, names = cluster(panel, **snakemake.params.clusters)
    tables.write(members, CLUSTERS, snakemake.output.clusters, record)
    tables.write(centroids, centroids_table(panel.channels), snakemake.output.centroids, record)
    tables.write(names, NAMES, snakemake.output.names, record)
