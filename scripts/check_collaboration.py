"""Compare the collaboration of a year with OpenAlex's own count of it."""

from poles.networks import check
from poles.networks.tables import LINKS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    params, settings = snakemake.params, snakemake.config["source"]["api"]
    ours = tables.read(snakemake.input[0], LINKS)
    year = int(snakemake.wildcards.year)
    table, answers = check.check_collaboration(
        params.store, params.asked, params.selection, year, ours, settings
    )
    tables.write(table, check.CHECK, snakemake.output[0], {**record, "store": answers})
