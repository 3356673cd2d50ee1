"""Take the records of an archived harvest, after checking its SHA-256."""

from poles.corpus import archived
from poles.study import jobs

with jobs.run(snakemake) as record:
    out, sha256 = snakemake.output, snakemake.params.sha256
    archived.unpack(snakemake.input[0], sha256, out.records, out.counts, record)
