"""Sample networks from the null model of one branch, and follow the pairs of its panel through them."""

from poles.archetypes.null_panels import sample_null_panels
from poles.archetypes.tables import null_panels_table
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    params, files, null = snakemake.params, snakemake.input, snakemake.wildcards.null
    panel = PairPanel.read(files.trajectories, params.channels)
    layers = zip(params.layers, files.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in layers}
    sampled = sample_null_panels(scores, panel, null, threads=snakemake.threads, **params.sampling)
    tables.write(sampled, null_panels_table(params.channels), snakemake.output[0], record)
