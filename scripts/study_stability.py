"""Study how many clusters the trajectories of one branch have, and how sure their archetypes are."""

from poles.archetypes import resampling, stability
from poles.archetypes.tables import CLUSTERS, null_panels_table
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    channels, files, asked = snakemake.params.channels, snakemake.input, snakemake.params.design
    panel = PairPanel.read(files.trajectories, channels)
    members = tables.read(files.clusters, CLUSTERS)
    design = resampling.Design(**{name: asked[name] for name in resampling.Design._fields})
    drawn = [tables.read(path, null_panels_table(channels)) for path in files.null_panels]
    found = stability.study(panel, members, design, snakemake.threads, *drawn)
    for frame, table, path in zip(found, stability.TABLES, snakemake.output, strict=True):
        tables.write(frame, table, path, record)
