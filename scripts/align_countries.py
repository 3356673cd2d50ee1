"""Place every country against the poles."""

from poles import alignment, jobs, tables

with jobs.run(snakemake) as record:
    channels, poles, recent = (snakemake.params[key] for key in ("channels", "poles", "significance"))
    trajectories = tables.read(snakemake.input.trajectories, tables.trajectories(channels))
    members = tables.read(snakemake.input.clusters, tables.CLUSTERS)
    recent, preprocessing = (recent["first"], recent["last"]), snakemake.params.preprocessing
    aligned, trends = alignment.align(
        trajectories, members, poles, channels, recent, preprocessing, **snakemake.params.index
    )
    tables.write(aligned, tables.alignment(poles), snakemake.output.alignment, record)
    tables.write(trends, tables.TRENDS, snakemake.output.trends, record)
