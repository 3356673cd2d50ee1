"""Find the works of the field in one shard of the source."""

from poles import jobs, tables
from poles.corpus import selection, storage

with jobs.run(snakemake) as record:
    files = storage.located(snakemake.params.files, snakemake.config["source"])
    core, counts = selection.find_core(files, snakemake.params.field, snakemake.params.expected)
    tables.write(core, tables.CORE, snakemake.output.ids, record)
    tables.write(counts, tables.COUNTS, snakemake.output.counts, record)
