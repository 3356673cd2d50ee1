"""Check that the release which was read is still the one with which the reading began."""

from poles import jobs, provenance
from poles.corpus import sources

with jobs.run(snakemake) as record:
    provenance.write_json(sources.check_release().summary, snakemake.output[0], record)
