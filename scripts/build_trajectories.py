"""Build the panel of pairs of countries, with their z-scores over the years."""

from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.construction import build_panel
from poles.trajectories.tables import EXCLUDED, trajectories_table

with jobs.run(snakemake) as record:
    options = dict(snakemake.params.trajectories)
    limits = options.pop("panel")
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    panel, excluded = build_panel(scores, **options, **limits)
    tables.write(panel.to_table(), trajectories_table(panel.channels), snakemake.output.trajectories, record)
    tables.write(excluded, EXCLUDED, snakemake.output.excluded, record)
