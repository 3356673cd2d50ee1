"""Take every country of the panel as a pole, and test which partners it attracts and repels."""

from poles.blocs import attraction
from poles.blocs.tables import POLES
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    poles = attraction.search(panel, scores, **snakemake.params.options)
    tables.write(poles, POLES, snakemake.output[0], record)
