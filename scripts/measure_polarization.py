"""Measure by year how far the panel is polarized, and whether it goes on."""

from poles import jobs, polarization, tables

with jobs.run(snakemake) as record:
    channels, poles = snakemake.params.channels, snakemake.params.poles
    trajectories = tables.read(snakemake.input.trajectories, tables.trajectories(channels))
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, tables.SCORES) for layer, path in files}
    by_year, trends = polarization.measure(
        trajectories, scores, poles, channels, **snakemake.params.polarization, growth=snakemake.params.growth
    )
    tables.write(by_year, tables.POLARIZATION, snakemake.output.by_year, record)
    tables.write(trends, tables.POLARIZATION_TRENDS, snakemake.output.trends, record)
