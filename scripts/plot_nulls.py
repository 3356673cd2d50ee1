"""Plot the link between the first two poles under every null model."""

from poles.figures import nulls, style
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    names, window = snakemake.params.names, snakemake.params.window
    scores = {layer: {} for layer, _ in names}
    for path, (layer, null) in zip(snakemake.input, names, strict=True):
        scores[layer][null] = tables.read(path, SCORES)
    figure = nulls.plot_nulls(scores, snakemake.params.poles, (window["first"], window["last"]))
    style.save(figure, snakemake.output, record)
