"""Plot the figures of the links of a branch."""

from poles.figures import style
from poles.figures.stages import links
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = links.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    style.save_each(figures, snakemake.output, record)
