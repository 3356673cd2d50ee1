"""Follow the z-scores of the pairs in the panel over the years."""

from poles import jobs, layers, tables, trajectories

with jobs.run(snakemake) as record:
    options = dict(snakemake.params.trajectories)
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in files}
    panel, excluded = trajectories.build(scores, **(options | options.pop("panel")))
    channels = layers.channels_of(snakemake.params.layers, options["citation"])
    tables.write(panel, tables.trajectories(channels), snakemake.output.trajectories, record)
    tables.write(excluded, tables.EXCLUDED, snakemake.output.excluded, record)
