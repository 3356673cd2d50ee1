"""Fetch the works of the field that were published in a span of dates."""

from poles import jobs, provenance
from poles.corpus.api import harvest

with jobs.run(snakemake) as record:
    asked, settings = snakemake.params.asked, snakemake.config["source"]["api"]
    works, units = harvest.harvest_shard(snakemake.params.store, asked, snakemake.wildcards.span, settings)
    provenance.write_gzip(works, snakemake.output[0], {**record, "store": units})
