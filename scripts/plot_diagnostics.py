"""Draw the fit of a null model."""

from poles.figures import null_diagnostics, style
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    layers, files = snakemake.params.layers, snakemake.input
    moments = {a: tables.read(path, MOMENTS) for a, path in zip(layers, files.moments, strict=True)}
    fits = {a: tables.read(path, DIAGNOSTICS) for a, path in zip(layers, files.diagnostics, strict=True)}
    style.save(null_diagnostics.null_diagnostics(moments, fits), snakemake.output, record)
