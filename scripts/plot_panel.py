"""Plot the figures of the panel of pairs."""

from poles.figures import style
from poles.figures.stages import panel
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = panel.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    style.save_each(figures, snakemake.output, record)
