"""Classify every pair of one branch by its own trends, beside the archetype of its cluster."""

from poles import jobs, tables, trends

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, tables.trajectories(channels))
    members = tables.read(snakemake.input.clusters, tables.CLUSTERS)
    classified = trends.classify(trajectories, channels)
    tables.write(classified, tables.PAIR_TRENDS, snakemake.output.trends, record)
    agreement = trends.compare(members, classified, channels)
    tables.write(agreement, tables.AGREEMENT, snakemake.output.agreement, record)
