"""Select the works that count, year by year, and count what every step loses."""

from pathlib import Path

from poles import jobs, tables
from poles.corpus import selection

with jobs.run(snakemake) as record:
    paths = {int(Path(path).stem): path for path in snakemake.output.works}
    files = snakemake.input.records, snakemake.input.counts
    losses = selection.select_works(
        *files, sorted(paths), snakemake.params.selection,
        lambda year, works: tables.write(works, tables.WORKS, paths[year], record),
    )  # fmt: skip
    tables.write(losses, tables.LOSSES, snakemake.output.losses, record)
