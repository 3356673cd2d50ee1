"""Find the works of the field in one shard of the source."""

from poles.corpus import passes, storage
from poles.corpus.tables import CORE, COUNTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    files = storage.located(snakemake.params.files, snakemake.config["source"])
    core, counts = passes.find_core(files, snakemake.params.field, snakemake.params.expected)
    tables.write(core, CORE, snakemake.output.ids, record)
    tables.write(counts, COUNTS, snakemake.output.counts, record)
