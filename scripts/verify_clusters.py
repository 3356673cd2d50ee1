"""Verify the clusters of all branches by tslearn."""

import polars as pl

from poles.archetypes.tables import CLUSTERS, VERIFICATION
from poles.archetypes.verification import verify
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    files, params, verified = snakemake.input, snakemake.params, []
    for options, path, clusters in zip(params.branches, files.trajectories, files.clusters, strict=True):
        panel = PairPanel.read(path, params.channels)
        verified.append(verify(panel, tables.read(clusters, CLUSTERS), **options))
    tables.write(pl.concat(verified), VERIFICATION, snakemake.output[0], record)
