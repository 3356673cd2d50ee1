"""Check that the release which was read is still the one with which the reading began."""

from poles.corpus import sources
from poles.study import embedding, jobs

with jobs.run(snakemake) as record:
    embedding.write_json(sources.check_release().summary, snakemake.output[0], record)
