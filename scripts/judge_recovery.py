"""Compare the archetypes found in a demo world with those planted in it."""

import polars as pl

from poles import clusters, jobs, tables

with jobs.run(snakemake) as record:
    truth = tables.read(snakemake.input.truth, tables.TRUTH)
    members = tables.read(snakemake.input.clusters, tables.CLUSTERS)
    confusion, index = clusters.recovery(members, truth)
    confusion = confusion.with_columns(pl.lit(index).alias("adjusted_rand_index"))
    tables.write(confusion, tables.RECOVERY, snakemake.output[0], record)
