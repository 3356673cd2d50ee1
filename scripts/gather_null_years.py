"""Put all years of one null model into one table."""

import polars as pl

from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    for name, table in (("moments", MOMENTS), ("diagnostics", DIAGNOSTICS)):
        years = pl.concat(tables.read(path, table) for path in snakemake.input[name]).sort(table.key)
        tables.write(years, table, snakemake.output[name], record)
