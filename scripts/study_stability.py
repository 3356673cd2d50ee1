"""Study how many clusters the trajectories of one branch have, and how sure their archetypes are."""

from poles.archetypes import stability
from poles.archetypes.tables import CLUSTERS, null_panels_table
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    files, params, threads = snakemake.input, snakemake.params, snakemake.threads
    panel = PairPanel.read(files.trajectories, params.channels)
    members = tables.read(files.clusters, CLUSTERS)
    null_panels = [tables.read(path, null_panels_table(params.channels)) for path in files.null_panels]
    results = stability.study(panel, members, stability.Design(**params.design), threads, *null_panels)
    for frame, table, path in zip(results, stability.TABLES, snakemake.output, strict=True):
        tables.write(frame, table, path, record)
