"""Plot the figures of the study as a whole."""

from poles.figures import style
from poles.figures.stages import study
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = study.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    style.save_each(figures, snakemake.output, record)
