"""Take every country of the panel as a pole: whom it attracts, and whom it repels."""

from poles.blocs import attraction
from poles.blocs.tables import POLES
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, trajectories_table(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    found = attraction.search(
        trajectories, scores, channels, snakemake.params.preprocessing, **snakemake.params.attraction
    )
    tables.write(found, POLES, snakemake.output[0], record)
