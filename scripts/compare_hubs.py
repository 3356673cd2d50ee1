"""Compare the trends between large and small countries of a region with those among the large."""

from poles import hubs, jobs, tables

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, tables.trajectories(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in files}
    found = hubs.compare(
        trajectories, scores, channels, snakemake.params.preprocessing, **snakemake.params.hubs
    )
    tables.write(found, tables.HUBS, snakemake.output[0], record)
