"""Compute intervals of z and of plain indices, by a bootstrap over works."""

from poles.networks.tables import index_intervals
from poles.nulls import uncertainty
from poles.nulls.tables import Z_INTERVALS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    params = snakemake.params
    z, indices = uncertainty.measure(snakemake.input, nulls=params.nulls, **params.choices, **params.options)
    tables.write(z, Z_INTERVALS, snakemake.output.z, record)
    tables.write(indices, index_intervals(), snakemake.output.indices, record)
