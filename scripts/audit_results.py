"""Check the chain of every result, and keep the digests of all of them."""

from poles.study import audit, embedding, jobs

with jobs.run(snakemake) as record:
    embedding.write_json(audit.summary(snakemake.input), snakemake.output[0], record)
