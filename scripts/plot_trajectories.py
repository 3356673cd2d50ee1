"""Plot the z-scores of chosen pairs over the years."""

from poles.figures import style, trajectories
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    window = snakemake.params.window
    figure = trajectories.plot_trajectories(scores, snakemake.params.pairs, (window["first"], window["last"]))
    style.save(figure, snakemake.output, record)
