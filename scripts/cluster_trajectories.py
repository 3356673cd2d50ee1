"""Cluster the trajectories of one branch into archetypes."""

from poles.archetypes import clusters
from poles.archetypes.tables import CLUSTERS, NAMES, centroids_table
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input[0], trajectories_table(channels))
    members, centroids, names = clusters.cluster(trajectories, channels, **snakemake.params.clusters)
    tables.write(members, CLUSTERS, snakemake.output.clusters, record)
    tables.write(centroids, centroids_table(channels), snakemake.output.centroids, record)
    tables.write(names, NAMES, snakemake.output.names, record)
