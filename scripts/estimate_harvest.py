"""Say what the harvest will cost, and what there is to spend."""

from poles.corpus.api import estimate
from poles.study import jobs

with jobs.run(snakemake):
    params, settings = snakemake.params, snakemake.config["source"]["api"]
    harvest = params.store, params.asked, params.date_ranges, params.cited
    for line in estimate.estimate_harvest(*harvest, settings):
        jobs.log.info(line)
        print(line, flush=True)
