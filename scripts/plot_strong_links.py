"""Plot the partners of each pole whose link is above expectation."""

from poles.figures import strong_links, style
from poles.nulls.tables import SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = zip(snakemake.params.layers, snakemake.input, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    recent = snakemake.params.significance
    figure = strong_links.plot_strong_links(
        scores, snakemake.params.poles, (recent["first"], recent["last"]), recent["threshold"]
    )
    style.save(figure, snakemake.output, record)
