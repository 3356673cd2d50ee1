"""Plot the figures of the link between the first two poles."""

from poles.figures import style
from poles.figures.stages import first_link
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = first_link.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    style.save_each(figures, snakemake.output, record)
