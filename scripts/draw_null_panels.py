"""Draw networks from the null model of one branch, and follow the pairs of its panel through them."""

from poles import jobs, null_panels, tables

with jobs.run(snakemake) as record:
    params, files = snakemake.params, snakemake.input
    trajectories = tables.read(files.trajectories, tables.trajectories(params.channels))
    layers = zip(params.layers, files.scores, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in layers}
    options = (snakemake.wildcards.null, params.options, params.panels, params.seed, snakemake.threads)
    found = null_panels.draw(scores, trajectories, params.channels, *options, growth=params.growth)
    tables.write(found, tables.null_panels(params.channels), snakemake.output[0], record)
