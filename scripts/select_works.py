"""Select the works that count, year by year, and count the losses of every step."""

from poles.corpus import selection
from poles.corpus.tables import LOSSES, WORKS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    paths = dict(enumerate(snakemake.output.works, snakemake.params.years["first"]))
    files = snakemake.input.records, snakemake.input.counts
    losses = selection.select_works(
        *files, sorted(paths), snakemake.params.selection,
        lambda year, works: tables.write(works, WORKS, paths[year], record), snakemake.params.field,
    )  # fmt: skip
    tables.write(losses, LOSSES, snakemake.output.losses, record)
