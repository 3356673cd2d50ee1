"""Study how many clusters the trajectories of one branch have, and how sure their archetypes are."""

from poles import jobs, stability, tables

with jobs.run(snakemake) as record:
    channels, files, asked = snakemake.params.channels, snakemake.input, snakemake.params.design
    trajectories = tables.read(files.trajectories, tables.trajectories(channels))
    members = tables.read(files.clusters, tables.CLUSTERS)
    design = stability.Design(**{name: asked[name] for name in stability.Design._fields})
    drawn = [tables.read(path, tables.null_panels(channels)) for path in files.null_panels]
    found = stability.study(trajectories, members, channels, design, snakemake.threads, *drawn)
    for frame, table, path in zip(found, stability.TABLES, snakemake.output, strict=True):
        tables.write(frame, table, path, record)
