"""Study how many clusters the trajectories of one branch have, and how sure their archetypes are."""

from poles.archetypes import stability
from poles.archetypes.perturbations import Design
from poles.archetypes.tables import CLUSTERS, null_panels_table
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    channels, files, options = snakemake.params.channels, snakemake.input, snakemake.params.design
    panel = PairPanel.read(files.trajectories, channels)
    members = tables.read(files.clusters, CLUSTERS)
    design = Design(**{name: options[name] for name in Design._fields})
    null_panels = [tables.read(path, null_panels_table(channels)) for path in files.null_panels]
    results = stability.study(panel, members, design, snakemake.threads, *null_panels)
    for frame, table, path in zip(results, stability.TABLES, snakemake.output, strict=True):
        tables.write(frame, table, path, record)
