"""Study how many clusters the trajectories of one branch have, and how sure their archetypes are."""

from poles import jobs, stability, tables

with jobs.run(snakemake) as record:
    channels, files = snakemake.params.channels, snakemake.input
    trajectories = tables.read(files.trajectories, tables.trajectories(channels))
    members = tables.read(files.clusters, tables.CLUSTERS)
    layers = zip(snakemake.params.layers, files.scores, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in layers}
    design = stability.Design(**snakemake.params.design)
    found = stability.study(trajectories, members, scores, channels, design, snakemake.threads)
    kinds = (tables.SELECTION, tables.CHOICES, tables.STABILITY)
    for frame, table, path in zip(found, kinds, snakemake.output, strict=True):
        tables.write(frame, table, path, record)
