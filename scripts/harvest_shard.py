"""Fetch the works of the field that were published in a range of dates."""

from poles.corpus.api import harvest
from poles.study import embedding, jobs

with jobs.run(snakemake) as record:
    scope, settings = snakemake.params.scope, snakemake.config["source"]["api"]
    works, units = harvest.harvest_shard(snakemake.params.store, scope, snakemake.wildcards.dates, settings)
    embedding.write_gzip(works, snakemake.output[0], {**record, "store": units})
