"""Score every link of one layer against one null model."""

from poles.nulls import scores
from poles.nulls.tables import MOMENTS, SCORES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    moments = tables.read(snakemake.input[0], MOMENTS)
    tables.write(scores.score(moments), SCORES, snakemake.output[0], record)
