"""Plot the figures of the clusters of a branch."""

from poles.figures import style
from poles.figures.stages import clusters
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = clusters.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    style.save_each(figures, snakemake.output, record)
