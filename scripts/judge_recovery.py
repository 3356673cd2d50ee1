"""Compare the archetypes found in a demo world with those planted in it."""

import polars as pl

from poles.archetypes import recovery
from poles.archetypes.tables import CLUSTERS, RECOVERY
from poles.corpus.tables import TRUTH
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    truth = tables.read(snakemake.input.truth, TRUTH)
    members = tables.read(snakemake.input.clusters, CLUSTERS)
    confusion, index = recovery.recovery(members, truth)
    confusion = confusion.with_columns(pl.lit(index).alias("adjusted_rand_index"))
    tables.write(confusion, RECOVERY, snakemake.output[0], record)
