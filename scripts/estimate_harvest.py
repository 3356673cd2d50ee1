"""Say what the harvest will cost, and how many credits are left."""

from poles.corpus.api import estimate
from poles.study import jobs

with jobs.run(snakemake):
    params, settings = snakemake.params, snakemake.config["source"]["api"]
    harvest = params.store, params.scope, params.date_ranges, params.cited, settings, params.fields
    for line in estimate.estimate_harvest(*harvest):
        jobs.log.info(line)
        print(line, flush=True)
