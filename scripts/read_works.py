"""Read the records of the field's works, and of the works that cite them, from one shard of the source."""

from poles import jobs, tables
from poles.corpus import selection

with jobs.run(snakemake) as record:
    core = selection.core_ids(snakemake.input.core)
    places, field = snakemake.params.places, snakemake.params.field
    records = selection.read_works(snakemake.input.files, places, core, field)
    tables.write(records, tables.KEPT, snakemake.output[0], record)
