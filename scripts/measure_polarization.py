"""Measure by year how far the panel is polarized, and whether it goes on."""

from poles.blocs import polarization
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels, poles = snakemake.params.channels, snakemake.params.poles
    trajectories = tables.read(snakemake.input.trajectories, trajectories_table(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    by_year, trends = polarization.measure(
        trajectories, scores, poles, channels, **snakemake.params.polarization, growth=snakemake.params.growth
    )
    tables.write(by_year, POLARIZATION, snakemake.output.by_year, record)
    tables.write(trends, POLARIZATION_TRENDS, snakemake.output.trends, record)
