"""Take every country of the panel as a pole: whom it attracts, and whom it repels."""

from poles import attraction, jobs, tables

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input.trajectories, tables.trajectories(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in files}
    found = attraction.search(
        trajectories, scores, channels, snakemake.params.preprocessing, **snakemake.params.attraction
    )
    tables.write(found, tables.POLES, snakemake.output[0], record)
