"""Plot the fit of a null model."""

from poles.figures import diagnostics, style
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    layers, files = snakemake.params.layers, snakemake.input
    moments = {a: tables.read(path, MOMENTS) for a, path in zip(layers, files.moments, strict=True)}
    fits = {a: tables.read(path, DIAGNOSTICS) for a, path in zip(layers, files.diagnostics, strict=True)}
    style.save(diagnostics.plot_diagnostics(moments, fits), snakemake.output, record)
