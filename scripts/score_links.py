"""Score every link of one layer against one null model."""

from poles import jobs, scores, tables

with jobs.run(snakemake) as record:
    moments = tables.read(snakemake.input[0], tables.MOMENTS)
    tables.write(scores.score(moments), tables.SCORES, snakemake.output[0], record)
