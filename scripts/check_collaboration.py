"""Compare the collaboration of a year with the counts of OpenAlex itself."""

from poles.networks import check
from poles.networks.tables import CHECK, LINKS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    params, settings = snakemake.params, snakemake.config["source"]["api"]
    ours, year = tables.read(snakemake.input[0], LINKS), int(snakemake.wildcards.year)
    table, answers = check.check_collaboration(
        params.store, params.scope, params.selection, year, ours, settings
    )
    tables.write(table, CHECK, snakemake.output[0], {**record, "store": answers})
