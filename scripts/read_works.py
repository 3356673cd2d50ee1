"""Read the records of the field's works, and of the works that cite them, from one shard of the source."""

from poles import jobs, tables
from poles.corpus import selection, storage

with jobs.run(snakemake) as record:
    files = storage.located(snakemake.params.files, snakemake.config["source"])
    core, shard = selection.core_ids(snakemake.input.core), snakemake.params
    records = selection.read_works(files, shard.places, core, shard.field, shard.expected)
    tables.write(records, tables.KEPT, snakemake.output[0], record)
