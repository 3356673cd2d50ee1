"""Measure the polarization of the panel in every year, and its trend."""

from poles.blocs import polarization
from poles.blocs.tables import POLARIZATION, POLARIZATION_TRENDS
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    by_year, trends = polarization.measure(panel, scores, snakemake.params.poles, **snakemake.params.options)
    tables.write(by_year, POLARIZATION, snakemake.output.by_year, record)
    tables.write(trends, POLARIZATION_TRENDS, snakemake.output.trends, record)
