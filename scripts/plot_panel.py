"""Plot the figures of the panel of pairs."""

from poles.figures import style
from poles.figures.stages import panel
from poles.study import jobs

with jobs.run(snakemake) as record:
    figures = panel.plot(dict(snakemake.input.items()), **jobs.options(snakemake))
    for name, figure in figures.items():
        style.save(figure, snakemake.output.get(name), record)
