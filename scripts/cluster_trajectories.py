"""Cluster the trajectories of one branch into archetypes."""

from poles import clusters, jobs, tables

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input[0], tables.trajectories(channels))
    members, centroids, names = clusters.cluster(trajectories, channels, **snakemake.params.clusters)
    tables.write(members, tables.CLUSTERS, snakemake.output.clusters, record)
    tables.write(centroids, tables.centroids(channels), snakemake.output.centroids, record)
    tables.write(names, tables.NAMES, snakemake.output.names, record)
