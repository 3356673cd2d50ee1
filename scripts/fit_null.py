"""Fit one null model to every year of one layer."""

from poles import jobs, nulls, tables

with jobs.run(snakemake) as record:
    moments, diagnostics = nulls.fit_years(
        snakemake.params.null, snakemake.input, snakemake.wildcards.layer, snakemake.params.options
    )
    tables.write(moments, tables.MOMENTS, snakemake.output.moments, record)
    tables.write(diagnostics, tables.DIAGNOSTICS, snakemake.output.diagnostics, record)
