"""Plot the archetypes of one branch."""

from poles.archetypes.tables import CLUSTERS
from poles.figures import archetypes, style
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    kind = trajectories_table(snakemake.params.channels)
    trajectories = tables.read(snakemake.input.trajectories, kind)
    clusters = tables.read(snakemake.input.clusters, CLUSTERS)
    style.save(archetypes.plot_archetypes(trajectories, clusters), snakemake.output, record)
