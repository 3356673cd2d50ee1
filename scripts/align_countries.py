"""Place every country against the poles."""

from poles.archetypes.tables import CLUSTERS
from poles.blocs import alignment
from poles.blocs.tables import TRENDS, alignment_table
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels, poles, recent = (snakemake.params[key] for key in ("channels", "poles", "significance"))
    trajectories = tables.read(snakemake.input.trajectories, trajectories_table(channels))
    members = tables.read(snakemake.input.clusters, CLUSTERS)
    recent, preprocessing = (recent["first"], recent["last"]), snakemake.params.preprocessing
    aligned, trends = alignment.align(
        trajectories, members, poles, channels, recent, preprocessing, **snakemake.params.index
    )
    tables.write(aligned, alignment_table(poles), snakemake.output.alignment, record)
    tables.write(trends, TRENDS, snakemake.output.trends, record)
