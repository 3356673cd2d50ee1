"""Compare every country with the poles: archetypes, group and index."""

from poles.archetypes.tables import CLUSTERS
from poles.blocs import alignment
from poles.blocs.tables import alignment_table
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    poles = snakemake.params.poles
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    clusters = tables.read(snakemake.input.clusters, CLUSTERS)
    aligned = alignment.align(panel, clusters, poles, **snakemake.params.options)
    tables.write(aligned, alignment_table(poles), snakemake.output[0], record)
