"""Plot the z-scores of chosen pairs over the years."""

from poles.figures import style, trajectories
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    years = (snakemake.params.window["first"], snakemake.params.window["last"])
    pairs = snakemake.params.pairs
    if pairs is None:
        pairs = trajectories.largest_pairs(next(iter(scores.values())), snakemake.params.poles, years)
    style.save(trajectories.plot_trajectories(scores, pairs, years), snakemake.output, record)
