"""Plot the partners of each pole whose link is significant."""

from poles.figures import significant_links, style
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    recent = snakemake.params.significance
    figure = significant_links.plot_significant_links(
        scores, snakemake.params.poles, (recent["first"], recent["last"]), recent["threshold"]
    )
    style.save(figure, snakemake.output, record)
