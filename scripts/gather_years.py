"""Put the years of a null model that is fitted year by year into one table."""

import polars as pl

from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    for kind, name in ((MOMENTS, "moments"), (DIAGNOSTICS, "diagnostics")):
        years = pl.concat(tables.read(path, kind) for path in snakemake.input[name])
        tables.write(years, kind, snakemake.output[name], record)
