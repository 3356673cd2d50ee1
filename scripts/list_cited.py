"""List the works of the field that are cited at least once."""

from poles.corpus.api import citing
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    tables.write(citing.list_cited(snakemake.input), citing.CITED, snakemake.output[0], record)
