"""Compute intervals of z and of plain indices, by a bootstrap over works."""

from poles.networks.tables import index_intervals
from poles.nulls import uncertainty
from poles.nulls.tables import POLE_DRAWS, RECENT_INTERVALS, Z_INTERVALS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    params = snakemake.params
    found = uncertainty.measure(snakemake.input, **params.choices, **params.options, **params.chosen)
    kinds = Z_INTERVALS, index_intervals(), RECENT_INTERVALS, POLE_DRAWS
    for frame, kind, path in zip(found, kinds, snakemake.output, strict=True):
        tables.write(frame, kind, path, record)
