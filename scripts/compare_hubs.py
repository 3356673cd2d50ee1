"""Compare the trends between large and small countries of a region with those among the large."""

from poles.blocs import hubs
from poles.blocs.tables import HUBS
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    table = hubs.compare(panel, scores, **snakemake.params.options)
    tables.write(table, HUBS, snakemake.output[0], record)
