"""Check that the release has not changed since the study began to read it."""

from poles.corpus import sources
from poles.study import embedding, jobs

with jobs.run(snakemake) as record:
    embedding.write_json(sources.check_release().summary, snakemake.output[0], record)
