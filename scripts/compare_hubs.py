"""Compare the trends between large and small countries of a region with those among the large."""

from poles.blocs import hubs
from poles.blocs.tables import HUBS
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, trajectories_table(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    found = hubs.compare(
        trajectories, scores, channels, snakemake.params.preprocessing, **snakemake.params.hubs
    )
    tables.write(found, HUBS, snakemake.output[0], record)
