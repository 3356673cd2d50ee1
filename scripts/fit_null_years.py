"""Fit a null model that samples to some years of one layer, until the links of the study are accurate."""

from poles.nulls import fitting
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables
from poles.trajectories.construction import core_countries, read_links

with jobs.run(snakemake) as record:
    null, layer, params = snakemake.wildcards.null, snakemake.wildcards.layer, snakemake.params
    core = core_countries({name: read_links(snakemake.input[name]) for name in params.layers}, **params.core)
    years = [path for path in snakemake.input[layer] if path.endswith(tuple(params.years))]
    moments, diagnostics = fitting.fit_years(null, years, layer, params.options, core, params.poles)
    tables.write(moments, MOMENTS, snakemake.output.moments, record)
    tables.write(diagnostics, DIAGNOSTICS, snakemake.output.diagnostics, record)
