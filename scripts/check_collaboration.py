"""Compare the collaboration of a year with OpenAlex's own count of it."""

from poles import jobs, tables
from poles.corpus.api import check

with jobs.run(snakemake) as record:
    params, settings = snakemake.params, snakemake.config["source"]["api"]
    ours = tables.read(snakemake.input[0], tables.LINKS)
    year = int(snakemake.wildcards.year)
    table, answers = check.check_collaboration(
        params.store, params.asked, params.selection, year, ours, settings
    )
    tables.write(table, check.CHECK, snakemake.output[0], {**record, "store": answers})
