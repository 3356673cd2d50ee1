"""Fit one null model to every year of one layer."""

from poles.nulls import fitting
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    null, layer = snakemake.wildcards.null, snakemake.wildcards.layer
    moments, diagnostics = fitting.fit_years(null, snakemake.input, layer, snakemake.params.options)
    tables.write(moments, MOMENTS, snakemake.output.moments, record)
    tables.write(diagnostics, DIAGNOSTICS, snakemake.output.diagnostics, record)
