"""Read the records of the works of the field and of the works that cite them, in one shard of the source."""

from poles.corpus import passes, storage
from poles.corpus.tables import KEPT
from poles.study import jobs, runs

with jobs.run(snakemake) as record:
    files = storage.located(snakemake.params.files, snakemake.config["source"])
    core, shard = passes.core_ids(snakemake.input.core), snakemake.params
    records = passes.read_works(files, shard.places, core, shard.field, shard.expected)
    runs.write(records, KEPT, snakemake.output[0], record)
