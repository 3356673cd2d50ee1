"""Draw the archetypes of one branch."""

from poles import jobs, tables
from poles.figures import archetypes, style

with jobs.run(snakemake) as record:
    kind = tables.trajectories(snakemake.params.channels)
    trajectories = tables.read(snakemake.input.trajectories, kind)
    clusters = tables.read(snakemake.input.clusters, tables.CLUSTERS)
    style.save(archetypes.archetypes(trajectories, clusters), snakemake.output, record)
