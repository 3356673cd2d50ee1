"""Fit one null model to every year of one layer."""

from poles.nulls import fitting
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    moments, diagnostics = fitting.fit_years(
        snakemake.params.null, snakemake.input, snakemake.wildcards.layer, snakemake.params.options
    )
    tables.write(moments, MOMENTS, snakemake.output.moments, record)
    tables.write(diagnostics, DIAGNOSTICS, snakemake.output.diagnostics, record)
