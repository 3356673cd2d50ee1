"""Plot the link between the first two poles: z beside plain indices."""

from poles.figures import indices, style
from poles.networks.tables import INDICES
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    table = tables.read(snakemake.input.indices, INDICES)
    years = (snakemake.params.window["first"], snakemake.params.window["last"])
    figure = indices.plot_indices(scores, table, snakemake.params.poles, years, snakemake.params.null)
    style.save(figure, snakemake.output, record)
