"""Check that the countries which the configuration and the claims name have links."""

from poles.networks.named_countries import check_named
from poles.networks.tables import COUNTRIES, NAMED
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    countries = tables.read(snakemake.input[0], COUNTRIES)
    tables.write(check_named(countries, snakemake.params.named), NAMED, snakemake.output[0], record)
